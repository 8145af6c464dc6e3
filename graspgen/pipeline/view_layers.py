"""Layers of views besides colour, depth and ids: normals, object coordinates, flow."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.encodings import encode_coordinates, encode_flow, encode_normals
from graspgen.dataset.schema import DEPTH_SCALE
from graspgen.frames import Array, pose, transform_points
from graspgen.labels import layers
from graspgen.labels.normals import NormalCaster, Surface
from graspgen.looks.images import ImageStore
from graspgen.pipeline.shared_tables import stack
from graspgen.primitive_mesh import primitive_mesh
from graspgen.render.backdrop import Backdrop
from graspgen.render.id_pass import VISIBLE_GROUPS, mask_ids
from graspgen.render.opengl import ViewImages
from graspgen.scene.flying import show_flying
from graspgen.scene.world import SettledScene, World


def view_layers(
    asked: Collection[str],
    settled: SettledScene,
    images: Sequence[ViewImages],
    depth: Sequence[NDArray[np.uint16]],
    size: tuple[int, int],
) -> dict[str, np.ndarray]:
    """Compute the layers that a recipe asks for.

    Args:
        asked: their names in `views.modalities`.
        settled: the scene.
        images: of its views.
        depth: of its views as it is stored, so that layers can be computed again.
        size: height and width of the images, px.

    Returns:
        Columns of `views`.
    """
    world, found = settled.world, {}
    poses = {o.plan.instance_id: T for o, T in zip(world.objects, settled.T_world_object, strict=True)}
    seen = [
        layers.Seen(
            depth=d * np.float32(DEPTH_SCALE),
            instances=i.instances,
            K=np.array(v.K),
            distortion=np.array(v.distortion),
            T_world_camera=np.array(v.T_world_camera),
            T_world_object=poses,
        )
        for v, i, d in zip(world.plan.views, images, depth, strict=True)
    ]
    if "normals" in asked:
        normals = [
            caster.normals(s.T_world_camera, s.K, s.distortion, s.instances, s.depth)
            for s, caster in zip(seen, _casters(world, images), strict=True)
        ]
        found["normals"] = stack([encode_normals(n) for n in normals], (*size, 3))
    if "object_coordinates" in asked:
        bounds = {o.plan.instance_id: o.asset.mesh.bounds for o in world.objects}
        nocs = [layers.object_coordinates(s, bounds) for s in seen]
        found["object_coordinates"] = stack([encode_coordinates(n) for n in nocs], (*size, 3))
    if "flow" in asked:
        none = np.full((*size, 2), np.nan, np.float32)
        flows = [layers.flow(a, b) for a, b in itertools.pairwise(seen)]
        found["flow"] = stack([encode_flow(f) for f in [*flows, *([none] if seen else [])]], (*size, 2))
    return found


_PRIMITIVES = {
    int(getattr(mujoco.mjtGeom, f"mjGEOM_{kind.upper()}")): kind
    for kind in ("plane", "box", "sphere", "ellipsoid", "cylinder", "capsule")
}


def _casters(world: World, images: Sequence[ViewImages]) -> Iterator[NormalCaster]:
    """Yield what casts rays at that which each view shows of a scene as it stands in `world.data`."""
    model, views = world.model, world.plan.views
    mujoco.mj_kinematics(model, world.data)
    ids, placed = mask_ids(world), {}
    before: list[int] | None = None
    caster = NormalCaster([])
    backdrop = Backdrop(world, ImageStore(None))
    for number, (view, image) in enumerate(zip(views, images, strict=True)):
        backdrop.apply(view)
        show_flying(model, views, number, np.flatnonzero(image.flying.shown).tolist())
        shown = np.flatnonzero(np.isin(model.geom_group, VISIBLE_GROUPS)).tolist()
        for geom in shown:
            if geom not in placed:
                placed[geom] = Surface(*_placed(world, geom), int(ids[geom]))
        if shown != before:
            before, caster = shown, NormalCaster([placed[geom] for geom in shown])
        yield caster
    backdrop.restore()


def _placed(world: World, geom: int) -> tuple[Array, NDArray[np.int64]]:
    """Return the vertices, world frame, m, and the faces of a geom."""
    model, data = world.model, world.data
    kind = int(model.geom_type[geom])
    if kind in _PRIMITIVES:
        vertices, faces = primitive_mesh(_PRIMITIVES[kind], np.array(model.geom_size[geom], float))
    else:  # no other kind is drawn
        mesh = int(model.geom_dataid[geom])
        v, f = int(model.mesh_vertadr[mesh]), int(model.mesh_faceadr[mesh])
        vertices = np.array(model.mesh_vert[v : v + int(model.mesh_vertnum[mesh])], float)
        faces = np.array(model.mesh_face[f : f + int(model.mesh_facenum[mesh])], np.int64)
    return transform_points(pose(data.geom_xmat[geom].reshape(3, 3), data.geom_xpos[geom]), vertices), faces
