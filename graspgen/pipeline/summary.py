"""What a run has made so far, summed over its scenes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from graspgen.pipeline.quota_rows import QuotaRow
from graspgen.pipeline.units import SceneDone, UnitDone


@dataclass
class Summary:
    """Sums over the scenes that this run made; scenes kept by a resume are not in them.

    Attributes:
        scenes, views, grasps: how many.
        outcomes: grasps by outcome name.
        seconds: wall-clock time by stage, summed over workers.
        refused: attempts that were refused, by kind (`graspgen.scene.refusal.Refusal`).
        removed, tunnelled, left_out: objects that left the arena, of these those that went through something solid, and
            those that found no room.
        wall: wall-clock time of the run, s.
        kept: scenes that were there before, in shards.
        taken_up: scenes that a run before this one had made but not brought into a shard.
        given_up: scenes that no worker survived, and why.
        interrupted: whether Ctrl-C ended the run.
        quotas: of a run with quotas, what became of each, over all scenes of the dataset.
    """

    scenes: int = 0
    views: int = 0
    grasps: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    removed: int = 0
    tunnelled: int = 0
    left_out: int = 0
    wall: float = 0.0
    kept: int = 0
    taken_up: int = 0
    given_up: dict[int, str] = field(default_factory=dict)
    interrupted: bool = False
    quotas: list[QuotaRow] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Scenes of this run's units that need no more work."""
        return self.scenes + self.taken_up + len(self.given_up)

    @property
    def new(self) -> int:
        """Scenes that this run has made itself."""
        return self.scenes

    @property
    def counts(self) -> str:
        """Views and grasps."""
        return f"{self.views} views  {self.grasps} grasps"

    def add(self, event: SceneDone | UnitDone) -> None:
        """Count a scene, or the time that writing a unit took."""
        if isinstance(event, UnitDone):
            self.seconds["write"] = self.seconds.get("write", 0.0) + event.write_seconds
            return
        if event.kept:
            self.taken_up += 1
            return
        self.scenes += 1
        self.views += event.views
        self.grasps += event.grasps
        self.outcomes.update(event.outcomes)
        self.refused.update(kind for kind, _ in event.refused)
        self.removed += event.lost[0]
        self.tunnelled += event.lost[1]
        self.left_out += event.lost[2]
        for stage, seconds in event.seconds.items():
            self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds
