"""The render test of an object: does the renderer show its mesh, at its size, with its texture?

The object hangs in the air and is seen from four sides. What the renderer shows is compared with rays cast at the same
pixels: the silhouette, the depth, and, where there is a texture, the colours that the texture has there.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_dilation

from graspgen.frames import Array, look_at, pose
from graspgen.objects.asset import Asset
from graspgen.raycast import RayCaster
from graspgen.render.opengl import ViewImages, render_views
from graspgen.scene.arena_fit import table_arena
from graspgen.scene.build import build_world
from graspgen.scene.drawing import matrix4
from graspgen.scene.plan import ObjectPlan, ScenePlan, SurfacePlan, ViewPlan

#: Side of the pictures, px.
SIZE = 128
#: Share of a silhouette's pixels on which renderer and rays may disagree with all neighbours, too.
SILHOUETTE = 0.05
# A thing seen edge-on has too few pixels for shares of them to mean much.
_FEW = 60
#: Depth may be off by this share of the object's diameter, in the median of the pixels.
DEPTH = 0.01
#: Mean colour over an object may be off from that of its texture there, of 1.
COLOUR = 0.1
_HEIGHT = 3.0
_FILL = 1.15
"""Half-width of the picture, in radii of the object."""


@dataclass(frozen=True)
class RenderResult:
    """What the renderer showed; the worst of the views.

    Attributes:
        pixels: of the largest silhouette.
        silhouette: share of pixels on which renderer and rays disagree, by more than a pixel, whether there is
            something.
        depth: median difference of depth, m.
        colour: difference of the mean colour from the texture's, of 1; NaN without a texture.
        diameter: of the object, m.
    """

    pixels: int
    silhouette: float
    depth: float
    colour: float
    diameter: float

    def reason(self) -> str:
        """Say what is wrong, "" when nothing is."""
        if self.pixels == 0:
            return "nothing of it is seen"
        if self.silhouette > SILHOUETTE:
            return f"the picture and its mesh disagree on {self.silhouette:.0%} of the pixels; are faces inside-out?"
        if not self.depth <= DEPTH * self.diameter:
            return f"its depth is {self.depth * 1000:.2g} mm off its mesh"
        if self.colour > COLOUR:
            return f"its texture is not what is seen: the mean colour is off by {self.colour:.0%}"
        return ""


def render_check(asset: Asset) -> RenderResult:
    """Render an object and compare the pictures with its mesh.

    Raises:
        RenderError: no OpenGL backend works here.
        SceneError: MuJoCo refuses the model.
    """
    centre = asset.mesh.bounds.mean(axis=0)
    radius = float(np.linalg.norm(asset.mesh.vertices - centre, axis=1).max())
    T_world_asset = pose(translation=np.array([0, 0, _HEIGHT]) - centre)
    views = _views(radius)
    world = build_world(_plan(asset, T_world_asset, views), {0: asset})
    images = render_views(world, shadow_size=64)
    caster = RayCaster(asset.mesh.vertices, asset.mesh.faces)
    seen = [_compare(asset, caster, T_world_asset, v, i) for v, i in zip(views, images, strict=True)]
    pixels, silhouette, depth, colour = zip(*seen, strict=True)
    textured = asset.mesh.texture is not None and asset.mesh.uv is not None
    return RenderResult(max(pixels), max(silhouette), max(depth), max(colour) if textured else float("nan"), 2 * radius)


def _compare(
    asset: Asset, caster: RayCaster, T_world_asset: Array, view: ViewPlan, image: ViewImages
) -> tuple[int, float, float, float]:
    """Return pixels of the silhouette, share of pixels that disagree, median error of depth, m, and of colour."""
    K, T = np.array(view.K), np.array(view.T_world_camera)
    rows, columns = np.mgrid[0 : view.height, 0 : view.width] + 0.5
    rays = np.stack([(columns - K[0, 2]) / K[0, 0], (rows - K[1, 2]) / K[1, 1], np.ones_like(rows)], -1).reshape(-1, 3)
    length = np.linalg.norm(rays, axis=1)
    direction = (rays / length[:, None]) @ T[:3, :3].T
    # The asset's axes are the world's.
    origin = np.broadcast_to(T[:3, 3] - T_world_asset[:3, 3], direction.shape)
    face = caster.first_face(origin, direction)
    hit = face >= 0
    depth = np.zeros(len(face))
    depth[hit] = caster.plane_distance(face[hit], origin[hit], direction[hit]) / length[hit]
    shown = image.instances.reshape(-1) == 1
    both = hit & shown
    square = (view.height, view.width)
    lost, extra = (
        int((one & ~binary_dilation(other.reshape(square), np.ones((3, 3))).reshape(-1)).sum())
        for one, other in ((hit, shown), (shown, hit))
    )
    differ = (lost + extra) / max(_FEW, int((hit | shown).sum()))
    if not both.any():
        return int(shown.sum()), differ, 0.0, 0.0
    error = float(np.median(np.abs(image.depth.reshape(-1)[both] - depth[both])))
    colour = 0.0
    if asset.mesh.texture is not None and asset.mesh.uv is not None:
        points = origin[both] + (depth * length)[both, None] * direction[both]
        wanted = _texture_at(asset, face[both], points).mean(axis=0)
        colour = float(np.abs(image.rgb.reshape(-1, 3)[both].mean(axis=0) - wanted).max() / 255)
    return int(shown.sum()), differ, error, colour


def _texture_at(asset: Asset, face: Array, points: Array) -> Array:
    """Return the (n, 3) colours of the texture at points on faces."""
    mesh = asset.mesh
    assert mesh.uv is not None and mesh.texture is not None
    a, b, c = np.moveaxis(mesh.vertices[mesh.faces[face]], 1, 0)
    e, f, p = b - a, c - a, points - a
    ee, ef, ff = (np.einsum("ij,ij->i", *pair) for pair in ((e, e), (e, f), (f, f)))
    pe, pf = np.einsum("ij,ij->i", p, e), np.einsum("ij,ij->i", p, f)
    det = np.maximum(ee * ff - ef * ef, 1e-30)
    s, t = (ff * pe - ef * pf) / det, (ee * pf - ef * pe) / det
    uv = mesh.uv[mesh.faces[face]]
    at = (1 - s - t)[:, None] * uv[:, 0] + s[:, None] * uv[:, 1] + t[:, None] * uv[:, 2]
    # Between the centres of texels, repeating, as the renderer does it.
    rows, columns = mesh.texture.shape[:2]
    x, y = at[:, 0] * columns - 0.5, (1 - at[:, 1]) * rows - 0.5
    colours = np.zeros((len(points), 3))
    for dx in (0, 1):
        for dy in (0, 1):
            column, row = np.floor(x).astype(int) + dx, np.floor(y).astype(int) + dy
            weight = (1 - np.abs(x - column)) * (1 - np.abs(y - row))
            colours += weight[:, None] * mesh.texture[row % rows, column % columns]
    return colours


def _views(radius: float) -> tuple[ViewPlan, ...]:
    """Four cameras on the corners of a tetrahedron, lit by ambient light alone: colours are those of the material."""
    distance = float(np.clip(4 * radius, 0.1, 4.0))
    f = SIZE / 2 * math.sqrt(max(distance**2 - (_FILL * radius) ** 2, 1e-6)) / (_FILL * radius)
    K = ((f, 0.0, SIZE / 2), (0.0, f, SIZE / 2), (0.0, 0.0, 1.0))
    eye = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]]) / math.sqrt(3)
    target = np.array([0, 0, _HEIGHT])
    grey = (0.5, 0.5, 0.5)
    poses = (matrix4(look_at(target + distance * e, target)) for e in eye)
    return tuple(
        ViewPlan(
            width=SIZE, height=SIZE, K=K, T_world_camera=T, T_world_camera_nominal=T, lights=(), ambient=1.0,
            surfaces={name: SurfacePlan(colour=grey) for name in ("table", "background")},
        )
        for T in poses
    )  # fmt: skip


def _plan(asset: Asset, T_world_asset: Array, views: tuple[ViewPlan, ...]) -> ScenePlan:
    thing = ObjectPlan(
        instance_id=1, asset=0, scale=1.0, density=asset.density, friction=(asset.friction, 0.005, 0.002),
        surface=SurfacePlan(colour=(0.7, 0.7, 0.7), specular=0.0, shininess=0.0),
        T_world_object_dropped=matrix4(T_world_asset),
    )  # fmt: skip
    return ScenePlan(
        seed=0, index=0, attempt=0, task="check", gravity=9.81, arena=table_arena((0.01, 0.01, 0.01), 0.8),
        objects=(thing,), views=views, grasp_stream=(),
    )  # fmt: skip
