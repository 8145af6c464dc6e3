"""The README of an export: frames, units, and what the format could not hold."""

from __future__ import annotations

from collections.abc import Sequence

from graspgen import __version__
from graspgen.dataset.reader import Dataset
from graspgen.exports.folder import ExportFolder
from graspgen.exports.grasped import Hand
from graspgen.frames import Array


def write_readme(
    folder: ExportFolder,
    dataset: Dataset,
    title: str,
    frames: Sequence[str],
    lost: Sequence[str],
    hand: Hand | None = None,
) -> None:
    """Write README.md.

    Args:
        folder: of the export.
        dataset: that was exported.
        title: what the files are.
        frames: a line each: frames, units, what the labels mean.
        lost: a line each: what is left out, and how much of it.
        hand: the gripper, whose tool point is told.
    """
    lines = [f"# {title}", "", f"Written by graspgen {__version__} from a dataset of seed {dataset.attrs['seed']}.", ""]
    lines += ["## Frames and units", "", *(f"- {line}" for line in frames)]
    if hand is not None:
        x, y, z = hand.T_base_tcp[:3, 3]
        lines.append(
            f"- Gripper {hand.name}: the tool point between the pads is ({x:g}, {y:g}, {z:g}) m in the frame of its "
            f"base `{hand.base}`; it opens to {hand.stroke:g} m."
            + ("" if hand.course is None else _moving(hand.course))
        )
    lines += ["", "## What is not here", "", *(f"- {line}" for line in lost), ""]
    folder.write_text("README.md", "\n".join(lines))


def _moving(course: Array) -> str:
    x, y, z = course[0, 1:4]
    return (
        f" That is of the open hand: as it closes, the tool point moves to ({x:.6g}, {y:.6g}, {z:.6g}). A grasp's base "
        "is the one whose tool point is at the grasp when the pads meet the object."
    )
