"""Models of MuJoCo Menagerie, through its PyPI package, which downloads a model when it is first named."""

from __future__ import annotations

from pathlib import Path

from graspgen.errors import GripperError, nearest

#: What a name of Menagerie begins with.
MENAGERIE = "menagerie:"


def menagerie_mjcf(name: str) -> Path:
    """Return the path of a model's MJCF in the package's cache, downloaded where it is not there yet.

    Args:
        name: of the model's folder in Menagerie, for example `robotiq_2f85`; `NAME/ENTRY` for another MJCF in it.

    Raises:
        GripperError: the package is not installed, there is no such model, or it cannot be downloaded.
    """
    try:
        import mujoco_menagerie as menagerie
    except ImportError:
        raise GripperError(
            f"{MENAGERIE}{name} needs the package mujoco-menagerie; pip install 'graspgen[menagerie]'"
        ) from None
    folder, _, entry = name.partition("/")
    known = menagerie.names()
    if folder not in known:
        raise GripperError(f"MuJoCo Menagerie has no model '{folder}'{nearest(folder, known)}")
    robot = menagerie.get(folder)
    if entry and entry not in robot.entry_names:
        raise GripperError(f"{MENAGERIE}{folder} has no MJCF '{entry}'{nearest(entry, robot.entry_names)}")
    try:
        return Path(robot.xml(entry or robot.default_model))
    except (menagerie.MenagerieError, OSError) as error:
        told = " ".join(str(error).split())
        raise GripperError(
            f"{MENAGERIE}{name} is not in the cache and cannot be downloaded: {told}; it needs a network once, or "
            "MENAGERIE_ROOT, a folder with a copy of Menagerie"
        ) from None
