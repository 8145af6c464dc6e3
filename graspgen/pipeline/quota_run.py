"""Run by rounds: hand out the units of a round, count what they gave, plan the next; and say what was met."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from graspgen.dataset.manifest import Manifest
from graspgen.dataset.tally import SceneTally, tally_shard
from graspgen.objects.catalogue import Catalogue
from graspgen.pipeline.levers import all_levers, check_quotas, expected
from graspgen.pipeline.quota_rows import QuotaRow, report
from graspgen.pipeline.records import Records
from graspgen.pipeline.rounds import History, next_round
from graspgen.pipeline.units import Unit
from graspgen.recipe import Recipe
from graspgen.recipe.quotas import Quotas


class QuotaRun:
    """Steers a run by its quotas.

    Args:
        recipe: the run's.
        catalogue: its objects.
        seed: its seed.
        most: the most scenes that it may have.

    Raises:
        RecipeError: the quotas cannot be met.
        RenderError: they ask for an engine that cannot render here.
    """

    def __init__(self, recipe: Recipe, catalogue: Catalogue, seed: int, most: int) -> None:
        check_quotas(recipe, catalogue, most)
        self._quotas, self._seed, self._most = recipe.quotas, seed, most
        self._levers, self._expected = all_levers(recipe, catalogue), expected(recipe)
        self.history = History()

    @property
    def first(self) -> int:
        """How many scenes the first round has."""
        planned = next_round(self._quotas, self._levers, self._expected, History(), 0, self._seed)
        return min(planned.stop if planned else 0, self._most)

    def rounds(self, records: Records) -> Iterator[list[Unit]]:
        """Yield the units of each round that are still to be made; `records` must have them when the next is asked for.

        Raises:
            DatasetError: a shard is damaged, or the manifest cannot be written.
        """
        self.history, start = History(), 0
        while start < self._most:
            planned = next_round(self._quotas, self._levers, self._expected, self.history, start, self._seed)
            if planned is None:
                return
            stop = min(planned.stop, self._most)
            if records.manifest.scenes < stop:
                records.grow(stop)
            units = []
            for number in records.manifest.missing():
                scenes = records.manifest.expected(number)
                if start <= scenes[0] < stop:
                    levers = {scene: planned.levers[scene - start] for scene in scenes}
                    units.append(Unit(number, tuple(scenes), levers=levers))
            yield units
            found = tallies(records.folder, records.manifest, self._quotas, start, stop)
            self.history.add(found, self._quotas.targets)
            start = stop

    def report(self) -> list[QuotaRow]:
        """Say of every target whether it is met, and why not."""
        return report(self._quotas, self.history, self._most, {f"{d}.{n}" for d, n in self._levers})


def tallies(folder: Path, manifest: Manifest, quotas: Quotas, start: int, stop: int) -> Iterator[SceneTally]:
    """Count the scenes `start` … `stop` − 1 of a dataset, as far as they are there.

    Raises:
        DatasetError: a shard is damaged.
    """
    for shard in manifest.shards:
        if any(start <= scene < stop for scene in shard.scenes):
            yield from tally_shard(folder / shard.file, quotas, range(start, stop))


def quotas_of(path: Path, manifest: Manifest) -> list[QuotaRow]:
    """Say of every target of a dataset whether it is met, counting its shards; empty where it has no quotas.

    Raises:
        DatasetError: a shard is damaged.
    """
    said: Mapping[str, Any] = manifest.recipe.get("quotas", {})
    quotas = Quotas.model_validate(said)
    if not quotas.targets:
        return []
    history = History()
    history.add(tallies(path, manifest, quotas, 0, 1 << 62), quotas.targets)
    levers = {f"{d}.{n}" for d, names in quotas.targets.items() for n in names}
    return report(quotas, history, manifest.most or manifest.scenes, levers)
