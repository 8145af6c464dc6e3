"""Images of recorded trials: cameras as in the views, masks and depth against the meshes at the frames' poses."""

from __future__ import annotations

from collections.abc import Mapping

import h5py
import numpy as np

from graspgen.dataset.arena_solids import Solid, arena_solids, hidden_geoms, plan_arena
from graspgen.dataset.check_geometry import Shot, check_image, object_solids, seen_range, view_number
from graspgen.dataset.checked import Checked
from graspgen.dataset.violations import Report
from graspgen.errors import DatasetError
from graspgen.grasps.outcomes import HAND_INSTANCE


def check_frame_views(report: Report, checked: Checked, images: Mapping[str, h5py.Dataset]) -> None:
    """Check the images of frames of a shard.

    What the hand shows is not known here: its pixels must lie before what they hide, and all others must show what
    there is without it.

    Args:
        report: takes the violations.
        checked: the shard.
        images: the image columns of `frame_views`.
    """
    shots, views, scenes = (checked.tables[name] for name in ("frame_views", "views", "scenes"))
    if not len(shots["frame"]):
        return
    of_view = checked.rows_of("views", shots["view"])
    for name in ("K", "distortion", "T_world_camera", "camera"):
        differ = (shots[name] != views[name][of_view]).reshape(len(of_view), -1).any(axis=1)
        report.rows("frame_views", name, differ, "is not that of its view", shots["frame"])
    things = checked.tables["frame_objects"]
    low, high = np.searchsorted(things["frame"], [shots["frame"], shots["frame"] + 1])
    arenas: dict[int, tuple[list[str], list[Solid]]] = {}
    for row, frame in enumerate(shots["frame"].tolist()):
        scene = int(np.searchsorted(scenes["index"], frame >> 32))
        plan, view = checked.plan(scene), int(of_view[row])
        try:
            if scene not in arenas:
                arenas[scene] = [g["name"] for g in plan_arena(plan)], arena_solids(plan, checked.meshes)
            names, still = arenas[scene]
            objects = object_solids(checked, scene, things["T_world_object"][low[row] : high[row]])
        except (DatasetError, KeyError, TypeError, ValueError):
            continue  # named once, for the plan or the asset
        number = view_number(views, view)
        hidden = hidden_geoms(plan, number)
        solids = [solid for solid in (*still, *objects) if solid.shows not in hidden]
        image = Shot(
            "frame_views",
            row,
            frame,
            images["instances"][row],
            images["depth"][row] * checked.depth_scale,
            shots["K"][row],
            shots["distortion"][row],
            shots["T_world_camera"][row],
        )
        if solids:
            check_image(report, image, solids, names, seen_range(plan, number), HAND_INSTANCE)
