"""Pictures of a hand and an object as they stand in a grasp, seen across the closing direction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.errors import RenderError
from graspgen.frames import Array, inverse, matrix_to_quat, pose, pose_to_qpos, transform_points
from graspgen.grippers.gripper import Gripper, opening_to_joints
from graspgen.objects.asset import Asset
from graspgen.raycast import RayCaster
from graspgen.render import gl

#: Vertical field of view, deg.
_FOVY = 30.0
#: The camera looks along the hand's x, a little from the side and a little from behind.
_SIDE, _BEHIND = 0.42, 0.28
_CAMERA, _OBJECT = "grasp_view", "object"
_HAND_ALPHA = 0.4


class GraspRenderer:
    """Renders grasps of one object; use it as `with grasp_renderer(…) as renderer`.

    The hand's base stands at the origin. The base is drawn half transparent, the fingers solid; the object's visual
    mesh too is half transparent where it would hide what is between the pads.
    """

    def __init__(self, asset: Asset, gripper: Gripper, width: int, height: int) -> None:
        self._asset, self._gripper, self._size = asset, gripper, (width, height)
        self._caster = RayCaster(asset.mesh.vertices, asset.mesh.faces)
        self._model = _model(asset, gripper, width, height)
        self._data = mujoco.MjData(self._model)
        self._joints = [self._model.joint(j).qposadr[0] for j in gripper.joints]
        self._free = self._model.joint(_OBJECT).qposadr[0]
        self._scene = mujoco.MjvScene(self._model, maxgeom=self._model.ngeom + 8)
        self._context = mujoco.MjrContext(self._model, mujoco.mjtFontScale.mjFONTSCALE_50)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)

    def close(self) -> None:
        """Free what was uploaded for the object."""
        self._context.free()

    def render(self, T_base_object: Array, opening: float, driven: Array | None = None) -> NDArray[np.uint8]:
        """Render the object at the (4, 4) pose `T_base_object` in the hand, whose pads are `opening` m apart.

        The driven joints of a multi-finger hand are at (d,) `driven`, if that is given.

        Returns:
            (height, width, 3) uint8 image; the approach points downwards.
        """
        model, data = self._model, self._data
        data.qpos[self._joints] = opening_to_joints(
            self._gripper, np.array([opening]), None if driven is None else driven[None]
        )[0]
        data.qpos[self._free : self._free + 7] = pose_to_qpos(T_base_object)
        T_base_camera, hidden = self._camera(T_base_object)
        camera = model.camera(_CAMERA)
        camera.pos[:] = T_base_camera[:3, 3]
        camera.quat[:] = matrix_to_quat(T_base_camera[:3, :3] @ np.diag([1.0, -1.0, -1.0]))
        model.mat_rgba[model.material(_OBJECT).id, 3] = 0.45 if hidden else 1.0
        mujoco.mj_kinematics(model, data)
        mujoco.mj_camlight(model, data)
        view = mujoco.MjvCamera()
        view.type, view.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, camera.id
        option = mujoco.MjvOption()
        option.geomgroup[:] = [1, 1, 1, 0, 0, 0]
        everything = int(mujoco.mjtCatBit.mjCAT_ALL)
        mujoco.mjv_updateScene(model, data, option, None, view, everything, self._scene)
        rect, rgb = mujoco.MjrRect(0, 0, *self._size), np.zeros((self._size[1], self._size[0], 3), np.uint8)
        mujoco.mjr_render(rect, self._scene, self._context)
        mujoco.mjr_readPixels(rgb, None, rect, self._context)
        return np.ascontiguousarray(rgb[::-1])

    def _camera(self, T_base_object: Array) -> tuple[Array, bool]:
        """(4, 4) pose of the OpenCV camera in the base frame, and whether the object hides the tool point from it."""
        tcp = self._gripper.T_base_tcp[:3, 3]
        T_object_base = inverse(T_base_object)
        ways = np.array([[sx, sy * _SIDE, -_BEHIND] for sx in (1, -1) for sy in (1, -1)])
        ways /= np.linalg.norm(ways, axis=1, keepdims=True)
        origin = transform_points(T_object_base, tcp[None])
        hits = self._caster.all_hits(np.repeat(origin, 4, axis=0), ways @ T_object_base[:3, :3].T, 1.0)
        walls = np.bincount(hits.ray, minlength=4)
        # Inside the object one wall always lies before the camera, which hides nothing that matters.
        best = int(np.argmin(walls))
        distance = 0.40 + 0.55 * min(float(self._asset.extents.max()), 0.25)
        forward = -ways[best]
        down = np.array([0.0, 0.0, 1.0])
        down -= down @ forward * forward
        down /= np.linalg.norm(down)
        R = np.stack([np.cross(down, forward), down, forward], axis=-1)
        return pose(R, tcp + [0, 0, -0.02] + distance * ways[best]), bool(walls[best] > 0)


@contextmanager
def grasp_renderer(asset: Asset, gripper: Gripper, width: int = 320, height: int = 260) -> Iterator[GraspRenderer]:
    """Open a renderer of one object's grasps.

    Raises:
        RenderError: no OpenGL backend works here, or it refuses images of this size.
    """
    gl.make_current()
    try:
        renderer = GraspRenderer(asset, gripper, width, height)
    except mujoco.FatalError as error:
        gl.forget_errors()
        raise RenderError(f"OpenGL ({gl.renderer_name()}) refuses images of {width}x{height} px: {error}") from error
    try:
        yield renderer
    finally:
        renderer.close()


def _model(asset: Asset, gripper: Gripper, width: int, height: int) -> mujoco.MjModel:
    spec = gripper.spec()
    fingers = {g.name for name in gripper.file.fingers for g in spec.body(name).find_all("geom")}
    for geom in spec.geoms:
        geom.contype = geom.conaffinity = 0
        if not gripper.suction and geom.rgba[3] > 0:  # cups hide little, and their skirts are clear
            geom.rgba = [*geom.rgba[:3], 1.0 if geom.name in fingers else _HAND_ALPHA]
    spec.add_texture(
        name="background", type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.93, 0.94, 0.96], rgb2=[0.72, 0.75, 0.80], width=64, height=384,
    )  # fmt: skip
    mesh = asset.mesh
    added = spec.add_mesh(
        name=_OBJECT, uservert=mesh.vertices.ravel(), userface=mesh.faces.ravel(),
        inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
    )  # fmt: skip
    material = spec.add_material(name=_OBJECT, specular=0.2, shininess=0.4, rgba=[0.93, 0.62, 0.25, 1.0])
    if mesh.uv is not None and mesh.texture is not None:
        # MuJoCo counts texture rows from the top, the asset from the bottom.
        added.usertexcoord, added.userfacetexcoord = (mesh.uv * [1, -1] + [0, 1]).ravel(), mesh.faces.ravel()
        rows, columns = mesh.texture.shape[:2]
        texture = spec.add_texture(
            name=_OBJECT, type=mujoco.mjtTexture.mjTEXTURE_2D, width=columns, height=rows, nchannel=3
        )
        texture.data = np.ascontiguousarray(mesh.texture).tobytes()
        material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = _OBJECT
        material.rgba = [1.0, 1.0, 1.0, 1.0]
    body = spec.worldbody.add_body(name=_OBJECT, mass=1.0, inertia=[1.0, 1.0, 1.0], explicitinertial=True)
    body.add_freejoint(name=_OBJECT)
    body.add_geom(type=mujoco.mjtGeom.mjGEOM_MESH, meshname=_OBJECT, material=_OBJECT, contype=0, conaffinity=0)
    spec.worldbody.add_camera(name=_CAMERA, fovy=_FOVY)
    spec.worldbody.add_light(pos=[0.6, 0.5, -0.8], dir=[-0.6, -0.5, 0.8], castshadow=False, diffuse=[0.45] * 3)
    spec.worldbody.add_light(pos=[-0.6, -0.5, -0.8], dir=[0.6, 0.5, 0.8], castshadow=False, diffuse=[0.45] * 3)
    model = spec.compile()
    model.vis.headlight.ambient[:], model.vis.headlight.diffuse[:] = 0.35, 0.25
    model.vis.global_.offwidth, model.vis.global_.offheight = width, height
    model.vis.quality.offsamples = 4
    return model
