"""What both passes of the OpenGL engine share, and the pass that draws ids in place of colours."""

from __future__ import annotations

from collections.abc import Collection

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.grasps.outcomes import HAND_INSTANCE
from graspgen.lens import pinhole, pinhole_positions
from graspgen.render.hidden import See
from graspgen.render.lens import has_lens, nearest
from graspgen.scene.flying import flying_geoms, show_flying
from graspgen.scene.plan import ViewPlan
from graspgen.scene.world import World

#: Groups of geoms that are drawn; collision geoms are in group 3.
VISIBLE_GROUPS = (0, 1, 2)

_STATIC_AND_DYNAMIC = int(mujoco.mjtCatBit.mjCAT_STATIC) | int(mujoco.mjtCatBit.mjCAT_DYNAMIC)
_GEOM = int(mujoco.mjtObj.mjOBJ_GEOM)


def _visible_options() -> mujoco.MjvOption:
    option = mujoco.MjvOption()
    option.flags[:] = 0
    for flag in (mujoco.mjtVisFlag.mjVIS_TEXTURE, mujoco.mjtVisFlag.mjVIS_STATIC):
        option.flags[flag] = 1
    option.geomgroup[:] = 0
    option.geomgroup[list(VISIBLE_GROUPS)] = 1
    option.sitegroup[:] = 0
    return option


_OPTIONS = _visible_options()


def set_flags(scene: mujoco.MjvScene, *, ids: bool, shadows: bool) -> None:
    """Set how the next pass draws: ids or colours, with shadows or without."""
    flag = mujoco.mjtRndFlag
    scene.flags[:] = 0
    scene.flags[flag.mjRND_CULL_FACE] = 1
    scene.flags[flag.mjRND_SHADOW] = shadows
    scene.flags[flag.mjRND_FOG] = not ids
    scene.flags[flag.mjRND_SEGMENT] = ids
    scene.flags[flag.mjRND_IDCOLOR] = ids


def aim(
    world: World, number: int, flying: Collection[int], scene: mujoco.MjvScene, context: mujoco.MjrContext
) -> mujoco.MjrRect:
    """Put what a view shows, these flying distractors among it, into the scene; return the image's rectangle."""
    view = world.plan.views[number]
    camera = mujoco.MjvCamera()
    camera.type, camera.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, int(world.camera_ids[number])
    # The far plane is the farthest of all views': the fog, which hides where it cuts, is made with the context.
    world.model.vis.map.znear = view.near / world.model.stat.extent
    show_flying(world.model, world.plan.views, number, flying)
    mujoco.mjv_updateScene(world.model, world.data, _OPTIONS, None, camera, _STATIC_AND_DYNAMIC, scene)
    wide = pinhole(view.K, view.distortion, view.width, view.height)
    if (context.offWidth, context.offHeight) != (wide.width, wide.height):
        mujoco.mjr_resizeOffscreen(wide.width, wide.height, context)
    return mujoco.MjrRect(0, 0, wide.width, wide.height)


def look_at_ids(world: World, number: int, scene: mujoco.MjvScene, context: mujoco.MjrContext) -> See:
    """Return what looks at the ids of a view, with any of its flying distractors."""
    view, ids, numbers = world.plan.views[number], mask_ids(world), flying_numbers(world, number)

    def look(shown: Collection[int]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        rect = aim(world, number, shown, scene, context)
        pixels = np.empty((rect.height, rect.width, 3), np.uint8)
        set_flags(scene, ids=True, shadows=False)
        mujoco.mjr_render(rect, scene, context)
        mujoco.mjr_readPixels(pixels, None, rect, context)
        upright = through_ids(view, pixels[::-1])
        return geom_values(upright, scene, ids), geom_values(upright, scene, numbers, -1)

    return look


def through_ids(view: ViewPlan, image: NDArray) -> NDArray:
    """Return an image of ids, or of their colours, as the view's lens shows it."""
    if not has_lens(view):
        return image
    return nearest(image, pinhole_positions(view.K, view.distortion, view.width, view.height))


def flying_numbers(world: World, number: int) -> NDArray[np.int64]:
    """Return the (ngeom,) numbers of the flying distractors of a view, −1 for all other geoms."""
    count = len(world.plan.views[number].flying)
    numbers = np.full(world.model.ngeom, -1)
    numbers[flying_geoms(world.model, number, count)] = np.arange(count)
    return numbers


def mask_ids(world: World) -> NDArray[np.uint8]:
    """Return the (ngeom,) ids that geoms have in masks: 0 for what is not labelled, `HAND_INSTANCE` for a hand."""
    labelled = [HAND_INSTANCE, *(world.objects[i].plan.instance_id for i in world.labelled)]
    shown = np.zeros(256, np.uint8)
    shown[labelled] = labelled
    return shown[world.geom_instance]


def target_ids(world: World) -> list[int]:
    """Return the instance ids of the objects that are grasped."""
    return [world.objects[i].plan.instance_id for i in world.targets]


def geom_values(
    colours: NDArray[np.uint8], scene: mujoco.MjvScene, of_geom: NDArray[np.integer], other: int = 0
) -> NDArray[np.integer]:
    """Turn the colours of the id pass into values of geoms.

    Args:
        colours: (H, W, 3) number of the drawn geom + 1, lowest byte in red.
        scene: that was drawn.
        of_geom: (ngeom,) value of each of the model's geoms.
        other: value of what is no geom.

    Returns:
        (H, W), of the type of `of_geom`.
    """
    lookup = np.full(scene.ngeom + 1, other, of_geom.dtype)
    for geom in scene.geoms[: scene.ngeom]:
        if int(geom.objtype) == _GEOM and geom.segid >= 0:
            lookup[geom.segid + 1] = of_geom[geom.objid]
    if len(lookup) <= 256 and lookup.itemsize == 1:
        # Bytes translate several times as fast as NumPy looks up.
        red = bytearray(np.ascontiguousarray(colours[..., 0])).translate(
            lookup.tobytes().ljust(256, lookup[-1:].tobytes())
        )
        return np.frombuffer(red, lookup.dtype).reshape(colours.shape[:2])
    if len(lookup) <= 256:
        return lookup.take(colours[..., 0], mode="clip")
    return lookup.take(colours.astype(np.uint32) @ np.array([1, 1 << 8, 1 << 16], np.uint32), mode="clip")
