"""The geoms of a world in Filament's scene, with the materials and the relief of a view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mujoco
import numpy as np

from graspgen.looks import KINDS
from graspgen.looks.textures import normals
from graspgen.render.filament_engine import Engine
from graspgen.render.id_pass import VISIBLE_GROUPS, mask_ids
from graspgen.scene.plan import SurfacePlan
from graspgen.scene.skin import painted, texture_name
from graspgen.scene.world import World

_GEOM = mujoco.mjtObj.mjOBJ_GEOM
_RGB = int(mujoco.mjtTextureRole.mjTEXROLE_RGB)
#: Side of a map of normals, px.
_RELIEF = 256


def make_physical(model: mujoco.MjModel) -> None:
    """Give every material the physical shading model, but for textures of meshes that do not say where they lie."""
    model.mat_emission[:] = 0.0  # OpenGL's way of giving ambient light
    unset = model.mat_metallic < 0
    model.mat_metallic[unset], model.mat_roughness[unset] = 0.0, 0.6
    for geom in np.flatnonzero(model.geom_type == int(mujoco.mjtGeom.mjGEOM_MESH)):
        material, mesh = int(model.geom_matid[geom]), int(model.geom_dataid[geom])
        if material >= 0 and model.mat_texid[material, _RGB] >= 0 and model.mesh_texcoordadr[mesh] < 0:
            model.mat_metallic[material] = model.mat_roughness[material] = -1.0


class Shown:
    """The geoms of a world in the engine's scene."""

    def __init__(self, engine: Engine, world: World) -> None:
        self._world, self._engine = world, engine
        self._reliefs: dict[tuple[str, int, float], Any] = {}
        self.groups = world.model.geom_group.copy()
        # All our textures are colours. OpenGL wants them as they are, so the model says nothing of their encoding.
        spaces = world.model.tex_colorspace.copy()
        world.model.tex_colorspace[:] = int(mujoco.mjtColorSpace.mjCOLORSPACE_SRGB)
        self._resources = engine.mjrf.ModelResources(engine.context, world.model)
        world.model.tex_colorspace[:] = spaces
        self._renderables = engine.mjrf.ModelRenderables(engine.scene, self._resources)
        option = mujoco.MjvOption()
        option.geomgroup[:] = 0
        option.geomgroup[list(VISIBLE_GROUPS)] = 1
        option.sitegroup[:] = 0
        self._renderables.set_options(option)

    def update(self, surfaces: Mapping[str, SurfacePlan] | None = None) -> None:
        """Take poses and materials from the world, and the relief of objects' patterns from a view's surfaces.

        Filament shows maps of normals on meshes only: tables and floors, which are boxes and planes, stay smooth.
        """
        self._renderables.update(self._world.data)
        model = self._world.model
        meshes = model.geom_type == int(mujoco.mjtGeom.mjGEOM_MESH)
        for geom in np.flatnonzero(meshes & np.isin(model.geom_group, VISIBLE_GROUPS)):
            number = int(model.geom_matid[geom])
            surface = (surfaces or {}).get(model.material(number).name) if number >= 0 else None
            texture = None if surface is None else surface.texture
            if surface is None or texture is None or surface.normal <= 0 or texture.kind not in KINDS:
                continue
            # An asset that keeps its own texture has no pattern, and without physical shading there is no relief.
            if model.mat_metallic[number] < 0 or not self._is_painted(number, surface):
                continue
            renderable = self._renderables.get_renderable(_GEOM, int(geom))
            material = renderable.get_material()
            material.normal_texture = self._relief(texture.kind, texture.pattern, surface.normal)
            renderable.set_material(material)

    def _is_painted(self, material: int, surface: SurfacePlan) -> bool:
        texture = int(self._world.model.mat_texid[material, _RGB])
        if texture < 0 or not painted(surface):
            return False
        return self._world.model.texture(texture).name == texture_name(self._world.model.material(material).name)

    def _relief(self, kind: str, pattern: int, slope: float) -> Any:
        key = (kind, pattern, slope)
        if key not in self._reliefs:
            mjrf = self._engine.mjrf
            made = self._engine.context.create_texture(
                mjrf.TextureConfig(
                    width=_RELIEF,
                    height=_RELIEF,
                    format=mjrf.PixelFormat.PIXEL_FORMAT_RGB8,
                    sampler_type=mjrf.SamplerType.TEXTURE_2D,
                    color_space=mjrf.ColorSpace.COLORSPACE_LINEAR,
                )
            )
            data = mjrf.TextureData()
            data.set_image(normals(kind, pattern, slope, _RELIEF).tobytes())
            made.upload(data)
            self._reliefs[key] = made
        return self._reliefs[key]

    def number(self) -> None:
        """Give every geom its instance's id as the colour of segmentation."""
        self.update()
        for geom, instance in enumerate(mask_ids(self._world)):
            renderable = self._renderables.get_renderable(_GEOM, geom)
            material = renderable.get_material()
            material.segmentation_id = int(instance)
            renderable.set_material(material)

    def close(self) -> None:
        """Take the geoms out of the scene and free what was uploaded for them."""
        # Renderables refer to the resources, which are to outlive them.
        del self._renderables
        del self._resources
        self._reliefs.clear()
