"""Build the MuJoCo model of a planned scene.

An object is a free body whose frame is its asset's frame, with the mass, centre of mass and inertia
of its plan. Its collision parts are in geom group 3 and are not drawn; its mesh is in group 2 and
does not collide.

Friction: between an object and whatever collides in the arena, sliding friction is the geometric mean
of both, and torsional and rolling friction are the object's (explicit contact pairs). Between two
objects, MuJoCo takes the larger of each coefficient.

Names, for the renderer, which sets the looks of each view in the compiled model: materials `table`,
`background` and `object_<instance>`; lights `light_0` …, as many as the view with the most; cameras
`view_0` …; bodies and free joints `object_<instance>`; the arena's geoms as its plan names them, those
with a colour of their own with the materials `arena_0` …; flying distractors and their materials
`flying_<view>_<number>`. The model starts with the looks of view 0;
its ambient light is the headlight's, which gives no other light.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import mujoco
import numpy as np
from numpy.typing import ArrayLike

from graspgen.errors import ObjectError, SceneError
from graspgen.frames import matrix_to_quat
from graspgen.objects.asset import Asset, Part
from graspgen.objects.redistribute import redistributed
from graspgen.scene import arena, physics
from graspgen.scene.flying import add_flying
from graspgen.scene.plan import ObjectPlan, ScenePlan
from graspgen.scene.skin import add_material, painted
from graspgen.scene.visual import add_bare_mesh, add_texture, add_visual_mesh, seen_texels
from graspgen.scene.world import SceneObject, World

GROUP_VISUAL, GROUP_COLLISION = 2, 3

_PRIMITIVES = {
    "box": mujoco.mjtGeom.mjGEOM_BOX,
    "sphere": mujoco.mjtGeom.mjGEOM_SPHERE,
    "ellipsoid": mujoco.mjtGeom.mjGEOM_ELLIPSOID,
    "capsule": mujoco.mjtGeom.mjGEOM_CAPSULE,
    "cylinder": mujoco.mjtGeom.mjGEOM_CYLINDER,
}


def build_world(
    plan: ScenePlan,
    assets: Mapping[int, Asset],
    *,
    T_world_object: Mapping[int, ArrayLike] | None = None,
    instances: Collection[int] | None = None,
    views: bool = True,
    walls: bool = False,
) -> World:
    """Compile a planned scene.

    Args:
        plan: the scene.
        assets: the unscaled assets by their number in the catalogue.
        T_world_object: (4, 4) poses by instance id, where an object is not where it was dropped.
        instances: only these objects; all when None.
        views: whether the world is to be seen: whether to add the cameras and lights of the planned views, and the
            textures and normals of meshes. All of it leaves the physics as it is, to the last bit.
        walls: whether to add the arrangement's walls, which stand only while objects fall.

    Raises:
        SceneError: the plan names an asset that is not given, or MuJoCo refuses the model.
    """
    spec, objects = scene_spec(
        plan, assets, T_world_object=T_world_object, instances=instances, views=views, walls=walls
    )
    try:
        model = spec.compile()
    except ValueError as error:
        raise SceneError(
            f"scene {plan.index} does not compile: {' '.join(str(error).split())}; "
            f"its objects: {', '.join(t.asset.name for t in objects)}"
        ) from error
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    return _world(plan, assets, objects, model, data, len(plan.views) if views else 0)


def scene_spec(
    plan: ScenePlan,
    assets: Mapping[int, Asset],
    *,
    T_world_object: Mapping[int, ArrayLike] | None = None,
    instances: Collection[int] | None = None,
    views: bool = True,
    walls: bool = False,
    drawn: bool = True,
) -> tuple[mujoco.MjSpec, list[SceneObject]]:
    """Return the editable model of a planned scene and its objects; the other arguments are those of `build_world`.

    Args:
        drawn: whether to add the objects' meshes that are drawn. They do not collide, but are in the trees in which
            MuJoCo looks for contacts: without them these come in another order, and sums differ in the last bit.

    Raises:
        SceneError: the plan names an asset that is not given.
    """
    poses = dict(T_world_object or {})
    chosen = [o for o in plan.objects if instances is None or o.instance_id in instances]
    spec = mujoco.MjSpec()
    spec.modelname = f"scene_{plan.index}"
    spec.compiler.inertiafromgeom = mujoco.mjtInertiaFromGeom.mjINERTIAFROMGEOM_FALSE
    spec.compiler.alignfree = False
    physics.apply(spec, plan.gravity_vector)
    temporary = plan.arrangement.walls if walls else ()
    arena.add_arena(spec, plan, assets, temporary)
    support = [g.name for g in (*plan.arena.support, *temporary)]
    objects = []
    shapes: dict[tuple[int, float], _Shape] = {}
    for o in chosen:
        if o.asset not in assets:
            raise SceneError(f"scene {plan.index}: asset {o.asset} of its plan is not among the assets given")
        shape = shapes.get((o.asset, o.scale))
        if shape is None:
            shape = _Shape(assets[o.asset], (o.asset, len(shapes)), o.scale)
            if drawn and views:
                alike = [c for c in chosen if (c.asset, c.scale) == (o.asset, o.scale)]
                textured = any(painted(v.surfaces.get(_name(c), c.surface)) for c in alike for v in plan.views)
                alike = [c for c in chosen if c.asset == o.asset]
                shape.draw(spec, textured, max(seen_texels(plan.views, c, assets[o.asset].mesh) for c in alike))
            elif drawn:
                shape.draw(spec, False, None)
            shape.collide(spec)
            shapes[(o.asset, o.scale)] = shape
        own = redistributed(shape.asset, o.com_offset, o.inertia_scale)
        thing = SceneObject(
            plan=o,
            asset=own,
            mass=o.density * own.volume,
            inertia=o.density * np.asarray(own.unit_inertia, float),
        )
        _add_object(spec, thing, shape, poses.get(o.instance_id, o.T_world_object_dropped), plan, support)
        objects.append(thing)
    arena.set_visual(spec, plan)
    if views:
        arena.add_lights(spec, plan.views)
        for v, view in enumerate(plan.views):
            arena.add_camera(spec, view, f"view_{v}")
        add_flying(spec, plan.views)
    return spec, objects


def _world(
    plan: ScenePlan,
    assets: Mapping[int, Asset],
    objects: list[SceneObject],
    model: mujoco.MjModel,
    data: mujoco.MjData,
    views: int,
) -> World:
    body_ids = np.array([model.body(_name(o.plan)).id for o in objects], np.int32)
    of_body = np.zeros(model.nbody, np.uint8)
    of_body[body_ids] = [o.plan.instance_id for o in objects]
    return World(
        plan=plan,
        assets=assets,
        support=arena.support_parts(plan.arena, assets),
        support_geoms=np.array([model.geom(g.name).id for g in plan.arena.support], np.int32),
        objects=tuple(objects),
        model=model,
        data=data,
        body_ids=body_ids,
        geom_instance=of_body[model.geom_bodyid],
        camera_ids=np.array([model.camera(f"view_{v}").id for v in range(views)], np.int32),
    )


class _Shape:
    """The meshes of an asset at one scale, which all objects of that kind share.

    Args:
        asset: unscaled.
        number: of it in the catalogue, and of this shape.
        scale: of it.
    """

    def __init__(self, asset: Asset, number: tuple[int, int], scale: float) -> None:
        self.asset, self._own, self._number = asset.scaled(scale), asset, number
        self.visual: str | None = None
        self.texture: str | None = None
        self.hulls: list[str | None] = []

    def draw(self, spec: mujoco.MjSpec, textured: bool, texels: float | None) -> None:
        """Add the mesh that is drawn.

        Args:
            spec: to add it to.
            textured: whether it needs texture coordinates although it brings no texture of its own.
            texels: of its texture that can be seen along a side; None where nothing is to be seen.
        """
        asset, index = self._number
        self.visual = f"visual_{index}"
        if texels is None:
            add_bare_mesh(spec, self.asset.mesh, self.visual)
            return
        self.texture = add_texture(spec, self._own.mesh, f"texture_{asset}", texels)
        add_visual_mesh(spec, self.asset.mesh, self.visual, self._own.mesh, textured)

    def collide(self, spec: mujoco.MjSpec) -> None:
        """Add the hulls that collide."""
        for p, part in enumerate(self.asset.parts):
            if part.kind != "hull":
                self.hulls.append(None)
                continue
            if len(part.vertices) < 4:
                raise ObjectError(
                    f"object '{self.asset.name}': collision part {p} has {len(part.vertices)} points, "
                    "a hull needs 4; import the object again"
                )
            name = f"hull_{self._number[1]}_{p}"
            spec.add_mesh(name=name, uservert=part.vertices.ravel())
            self.hulls.append(name)


def _add_object(
    spec: mujoco.MjSpec, thing: SceneObject, shape: _Shape, T: ArrayLike, plan: ScenePlan, support: Sequence[str]
) -> None:
    T, o, name = np.asarray(T, float), thing.plan, _name(thing.plan)
    add_material(spec, name, o.surface, plan.views, own=shape.texture)
    i = thing.inertia
    body = spec.worldbody.add_body(
        name=name,
        pos=T[:3, 3],
        quat=matrix_to_quat(T[:3, :3]),
        mass=thing.mass,
        ipos=thing.asset.com,
        fullinertia=[i[0, 0], i[1, 1], i[2, 2], i[0, 1], i[0, 2], i[1, 2]],
        explicitinertial=True,
    )
    body.add_freejoint(name=name)
    if shape.visual is not None:
        body.add_geom(
            name=f"{name}_visual",
            type=mujoco.mjtGeom.mjGEOM_MESH,
            meshname=shape.visual,
            material=name,
            group=GROUP_VISUAL,
            contype=0,
            conaffinity=0,
        )
    contact = physics.contact(plan.contact_softness, plan.contact_depth)
    sliding = physics.shared_friction(o.friction[0], plan.arena.friction)
    for p, (part, hull) in enumerate(zip(thing.asset.parts, shape.hulls, strict=True)):
        geom = f"{name}_part_{p}"
        body.add_geom(
            name=geom,
            **_geometry(part, hull),
            group=GROUP_COLLISION,
            friction=o.friction,
            condim=physics.CONDIM,
            **contact,
        )
        for still in support:
            spec.add_pair(
                geomname1=still,
                geomname2=geom,
                condim=physics.CONDIM,
                friction=[sliding, sliding, o.friction[1], o.friction[2], o.friction[2]],
                **contact,
            )


def _geometry(part: Part, hull: str | None) -> dict[str, object]:
    if hull is not None:
        return {"type": mujoco.mjtGeom.mjGEOM_MESH, "meshname": hull}
    return {
        "type": _PRIMITIVES[part.kind],
        "size": part.size,
        "pos": part.T_asset_part[:3, 3],
        "quat": matrix_to_quat(part.T_asset_part[:3, :3]),
    }


def _name(plan: ObjectPlan) -> str:
    return f"object_{plan.instance_id}"
