"""Small scenes with known geometry for the tests of rendering and labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh

from graspgen.frames import look_at, pose
from graspgen.objects.asset import Asset, Mesh, Part
from graspgen.scene.arena_fit import table_arena
from graspgen.scene.build import build_world
from graspgen.scene.plan import LightPlan, ObjectPlan, ScenePlan, SurfacePlan, ViewPlan
from graspgen.scene.world import World


def mesh_of(shape: trimesh.Trimesh) -> Mesh:
    return Mesh(shape.vertices, shape.faces)


def asset_of(shape: trimesh.Trimesh, name: str = "thing") -> Asset:
    return Asset(
        name=name,
        class_name=name,
        mesh=mesh_of(shape),
        parts=(Part("hull", vertices=shape.convex_hull.vertices),),
        volume=float(shape.volume),
        com=shape.center_mass,
        unit_inertia=shape.moment_inertia / 1.0,
        density=1000.0,
        friction=0.5,
        source="test",
    )


def K_of(width: int, height: int, fovy_deg: float = 45.0) -> np.ndarray:
    f = height / 2 / np.tan(np.radians(fovy_deg) / 2)
    return np.array([[f, 0, width / 2], [0, f, height / 2], [0, 0, 1.0]])


def view_of(
    width: int = 160,
    height: int = 120,
    *,
    K: np.ndarray | None = None,
    T_world_camera: np.ndarray | None = None,
    lights: int = 2,
    shadows: bool = True,
    table_colour: tuple[float, float, float] = (0.7, 0.6, 0.5),
    background_colour: tuple[float, float, float] = (0.4, 0.5, 0.6),
    ambient: float = 0.3,
) -> ViewPlan:
    K = K_of(width, height) if K is None else K
    T = look_at([0.5, -0.4, 0.45], [0, 0, 0.02]) if T_world_camera is None else T_world_camera
    turns = 2.2 * np.arange(lights)
    return ViewPlan(
        width=width,
        height=height,
        K=K.tolist(),
        T_world_camera=T.tolist(),
        T_world_camera_nominal=T.tolist(),
        lights=tuple(
            LightPlan(position=(np.cos(a), np.sin(a), 1.3), diffuse=0.7 / lights, shadows=shadows and i == 0)
            for i, a in enumerate(turns)
        ),
        ambient=ambient,
        surfaces={"table": SurfacePlan(colour=table_colour), "background": SurfacePlan(colour=background_colour)},
    )


def world_of(
    shapes: Sequence[trimesh.Trimesh],
    poses: Sequence[np.ndarray],
    views: Sequence[ViewPlan],
    colours: Sequence[tuple[float, float, float]] | None = None,
    table_size: tuple[float, float, float] = (0.9, 0.7, 0.04),
) -> World:
    """Build a world whose object i + 1 is shapes[i] at poses[i] (`T_world_object`)."""
    rng = np.random.default_rng(5)
    plan = ScenePlan(
        seed=0,
        index=0,
        attempt=0,
        task="test",
        gravity=9.81,
        arena=table_arena(table_size, 0.5),
        objects=tuple(
            ObjectPlan(
                instance_id=i + 1,
                asset=i,
                scale=1.0,
                density=1000.0,
                friction=(0.5, 0.005, 0.0005),
                surface=SurfacePlan(
                    colour=tuple(colours[i] if colours else rng.uniform(0.2, 1, 3)), specular=0.3, shininess=0.5
                ),
                T_world_object_dropped=np.asarray(T).tolist(),
            )
            for i, T in enumerate(poses)
        ),
        views=tuple(views),
        grasp_stream=(0, 0),
    )
    return build_world(plan, {i: asset_of(s) for i, s in enumerate(shapes)})


def at(x: float, y: float, z: float, rotation: np.ndarray | None = None) -> np.ndarray:
    return pose(rotation, [x, y, z])


def table_of_ten() -> tuple[list[trimesh.Trimesh], list[np.ndarray]]:
    """Ten shapes of about the size and number of triangles of procedural objects, standing on the
    table."""
    make = trimesh.creation
    shapes = [
        make.box([0.06, 0.09, 0.05]),
        make.cylinder(0.03, 0.1, sections=64),
        make.icosphere(4, 0.035),
        make.capsule(0.08, 0.02, count=[24, 24]),
        make.annulus(0.03, 0.035, 0.09, sections=64),
        make.torus(0.04, 0.012, 48, 24),
        make.cone(0.04, 0.1, sections=64),
        make.box([0.03, 0.03, 0.14]),
        make.cylinder(0.05, 0.03, sections=64),
        make.icosphere(3, 0.025),
    ]
    spots = [(x, y) for x in (-0.2, -0.1, 0.0, 0.1, 0.2) for y in (-0.08, 0.08)]
    return shapes, [at(x, y, -s.bounds[0, 2]) for s, (x, y) in zip(shapes, spots, strict=True)]
