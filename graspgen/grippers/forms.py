"""The kinds of grippers: which form the values of a YAML have."""

from __future__ import annotations

from typing import Any

from graspgen.grippers.jaw_file import GripperFile
from graspgen.grippers.suction import SuctionFile


def gripper_file(written: Any) -> GripperFile | SuctionFile:
    """Validate what a gripper's YAML says, by its kind.

    Raises:
        ValidationError: it is not valid.
    """
    return form(written).model_validate(written)


def form(written: Any) -> type[GripperFile | SuctionFile]:
    """Return what holds the values of a gripper's YAML, by its kind."""
    return SuctionFile if isinstance(written, dict) and written.get("kind") == "suction" else GripperFile
