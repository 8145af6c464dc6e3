"""Mistakes that surface as exceptions of other modules, told in one line where their cause can be shown."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from graspgen.errors import DatasetError, GraspgenError, RenderError

#: As in `graspgen.render.gl`, which cannot be imported where MuJoCo cannot.
_PACKAGES = {"egl": "libegl1 libgl1 libgl1-mesa-dri", "osmesa": "libosmesa6"}


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Blame the dataset for what goes wrong in this block, if `graspgen check` finds it damaged.

    Commands trust the keys and codes of a dataset, since testing them all would take as long as `check`. Where check
    finds nothing, the exception is graspgen's own defect and goes on as it is.

    Raises:
        DatasetError: the dataset is damaged.
    """
    _probe(path)
    try:
        yield
    except GraspgenError:
        raise
    except (ArithmeticError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError) as error:
        from graspgen.dataset.check import check

        violations = check(path)
        if not violations:
            raise
        first = " ".join(str(violations[0]).split())
        raise DatasetError(
            f"{path} is damaged ({first}); `graspgen check {path}` lists all {len(violations)} violations"
        ) from error


def _probe(path: Path) -> None:
    """Read the shards' headers, attributes and numbers in another process first: damaged ones can crash HDF5.

    Raises:
        DatasetError: one cannot be read to the end, or is missing or truncated.
    """
    from graspgen.dataset.layout import INDEX, MANIFEST, SHARDS
    from graspgen.dataset.opening import find_shards
    from graspgen.dataset.probe import MOST, probe

    folder = path.parent if path.name in (INDEX, MANIFEST) and path.is_file() else path
    if (folder / MANIFEST).is_file():
        find_shards(folder)  # sizes against the manifest: "truncated" says more than what HDF5 makes of it
    shards = [path] if folder.is_file() else sorted((folder / SHARDS).glob("*.h5"))
    spread = shards[:: -(-len(shards) // MOST)] if shards else []
    for file, mistake in probe(spread).items():
        raise DatasetError(f"{file}: {mistake}; `graspgen check {path}` names everything that is wrong")


def opengl_mistake(error: BaseException) -> RenderError | None:
    """Return what to tell where MuJoCo cannot even be imported because of MUJOCO_GL, None for any other error.

    `import mujoco` loads the OpenGL library that MUJOCO_GL names; where that is missing, PyOpenGL speaks of None.
    """
    chosen = os.environ.get("MUJOCO_GL", "")
    trace, importing = error.__traceback__, False
    while trace is not None:
        name = str(trace.tb_frame.f_globals.get("__name__", ""))
        importing |= name.split(".")[0] == "mujoco" and trace.tb_frame.f_code.co_name == "<module>"
        trace = trace.tb_next
    if not chosen or not importing:
        return None
    library = _PACKAGES.get(chosen.strip().lower())
    if library is None:
        return RenderError(f"MUJOCO_GL={chosen} is no OpenGL backend; unset it, or set it to egl or osmesa")
    return RenderError(
        f"MUJOCO_GL={chosen} asks for an OpenGL library that is not installed; unset it, or `apt-get install {library}`"
    )
