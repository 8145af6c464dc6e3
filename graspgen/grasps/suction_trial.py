"""The free-space trial of a suction gripper: press the cups on, let the vacuum come, then push as jaws are pushed."""

from __future__ import annotations

import mujoco
import numpy as np
from mujoco.batch import Batch
from numpy.typing import ArrayLike, NDArray

from graspgen.contact_sensor import ContactData, Reduce, add_contact_sensor
from graspgen.frames import Array
from graspgen.grasps.course import TOUCH
from graspgen.grasps.outcomes import Outcome, Phase
from graspgen.grasps.profile import Profile
from graspgen.grasps.seal import Seal, cup_seal
from graspgen.grasps.suction_candidates import pressed_on, suction_file
from graspgen.grasps.suction_course import SuctionCourse
from graspgen.grippers.gripper import Gripper
from graspgen.grippers.suction import BALL, LIP_CONDIM, TRAVEL, SuctionFile, enable_lips, segment_names, segment_points
from graspgen.objects.asset import Asset, Part
from graspgen.objects.geoms import add_parts, set_inertial
from graspgen.raycast import RayCaster

#: Segments start pressed into the surface by this much, m: enough to bridge how lips and hulls are approximated.
PRESSED = 2e-4


def press_on(asset: Asset, gripper: Gripper, T_object_grasp: Array) -> tuple[Array, Seal]:
    """Move grasps along their approach to where the lips lie on the surface.

    Returns:
        (n, 4, 4) grasp frames of the pressed cups, and their seal.
    """
    file = suction_file(gripper)
    caster = RayCaster(asset.mesh.vertices, asset.mesh.faces)
    seal = cup_seal(caster, T_object_grasp, file.cups, file.radius, file.depth)
    return pressed_on(T_object_grasp, seal.press), seal


def refuse_unsealed(results: dict[str, NDArray], seal: Seal) -> None:
    """Decide trials without simulating them: those whose cups meet nothing, or do not seal."""
    r = results
    waiting = (r["outcome"] == Outcome.NOT_TRIED) & ~(seal.score > 0).any(axis=1)
    r["outcome"][waiting] = np.where(seal.met[waiting], Outcome.NO_SEAL, Outcome.NO_CONTACT)
    r["phase"][waiting] = Phase.CLOSE
    for name in ("drift_closing", "rotation_closing", "width", "grip_force"):
        r[name][waiting] = 0.0


def suction_model(
    asset: Asset,
    gripper: Gripper,
    profile: Profile,
    mass: float,
    inertia: Array,
    friction: ArrayLike,
    force: float | None = None,
) -> mujoco.MjModel:
    """Compile the model of a trial: the cups, their base fixed at the origin, and the free body "object"."""
    spec, file = gripper.trial_spec(), suction_file(gripper)
    profile.apply(spec)
    enable_lips(spec, file, force)
    body = spec.worldbody.add_body(name="object")
    body.add_freejoint(name="object")
    body.simple = False  # a "simple" body's centre of mass could not be moved in repeated trials
    set_inertial(body, mass, asset.com, inertia)
    settings = {**profile.geom(), "condim": LIP_CONDIM}
    add_parts(spec, body, asset.parts, "object", friction=np.asarray(friction, float), **settings)
    for name in segment_names(len(file.cups)):
        add_contact_sensor(spec, TOUCH + name, name, "object", ContactData.FOUND, Reduce.NEAREST)
    return spec.compile()


def cup_force(file: SuctionFile, force: float | None) -> float:
    """Return the vacuum's force on one cup, N, where `force` of all cups is asked for."""
    return (file.max_force if force is None else min(force, file.max_force)) / len(file.cups)


def conformed_lips(parts: tuple[Part, ...], T_object_grasp: Array, file: SuctionFile) -> Array:
    """Find where the segments of the lips touch an object's collision geometry.

    Args:
        parts: of the object.
        T_object_grasp: (n, 4, 4) grasp frames of pressed cups, object frame.
        file: the gripper's.

    Returns:
        (n, segments) positions along the approach from the lips' plane, m, held within a segment's travel; at its end
        where the segment meets nothing.
    """
    spec = mujoco.MjSpec()
    add_parts(spec, spec.worldbody.add_body(name="object"), parts, "object")
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    points, reach = segment_points(file), TRAVEL * file.radius
    out = np.full((len(T_object_grasp), len(points)), reach)
    geom, normal = np.zeros(1, np.int32), np.zeros(3)
    for i, T in enumerate(np.asarray(T_object_grasp, float)):
        z = np.ascontiguousarray(T[:3, 2])
        starts = points @ T[:3, :2].T + T[:3, 3] - 2 * file.radius * z
        for j, start in enumerate(starts):
            distance = mujoco.mj_ray(model, data, start, z, None, 1, -1, geom, normal)
            if distance >= 0:
                # The ball touches a slope beside its lowest point.
                lean = max(-float(normal @ z), 0.5)
                out[i, j] = distance + PRESSED - 2 * file.radius - BALL * (1 / lean - 1)
    return np.clip(out, -reach, reach)


def run_suction(
    asset: Asset,
    gripper: Gripper,
    profile: Profile,
    T_pressed: Array,
    seal: Seal,
    batch: Batch,
    com: Array,
    results: dict[str, NDArray],
    *,
    force: float | None,
    graded: bool,
) -> None:
    """Run the trials that are still open; the arguments are those of `FreeCourse` and what `press_on` returned."""
    file = suction_file(gripper)
    open_ = results["outcome"] == Outcome.NOT_TRIED
    lips = np.zeros((len(T_pressed), len(segment_points(file))))
    lips[open_] = conformed_lips(asset.parts, T_pressed[open_], file)
    SuctionCourse(
        batch, gripper, profile, T_pressed, com, results, sealed=seal.score > 0, lips=lips,
        force=cup_force(file, force), graded=graded,
    ).run()  # fmt: skip
