"""Materials of the model, with room for the textures that views give them.

A surface that is textured in any view gets a blank texture `looks_<material>` of fixed size; the renderer paints it for
each view and uploads it, so looks change without compiling again.
"""

from __future__ import annotations

from collections.abc import Sequence

import mujoco

from graspgen.scene.plan import SurfacePlan, ViewPlan

#: Sides of textures, px: of objects, of flying distractors, and of everything larger.
OBJECT_TEXTURE, FLYING_TEXTURE, ARENA_TEXTURE = 256, 128, 512
_SIDES = {"object_": OBJECT_TEXTURE, "flying_": FLYING_TEXTURE}
_RGB, _NORMAL = int(mujoco.mjtTextureRole.mjTEXROLE_RGB), int(mujoco.mjtTextureRole.mjTEXROLE_NORMAL)


def add_material(
    spec: mujoco.MjSpec, name: str, surface: SurfacePlan, views: Sequence[ViewPlan], own: str | None = None
) -> None:
    """Add the material of a surface.

    Args:
        spec: the model.
        name: of the material, which views' surfaces name.
        surface: how it looks where a view says nothing.
        views: of the scene.
        own: the texture that an asset brings, None for none.
    """
    looks = [view.surfaces.get(name, surface) for view in views] or [surface]
    first = looks[0]
    material = spec.add_material(
        name=name,
        specular=first.specular,
        shininess=first.shininess,
        metallic=first.metallic,
        roughness=first.roughness,
    )
    if any(painted(look, own is not None) for look in looks):
        sides = (side for kind, side in _SIDES.items() if name.startswith(kind))
        side = next(sides, ARENA_TEXTURE)
        texture = spec.add_texture(
            name=texture_name(name), type=mujoco.mjtTexture.mjTEXTURE_2D, width=side, height=side, nchannel=3
        )
        texture.data = bytes(3 * side * side)
        material.textures[_RGB] = texture_name(name)
        material.texuniform = not name.startswith(tuple(_SIDES))
        if name.startswith("object_") and any(
            has_relief(view, view.surfaces.get(name, surface), own is not None) for view in views
        ):
            relief = spec.add_texture(
                name=relief_name(name), type=mujoco.mjtTexture.mjTEXTURE_2D, width=side, height=side, nchannel=3
            )
            relief.data = bytes((128, 128, 255)) * (side * side)
            material.textures[_NORMAL] = relief_name(name)
    if own is not None and first.own_texture:
        material.textures[_RGB] = own
    elif not painted(first, own is not None):
        material.textures[_RGB] = ""
        material.rgba = [*first.colour, 1.0]


def painted(surface: SurfacePlan, has_own: bool = False) -> bool:
    """Whether a surface shows a texture that is painted for it."""
    return surface.texture is not None and not (has_own and surface.own_texture)


def has_relief(view: ViewPlan, surface: SurfacePlan, has_own: bool = False) -> bool:
    """Whether a view shows the relief of a surface's texture, which Filament alone can."""
    return view.engine == "filament" and surface.normal > 0 and painted(surface, has_own)


def relief_name(material: str) -> str:
    """Return the name of the normal map of a material."""
    return f"relief_{material}"


def texture_name(material: str) -> str:
    """Return the name of the blank texture of a material."""
    return f"looks_{material}"
