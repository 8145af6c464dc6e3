"""What surfaces and lights look like: procedural textures, environments, colours of light, the user's images.

Names that recipes may say are here; nothing below imports MuJoCo or OpenGL, so both engines share it.
"""

from __future__ import annotations

#: Procedural patterns of `graspgen.looks.textures`.
KINDS: tuple[str, ...] = (
    "flat", "gradient", "checker", "stripes", "dots", "noise", "fbm", "wood", "marble", "brushed", "cloth", "cardboard",
    "speckle",
)  # fmt: skip
#: The name of a texture that is one of the user's images (`render.images`).
IMAGE = "image"
#: Procedural environments of `graspgen.looks.environments`, for image-based light.
ENVIRONMENTS: tuple[str, ...] = ("studio", "sky", "room")
#: A pattern's number is drawn below this; it names the seed, the shift and the orientation of the pattern.
PATTERNS = 1 << 16
