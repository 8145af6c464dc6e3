"""Label the grasps of one object by itself: what the object-level database is made of.

An object's rows depend on the object's content, the gripper, the profile, the settings, the seed and the code that
labels, never on the other objects, their order, the machine or the number of workers; `label_key` is the hash of all
that they depend on.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import mujoco
import numpy as np

from graspgen.dataset.grasp_file import unkeyed
from graspgen.dataset.reader import Dataset
from graspgen.dataset.record import Columns
from graspgen.dataset.schema import SCHEMA_VERSION
from graspgen.grasps.label import label_object
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile
from graspgen.grasps.propose import propose_grasps
from graspgen.grasps.quality import grasp_quality
from graspgen.grippers.gripper import Gripper
from graspgen.objects.asset import Asset
from graspgen.objects.library import content_hash
from graspgen.pipeline.grasp_tables import count_outcomes, grasp_rows, trial_rows
from graspgen.raycast import RayCaster
from graspgen.recipe import Grasps
from graspgen.streams import Purpose, stream

#: Torsional and rolling friction, m: a recipe's defaults.
TORSIONAL, ROLLING = 0.005, 0.002

#: Settings that labels depend on, beside gripper and profile.
LABEL_SETTINGS = (
    "per_object", "cone_deg", "tilt_deg", "clearance", "clear_share", "force", "approach", "draws", "min_friction",
    "hard_negatives",
)  # fmt: skip

#: Code whose every change changes the key: it proposes, simulates, judges, and builds rows.
_CODE = (
    "grasps", "grippers", "frames.py", "streams.py", "distributions.py", "raycast.py", "contact_sensor.py",
    "objects/geoms.py", "pipeline/object_labels.py", "pipeline/grasp_tables.py",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class ObjectRows:
    """The rows of one object. Keys are those of object 0: grasps are numbered 0 … n − 1.

    Attributes:
        tables: rows of `grasps` and `trials`.
        steps: simulated steps that they took.
        outcomes: grasps by outcome name.
    """

    tables: Mapping[str, Columns]
    steps: int
    outcomes: Mapping[str, int]


def label_key(asset_hash: str, gripper: Gripper, profile: Profile, spec: Grasps, seed: int) -> str:
    """Return the hash of everything that an object's rows depend on."""
    content = {
        "asset": asset_hash,
        "gripper": json.loads(gripper.definition)["sha256"],
        "profile": profile.options_json(),
        "settings": {name: getattr(spec, name) for name in LABEL_SETTINGS},
        "friction": [TORSIONAL, ROLLING],
        "seed": seed,
        "schema": SCHEMA_VERSION,
        "engine": mujoco.__version__,
        "code": _code_hash(),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def label_asset(
    asset: Asset, gripper: Gripper, profile: Profile, spec: Grasps, seed: int, *, threads: int = 1
) -> tuple[ObjectRows, dict[str, float]]:
    """Propose and label the grasps of an object at its own size, with its own density and friction.

    Args:
        asset: the object.
        gripper, profile: the hand and the rules.
        spec: how many grasps, and how they are proposed and tried.
        seed: of the database.
        threads: native threads; results do not depend on it.

    Returns:
        The rows, and the wall-clock time of each stage, s.
    """
    start = time.perf_counter()
    # By content, not by number: a library that grows leaves the grasps of its objects as they are.
    digest = content_hash(asset)
    words = tuple(int(digest[i : i + 8], 16) for i in range(0, 32, 8))
    candidates = propose_grasps(
        asset,
        gripper,
        spec.per_object,
        stream(seed, Purpose.GRASPS, *words),
        cone=np.radians(spec.cone_deg),
        tilt=np.radians(spec.tilt_deg),
        clearance=spec.clearance,
        clear_share=spec.clear_share,
        contact_share=spec.contact_share,
        approach=spec.approach,
        step=profile.protocol.approach_step,
        threads=threads,
    )
    proposed = time.perf_counter()
    mass, friction = asset.density * asset.volume, (asset.friction, TORSIONAL, ROLLING)
    labelled = label_object(
        asset,
        gripper,
        profile,
        candidates,
        mass=mass,
        inertia=asset.density * asset.unit_inertia,
        friction=friction,
        rng=stream(seed, Purpose.TRIALS, *words),
        draws=spec.draws,
        min_friction=spec.min_friction,
        hard_negatives=spec.hard_negatives,
        force=spec.force,
        approach=spec.approach,
        threads=threads,
    )
    scored = time.perf_counter()
    caster = RayCaster(asset.mesh.vertices, asset.mesh.faces)
    quality = grasp_quality(caster, labelled.candidates, gripper, asset.com, friction, mass=mass, force=spec.force)
    keys = np.arange(len(labelled.candidates), dtype=np.int64)
    rows = ObjectRows(
        {
            "grasps": grasp_rows(labelled, quality, keys, scene=-1, object_key=0),
            "trials": trial_rows(labelled, keys, friction=asset.friction, mass=mass),
        },
        labelled.steps,
        count_outcomes(labelled.results),
    )
    return rows, {"propose": proposed - start, "label": scored - proposed, "score": time.perf_counter() - scored}


def rows_of(dataset: Dataset, asset: int) -> ObjectRows:
    """Return the rows of an asset of an open database. The steps of old trials are not stored; they count as 0."""
    low, high = np.searchsorted(dataset.grasps["object"], [asset, asset + 1])
    first, last = np.searchsorted(dataset.trials["grasp"] >> 32, [asset, asset + 1])
    tables = unkeyed(
        {"grasps": dataset.grasps.rows(np.s_[low:high]), "trials": dataset.trials.rows(np.s_[first:last])}, asset
    )
    codes, numbers = np.unique(tables["grasps"]["outcome"], return_counts=True)
    outcomes = {Outcome(int(c)).name: int(n) for c, n in zip(codes, numbers, strict=True)}
    return ObjectRows(tables, 0, outcomes)


@lru_cache(maxsize=1)
def _code_hash() -> str:
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for name in _CODE:
        path = package / name
        for file in sorted(path.glob("*.py")) if path.is_dir() else [path]:
            digest.update(f"{file.relative_to(package)}\n".encode() + file.read_bytes())
    return digest.hexdigest()
