"""What a run of `graspgen check` has found and looked at, for people and for machines."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from graspgen import __version__
from graspgen.dataset.manifest import Manifest
from graspgen.dataset.schema import SCHEMA_VERSION, TABLES
from graspgen.dataset.violations import Report, Violation

#: Of the JSON that `as_dict` gives; grows with every change of its meaning.
FORMAT = 1


@dataclass
class CheckResult:
    """The outcome of a check.

    Attributes:
        path: what was checked.
        violations: what is wrong.
        notices: what is worth knowing and no fault: what is missing, and what could not be verified.
        foreign: whether it was checked as a dataset of others.
        scenes, scenes_expected: how many there are, and how many the manifest asks for.
        rows: rows of every table.
        made_with: versions that the dataset names.
        sampled: what was only looked at in a sample, by the name of the check.
    """

    path: Path
    violations: list[Violation]
    notices: list[Violation]
    foreign: bool = False
    scenes: int = 0
    scenes_expected: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    made_with: dict[str, Any] = field(default_factory=dict)
    sampled: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path, report: Report, manifest: Manifest, *, foreign: bool = False) -> Self:
        """Return the result of a report on the shards that a manifest names."""
        shards = manifest.shards
        return cls(
            path,
            report.violations,
            report.notices,
            foreign,
            sum(len(shard.scenes) for shard in shards),
            sum(len(shard.scenes) for shard in shards) if foreign else manifest.scenes,
            {table: sum(shard.rows.get(table, 0) for shard in shards) for table in TABLES} if not foreign else {},
            {"graspgen": manifest.graspgen_version, "mujoco": manifest.mujoco_version},
        )

    @property
    def complete(self) -> bool:
        """Whether every scene that was asked for is there."""
        return self.scenes >= self.scenes_expected

    def as_dict(self) -> dict[str, Any]:
        """Return everything for JSON; `format` says how it is to be understood."""
        counts: dict[str, int] = {}
        for violation in self.violations:
            name = f"{violation.table}.{violation.column}" if violation.table else "files"
            counts[name] = counts.get(name, 0) + 1
        return {
            "format": FORMAT,
            "path": str(self.path),
            "sound": not self.violations,
            "complete": self.complete,
            "foreign": self.foreign,
            "scenes": self.scenes,
            "scenes_expected": self.scenes_expected,
            "rows": self.rows,
            "counts": counts,
            "violations": [violation.as_dict() for violation in self.violations],
            "notices": [notice.as_dict() for notice in self.notices],
            "sampled": self.sampled,
            "versions": {"schema": SCHEMA_VERSION, "graspgen": __version__, "made_with": self.made_with},
        }

    def summary(self) -> str:
        """Return one line for people."""
        parts = f"{self.scenes} of {self.scenes_expected} scenes" if not self.complete else f"{self.scenes} scenes"
        if self.violations:
            return f"{self.path}: {len(self.violations)} violations in {parts}"
        more = " (incomplete)" if not self.complete else ""
        return f"{self.path}: no violations in {parts}{more}"
