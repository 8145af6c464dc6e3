"""How a view looks, as plans hold it: surfaces, lights, environment, background, the camera's colours."""

from __future__ import annotations

from typing import Literal

from graspgen.scene.plain import Plain, Vector


class TexturePlan(Plain):
    """An image that repeats over a surface; `graspgen.looks.painted` makes it again from this alone."""

    kind: str
    """Name of a pattern (`graspgen.looks.KINDS`), or "image" for one of the user's."""
    pattern: int = 0
    """Number of the pattern among those of its kind: its seed."""
    colours: tuple[Vector, Vector] = ((1.0, 1.0, 1.0), (0.5, 0.5, 0.5))
    """The two colours that the pattern mixes, sRGB in 0…1; an image keeps its own."""
    scale: float = 0.2
    """Side of one tile on the surface, m."""
    image: str = ""
    """Name of the user's image in the dataset's `looks/`: its content hash."""


class SurfacePlan(Plain):
    """How a surface looks in one view, for both engines."""

    colour: Vector = (0.6, 0.6, 0.6)
    """sRGB in 0…1; what a texture multiplies nowhere: a texture brings its own colours."""
    texture: TexturePlan | None = None
    """None: the plain colour."""
    own_texture: bool = True
    """Whether an asset that brings a texture keeps it instead of all this colour and texture."""
    material: str = ""
    """Name of the material of `models/materials/looks.yaml` that gave the values, "" for none."""
    specular: float = 0.1
    """OpenGL: strength of the highlight, 0…1."""
    shininess: float = 0.1
    """OpenGL: sharpness of the highlight, 0…1."""
    metallic: float = 0.0
    """Filament: 0 a dielectric, 1 a metal."""
    roughness: float = 0.6
    """Filament: 0 a mirror, 1 matt."""
    normal: float = 0.0
    """Filament: steepest slope of the texture's relief, 0 for none; objects alone show it, being meshes."""


class LightPlan(Plain):
    """One light of a view."""

    kind: Literal["spot", "directional", "point"] = "spot"
    """A cone, parallel light, or light to all sides."""
    position: Vector
    """m, world frame; a directional light has only a direction, from here to its target."""
    target: Vector = (0.0, 0.0, 0.0)
    """Where it shines, m, world frame."""
    diffuse: float
    """Intensity on a white surface that faces it: OpenGL's diffuse and specular factor."""
    temperature: float | None = None
    """Colour temperature that gave the colour, K; None for white."""
    colour: Vector = (1.0, 1.0, 1.0)
    """sRGB in 0…1, the largest 1: what a white surface lit by it alone looks like."""
    shadows: bool = False
    """Whether it casts shadows; of a view's lights only the first ever does."""


class EnvironmentPlan(Plain):
    """Light from all around, for Filament; OpenGL has `ViewPlan.ambient` instead."""

    kind: str = "studio"
    """Name of a procedural environment (`graspgen.looks.ENVIRONMENTS`)."""
    pattern: int = 0
    """Its seed."""
    strength: float = 1.0
    """Factor on its light."""
    rotation: float = 0.0
    """Turn about the world's z, rad."""


class GradePlan(Plain):
    """What a camera does to a picture after the scene's light has reached it; the defaults change nothing."""

    exposure: float = 0.0
    """Stops."""
    temperature: float = 0.0
    """White balance towards warm (> 0) or cold, −1…1."""
    tint: float = 0.0
    """White balance towards magenta (> 0) or green, −1…1."""
    contrast: float = 1.0
    """Factor on the distance from medium brightness."""
    saturation: float = 1.0
    """Factor on the distance from grey."""
    gamma: float = 1.0
    """Exponent on the stored values is 1/gamma: above 1 lightens the middle."""
    blur: float = 0.0
    """Standard deviation of a Gaussian, px."""
    motion: tuple[float, float] = (0.0, 0.0)
    """Straight motion during the exposure, px to the right and down."""
    noise: float = 0.0
    """Standard deviation of the noise at medium brightness, of 255."""
    noise_seed: int = 0
    """Number that the noise is made from."""
    jpeg_quality: int = 0
    """Quality as JPEG; 0 has not been compressed."""


class BackgroundPlan(Plain):
    """What lies behind the scene."""

    kind: Literal["plane", "room", "image", "cutout"] = "plane"
    """A floor; a floor and walls; a user's image in place of both; an image in place of the support as well."""
    image: str = ""
    """Name of the user's image in the dataset's `looks/`."""
    crop: Vector = (0.5, 0.5, 1.0)
    """Where the view's crop of it lies: share of the free way along x and y, and share of the largest crop's side."""
    mirrored: bool = False
    """Whether left and right of it are swapped."""
    wall_distance: float = 1.8
    """Of a room's walls from the origin, m, where cameras and lights leave it so."""
