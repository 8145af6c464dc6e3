"""What a reader of foreign grasps returns, and the checks that all readers share. Files are not trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from graspgen.errors import GraspgenError
from graspgen.frames import Array, is_rotation

#: Most grasps that are read from a file, and most bytes of one that is read whole.
MOST_GRASPS, MOST_BYTES = 1_000_000, 256 * 2**20

#: How far from orthonormal a rotation may be: files hold single precision, or a few digits.
ROTATION_TOLERANCE = 1e-3

#: No object is larger, m: a translation beyond it is in another unit.
FURTHEST = 10.0


class GraspFileError(GraspgenError, ValueError):
    """A file of grasps cannot be used."""


class Reading(BaseModel):
    """How a file is to be read, where it does not say itself.

    Attributes:
        T_base_tcp: (4, 4) tool point in the gripper's base.
        stroke: largest opening of the gripper, m.
        joints: names of the gripper's driven joints.
        courses: of each of them, (k, 2) rows of its position, m or rad, and the opening there, m; None where the
            opening is the sum of the joints, as of slides.
        closing: axis of the gripper's frame along which it closes; None as the file says.
        annotation: GraspNet's XML with the pose of the object in the camera, for rows in the camera's frame.
        object_id: GraspNet's number of the object.
        limit: most grasps to take, evenly spread over the file; None for all.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    T_base_tcp: Array
    stroke: float
    joints: tuple[str, ...] = ()
    courses: Mapping[str, Array] | None = None
    closing: Literal["x", "y"] | None = None
    annotation: Path | None = None
    object_id: int | None = None
    limit: int | None = None


@dataclass(frozen=True, eq=False)
class ForeignGrasps:
    """n grasps of one object, in this project's frames.

    Attributes:
        T_object_grasp: (n, 4, 4) grasp frames in the object's frame, the object being scaled; rigid.
        number: (n,) which grasp of the file each is, from 0.
        width: (n,) opening before closing, m; NaN where the file does not say.
        held: (n,) whether the file says that it holds; None where it has frictions instead, or says nothing.
        min_friction: (n,) smallest friction that holds, as the file says; None where it has none.
        scale: factor on the mesh; None where the file does not say.
        mass, friction: of the object, kg and –; None where the file does not say.
        notes: what was assumed, a line each.
    """

    T_object_grasp: Array
    number: NDArray[np.int64]
    width: Array
    held: NDArray[np.bool_] | None = None
    min_friction: Array | None = None
    scale: float | None = None
    mass: float | None = None
    friction: float | None = None
    notes: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.number)

    def take(self, index: NDArray[np.int64]) -> ForeignGrasps:
        """Return the chosen grasps."""
        parts: dict[str, Any] = dict(vars(self))
        for name in ("T_object_grasp", "number", "width", "held", "min_friction"):
            if parts[name] is not None:
                parts[name] = parts[name][index]
        return ForeignGrasps(**parts)


def spread(n: int, limit: int | None) -> NDArray[np.int64]:
    """Return at most `limit` of the numbers 0 … n − 1, evenly spread, ascending."""
    if limit is None or n <= limit:
        return np.arange(n)
    return np.unique(np.linspace(0, n - 1, limit).round().astype(np.int64))


def check_size(path: Path, most: int = MOST_BYTES) -> None:
    """See that a file is there and small enough to be read.

    Raises:
        GraspFileError: it is not.
    """
    try:
        size = path.stat().st_size
    except OSError as error:
        raise GraspFileError(f"{path}: {error.strerror or error}") from error
    if not path.is_file():
        raise GraspFileError(f"{path} is no file")
    if size > most:
        raise GraspFileError(
            f"{path} has {size / 2**20:.0f} MiB; files of grasps up to {most / 2**20:.0f} MiB are read"
        )


def read_text(path: Path) -> str:
    """Return a text file.

    Raises:
        GraspFileError: it is missing, too large or no UTF-8.
    """
    check_size(path)
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise GraspFileError(f"{path} cannot be read: {error}") from error


def numbers(value: Any, shape: tuple[int | None, ...], where: str) -> Array:
    """Return an array of finite numbers of a shape; None in it is any length.

    Raises:
        GraspFileError: the value has another shape, or something else than finite numbers.
    """
    try:
        array = np.asarray(value)
        if array.dtype == object or array.dtype.kind not in "iufb":
            raise ValueError("they are no numbers")
        array = array.astype(float)
    except (TypeError, ValueError, OverflowError) as error:
        raise GraspFileError(f"{where}: expected numbers of shape {_shape(shape)} ({_short(error)})") from None
    if array.ndim != len(shape) or any(w is not None and w != g for w, g in zip(shape, array.shape, strict=True)):
        raise GraspFileError(f"{where}: expected shape {_shape(shape)}, got {array.shape}")
    if len(shape) and array.shape[0] > MOST_GRASPS:
        raise GraspFileError(f"{where}: {array.shape[0]} grasps; at most {MOST_GRASPS} are read")
    bad = ~np.isfinite(array)
    if bad.any():
        at = f" at {tuple(int(i) for i in np.argwhere(bad)[0])}" if array.ndim else ""
        raise GraspFileError(f"{where}: NaN or infinite{at}")
    return array


def positive(value: Any, where: str) -> float:
    """Return one finite number above 0.

    Raises:
        GraspFileError: it is none.
    """
    number = float(numbers(value, (), where))
    if number <= 0:
        raise GraspFileError(f"{where}: must be above 0, got {number:g}")
    return number


def rigid(T: Array, where: str) -> Array:
    """Return (n, 4, 4) poses with their rotations made exact, or say which is no pose.

    Raises:
        GraspFileError: a rotation is none within `ROTATION_TOLERANCE`, a last row is not 0 0 0 1, or a translation
            is too far to be in metres.
    """
    bad = np.flatnonzero(~is_rotation(T[:, :3, :3], ROTATION_TOLERANCE))
    if len(bad):
        det = np.linalg.det(T[bad[0], :3, :3])
        raise GraspFileError(
            f"{where}: grasp {bad[0]} has no rotation matrix (determinant {det:.4g}, rows or columns not orthonormal "
            f"within {ROTATION_TOLERANCE:g})"
        )
    bad = np.flatnonzero((np.abs(T[:, 3] - [0, 0, 0, 1]) > 1e-6).any(axis=1))
    if len(bad):
        raise GraspFileError(f"{where}: grasp {bad[0]}: the last row is not 0 0 0 1; is the matrix transposed?")
    bad = np.flatnonzero((np.abs(T[:, :3, 3]) > FURTHEST).any(axis=1))
    if len(bad):
        raise GraspFileError(f"{where}: grasp {bad[0]} lies more than {FURTHEST:g} m away; is the file in millimetres?")
    if not len(T):
        return T
    # The nearest rotation: labels must not depend on how many digits a file has.
    u, _, vt = np.linalg.svd(T[:, :3, :3])
    exact = T.copy()
    exact[:, :3, :3] = u @ vt
    exact[:, 3] = [0, 0, 0, 1]
    return exact


def _shape(shape: tuple[int | None, ...]) -> str:
    return (
        "(" + ", ".join("n" if side is None else str(side) for side in shape) + ("," if len(shape) == 1 else "") + ")"
    )


def _short(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:100]
