"""The formats of foreign grasps by name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from graspgen.errors import nearest
from graspgen.imports.foreign import ForeignGrasps, GraspFileError, Reading

#: Name of each format to its module and what it reads.
FORMATS: dict[str, tuple[str, str]] = {
    "acronym": ("acronym", "ACRONYM's HDF5, or its older JSON"),
    "graspgen_json": ("graspgen_json", "GraspGen's and GraspDataGen's JSON"),
    "isaac_grasp": ("isaac_grasp", "isaac_grasp YAML"),
    "graspnet": ("graspnet", "GraspNet-1Billion: rows of 17 numbers (.npy), dense labels (.npz)"),
}


def read_grasps(name: str, path: Path, how: Reading) -> ForeignGrasps:
    """Read a file of grasps.

    Args:
        name: of the format.
        path: of the file.
        how: what the file does not say itself.

    Raises:
        GraspFileError: the format is unknown, or the file cannot be used.
    """
    if name not in FORMATS:
        raise GraspFileError(f"unknown format '{name}'{nearest(name, FORMATS)}")
    found = import_module(f"graspgen.imports.{FORMATS[name][0]}").read(path, how)
    if not len(found):
        raise GraspFileError(f"{path} holds no grasps")
    return found
