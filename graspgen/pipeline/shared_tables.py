"""Rows of the tables that scenes and grasp databases share: assets, grippers, profiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import mujoco
import numpy as np

from graspgen.dataset.record import Columns, columns
from graspgen.dataset.schema import GripperKind
from graspgen.grasps.profile import Profile
from graspgen.grippers.gripper import Gripper
from graspgen.objects.asset import Asset
from graspgen.objects.asset_files import VISUAL, to_json


def asset_table(
    numbers: Sequence[int], assets: Sequence[Asset], hashes: Sequence[str], class_names: Sequence[str], folder: str
) -> Columns:
    """Build the rows of `assets`.

    Args:
        numbers: of the assets in their catalogue, ascending.
        assets, hashes: the assets and their content hashes, in the same order.
        class_names: of the catalogue.
        folder: where the assets are saved, relative to the dataset's folder.
    """
    classes = list(class_names)
    return columns(
        "assets",
        len(numbers),
        id=list(numbers),
        name=[a.name for a in assets],
        class_name=[a.class_name for a in assets],
        class_id=[classes.index(a.class_name) + 1 for a in assets],
        source=[a.source for a in assets],
        params=[to_json(a.params) for a in assets],
        licence=[a.licence for a in assets],
        content_hash=list(hashes),
        mesh=[f"{folder}/{a.name}/{VISUAL}" for a in assets],
        extents=stack([a.extents for a in assets], (3,)),
        volume=[a.volume for a in assets],
        symmetry=[to_json(a.symmetry) for a in assets],
        keypoints=[to_json(a.keypoints) for a in assets],
    )


def gripper_table(gripper: Gripper) -> Columns:
    """Build the one row of `grippers`."""
    return columns(
        "grippers",
        1,
        id=0,
        name=gripper.name,
        kind=GripperKind[gripper.file.kind.upper()],
        definition=gripper.definition,
        T_base_tcp=gripper.T_body_tcp,
        stroke=gripper.file.stroke,
        max_force=gripper.file.max_force,
    )


def profile_table(profile: Profile) -> Columns:
    """Build the one row of `profiles`."""
    return columns(
        "profiles",
        1,
        id=0,
        name=profile.name,
        version=profile.version,
        engine_version=mujoco.__version__,
        options=profile.options_json(),
    )


def stack(rows: list[Any], shape: tuple[int, ...]) -> np.ndarray:
    """Stack rows, also when there are none."""
    return np.stack(rows) if rows else np.zeros((0, *shape))
