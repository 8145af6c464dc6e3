"""A picture of a dozen grasps of each outcome: the fastest way to see whether labels are true."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np
from PIL import Image
from pydantic import ValidationError

from graspgen.dataset.layout import commit, partial_of, write_error
from graspgen.dataset.reader import Dataset
from graspgen.dataset.reader import open as open_dataset
from graspgen.errors import DatasetError
from graspgen.frames import Array, inverse, pose_to_qpos, qpos_to_pose
from graspgen.grasps.candidates import unpacked
from graspgen.grasps.outcomes import Outcome
from graspgen.grasps.profile import Profile
from graspgen.grasps.trial import trial_model
from graspgen.grippers.gripper import Gripper, gripper_file, opening_to_joints
from graspgen.labels.overlay import Picture, contact_sheet
from graspgen.objects.asset import Asset
from graspgen.objects.library import load_asset
from graspgen.render.grasp_view import GraspRenderer, grasp_renderer

#: Pictures of each outcome, and how many lie in a row.
EACH, COLUMNS = 12, 6
#: An object that moves farther while the hand closes has left it; what is shown is how it was before, m.
_LEFT = 0.03
_SETTLE = 0.15
_GRAVITY = 9.81


@dataclass(frozen=True, eq=False)
class _Rules:
    """What the trials of a database were made with."""

    gripper: Gripper
    profile: Profile
    force: float | None
    friction: tuple[float, float]


def write_gallery(database: str | Path, out: str | Path, *, each: int = EACH) -> Path:
    """Draw grasps of a grasp database, up to `each` of every outcome, of as many objects as there are.

    A grasp is shown as it stands after the close, simulated again from what is stored; one whose open hand hits the
    object as it would stand there.

    Args:
        database: the file.
        out: the PNG to write.
        each: pictures of every outcome.

    Raises:
        DatasetError: the file is no grasp database, a mesh is missing, or the picture cannot be written.
        RenderError: nothing can be rendered here.
    """
    with open_dataset(database) as dataset:
        if not len(dataset.grasps):
            raise DatasetError(f"{database} holds no grasp to draw")
        chosen = [row for code in Outcome for row in choose(dataset, code, each)]
        tiles = _render(dataset, chosen)
        outcomes = dataset.grasps["outcome"][chosen]
        sheet: list[Picture] = []
        captions: list[str] = []
        for code in Outcome:
            mine = [row for row, outcome in zip(chosen, outcomes, strict=True) if outcome == code]
            blank = -len(mine) % COLUMNS
            sheet += [tiles[row] for row in mine] + [np.full_like(next(iter(tiles.values())), 24)] * blank
            captions += [caption(dataset, row) for row in mine] + [""] * blank
    target = Path(out)
    partial = partial_of(target)
    buffer = io.BytesIO()
    Image.fromarray(contact_sheet(sheet, COLUMNS, captions)).save(buffer, "PNG", optimize=True)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(buffer.getvalue())
        commit(partial, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise write_error(target, error) from error
    return target


def choose(dataset: Dataset, outcome: Outcome, count: int) -> list[int]:
    """Return up to `count` rows of grasps with an outcome: from all objects in turn, spread over each one's grasps."""
    rows = np.flatnonzero(dataset.grasps["outcome"] == outcome)
    owner = dataset.grasps["object"][rows]
    by_object = []
    for key in np.unique(owner):
        mine = rows[owner == key]
        # The middle first, then the middles of the halves, …: any number of them is spread evenly (van der Corput).
        order = np.argsort([_radical_inverse(i + 1) for i in range(len(mine))], kind="stable")
        by_object.append(mine[np.argsort(order, kind="stable")] if len(mine) > 2 else mine)
    turns = [int(mine[turn]) for turn in range(count) for mine in by_object if turn < len(mine)]
    return sorted(turns[:count], key=lambda row: (dataset.grasps["object"][row], row))


def caption(dataset: Dataset, row: int) -> str:
    """Return what is known of a grasp in a line: outcome, object, number, drift, what it holds."""
    g, asset = dataset.grasps, dataset.grasps["object"][row]
    trial = int(np.searchsorted(dataset.trials["grasp"], g["id"][row]))
    t = dataset.trials
    name = dataset.assets["name"][dataset.assets.index_of(asset)]
    outcome = Outcome(int(g["outcome"][row]))
    told = f"{outcome.name.lower().replace('_', ' ')}  {name} #{g['id'][row] & 0xFFFFFFFF}"
    if not np.isnan(t["drift_closing"][trial]):
        told += f"  close {1000 * t['drift_closing'][trial]:.1f} mm"
    if not np.isnan(t["drift_holding"][trial]):
        turned = np.degrees(t["rotation_holding"][trial])
        told += f"  drift {1000 * t['drift_holding'][trial]:.1f} mm {turned:.0f}°"
        told += f"  holds {t['held_acceleration'][trial] / _GRAVITY:.3g} g"
    return told


def _radical_inverse(i: int) -> float:
    result, share = 0.0, 0.5
    while i:
        result, i, share = result + share * (i & 1), i >> 1, share / 2
    return result


def _render(dataset: Dataset, rows: list[int]) -> dict[int, Picture]:
    """Render every row, object by object."""
    tiles: dict[int, Picture] = {}
    rules = _rules(dataset)
    owner = dataset.grasps["object"][rows]
    for key in np.unique(owner):
        mesh = dataset.assets["mesh"][dataset.assets.index_of(key)]
        asset = load_asset((dataset.path / mesh).parent)
        with grasp_renderer(asset, rules.gripper) as renderer:
            for row in np.array(rows)[owner == key].tolist():
                tiles[row] = _tile(dataset, row, asset, rules, renderer)
    return tiles


def _tile(dataset: Dataset, row: int, asset: Asset, rules: _Rules, renderer: GraspRenderer) -> Picture:
    T, width = dataset.grasps["T_object_grasp"][row], float(dataset.grasps["width"][row])
    T_base_object = rules.gripper.T_base_tool(dataset.grasps["grip_width"][row]) @ inverse(T)
    if rules.gripper.fingered:  # as it was to meet the object, or before that where it cannot get there
        stage = 0 if dataset.grasps["outcome"][row] == Outcome.HITS_TARGET else 1
        return renderer.render(T_base_object, width, unpacked(dataset.grasps["fingers"][row : row + 1])[0, stage])
    if dataset.grasps["outcome"][row] != Outcome.HITS_TARGET:
        trial = int(np.searchsorted(dataset.trials["grasp"], dataset.grasps["id"][row]))
        mass, friction = float(dataset.trials["mass"][trial]), float(dataset.trials["friction"][trial])
        T_base_object, width = after_close(asset, rules, T_base_object, width, mass, friction)
    return renderer.render(T_base_object, width)


def after_close(
    asset: Asset, rules: _Rules, T_base_object: Array, width: float, mass: float, friction: float
) -> tuple[Array, float]:
    """Close the hand from the opening `width`, m; return the (4, 4) pose of the object in the hand, and the opening."""
    gripper, profile = rules.gripper, rules.profile
    if gripper.suction:
        return T_base_object, 0.0  # what a cup lies on stays where it is
    inertia = asset.unit_inertia * mass / asset.volume
    model = trial_model(asset, gripper, profile, mass, inertia, (friction, *rules.friction), rules.force)
    data = mujoco.MjData(model)
    joints = [model.joint(j).qposadr[0] for j in gripper.joints]
    free = model.joint("object").qposadr[0]
    data.qpos[joints] = opening_to_joints(gripper, np.array([width]))[0]
    data.qpos[free : free + 7] = pose_to_qpos(T_base_object)
    data.act[0], data.ctrl[0] = width + gripper.zero_length, -gripper.file.closing_speed
    start, shown = data.qpos[free : free + 3].copy(), data.qpos.copy()
    for _ in range(round((width / gripper.file.closing_speed + _SETTLE) / profile.option.timestep)):
        mujoco.mj_step(model, data)
        if np.linalg.norm(data.qpos[free : free + 3] - start) > _LEFT:
            shown[joints] = data.qpos[joints]
            continue
        shown[:] = data.qpos
    return qpos_to_pose(shown[free : free + 7]), float(gripper.opening(shown[None, joints])[0])


def _rules(dataset: Dataset) -> _Rules:
    definition = json.loads(dataset.grippers["definition"][0])
    options = json.loads(dataset.profiles["options"][0])
    options.pop("mujoco_option", None)
    recipe = dataset.recipe
    try:
        gripper = Gripper(gripper_file(definition["yaml"]), definition["mjcf"])
        profile = Profile.model_validate(options)
    except ValidationError as error:
        raise DatasetError(
            f"{dataset.path} was made by another version of graspgen ({dataset.attrs['graspgen_version']}): its "
            "gripper or profile cannot be simulated here; make it again"
        ) from error
    return _Rules(
        gripper,
        profile,
        recipe["grasps"].get("force"),
        (float(recipe["objects"]["torsional_friction"]), float(recipe["objects"]["rolling_friction"])),
    )
