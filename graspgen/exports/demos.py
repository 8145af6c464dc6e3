"""Which demonstrations are exported."""

from __future__ import annotations

from graspgen.dataset.reader import Dataset
from graspgen.errors import DatasetError


def chosen_episodes(dataset: Dataset, outcomes: str) -> list[int]:
    """Return the keys of the episodes to export.

    Raises:
        DatasetError: there are none.
    """
    keys = dataset.episodes["id"]
    if not len(keys):
        raise DatasetError(f"{dataset.path} has no episodes; make some with `graspgen demos`")
    if outcomes == "success":
        keys = keys[dataset.episodes["success"]]
        if not len(keys):
            raise DatasetError(f"no episode of {dataset.path} succeeded; --set outcomes=all")
    return keys.tolist()
