"""What every scene has besides its objects: the arena's static geoms, the lights and the cameras."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import mujoco
import numpy as np

from graspgen.errors import SceneError
from graspgen.frames import OPENGL_OPENCV, Array, matrix_to_quat, transform_points
from graspgen.lens import pinhole
from graspgen.objects.asset import Asset, Part
from graspgen.scene import physics
from graspgen.scene.arena_plan import PLANE_HALF_SIDE, ArenaPlan, GeomPlan
from graspgen.scene.plan import LightPlan, ScenePlan, SurfacePlan, Vector, ViewPlan
from graspgen.scene.skin import add_material

GROUP_ARENA, GROUP_HIDDEN = 1, 3
_PIXEL = 1e-5  # side of a sensor's pixel, m; any value gives the same image
#: A plane is as thick as this where only convex parts will do, m.
_PLANE_THICKNESS = 1.0

#: What surfaces are coloured where no view says it.
_COLOURS: dict[str, Vector] = {"table": (0.6, 0.6, 0.6), "background": (0.4, 0.4, 0.4), "wall": (0.7, 0.7, 0.7)}

_KINDS = {
    "plane": mujoco.mjtGeom.mjGEOM_PLANE,
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
    "mesh": mujoco.mjtGeom.mjGEOM_MESH,
}


def add_arena(
    spec: mujoco.MjSpec, plan: ScenePlan, assets: Mapping[int, Asset], walls: tuple[GeomPlan, ...] = ()
) -> None:
    """Add the static geoms of the plan's arena, and `walls` that stand there for a while.

    Materials `table`, `background` and `wall` are coloured anew by every view; geoms with a colour of their own share
    one material a colour. Only drawn geoms that are far below cast no shadow.

    Raises:
        SceneError: a mesh of the arena is not among the assets.
    """
    for name, colour in _COLOURS.items():
        if name != "wall" or any(geom.surface == "wall" for geom in plan.arena.geoms):
            add_material(spec, name, SurfacePlan(colour=colour), plan.views)
    own = plan.arena.own_colours
    for colour, name in own.items():
        add_material(spec, name, SurfacePlan(colour=colour), plan.views)
    for geom in (*plan.arena.geoms, *walls):
        material = geom.surface
        if material == "own":
            if geom.colour not in own:
                own[geom.colour] = f"walls_{len(own)}"
                add_material(spec, own[geom.colour], SurfacePlan(colour=geom.colour), plan.views)
            material = own[geom.colour]
        shape = {} if geom.kind == "mesh" else {"size": geom.size}
        if geom.kind == "plane":
            shape = {"size": [geom.size[0], geom.size[1], 0.1]}
        elif geom.kind == "mesh":
            shape = {"meshname": _mesh(spec, assets, geom, plan)}
        T = np.array(geom.T_world_geom)
        added = spec.worldbody.add_geom(
            name=geom.name,
            type=_KINDS[geom.kind],
            pos=T[:3, 3],
            quat=matrix_to_quat(T[:3, :3]),
            material=material,
            group=GROUP_ARENA if geom.drawn else GROUP_HIDDEN,
            friction=[plan.arena.friction, 0.0, 0.0],
            condim=physics.CONDIM,
            **physics.contact(plan.contact_softness, plan.contact_depth),
            contype=int(geom.collides),
            conaffinity=int(geom.collides),
            # Nothing lies below a plane that is only drawn; its own shadow is only noise.
            castshadow=geom.kind != "plane",
            **shape,
        )
        added.surfacevel = geom.surface_velocity


def _mesh(spec: mujoco.MjSpec, assets: Mapping[int, Asset], geom: GeomPlan, plan: ScenePlan) -> str:
    """Add a mesh of the arena once and return its name."""
    name = f"arena_mesh_{-geom.mesh}"
    if all(m.name != name for m in spec.meshes):
        if geom.mesh not in assets:
            raise SceneError(
                f"scene {plan.index}: the mesh of the arena's geom '{geom.name}' is not among the assets given; "
                "take them from `graspgen.scene.make.assets_of`"
            )
        mesh = assets[geom.mesh].mesh
        drawn = mesh.shaded
        spec.add_mesh(
            name=name,
            uservert=mesh.vertices[drawn.source].ravel(),
            userface=drawn.faces.ravel(),
            usernormal=drawn.normals.ravel(),
            inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL,
        )
    return name


def support_parts(arena: ArenaPlan, assets: Mapping[int, Asset]) -> tuple[Part, ...]:
    """Return what supports in an arena, as convex parts whose poses and vertices are in the world's frame.

    A plane is a thick box, a mesh its convex hull, as MuJoCo collides it.
    """
    parts = []
    for geom in arena.support:
        T = np.array(geom.T_world_geom)
        if geom.kind == "plane":
            half = np.array([PLANE_HALF_SIDE, PLANE_HALF_SIDE, _PLANE_THICKNESS / 2])
            T = T.copy()
            T[:3, 3] -= T[:3, 2] * half[2]
            parts.append(Part("box", half, T))
        elif geom.kind == "mesh":
            parts.append(Part("hull", vertices=transform_points(T, assets[geom.mesh].mesh.vertices)))
        else:
            parts.append(Part(geom.kind, np.array(geom.size), T))
    return tuple(parts)


#: Half the angle of a spot light, deg. Wide, because OpenGL lights the corners of large faces only, where a cone's edge
#: would show as a polygon; the light falls off towards it with the cosine.
CUTOFF = 89.0

LIGHT_TYPES = {
    "spot": mujoco.mjtLightType.mjLIGHT_SPOT,
    "directional": mujoco.mjtLightType.mjLIGHT_DIRECTIONAL,
    "point": mujoco.mjtLightType.mjLIGHT_POINT,
}


def direction(light: LightPlan) -> Array:
    """Return the (3,) unit direction in which a light shines, world frame."""
    towards = np.subtract(light.target, light.position)
    return towards / max(float(np.linalg.norm(towards)), 1e-9)


def add_lights(spec: mujoco.MjSpec, views: Collection[ViewPlan]) -> None:
    """Add as many lights as the view with the most has, lit as in the first view."""
    most = max(views, key=lambda v: len(v.lights), default=None)
    if most is None:
        return
    first = next(iter(views))
    for i, fallback in enumerate(most.lights):
        on = i < len(first.lights)
        light = first.lights[i] if on else fallback
        position = np.array(light.position)
        spec.worldbody.add_light(
            name=f"light_{i}",
            type=LIGHT_TYPES[light.kind],
            pos=position,
            dir=direction(light),
            diffuse=light.diffuse * np.array(light.colour),
            specular=light.diffuse * np.array(light.colour),
            ambient=[0, 0, 0],
            cutoff=CUTOFF,
            exponent=1,
            active=on,
            castshadow=light.shadows,
        )
    spec.visual.headlight.ambient = [first.ambient] * 3


def add_camera(spec: mujoco.MjSpec, view: ViewPlan, name: str) -> None:
    """Add a camera that renders `view` with exactly its K when the image has the view's size.

    With distortion it renders the pinhole image from which that of the lens is made.

    MuJoCo's `principal_pixel` is where the image's centre lies from the principal point, right and
    down: the opposite of K's offset (measured, and held by a test).
    """
    wide = pinhole(view.K, view.distortion, view.width, view.height)
    K, T = np.array(wide.K), np.array(view.T_world_camera)
    spec.worldbody.add_camera(
        name=name,
        pos=T[:3, 3],
        quat=matrix_to_quat(T[:3, :3] @ OPENGL_OPENCV),
        resolution=[wide.width, wide.height],
        sensor_size=[wide.width * _PIXEL, wide.height * _PIXEL],
        focal_pixel=[K[0, 0], K[1, 1]],
        principal_pixel=[wide.width / 2 - K[0, 2], wide.height / 2 - K[1, 2]],
    )


def set_visual(spec: mujoco.MjSpec, plan: ScenePlan) -> None:
    """Set the clipping planes, the size of offscreen images, and no light but the planned ones."""
    spec.stat.extent = 1.0  # MuJoCo's clipping planes are multiples of it
    spec.stat.center = [0.0, 0.0, 0.0]
    visual = spec.visual
    visual.map.znear = min((v.near for v in plan.views), default=0.02)
    visual.map.zfar = max((v.far for v in plan.views), default=6.5)
    visual.quality.offsamples = 0
    if any(geom.kind not in ("box", "plane", "mesh") for geom in plan.arena.geoms):
        # A round fixture is drawn with facets: so many that its depth is off by 0.03 mm for a radius of 5 cm, not
        # 0.3 mm. They are made with every context, which then takes 28 ms instead of 8.
        visual.quality.numslices, visual.quality.numstacks = 96, 96
    visual.headlight.active = 1
    visual.headlight.diffuse = visual.headlight.specular = [0, 0, 0]
    sizes = [pinhole(v.K, v.distortion, v.width, v.height) for v in plan.views]
    visual.global_.offwidth = max([16, *(s.width for s in sizes)])
    visual.global_.offheight = max([16, *(s.height for s in sizes)])
