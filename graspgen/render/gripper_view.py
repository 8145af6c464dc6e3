"""A picture of a hand open, half open and closed."""

from __future__ import annotations

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.errors import RenderError
from graspgen.frames import Array
from graspgen.grippers.gripper import Gripper, opening_to_joints
from graspgen.render import gl

#: Openings that are shown, as shares of the stroke.
SHARES = (1.0, 0.5, 0.0)
_CAMERA, _FOVY = "gripper_view", 24.0
#: The camera looks along −x, a little from the side and from the base's end.
_WAY = np.array([1.0, 0.42, -0.22])
_MARGIN = 1.12


def gripper_picture(gripper: Gripper, width: int = 320, height: int = 400) -> NDArray[np.uint8]:
    """Render a hand open, half open and closed, side by side (a suction gripper once); the approach points downwards.

    Args:
        gripper: the hand.
        width, height: of each, px.

    Returns:
        (height, 3 · width, 3) uint8 image, of a suction gripper (height, width, 3).

    Raises:
        RenderError: no OpenGL backend works here, or it refuses images of this size.
    """
    gl.make_current()
    model = _model(gripper, width, height)
    data = mujoco.MjData(model)
    corners, shares = [], SHARES[:1] if gripper.suction else SHARES
    for share in shares:
        _pose(gripper, model, data, share)
        corners.append(_corners(model, data))
    R, eye = _camera(np.concatenate(corners), width / height)
    try:
        context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50)
    except mujoco.FatalError as error:
        gl.forget_errors()
        raise RenderError(f"OpenGL ({gl.renderer_name()}) refuses images of {width}x{height} px: {error}") from error
    try:
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, context)
        scene = mujoco.MjvScene(model, maxgeom=model.ngeom + 16)
        camera, option = mujoco.MjvCamera(), mujoco.MjvOption()
        camera.type, camera.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, model.camera(_CAMERA).id
        # By custom the first three groups are drawn; a model that has none of them is drawn whole.
        drawn = model.geom_group < 3
        option.geomgroup[:] = [1, 1, 1, 0, 0, 0] if drawn.any() else 1
        option.sitegroup[:] = 0
        for flag in (mujoco.mjtVisFlag.mjVIS_TENDON, mujoco.mjtVisFlag.mjVIS_ACTUATOR):
            option.flags[flag] = 0
        rect, images = mujoco.MjrRect(0, 0, width, height), []
        for share in shares:
            _pose(gripper, model, data, share)
            data.cam_xpos[camera.fixedcamid], data.cam_xmat[camera.fixedcamid] = eye, R.ravel()
            mujoco.mjv_updateScene(model, data, option, None, camera, int(mujoco.mjtCatBit.mjCAT_ALL), scene)
            rgb = np.empty((height, width, 3), np.uint8)
            mujoco.mjr_render(rect, scene, context)
            mujoco.mjr_readPixels(rgb, None, rect, context)
            images.append(rgb[::-1])
    finally:
        context.free()
    return np.ascontiguousarray(np.concatenate(images, axis=1))


def _pose(gripper: Gripper, model: mujoco.MjModel, data: mujoco.MjData, share: float) -> None:
    positions = opening_to_joints(gripper, [share * gripper.file.stroke])[0]
    for name, value in zip(gripper.joints, positions, strict=True):
        data.joint(name).qpos[:] = value
    mujoco.mj_kinematics(model, data)
    mujoco.mj_camlight(model, data)


def _corners(model: mujoco.MjModel, data: mujoco.MjData) -> Array:
    """(n, 3) corners of the boxes around the geoms, m."""
    signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
    local = model.geom_aabb[:, None, :3] + signs * model.geom_aabb[:, None, 3:]
    placed = np.einsum("gij,gcj->gci", data.geom_xmat.reshape(-1, 3, 3), local) + data.geom_xpos[:, None]
    return placed.reshape(-1, 3)


def _camera(points: Array, aspect: float) -> tuple[Array, Array]:
    """(3, 3) axes of the camera (OpenGL), and its (3,) place, from which it sees all of (n, 3) points, m."""
    back = _WAY / np.linalg.norm(_WAY)
    up = np.array([0.0, 0.0, -1.0])
    up -= up @ back * back
    up /= np.linalg.norm(up)
    R = np.stack([np.cross(up, back), up, back], axis=1)
    focus = (points.min(axis=0) + points.max(axis=0)) / 2
    seen = (points - focus) @ R
    slope = np.tan(np.radians(_FOVY / 2)) / _MARGIN
    distance = float((np.abs(seen[:, :2]) / (slope * np.array([aspect, 1.0])) + seen[:, 2:]).max())
    return R, focus + distance * back


def _model(gripper: Gripper, width: int, height: int) -> mujoco.MjModel:
    spec = gripper.spec()
    spec.add_texture(
        name="gripper_view", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT, rgb1=[0.93, 0.94, 0.96], rgb2=[0.72, 0.75, 0.80], width=64,
        height=384,
    )  # fmt: skip
    spec.worldbody.add_camera(name=_CAMERA, fovy=_FOVY)
    for x, y, z, light in ((0.8, 0.7, -0.5, 0.55), (0.6, -0.9, -0.2, 0.25), (0.5, 0.2, 0.9, 0.2)):
        away = [-x, -y, -z]
        spec.worldbody.add_light(pos=[x, y, z], dir=away, castshadow=False, diffuse=[light] * 3, specular=[0.1] * 3)
    model = spec.compile()
    model.vis.headlight.ambient[:], model.vis.headlight.diffuse[:] = 0.4, 0.15
    model.vis.global_.offwidth, model.vis.global_.offheight = width, height
    model.vis.quality.offsamples = 4
    return model
