"""The model of in-scene trials: a settled scene and a hand, with what carries it (`graspgen.grasps.scene_stand`).

Contacts: a trial changes nothing between the objects and their support. Every contact of the hand has the
profile's settings, and the friction of the trial's target, which is the rule of the free-space trials.
"""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.contact_sensor import ContactData, Reduce, add_contact_sensor
from graspgen.errors import SceneError
from graspgen.grasps.profile import Profile
from graspgen.grasps.scene_stand import HAND, SERVOS, Carrier, Stand
from graspgen.grippers.gripper import Gripper
from graspgen.grippers.suction import LIP_CONDIM, SuctionFile, enable_lips
from graspgen.scene.build import GROUP_VISUAL, scene_spec
from graspgen.scene.world import SettledScene

#: Sensor of the nearest contact of the hand with anything; prefix of those of each finger with the target.
HAND_TOUCH, FINGER_TOUCH = "any_touch", "touch_"


@dataclass(frozen=True, eq=False)
class SceneModel:
    """A compiled trial model.

    Attributes:
        model: MuJoCo's model.
        qpos: (nq,) coordinates of the settled scene; the hand's are those of the grasp.
        hand_geoms: geoms of the hand.
        instance: (nbody,) instance id of each body, 0 for the support, −1 for the hand and what carries it.
        object_bodies: (k,) body of each object, in the order of the scene's objects.
        lead: (servos,) s, by how much of its speed each servo's target must lead, so that the hand does not lag behind.
        servos: names of the servos of what carries the hand.
    """

    model: mujoco.MjModel
    qpos: NDArray[np.float64]
    hand_geoms: NDArray[np.int64]
    instance: NDArray[np.int64]
    object_bodies: NDArray[np.int64]
    lead: NDArray[np.float64]
    servos: tuple[str, ...] = SERVOS

    @property
    def sleeps(self) -> bool:
        """Whether objects sleep until they are touched."""
        return bool(self.model.opt.enableflags & int(mujoco.mjtEnableBit.mjENBL_SLEEP))


def scene_trial_model(
    settled: SettledScene,
    gripper: Gripper,
    profile: Profile,
    force: float | None = None,
    views: bool = False,
    carrier: Carrier | None = None,
) -> SceneModel:
    """Compile the model of the trials of a settled scene.

    Args:
        settled: the scene.
        gripper: the hand.
        profile: how trials are simulated.
        force: grip force, N, capped at the gripper's limit; None for the gripper's usual one.
        views: whether the model can be seen: it has the meshes that are drawn, and the scene's cameras and lights.
        carrier: what carries the hand; None for the stand of the trials.

    Raises:
        SceneError: MuJoCo refuses the model, or the scene holds no object.
    """
    world = settled.world
    if not world.objects:
        raise SceneError(f"scene {world.plan.index} holds no object to grasp")
    spec = _scene(settled, views)
    gravity = np.array(spec.option.gravity)
    flags = spec.option.disableflags
    profile.apply(spec)
    spec.option.gravity, spec.option.disableflags = gravity, flags
    if profile.scene.sleep and not any(np.any(geom.surfacevel) for geom in spec.geoms):
        _let_sleep(spec)
    carrier = Stand() if carrier is None else carrier
    carrier.add(spec, _hand(gripper, profile, force, views), gripper, profile, views)
    target = f"object_{world.objects[0].plan.instance_id}"  # of each trial its own: the sensors' `refid` is varied
    add_contact_sensor(spec, HAND_TOUCH, carrier.root, None, ContactData.FOUND | ContactData.DIST, Reduce.NEAREST)
    for finger in gripper.touching:
        add_contact_sensor(
            spec,
            FINGER_TOUCH + finger,
            HAND + finger,
            target,
            ContactData.FOUND | ContactData.FORCE,
            Reduce.NET_FORCE,
            alone=finger == gripper.file.base,
        )
    try:
        model = spec.compile()
    except ValueError as error:
        raise SceneError(
            f"the trials of scene {world.plan.index} do not compile: {' '.join(str(error).split())}"
        ) from error
    for name in gripper.file.joints if gripper.suction else ():
        geom = model.geom(HAND + name)  # soft lips touch nothing until a trial lets them
        geom.contype[:] = geom.conaffinity[:] = 0
    return _compiled(model, settled, carrier, HAND + gripper.base)


def _scene(settled: SettledScene, views: bool) -> mujoco.MjSpec:
    """The spec of the scene as it has settled.

    On a conveyor it is the frame that moves with the belt: the hand tracks what rides on it.
    """
    world = settled.world
    plan = world.plan.model_copy(update={"arena": world.plan.arena.riding()})
    poses = {o.plan.instance_id: T for o, T in zip(world.objects, settled.T_world_object, strict=True)}
    spec, _ = scene_spec(plan, world.assets, T_world_object=poses, instances=set(poses), views=views, drawn=views)
    if not views:  # what an arena's own file draws
        for geom in [g for g in spec.geoms if g.group == GROUP_VISUAL]:
            spec.delete(geom)
        used = {g.meshname for g in spec.geoms}
        for mesh in [m for m in spec.meshes if m.name not in used]:
            spec.delete(mesh)
    return spec


def _let_sleep(spec: mujoco.MjSpec) -> None:
    """Start with all objects asleep: what nothing has touched yet costs no time, and is woken by a touch.

    Objects that touch each other sleep and wake together, so an object wakes before its support leaves it. What is
    awake stays awake, however slow it is.
    """
    spec.option.sleep_tolerance = 0.0
    spec.option.enableflags |= int(mujoco.mjtEnableBit.mjENBL_SLEEP)
    for body in spec.worldbody.bodies:
        if body.joints and body.joints[0].type == mujoco.mjtJoint.mjJNT_FREE:
            body.sleep = mujoco.mjtSleepPolicy.mjSLEEP_INIT


def _hand(gripper: Gripper, profile: Profile, force: float | None, seen: bool) -> mujoco.MjSpec:
    """Return the hand as it is in trials; where it is `seen`, with materials, which the views' ambient light needs."""
    file = gripper.file
    hand = gripper.spec() if seen else gripper.trial_spec()
    if seen:
        for geom in hand.geoms:
            if not geom.material:
                name = f"skin_{len(hand.materials)}"
                hand.add_material(name=name, rgba=geom.rgba)
                geom.material = name
    if isinstance(file, SuctionFile):
        enable_lips(hand, file, force)
    elif not gripper.fingered:
        limit = file.force if force is None else min(force, file.max_force)
        hand.actuator(gripper.actuator).forcerange = [-limit, limit]
    contact = profile.geom()
    for geom in hand.geoms:
        geom.priority = contact["priority"]
        geom.condim, geom.solref, geom.solimp = contact["condim"], contact["solref"], contact["solimp"]
    for name in gripper.file.joints if gripper.suction else ():
        hand.geom(name).condim = LIP_CONDIM
    for body in hand.bodies[1:]:
        body.gravcomp = 1.0  # the arm carries the hand; the servos' forces are then those on what it holds
    return hand


def _compiled(model: mujoco.MjModel, settled: SettledScene, carrier: Carrier, base: str) -> SceneModel:
    world = settled.world
    instance = np.zeros(model.nbody, np.int64)
    bodies = np.array([model.body(f"object_{o.plan.instance_id}").id for o in world.objects], np.int64)
    instance[bodies] = [o.plan.instance_id for o in world.objects]
    instance[model.body_rootid == model.body(carrier.root).id] = -1
    hand_geoms = np.flatnonzero(_under(model, base)[model.geom_bodyid])
    # A change of its coordinates in the last bit would wake an object, so the objects keep those of the model.
    qpos = model.qpos0.copy()
    for j in range(world.model.njnt):
        name = world.model.joint(j).name
        if world.model.jnt_bodyid[j] not in world.body_ids:
            at, size = int(model.joint(name).qposadr[0]), len(world.data.joint(name).qpos)
            qpos[at : at + size] = world.data.joint(name).qpos
    lead = carrier.begin(model, qpos)
    return SceneModel(model, qpos, hand_geoms, instance, bodies, lead, carrier.servos)


def _under(model: mujoco.MjModel, base: str) -> NDArray[np.bool_]:
    """(nbody,) whether a body is the base, or below it."""
    found = np.zeros(model.nbody, bool)
    found[model.body(base).id] = True
    for body in range(1, model.nbody):  # a parent comes before its children
        found[body] |= found[model.body_parentid[body]]
    return found
