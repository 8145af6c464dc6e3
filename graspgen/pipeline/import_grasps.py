"""Label grasps of others by our physics: a grasp database of one object, and how far both labels agree."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen import __version__
from graspgen.dataset.grasp_file import read_keys, write_grasp_file
from graspgen.errors import DatasetError, ObjectError
from graspgen.frames import Array, inverse
from graspgen.grasps.candidates import Candidates, closing_contacts
from graspgen.grasps.label import LabelledGrasps, label_object
from graspgen.grasps.outcomes import Outcome, Sampler
from graspgen.grasps.profile import load_profile
from graspgen.grasps.propose import candidates_at
from graspgen.grasps.quality import grasp_quality
from graspgen.grippers.gripper import Gripper, load_gripper
from graspgen.imports.foreign import ForeignGrasps, Reading
from graspgen.imports.registry import read_grasps
from graspgen.objects.asset import Asset
from graspgen.objects.given import given_asset
from graspgen.objects.library import content_hash, save_asset
from graspgen.objects.mesh_file import read_mesh_file
from graspgen.objects.mesh_import import asset_name
from graspgen.pipeline.grasp_tables import grasp_rows, trial_rows
from graspgen.pipeline.object_labels import ROLLING, TORSIONAL, label_key
from graspgen.pipeline.shared_tables import asset_table, gripper_table, profile_table
from graspgen.raycast import RayCaster
from graspgen.recipe import Grasps
from graspgen.streams import Purpose, stream

#: Rounds of looking for the tool point; each leaves about a third of the way, the slope of its path.
_ROUNDS = 4


@dataclass(frozen=True, eq=False)
class ImportedGrasps:
    """What became of a file of grasps.

    Attributes:
        number: (n,) which grasp of the file each is; the database holds them in this order.
        said: (n,) whether the file says that each holds; None where it says nothing.
        outcome: (n,) what our trial says.
        notes: what was assumed, a line each.
    """

    number: NDArray[np.int64]
    said: NDArray[np.bool_] | None
    outcome: NDArray[np.uint8]
    notes: tuple[str, ...]

    @property
    def agree(self) -> float:
        """Share of the grasps that both say hold, or both say fail; NaN where the file says nothing."""
        return float("nan") if self.said is None else float((self.said == (self.outcome == Outcome.SUCCESS)).mean())

    def counts(self) -> dict[bool | None, Counter[Outcome]]:
        """Return, for what the file says, how many of our outcomes there are."""
        said: list[Any] = [None] * len(self.outcome) if self.said is None else self.said.tolist()
        table: dict[bool | None, Counter[Outcome]] = {}
        for theirs, code in zip(said, self.outcome.tolist(), strict=True):
            table.setdefault(theirs, Counter())[Outcome(code)] += 1
        return table

    def to_json(self) -> str:
        """Return everything as JSON; `grasps` has one entry a grasp."""
        said: list[Any] = [None] * len(self.outcome) if self.said is None else self.said.tolist()
        content = {
            "grasps": [
                {"number": int(n), "file_says_holds": s, "outcome": Outcome(int(o)).name}
                for n, s, o in zip(self.number, said, self.outcome, strict=True)
            ],
            "agree": None if self.said is None else self.agree,
            "notes": list(self.notes),
        }
        return json.dumps(content, ensure_ascii=False) + "\n"


def import_grasps(
    name: str,
    path: str | Path,
    mesh: str | Path,
    out: str | Path,
    *,
    gripper: str = "panda_hand",
    scale: float | None = None,
    mass: float | None = None,
    friction: float | None = None,
    profile: str = "standard",
    draws: int = 0,
    min_friction: bool = False,
    closing: Literal["x", "y"] | None = None,
    annotation: Path | None = None,
    object_id: int | None = None,
    limit: int | None = 2000,
    seed: int = 0,
    threads: int = 1,
    overwrite: bool = False,
) -> ImportedGrasps:
    """Try a file's grasps by our physics and write them as a grasp database of one object.

    Args:
        name: the file's format: `acronym`, `graspgen_json`, `isaac_grasp` or `graspnet`.
        path: the file.
        mesh: the object's mesh, in the units that the file's scale takes to metres; or an asset's folder, unscaled.
        out: the HDF5 file to write; the mesh is saved beside it in `<name>.objects/`.
        gripper: name or YAML file; its tool point relates the file's frames to ours.
        scale: factor on the mesh; None for the file's, or 1.
        mass: kg; None for the file's, else from our density.
        friction: sliding; None for the file's, or ours.
        profile: of physics.
        draws: repeated trials of each grasp that holds.
        min_friction: whether to search the smallest friction at which each grasp holds.
        closing: axis along which the file's gripper frame closes (isaac_grasp); None as the file says.
        annotation, object_id: GraspNet's XML and number of the object.
        limit: most grasps, evenly spread over the file; None for all.
        seed: of the repeated trials.
        threads: native threads; results do not depend on it.
        overwrite: replace the database that is there.

    Raises:
        GraspgenError: the file, the mesh, the gripper or an argument cannot be used, or nothing can be written.
    """
    file, target = Path(path), Path(out)
    if target.exists() and not (overwrite and target.is_file() and read_keys(target) is not None):
        raise DatasetError(f"{target} exists; give another name, or --overwrite to replace a grasp database")
    hand, rules = load_gripper(gripper), load_profile(profile)
    how = Reading(
        T_base_tcp=hand.T_body_tcp, stroke=hand.file.stroke, joints=hand.file.joints, courses=_courses(hand),
        closing=closing,
        annotation=annotation, object_id=object_id, limit=limit,
    )  # fmt: skip
    found = read_grasps(name, file, how)
    notes = list(found.notes)
    asset = _asset(Path(mesh), found, scale, mass, friction, notes)
    candidates = _candidates(asset, hand, found, notes, of_base=name != "graspnet")
    spec = Grasps(per_object=len(candidates), profile=profile, draws=draws, min_friction=min_friction, hard_negatives=0)
    digest = content_hash(asset)
    words = tuple(int(digest[i : i + 8], 16) for i in range(0, 32, 8))
    conditions = (asset.friction, TORSIONAL, ROLLING)
    labelled = label_object(
        asset, hand, rules, candidates,
        mass=asset.density * asset.volume, inertia=asset.density * asset.unit_inertia, friction=conditions,
        rng=stream(seed, Purpose.TRIALS, *words), draws=draws, min_friction=min_friction, approach=spec.approach,
        force=spec.force, threads=threads,
    )  # fmt: skip
    source = {"format": name, "file": file.name, "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    _write(target, asset, hand, spec, labelled, conditions, seed, source, overwrite)
    said = found.held
    if said is None and found.min_friction is not None:
        said = found.min_friction <= asset.friction
        notes.append(f"the file's frictions are compared at the object's, {asset.friction:g}")
    return ImportedGrasps(found.number, said, labelled.results.outcome, tuple(notes))


def _asset(
    path: Path, found: ForeignGrasps, scale: float | None, mass: float | None, friction: float | None, notes: list[str]
) -> Asset:
    factor = found.scale if scale is None else scale
    for what, value in (("scale", factor), ("mass", mass), ("friction", friction)):
        if value is not None and not (np.isfinite(value) and value > 0):
            raise ObjectError(f"the {what} must be a number above 0, got {value:g}")
    if path.is_dir():
        asset = given_asset(path)
        if factor is not None and abs(factor - 1) > 1e-9:
            raise ObjectError(
                f"{path} is an asset, which has its own size, but the grasps are for scale {factor:g}; give a mesh"
            )
    else:
        raw = read_mesh_file(path)
        if factor is not None and factor != 1:
            notes.append(f"the mesh is scaled by {factor:g}")
        asset = given_asset((np.asarray(raw.vertices) * (factor or 1.0), raw.faces))
        title = asset_name(path)
        asset = replace(asset, name=title, class_name=title, source=path.name)
    if mass is None and found.mass is not None:
        mass = found.mass
        notes.append(f"mass {mass:.4g} kg, as the file says")
    if friction is None and found.friction is not None:
        friction = found.friction
        notes.append(f"friction {friction:g}, as the file says")
    if mass is not None:
        asset = replace(asset, density=mass / asset.volume)
    return asset if friction is None else replace(asset, friction=friction)


def _courses(hand: Gripper) -> dict[str, Array] | None:
    """Of each driven joint, (k, 2) rows of its position and the opening; None where the opening is their sum."""
    p = hand.postures
    if p.summed or hand.suction:
        return None
    return {p.joints[d]: np.stack([p.positions[:, d], p.width], axis=1) for d in p.drivers}


def _candidates(asset: Asset, hand: Gripper, found: ForeignGrasps, notes: list[str], *, of_base: bool) -> Candidates:
    caster = RayCaster(asset.mesh.vertices, asset.mesh.faces)
    sampler = np.full(len(found), Sampler.GIVEN, np.uint8)
    if hand.suction:
        return candidates_at(caster, hand, found.T_object_grasp, np.zeros(len(found)), sampler)
    stroke = hand.file.stroke
    width = np.where(np.isfinite(found.width) & (found.width > 0), found.width, stroke)
    if len(unknown := np.flatnonzero(width != found.width)):
        notes.append(f"{len(unknown)} grasps have no opening: the hand opens fully, {stroke:g} m")
    if len(wide := np.flatnonzero(width > stroke * (1 + 1e-6))):
        notes.append(f"{len(wide)} openings are larger than the gripper's {stroke:g} m and were reduced to it")
    width = np.minimum(width, stroke)
    # Poses of a base are read with the tool point of the open hand. Where it moves, the grasp is where the pads
    # will meet the object: each round looks for it at the tool point that the last one gave.
    T, grip = found.T_object_grasp, None
    for _ in range(_ROUNDS if of_base and hand.tool_moves else 0):
        grip = Candidates(T, width, *closing_contacts(caster, T, width), sampler).grip_width
        T = found.T_object_grasp @ inverse(hand.T_base_tcp) @ hand.T_base_tool(grip)
    return Candidates(T, width, *closing_contacts(caster, T, width), sampler, grip)


def _write(
    path: Path,
    asset: Asset,
    hand: Gripper,
    spec: Grasps,
    labelled: LabelledGrasps,
    friction: tuple[float, float, float],
    seed: int,
    source: Mapping[str, str],
    overwrite: bool,
) -> None:
    keys: Array | NDArray[np.int64] = np.arange(len(labelled.candidates), dtype=np.int64)
    caster = RayCaster(asset.mesh.vertices, asset.mesh.faces)
    mass = asset.density * asset.volume
    quality = grasp_quality(caster, labelled.candidates, hand, asset.com, friction, mass=mass, force=spec.force)
    tables = {
        "grasps": grasp_rows(labelled, quality, keys, scene=-1, object_key=0),
        "trials": trial_rows(labelled, keys, friction=friction[0], mass=mass),
    }
    folder = path.parent / f"{path.stem}.objects"
    save_asset(asset, folder, overwrite=overwrite)
    rules, digest = load_profile(spec.profile), content_hash(asset)
    recipe = {
        "task": "import-grasps",
        "description": "Grasps of others, labelled in free space.",
        "gripper": hand.name,
        "objects": {"scale": 1.0, "torsional_friction": TORSIONAL, "rolling_friction": ROLLING},
        "grasps": spec.model_dump(mode="json"),
        "source": dict(source),
    }
    attributes = {
        "graspgen_version": __version__,
        "mujoco_version": mujoco.__version__,
        "seed": seed,
        "recipe": recipe,
    }
    shared = {
        "assets": asset_table([0], [asset], [digest], [asset.class_name], folder.name),
        "grippers": gripper_table(hand),
        "profiles": profile_table(rules),
    }
    key = hashlib.sha256((label_key(digest, hand, rules, spec, seed) + source["sha256"]).encode()).hexdigest()
    counts = [{name: len(next(iter(rows.values()))) for name, rows in tables.items()}]
    write_grasp_file(path, attributes, shared, {0: key}, counts, lambda _: tables)
