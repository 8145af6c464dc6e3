"""Simple assets of known geometry, and scenes of them, for the tests of scenes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import trimesh

from graspgen.frames import look_at, pose
from graspgen.objects.asset import Asset, Mesh, Part
from graspgen.scene.arena_fit import table_arena
from graspgen.scene.plan import ArenaPlan, LightPlan, ObjectPlan, ScenePlan, SurfacePlan, ViewPlan


def asset_of(shape: trimesh.Trimesh, *parts: Part, name: str = "thing") -> Asset:
    unit = shape.mass_properties
    return Asset(
        name=name,
        class_name=name,
        mesh=Mesh(shape.vertices, shape.faces),
        parts=parts or (Part("hull", vertices=shape.convex_hull.vertices),),
        volume=float(shape.volume),
        com=np.array(unit.center_mass),
        unit_inertia=np.array(unit.inertia) / unit.density,
        density=700.0,
        friction=0.6,
        source="test",
    )


def box(x: float, y: float, z: float, offset: Sequence[float] = (0, 0, 0)) -> Asset:
    """A box whose centre is at `offset` in the asset's frame."""
    shape = trimesh.creation.box((x, y, z))
    shape.apply_translation(offset)
    return asset_of(shape, Part("box", [x / 2, y / 2, z / 2], pose(None, offset)), name="box")


def ball(radius: float) -> Asset:
    return asset_of(trimesh.creation.icosphere(3, radius), Part("sphere", [radius]), name="ball")


def cylinder(radius: float, height: float) -> Asset:
    shape = trimesh.creation.cylinder(radius, height, sections=64)
    return asset_of(shape, Part("cylinder", [radius, height / 2]), name="cylinder")


def wedge(seed: int = 0, size: float = 0.06, offset: Sequence[float] = (0, 0, 0)) -> Asset:
    """A hull without any symmetry, away from its frame's origin."""
    points = np.random.default_rng(seed).uniform(-size / 2, size / 2, (14, 3)) + offset
    return asset_of(trimesh.PointCloud(points).convex_hull, name="wedge")


class Shelf:
    """A catalogue of given assets."""

    def __init__(self, *assets: Asset) -> None:
        self.assets = assets

    def __len__(self) -> int:
        return len(self.assets)

    @property
    def class_names(self) -> list[str]:
        return sorted({a.class_name for a in self.assets})

    def asset(self, number: int) -> Asset:
        return self.assets[number]


def mixed_shelf() -> Shelf:
    rng = np.random.default_rng(3)
    u = rng.uniform
    return Shelf(
        *(box(u(0.03, 0.1), u(0.03, 0.1), u(0.02, 0.1)) for _ in range(4)),
        *(ball(u(0.015, 0.04)) for _ in range(2)),
        *(cylinder(u(0.015, 0.04), u(0.03, 0.12)) for _ in range(3)),
        *(wedge(s, u(0.05, 0.09), (0.02, 0, 0)) for s in range(4)),
    )


def plan_of(
    *poses: np.ndarray,
    assets: Sequence[int] | None = None,
    friction: tuple[float, float, float] = (0.6, 0.005, 0.0005),
    table_friction: float = 0.6,
    arena: ArenaPlan | None = None,
    views: Sequence[ViewPlan] = (),
) -> ScenePlan:
    """A scene of object i + 1, asset i unless `assets` says otherwise, at each pose."""
    return ScenePlan(
        seed=0,
        index=0,
        attempt=0,
        task="test",
        gravity=9.81,
        arena=arena or table_arena((0.9, 0.7, 0.04), table_friction),
        objects=tuple(
            ObjectPlan(
                instance_id=i + 1,
                asset=assets[i] if assets else i,
                scale=1.0,
                density=700.0,
                friction=friction,
                surface=SurfacePlan(colour=(1.0, 0.2, 0.1), specular=0.3, shininess=0.5),
                T_world_object_dropped=tuple(tuple(map(float, row)) for row in T),
            )
            for i, T in enumerate(poses)
        ),
        views=tuple(views),
        grasp_stream=(0, 0),
    )


def view_of(K: np.ndarray, width: int, height: int, roll: float = 0.0) -> ViewPlan:
    T = look_at([0.4, -0.3, 0.5], [0.02, 0.01, 0.03], roll).tolist()
    return ViewPlan(
        width=width,
        height=height,
        K=np.asarray(K).tolist(),
        T_world_camera=T,
        T_world_camera_nominal=T,
        lights=(LightPlan(position=(0.5, 0.5, 1.2), diffuse=0.7, shadows=True),),
        ambient=0.3,
        surfaces={
            "table": SurfacePlan(colour=(0.5, 0.5, 0.5)),
            "background": SurfacePlan(colour=(0.2, 0.2, 0.2)),
        },
    )
