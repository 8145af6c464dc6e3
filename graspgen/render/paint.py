"""Put the surfaces of a view into the compiled model: colours, how they reflect, textures.

For both engines: the model is changed, and what textures are new is told, so that the engine uploads them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import mujoco
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graspgen.frames import Array
from graspgen.looks import IMAGE
from graspgen.looks.images import ImageStore
from graspgen.looks.textures import normals
from graspgen.looks.textures import painted as pattern
from graspgen.objects.asset import Mesh
from graspgen.scene.flying import drawn_mesh, flying_name
from graspgen.scene.plan import SurfacePlan, TexturePlan
from graspgen.scene.skin import painted, relief_name, texture_name
from graspgen.scene.world import World

_RGB, _NORMAL = int(mujoco.mjtTextureRole.mjTEXROLE_RGB), int(mujoco.mjtTextureRole.mjTEXROLE_NORMAL)
# MuJoCo repeats a uniform texture every 2 m / repeat of a plane or box (measured, and held by a test).
_UNIFORM = 2.0


class Painter:
    """Paints the views of one world.

    Args:
        world: a scene that was built with views.
        images: the user's images that its plan names.
    """

    def __init__(self, world: World, images: ImageStore) -> None:
        model = world.model
        self._world, self._images = world, images
        self._materials = {model.material(i).name: i for i in range(model.nmat)}
        self._blank = {
            name: model.texture(texture_name(name)).id for name in self._materials if _has(model, texture_name(name))
        }
        self._own = {
            name: int(model.mat_texid[i, _RGB])
            for name, i in self._materials.items()
            if model.mat_texid[i, _RGB] >= 0 and int(model.mat_texid[i, _RGB]) != self._blank.get(name)
        }
        self._meshes = {f"object_{o.plan.instance_id}": o.asset.mesh for o in world.objects}
        self._meshes |= {
            flying_name(v, i): drawn_mesh(f)
            for v, view in enumerate(world.plan.views)
            for i, f in enumerate(view.flying)
        }
        self._fallback = {f"object_{o.plan.instance_id}": o.plan.surface for o in world.objects}
        self._shown: dict[str, TexturePlan] = {}
        self._reliefs = {
            name: model.texture(relief_name(name)).id for name in self._materials if _has(model, relief_name(name))
        }
        self._carved: dict[str, tuple[TexturePlan, float]] = {}

    def apply(self, number: int) -> list[int]:
        """Write the surfaces of view `number` into the model.

        Returns:
            Ids of the textures whose pixels have changed.
        """
        surfaces = self.surfaces(number)
        filament = self._world.plan.views[number].engine == "filament"
        changed = [t for name in self._materials if (t := self._paint(name, surfaces.get(name))) is not None]
        return changed + [t for name in self._reliefs if (t := self._carve(name, surfaces[name], filament)) is not None]

    def surfaces(self, number: int) -> Mapping[str, SurfacePlan]:
        """Return the looks of view `number` by material, those that the objects' plans give included."""
        return {**self._fallback, **self._world.plan.views[number].surfaces}

    def _paint(self, name: str, surface: SurfacePlan | None) -> int | None:
        if surface is None:
            return None
        model, material = self._world.model, self._materials[name]
        model.mat_specular[material], model.mat_shininess[material] = surface.specular, surface.shininess
        model.mat_metallic[material], model.mat_roughness[material] = surface.metallic, surface.roughness
        own = self._own.get(name, -1)
        if own >= 0 and surface.own_texture:
            model.mat_texid[material, _RGB] = own
            model.mat_texrepeat[material] = 1
            model.mat_rgba[material, :3] = 1
            return None
        if not painted(surface, own >= 0):
            model.mat_texid[material, _RGB] = -1
            model.mat_rgba[material, :3] = surface.colour
            return None
        texture = self._blank[name]
        plan = surface.texture
        assert plan is not None
        model.mat_texid[material, _RGB] = texture
        model.mat_rgba[material, :3] = 1
        model.mat_texrepeat[material] = self._repeat(name, plan.scale)
        if self._shown.get(name) == plan:
            return None
        self._shown[name] = plan
        _pixels(model, texture)[:] = self._image(plan, int(model.tex_width[texture]))
        return texture

    def _carve(self, name: str, surface: SurfacePlan, filament: bool) -> int | None:
        """Paint a surface's normal map, or take it away; return the texture if its pixels have changed."""
        model, material, texture = self._world.model, self._materials[name], self._reliefs[name]
        plan = surface.texture
        shown = filament and plan is not None and surface.normal > 0 and plan.kind != IMAGE
        shown = shown and int(model.mat_texid[material, _RGB]) == self._blank.get(name)
        model.mat_texid[material, _NORMAL] = texture if shown else -1
        if not shown or plan is None or self._carved.get(name) == (plan, surface.normal):
            return None
        self._carved[name] = (plan, surface.normal)
        _pixels(model, texture)[:] = normals(plan.kind, plan.pattern, surface.normal, int(model.tex_width[texture]))
        return texture

    def _repeat(self, name: str, scale: float) -> Array:
        mesh = self._meshes.get(name)
        if mesh is None or mesh.uv is None:
            span = np.ptp(mesh.bounds, axis=0).max() if mesh is not None else None
            return np.full(2, _UNIFORM / scale) if span is None else np.full(2, _whole(float(span) / scale))
        return np.array([_whole(1 / (scale * max(d, 1e-9))) for d in texture_density(mesh)])

    def _image(self, plan: TexturePlan, side: int) -> NDArray[np.uint8]:
        if plan.kind != IMAGE:
            return pattern(plan.kind, plan.pattern, plan.colours, side)
        photo = self._images.array(plan.image)
        size = min(photo.shape[:2])
        top, left = (photo.shape[0] - size) // 2, (photo.shape[1] - size) // 2
        square = Image.fromarray(photo[top : top + size, left : left + size])
        return np.asarray(square.resize((side, side), Image.Resampling.BILINEAR))


def texture_density(mesh: Mesh) -> tuple[float, float]:
    """Return how much of the texture a metre of the mesh's surface spans, along u and along v (area-weighted mean)."""
    assert mesh.uv is not None
    corners, uv = mesh.vertices[mesh.faces], mesh.uv[mesh.faces]
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    normal = np.cross(a, b)
    square = np.maximum((normal * normal).sum(1), 1e-30)
    # The gradient of a function over a triangle, from its differences along two edges.
    du, dv = uv[:, 1] - uv[:, 0], uv[:, 2] - uv[:, 0]
    across_a, across_b = np.cross(b, normal), np.cross(normal, a)
    area = np.sqrt(square)
    density = []
    for k in range(2):
        gradient = (across_a * du[:, k, None] + across_b * dv[:, k, None]) / square[:, None]
        density.append(float((np.linalg.norm(gradient, axis=1) * area).sum() / max(area.sum(), 1e-30)))
    return density[0], density[1]


def _whole(repeats: float) -> float:
    """Round to whole repeats, which meet around a round object; less than one stays, as a cut-out."""
    return float(max(1, math.floor(repeats + 0.5))) if repeats > 0.7 else repeats


def _pixels(model: mujoco.MjModel, texture: int) -> NDArray[np.uint8]:
    start, height, width = int(model.tex_adr[texture]), int(model.tex_height[texture]), int(model.tex_width[texture])
    return model.tex_data[start : start + 3 * height * width].reshape(height, width, 3)


def _has(model: mujoco.MjModel, texture: str) -> bool:
    return mujoco.mj_name2id(model, int(mujoco.mjtObj.mjOBJ_TEXTURE), texture) >= 0
