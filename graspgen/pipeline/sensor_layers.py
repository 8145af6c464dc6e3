"""The depth that the sensors of a scene's views report, as columns of `views`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.schema import DEPTH_SCALE
from graspgen.pipeline.shared_tables import stack
from graspgen.render.opengl import ViewImages
from graspgen.render.sensors.sense import sense
from graspgen.scene.plan import ViewPlan


def sensor_layers(
    views: Sequence[ViewPlan],
    images: Sequence[ViewImages],
    colour: Sequence[NDArray[np.uint8]],
    depth: Sequence[NDArray[np.uint16]],
    size: tuple[int, int],
) -> dict[str, object]:
    """Return the columns of the views' sensors, none where the recipe has no sensor.

    Args:
        views: the plans; all have a sensor, or none has.
        images: of the views.
        colour: theirs as it is stored.
        depth: clean depth as it is stored, so that the sensor's can be computed again.
        size: height and width, px.
    """
    if not any(view.sensor for view in views):
        return {}
    found, why, plans = [], [], []
    for view, image, rgb, clean in zip(views, images, colour, depth, strict=True):
        assert view.sensor is not None
        metres = clean * np.float32(DEPTH_SCALE)
        z, codes = sense(view.sensor, metres, view.K, view.distortion, rgb, image.instances)
        found.append(np.rint(z / DEPTH_SCALE).astype(np.uint16))
        why.append(codes)
        plans.append(view.sensor.model_dump_json())
    return {"depth_sensor": stack(found, size), "depth_reason": stack(why, size), "sensor_values": plans}
