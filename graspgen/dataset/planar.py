"""Which grasps of a view have a rectangle: those that come down along the optical axis at something that is seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.reader import Dataset
from graspgen.dataset.scene_grasps import ViewGrasps
from graspgen.frames import Array
from graspgen.labels.rectangles import grasp_rectangles, sees


def planar_rectangles(
    dataset: Dataset,
    view: int,
    grasps: ViewGrasps,
    *,
    max_tilt_deg: float,
    jaw: float,
    hidden: bool = False,
    instances: NDArray[np.uint8] | None = None,
) -> tuple[NDArray[np.int64], Array]:
    """Return the grasps of a view that have a rectangle, and their rectangles.

    A rectangle tells a planar grasp, one that comes down along the optical axis. So a grasp has one only if

        its approach is within `max_tilt_deg` of the optical axis,
        its tool point is inside the image, and
        what is seen there, within 2 px, is its object (it is not hidden behind another one).

    Args:
        dataset: open.
        view: row of the view.
        grasps: of the view.
        max_tilt_deg: largest angle between approach and optical axis.
        jaw: breadth of the jaw, m.
        hidden: keep those whose object is hidden there, too.
        instances: (H, W) ids of the view; read where they are not given.

    Returns:
        (n,) which of `grasps`, ascending, and (n, 5) rectangles (`graspgen.labels.rectangles`).
    """
    views = dataset.views
    planar = np.flatnonzero(grasps.T_camera_grasp[:, 2, 2] >= np.cos(np.radians(max_tilt_deg)))
    K, D = views.take("K", view), views.take("distortion", view)
    rectangles = grasp_rectangles(grasps.T_camera_grasp[planar], grasps.width[planar], K, D, jaw)
    if hidden:
        height, width = views["instances"].shape_of(view)
        kept = ((rectangles[:, :2] >= 0) & (rectangles[:, :2] < [width, height])).all(axis=1)
    elif len(planar):
        ids = dataset.instances(view) if instances is None else instances
        kept = sees(ids, rectangles[:, :2], grasps.instance[planar])
    else:
        kept = np.zeros(0, bool)
    kept &= np.isfinite(rectangles).all(axis=1)  # a pad may lie beyond what the lens shows
    return planar[kept], rectangles[kept]
