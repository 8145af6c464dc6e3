"""What lies behind a scene: which of the model's arena a view shows, and an image in place of the rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from graspgen.looks.images import ImageStore
from graspgen.scene.arena import GROUP_ARENA, GROUP_HIDDEN
from graspgen.scene.plan import BackgroundPlan, ViewPlan
from graspgen.scene.world import World


class Backdrop:
    """Shows and hides the arena of one world, view by view.

    Args:
        world: a scene that was built with views.
        images: the user's images that its plan names.
    """

    def __init__(self, world: World, images: ImageStore) -> None:
        model = world.model
        self._model, self._images = model, images
        self._arena = np.flatnonzero((world.geom_instance == 0) & (model.geom_group == GROUP_ARENA))
        names = [model.material(int(m)).name if m >= 0 else "" for m in model.geom_matid[self._arena]]
        self._floor = np.array([name == "background" for name in names], bool)
        self._walls = np.array([name == "wall" for name in names], bool)

    def apply(self, view: ViewPlan) -> None:
        """Put what the view does not show into the group of geoms that no camera sees."""
        kind = view.background.kind
        hidden = np.zeros(len(self._arena), bool)
        if kind != "room":
            hidden |= self._walls
        if kind == "image":
            hidden |= self._floor
        elif kind == "cutout":
            hidden[:] = True
        self._model.geom_group[self._arena] = np.where(hidden, GROUP_HIDDEN, GROUP_ARENA)

    def restore(self) -> None:
        """Show the whole arena again, as the world was built."""
        self._model.geom_group[self._arena] = GROUP_ARENA

    def fill(self, rgb: NDArray[np.uint8], void: NDArray[np.bool_], view: ViewPlan) -> bool:
        """Put the view's image where nothing is seen, in place; return whether the view has one."""
        if not view.background.image:
            return False
        height, width = rgb.shape[:2]
        image = cropped(self._images, view.background, width, height)
        rgb[void] = image[void]
        return True


def cropped(images: ImageStore, background: BackgroundPlan, width: int, height: int) -> NDArray[np.uint8]:
    """Return the (height, width, 3) uint8 part of the background's image that a view shows."""
    photo = images.array(background.image)
    x, y, share = background.crop
    scale = share * min(photo.shape[1] / width, photo.shape[0] / height)
    w, h = scale * width, scale * height
    left, top = x * (photo.shape[1] - w), y * (photo.shape[0] - h)
    box = (left, top, left + w, top + h)
    picture = Image.fromarray(photo).resize((width, height), Image.Resampling.BILINEAR, box=box)
    if background.mirrored:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(picture)
