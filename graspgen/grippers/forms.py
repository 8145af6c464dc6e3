"""The kinds of grippers: which form the values of a YAML have."""

from __future__ import annotations

from typing import Any

from graspgen.grippers.fingers import FingersFile
from graspgen.grippers.jaw_file import GripperFile
from graspgen.grippers.suction import SuctionFile

#: What `kind` can say.
KINDS = ("parallel_jaw", "suction", "multi_finger")
AnyFile = GripperFile | SuctionFile | FingersFile


def gripper_file(written: Any) -> AnyFile:
    """Validate what a gripper's YAML says, by its kind.

    Raises:
        ValidationError: it is not valid.
    """
    return form(written).model_validate(written)


def form(written: Any) -> type[AnyFile]:
    """Return what holds the values of a gripper's YAML, by its kind."""
    kind = written.get("kind") if isinstance(written, dict) else None
    return {"suction": SuctionFile, "multi_finger": FingersFile}.get(str(kind), GripperFile)
