"""What the cameras of an environment see as the simulation stands; the OpenGL context is made when first asked for.

A scene is uploaded once and stays so until another one is looked at; every look makes its own upload current first, so
that several environments in a process do not disturb each other.
"""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.env.cameras import WRIST, wrist_pose
from graspgen.env.scenes import Place
from graspgen.frames import OPENGL_OPENCV, Array, matrix_to_quat
from graspgen.grasps.outcomes import HAND_INSTANCE
from graspgen.render import gl
from graspgen.render.opengl import Looks, render_view, session
from graspgen.render.sensors.sense import sense
from graspgen.scene.drawing import matrix4
from graspgen.scene.world import World

#: Side of the shadow map that nothing is drawn into: the renderer wants one.
_NO_SHADOWS = 64


@dataclass(frozen=True, eq=False)
class Shot:
    """What a camera sees.

    Attributes:
        name: of the camera.
        rgb: (H, W, 3) uint8, sRGB.
        depth: (H, W) float32, planar z, m, 0 where there is none; as the sensor reports it, where the recipe has one.
        instances: (H, W) uint8 instance ids, 0 the background, `HAND_INSTANCE` the hand.
        K: (3, 3) camera matrix, px; the centre of pixel (0, 0) is (0.5, 0.5).
        T_world_camera: (4, 4) pose of the OpenCV camera, as its calibration reports it.
    """

    name: str
    rgb: NDArray[np.uint8]
    depth: NDArray[np.float32]
    instances: NDArray[np.uint8]
    K: Array
    T_world_camera: Array


class Eyes:
    """The cameras of one environment.

    Args:
        shadow_size: side of the shadow map, texels; 0 for no shadows.
    """

    def __init__(self, shadow_size: int) -> None:
        self._shadow_size = shadow_size
        self._open = contextlib.ExitStack()
        self._place: Place | None = None

    def look(
        self,
        place: Place,
        offset: Array,
        hand: tuple[Array, Array],
        frame: int,
        wanted: Collection[str] = ("rgb", "depth", "ids"),
    ) -> list[Shot]:
        """Render all cameras of a place as its simulation stands.

        Args:
            place: that was made to be seen.
            offset: (3,) m, of the world's frame from the simulation's.
            hand: (3,) tool point, m, the simulation's frame, and (3, 3) rotation of the hand.
            frame: number of the image, which noise is drawn from.
            wanted: what is wanted of "rgb", "depth" and "ids"; what is not may be black, clean, or 0.

        Raises:
            RenderError: no OpenGL backend works here.
        """
        if place is not self._place:
            self._upload(place)
        else:
            gl.make_current()
            mujoco.mjr_setBuffer(int(mujoco.mjtFramebuffer.mjFB_OFFSCREEN), self._context)
        world = self._world
        _pose_world(world, place, offset)
        shots = []
        for number, view in enumerate(world.plan.views):
            if view.camera == WRIST:
                T = wrist_pose(hand[0] + offset, hand[1])
                view = view.model_copy(update={"T_world_camera": matrix4(T), "T_world_camera_nominal": matrix4(T)})
                _place_camera(world.model, int(world.camera_ids[number]), T)
                mujoco.mj_camlight(world.model, world.data)
            senses = view.sensor is not None and "depth" in wanted
            image = render_view(
                world, number, self._scene, self._context, self._looks, coloured="rgb" in wanted or senses,
                frame=frame, ids="ids" in wanted or senses,
            )  # fmt: skip
            z = image.depth
            if senses:
                noisy = view.sensor.model_copy(update={"noise_seed": view.sensor.noise_seed + (frame << 32)})
                z, _ = sense(noisy, z, view.K, view.distortion, image.rgb, image.instances)
            shots.append(
                Shot(
                    view.camera or f"view_{number}", image.rgb, z, image.instances, np.array(view.K),
                    np.array(view.T_world_camera_nominal),
                )
            )  # fmt: skip
        return shots

    def close(self) -> None:
        """Free what was uploaded."""
        if self._place is not None:
            gl.make_current()
        self._open.close()
        self._place = None

    def _upload(self, place: Place) -> None:
        self.close()
        world = _seen_world(place, self._shadow_size > 0)
        looks = Looks.of(world, place.images)
        looks.flying.update({number: set() for number in range(len(world.plan.views))})
        mujoco.mj_kinematics(world.model, world.data)
        size = self._shadow_size or _NO_SHADOWS
        self._scene, self._context = self._open.enter_context(session(world, size, looks))
        self._world, self._looks, self._place = world, looks, place


def _seen_world(place: Place, shadows: bool) -> World:
    """Return a place as a world to be drawn, on a model of its own: looks are written into it."""
    settled, source = place.settled, place.scene
    model = copy.copy(source.model)
    model.opt.enableflags &= ~int(
        mujoco.mjtEnableBit.mjENBL_SLEEP
    )  # what sleeps, and what stands still, keeps its pose
    views = tuple(
        v.model_copy(
            update={
                "flying": (),
                "lights": v.lights if shadows else tuple(x.model_copy(update={"shadows": False}) for x in v.lights),
            }
        )
        for v in settled.world.plan.views
    )
    instance = np.where(source.instance < 0, HAND_INSTANCE, source.instance).astype(np.uint8)
    data = mujoco.MjData(model)
    return replace(
        settled.world,
        plan=settled.world.plan.model_copy(update={"views": views}),
        model=model,
        data=data,
        support_geoms=np.array([model.geom(g.name).id for g in settled.world.plan.arena.support], np.int32),
        body_ids=source.object_bodies.astype(np.int32),
        geom_instance=instance[model.geom_bodyid],
        camera_ids=np.array([model.camera(f"view_{v}").id for v in range(len(views))], np.int32),
    )


def _pose_world(world: World, place: Place, offset: Array) -> None:
    """Put everything where the simulation has it, in the world's frame."""
    data, sim = world.data, place.sim.data
    data.qpos[:], data.mocap_pos[:], data.mocap_quat[:] = sim.qpos, sim.mocap_pos, sim.mocap_quat
    if offset.any():
        data.mocap_pos += offset
        joints = world.model.body_jntadr[place.scene.object_bodies]
        data.qpos[world.model.jnt_qposadr[joints][:, None] + np.arange(3)] += offset
    mujoco.mj_kinematics(world.model, data)


def _place_camera(model: mujoco.MjModel, camera: int, T: Array) -> None:
    model.cam_pos[camera], model.cam_quat[camera] = T[:3, 3], matrix_to_quat(T[:3, :3] @ OPENGL_OPENCV)


def point_cloud(shots: list[Shot], points: int) -> Iterator[NDArray]:
    """Yield (points, 3) float32 m, world frame, (points, 3) uint8 colours and (points,) uint8 instance ids.

    Points are taken evenly from all pixels with depth; where there are fewer, rows of zeros follow.
    """
    where, colour, owner = [], [], []
    for shot in shots:
        v, u = np.nonzero(shot.depth)
        z, K, T = shot.depth[v, u].astype(float), shot.K, shot.T_world_camera
        rays = np.stack([(u + 0.5 - K[0, 2]) / K[0, 0], (v + 0.5 - K[1, 2]) / K[1, 1], np.ones(len(u))], axis=1)
        where.append((rays * z[:, None]) @ T[:3, :3].T + T[:3, 3])
        colour.append(shot.rgb[v, u])
        owner.append(shot.instances[v, u])
    for parts, kind in ((where, np.float32), (colour, np.uint8), (owner, np.uint8)):
        found = np.concatenate(parts)
        chosen = np.linspace(0, len(found) - 1, min(points, len(found))).round().astype(int)
        out = np.zeros((points, *found.shape[1:]), kind)
        out[: len(chosen)] = found[chosen]
        yield out
