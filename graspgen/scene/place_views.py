"""Draw cameras again where the settled scene asks for it.

A plan is drawn before its objects come to rest. What a hand hangs over, whether an object is in the picture and how
near it is are known afterwards; so cameras find their place here, and the plan that is stored says where they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.frames import OPENGL_OPENCV, Array, inverse, matrix_to_quat, pose, transform_points
from graspgen.lens import project
from graspgen.objects.asset import Asset
from graspgen.recipe.cameras import EyeInHand
from graspgen.recipe.views import Views
from graspgen.scene.build import build_world
from graspgen.scene.draw_cameras import Aim, CameraDraw, draw_camera, slots
from graspgen.scene.draw_flying import moved_flying
from graspgen.scene.drawing import matrix4
from graspgen.scene.plan import FlyingPlan, ViewPlan
from graspgen.scene.world import SettledScene, World

#: A camera looks for this many places of an object's surface at most.
_PLACES = 16
#: Groups of geoms that every view draws: arena and objects.
_DRAWN = np.array([0, 1, 1, 0, 0, 0], np.uint8)


def place_views(views: Views, settled: SettledScene, assets: Mapping[int, Asset]) -> SettledScene:
    """Put every camera where the recipe wants it over the objects at rest, in the plan and in the compiled model.

    A camera that shows nothing, or is too near an object, is drawn again from its next stream, at most
    `views.redraws` times; then the scene counts as refused. Fixed cameras stay where they are.

    Args:
        views: the recipe's section; the scene's plan was drawn from it.
        settled: a scene at rest.
        assets: the unscaled assets by number, to build it again where flying distractors go with their cameras.
    """
    plan = settled.world.plan
    objects = _Objects.of(settled)
    placed = list(plan.views)
    first = 0
    for slot in slots(views):
        own = slice(first, first + (1 if slot.camera is None or slot.camera.baseline is None else 2))
        first = own.stop
        if not slot.movable:
            continue
        hand = isinstance(slot.camera, EyeInHand)
        for redraw in range(views.redraws + 1):
            if hand or redraw:
                drawn = draw_camera(views, slot, plan.seed, plan.grasp_stream, objects.aims(), redraw)
                first_drawn = plan.views[own][0]
                before, after = np.array(first_drawn.T_world_camera), drawn[0].T_world_camera
                flying = tuple(moved_flying(f, before, after, views.near) for f in first_drawn.flying)
                placed[own] = [_moved(old, new, flying, redraw) for old, new in zip(placed[own], drawn, strict=True)]
            reason = _mistake(views, placed[own], objects)
            if not reason:
                break
        else:
            reason = f"camera '{slot.name}' {reason} in each of {views.redraws + 1} draws"
            return replace(settled, settled=False, reason=f"{reason}; move it, or relax views.min_distance or in_view")
    world = replace(settled.world, plan=plan.model_copy(update={"views": tuple(placed)}))
    moved = [n for n, (old, new) in enumerate(zip(plan.views, placed, strict=True)) if old is not new]
    if any(placed[n].flying for n in moved):
        world = _again(world, settled.T_world_object, assets)
    elif len(world.camera_ids):
        for number in moved:
            _move(world.model, int(world.camera_ids[number]), placed[number])
    return replace(settled, world=world)


@dataclass(frozen=True, eq=False)
class _Objects:
    """The boxes around the objects at rest.

    Attributes:
        T_world_box: (n, 4, 4) pose of each box's centre, the object's axes.
        half: (n, 3) half-sizes, m.
        target: (n,) whether the object is to be grasped.
        world: they are in, the poses at rest.
    """

    T_world_box: Array
    half: Array
    target: NDArray[np.bool_]
    world: World

    @classmethod
    def of(cls, settled: SettledScene) -> _Objects:
        objects = settled.world.objects
        bounds = np.array([o.asset.mesh.bounds for o in objects]).reshape(-1, 2, 3)
        T = np.asarray(settled.T_world_object, float).reshape(-1, 4, 4).copy()
        centre = bounds.mean(axis=1)
        T[:, :3, 3] += (T[:, :3, :3] @ centre[..., None])[..., 0]
        target = np.array([str(getattr(o.plan, "role", "target")).lower() == "target" for o in objects], bool)
        mujoco.mj_kinematics(settled.world.model, settled.world.data)
        return cls(T, (bounds[:, 1] - bounds[:, 0]) / 2, target, settled.world)

    def aims(self) -> list[Aim]:
        """Return the middle of the top of each object, world frame."""
        rise = (np.abs(self.T_world_box[:, 2, :3]) * self.half).sum(axis=1)
        tops = self.T_world_box[:, :3, 3] + rise[:, None] * np.array([0.0, 0.0, 1.0])
        return [Aim(top, bool(target)) for top, target in zip(tops, self.target, strict=True)]

    def seen(self, view: ViewPlan, i: int) -> bool:
        """Return whether a view sees object `i`: of some rays to middles of its faces, in the picture and turned to the
        camera, one meets it first.
        """
        model, data, hit = self.world.model, self.world.data, np.zeros(1, np.int32)
        T, mesh = np.array(view.T_world_camera), self.world.objects[i].asset.mesh
        body = int(self.world.body_ids[i])
        T_world_object = pose(data.xmat[body].reshape(3, 3), data.xpos[body])
        a, b, c = (transform_points(T_world_object, mesh.vertices[mesh.faces[:, k]]) for k in range(3))
        middles, outwards = (a + b + c) / 3, np.cross(b - a, c - a)
        local = transform_points(inverse(T), middles)
        with np.errstate(invalid="ignore"):
            pixels = project(view.K, view.distortion, local)
            there = ((pixels >= 0) & (pixels < [view.width, view.height])).all(axis=1)
        there &= (local[:, 2] > view.near) & (local[:, 2] < view.far)
        there &= np.einsum("ij,ij->i", T[:3, 3] - middles, outwards) > 0
        chosen = np.flatnonzero(there)
        for face in chosen[:: max(1, -(-len(chosen) // _PLACES))]:
            way = middles[face] - T[:3, 3]
            start = T[:3, 3] + view.near * way / np.linalg.norm(way)
            mujoco.mj_ray(model, data, start, way, _DRAWN, 1, -1, hit, None)
            if hit[0] >= 0 and int(model.geom_bodyid[hit[0]]) == body:
                return True
        return False

    def distance(self, point: Array) -> float:
        """Return the distance of the (3,) point to the nearest box, m; 0 inside, infinite without objects."""
        local = transform_points(inverse(self.T_world_box), np.broadcast_to(point, (len(self.half), 1, 3)))[:, 0]
        outside = np.maximum(np.abs(local) - self.half, 0)
        return float(np.linalg.norm(outside, axis=1).min(initial=np.inf))


def _mistake(views: Views, plans: Sequence[ViewPlan], objects: _Objects) -> str:
    """Say what is wrong with the views of a camera, "" for nothing."""
    for view in plans:
        T = np.array(view.T_world_camera)
        if objects.distance(T[:3, 3]) < views.min_distance:
            return f"is nearer than {views.min_distance:g} m to an object"
        if views.in_view == "off":
            continue
        centres = transform_points(inverse(T), objects.T_world_box[:, :3, 3])
        pixels = project(view.K, view.distortion, centres)
        inside = ((pixels >= 0) & (pixels < [view.width, view.height])).all(axis=1)
        inside &= (centres[:, 2] > view.near) & (centres[:, 2] < view.far)
        inside &= objects.target | (views.in_view != "target")
        found = (not views.in_sight or objects.seen(view, int(i)) for i in np.flatnonzero(inside))
        if views.in_view == "all" and not (inside.all() and all(found)):
            return "does not show every object"
        if views.in_view != "all" and not any(found):
            return "shows no target" if views.in_view == "target" else "shows no object"
    return ""


def _moved(view: ViewPlan, camera: CameraDraw, flying: tuple[FlyingPlan, ...], redraws: int) -> ViewPlan:
    """Return the view of a camera that was drawn again, with what flies before it."""
    return view.model_copy(
        update={
            "T_world_camera": matrix4(camera.T_world_camera),
            "T_world_camera_nominal": matrix4(camera.T_world_camera_nominal),
            "redraws": redraws,
            "flying": flying,
        }
    )


def _again(world: World, T_world_object: Array, assets: Mapping[int, Asset]) -> World:
    """Build the scene again, the objects as they are now."""
    ids = [o.plan.instance_id for o in world.objects]
    again = build_world(
        world.plan,
        assets,
        T_world_object=dict(zip(ids, T_world_object, strict=True)),
        instances=ids,
        views=len(world.camera_ids) > 0,
    )
    again.data.qpos[:], again.data.qvel[:] = world.data.qpos, world.data.qvel
    again.data.time = world.data.time
    mujoco.mj_forward(again.model, again.data)
    return again


def _move(model: mujoco.MjModel, camera: int, view: ViewPlan) -> None:
    """Put a compiled camera where a scene that is built from `view` has it."""
    T = np.array(view.T_world_camera)
    quat = matrix_to_quat(T[:3, :3] @ OPENGL_OPENCV)
    mujoco.mju_normalize4(quat)
    model.cam_pos[camera], model.cam_quat[camera] = T[:3, 3], quat
