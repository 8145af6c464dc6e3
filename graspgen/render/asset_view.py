"""Pictures of an object by itself, from all around: as it looks, and its collision parts, each in a colour."""

from __future__ import annotations

import math
from collections.abc import Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.errors import RenderError
from graspgen.frames import OPENGL_OPENCV, look_at, matrix_to_quat
from graspgen.objects.asset import Asset
from graspgen.objects.geoms import add_parts
from graspgen.render import gl
from graspgen.scene.visual import add_texture, add_visual_mesh

#: Vertical field of view, deg.
_FOVY = 28.0
#: Half-height of the picture, in radii of the object.
_FILL = 1.08
_VISUAL, _PARTS = 0, 3
#: Shown where an object has no texture.
_COLOUR = (0.93, 0.62, 0.25, 1.0)


def turntable(
    asset: Asset, azimuths: Sequence[float], elevation: float, colours: Sequence[tuple[int, int, int]], size: int
) -> tuple[list[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Render an object from several directions.

    Args:
        asset: the object; its z points up.
        azimuths: directions of the camera, seen from above, rad.
        elevation: of the camera above the object's centre, rad.
        colours: RGB of the collision parts, in turn.
        size: side of the pictures, px.

    Returns:
        A (size, size, 3) uint8 image for each azimuth, and one of the collision parts from the first one.

    Raises:
        RenderError: no OpenGL backend works here, or it refuses images of this size.
    """
    gl.make_current()
    centre = asset.mesh.bounds.mean(axis=0)
    radius = float(np.linalg.norm(asset.mesh.vertices - centre, axis=1).max())
    model = _model(asset, radius, colours, size)
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    distance = _FILL * radius / math.sin(math.radians(_FOVY / 2))
    try:
        scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 8)
        context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50)
    except mujoco.FatalError as error:
        gl.forget_errors()
        raise RenderError(f"OpenGL ({gl.renderer_name()}) refuses images of {size}x{size} px: {error}") from error
    try:
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, context)

        def picture(azimuth: float, group: int) -> NDArray[np.uint8]:
            way = np.array(
                [
                    math.cos(elevation) * math.cos(azimuth),
                    math.cos(elevation) * math.sin(azimuth),
                    math.sin(elevation),
                ]
            )
            T = look_at(centre + distance * way, centre)
            camera = model.camera("view")
            camera.pos[:], camera.quat[:] = T[:3, 3], matrix_to_quat(T[:3, :3] @ OPENGL_OPENCV)
            mujoco.mj_camlight(model, data)
            view = mujoco.MjvCamera()
            view.type, view.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, camera.id
            option = mujoco.MjvOption()
            option.geomgroup[:] = [int(g == group) for g in range(6)]
            mujoco.mjv_updateScene(model, data, option, None, view, int(mujoco.mjtCatBit.mjCAT_ALL), scene)
            rect, rgb = mujoco.MjrRect(0, 0, size, size), np.zeros((size, size, 3), np.uint8)
            mujoco.mjr_render(rect, scene, context)
            mujoco.mjr_readPixels(rgb, None, rect, context)
            return np.ascontiguousarray(rgb[::-1])

        return [picture(azimuth, _VISUAL) for azimuth in azimuths], picture(azimuths[0], _PARTS)
    finally:
        context.free()


def _model(asset: Asset, radius: float, colours: Sequence[tuple[int, int, int]], size: int) -> mujoco.MjModel:
    spec = mujoco.MjSpec()
    spec.add_texture(
        name="background", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.93, 0.94, 0.96], rgb2=[0.72, 0.75, 0.80], width=64, height=384,
    )  # fmt: skip
    add_visual_mesh(spec, asset.mesh, "object", asset.mesh)
    material = spec.add_material(name="object", specular=0.2, shininess=0.4, rgba=_COLOUR)
    if texture := add_texture(spec, asset.mesh, "object"):
        material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = texture
        material.rgba = [1.0, 1.0, 1.0, 1.0]
    body = spec.worldbody.add_body()
    off = {"contype": 0, "conaffinity": 0}
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname="object", material="object", group=_VISUAL, **off)
    for i, geom in enumerate(add_parts(spec, body, asset.parts, "shown", group=_PARTS, **off)):
        geom.rgba = [*(c / 255 for c in colours[i % len(colours)]), 1.0]
    spec.worldbody.add_camera(name="view", fovy=_FOVY)
    far = 4 * radius
    for x, y, bright in ((1, 1, 0.5), (-1, -0.6, 0.35)):
        spec.worldbody.add_light(
            type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, pos=[x * far, y * far, 1.5 * far], dir=[-x, -y, -1.5],
            castshadow=False, diffuse=[bright] * 3, specular=[0.2] * 3,
        )  # fmt: skip
    spec.stat.extent, spec.stat.center = 1.0, [0.0, 0.0, 0.0]
    spec.visual.map.znear, spec.visual.map.zfar = 0.5 * radius, 20 * radius
    model = spec.compile()
    model.vis.headlight.ambient[:], model.vis.headlight.diffuse[:] = 0.35, 0.2
    model.vis.global_.offwidth = model.vis.global_.offheight = size
    model.vis.quality.offsamples = 4
    return model
