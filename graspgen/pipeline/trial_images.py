"""Images of a recorded trial: the scene's cameras, or any other, see the hand among the objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import mujoco
import numpy as np

from graspgen.frames import Array
from graspgen.grasps.outcomes import HAND_INSTANCE
from graspgen.grasps.scene_record import Trajectory
from graspgen.grasps.scene_recorder import STATE
from graspgen.looks.images import ImageStore
from graspgen.render.opengl import Looks, ViewImages, render_view, session
from graspgen.scene.plan import ViewPlan
from graspgen.scene.world import SettledScene, World


def with_views(settled: SettledScene, views: tuple[ViewPlan, ...]) -> SettledScene:
    """Return a scene with other cameras; its model is as it was, so only what is built from its plan has them.

    Flying distractors, which float before single images, are not in them.
    """
    plan = settled.world.plan.model_copy(update={"views": tuple(v.model_copy(update={"flying": ()}) for v in views)})
    return replace(settled, world=replace(settled.world, plan=plan))


def trial_world(settled: SettledScene, trajectory: Trajectory) -> World:
    """Return the model of a trial, recorded with views, as a world that can be rendered.

    The hand is seen as `HAND_INSTANCE`.
    """
    model = trajectory.model
    instance = np.where(trajectory.instance < 0, HAND_INSTANCE, trajectory.instance).astype(np.uint8)
    data = mujoco.MjData(model)
    mujoco.mj_setState(model, data, trajectory.states[0], STATE)
    mujoco.mj_kinematics(model, data)
    cameras = [model.camera(f"view_{v}").id for v in range(len(settled.world.plan.views))]
    support = [model.geom(g.name).id for g in settled.world.plan.arena.support]
    return replace(
        settled.world,
        model=model,
        data=data,
        support_geoms=np.array(support, np.int32),
        body_ids=trajectory.object_bodies.astype(np.int32),
        geom_instance=instance[model.geom_bodyid],
        camera_ids=np.array(cameras, np.int32),
    )


def render_trial(
    world: World, states: Array, view: int, *, shadow_size: int = 1024, images: ImageStore | None = None
) -> Iterator[ViewImages]:
    """Render what one camera sees in each of (f, nstate) states of a trial, by OpenGL and with one upload of the scene.

    Args:
        world: of `trial_world`; its data is left in the last state.
        states: as `Trajectory.states`.
        view: number of the planned view.
        shadow_size: side of the shadow map, texels.
        images: the user's images that the plan names.

    Raises:
        RenderError: no OpenGL backend works here.
    """
    looks = Looks.of(world, images)
    looks.flying[view] = set()
    with session(world, shadow_size, looks) as (scene, context):
        for frame, state in enumerate(states):
            mujoco.mj_setState(world.model, world.data, state, STATE)
            mujoco.mj_kinematics(world.model, world.data)
            yield render_view(world, view, scene, context, looks, frame=frame)
