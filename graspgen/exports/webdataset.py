"""WebDataset: tar shards of samples, one sample a view, as the `webdataset` package reads them in sequence.

A sample's members share the key `<scene>_<view>`: `rgb.jpg` (or `.png`), `depth.png` (16 bits; metres = value × the
`depth_unit` of the JSON), `instances.png` (ids as in `views.instances`) and `json`. Poses `T_a_b` take coordinates in
frame b to frame a: 4×4, row-major, metres; cameras are OpenCV's (x right, y down, z forward); the grasp frame has its
origin between the pads, z along the approach and y along the closing direction. `index.json` lists the shards as `wids`
wants it. Times, owners and modes in the tars are fixed, so equal datasets give equal bytes.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from pydantic import Field

from graspgen.dataset.reader import Dataset
from graspgen.dataset.schema import Role
from graspgen.exports.folder import ExportFolder
from graspgen.exports.pictures import ColourFormat, colour, depth_counts, png
from graspgen.exports.readme import write_readme
from graspgen.exports.registry import Format, Options
from graspgen.exports.shots import check_views, number_of, view_name
from graspgen.grasps.outcomes import Outcome

#: Metres for each count of `depth.png`.
DEPTH_UNIT = 0.0001
_FRAMES = {
    "poses": "T_a_b takes coordinates in frame b to frame a; 4x4, row-major, metres",
    "camera": "OpenCV: x right, y down, z forward",
    "grasp": "origin between the pads, z approach, y closing direction, x = y cross z",
    "object": "the frame of the asset's mesh, scaled",
    "pixels": "the centre of pixel (0, 0) is (0.5, 0.5)",
}


class WebDatasetOptions(Options):
    """What can be chosen."""

    samples_per_shard: int = Field(1000, ge=1)
    """Samples of a shard; the last may hold fewer."""
    images: ColourFormat = "jpg"
    """File type of the colour images; JPEG of quality 95, 4:4:4."""
    grasps: Literal["all", "success", "none"] = "all"
    """Grasps in the JSON of a view: all of its scene, those whose free trial succeeded, or none."""


def _export(dataset: Dataset, folder: ExportFolder, options: WebDatasetOptions) -> None:
    check_views(dataset, "WebDataset")
    views = range(len(dataset.views))
    shards = []
    for number, start in enumerate(range(0, len(views), options.samples_per_shard)):
        name = f"shard-{number:06d}.tar"
        path = folder.file(name)
        chosen = views[start : start + options.samples_per_shard]
        with path.open("wb") as out, tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for view in chosen:
                folder.progress("views", view, len(views))
                for extension, content in _sample(dataset, view, options):
                    _add(tar, f"{view_name(dataset, view)}.{extension}", content)
        with path.open("rb") as written:
            digest = hashlib.file_digest(written, "md5").hexdigest()
        shards.append({"url": name, "md5sum": digest, "nsamples": len(chosen), "filesize": path.stat().st_size})
    _write_readme(dataset, folder, len(shards))
    index = {"__kind__": "wids-shard-index-v1", "wids_version": 1, "name": "graspgen", "shardlist": shards}
    folder.write_json("index.json", index, indent=1)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.mode = 0o644
    tar.addfile(info, io.BytesIO(content))


def _sample(dataset: Dataset, view: int, options: WebDatasetOptions) -> Iterator[tuple[str, bytes]]:
    yield f"rgb.{options.images}", colour(dataset.rgb(view), options.images)
    yield "depth.png", png(depth_counts(dataset.depth(view), DEPTH_UNIT))
    yield "instances.png", png(dataset.instances(view))
    text = json.dumps(_describe(dataset, view, options), allow_nan=False, sort_keys=True, separators=(",", ":"))
    yield "json", text.encode()


def _describe(dataset: Dataset, view: int, options: WebDatasetOptions) -> dict[str, Any]:
    views = dataset.views
    found: dict[str, Any] = {
        "scene": int(views["scene"][view]),
        "view": number_of(dataset, view),
        "camera": views["camera"][view],
        "K": views["K"][view].tolist(),
        "distortion": views["distortion"][view].tolist(),
        "T_world_camera": views["T_world_camera"][view].tolist(),
        "depth_unit": DEPTH_UNIT,
        "frames": _FRAMES,
        "objects": _objects(dataset, view),
    }
    if options.grasps != "none":
        found["grasps"] = _grasps(dataset, view, options)
    return found


def _objects(dataset: Dataset, view: int) -> list[dict[str, Any]]:
    joined = dataset.view_objects(view)
    return [
        {
            "instance_id": int(joined["instance_id"][i]),
            "name": joined["name"][i],
            "class_name": joined["class_name"][i],
            "role": Role(int(joined["role"][i])).name.lower(),
            "T_camera_object": joined["T_camera_object"][i].tolist(),
            "scale": joined["scale"][i].tolist(),
            "bbox_visible": joined["bbox_visible"][i].tolist(),
            "bbox_amodal": joined["bbox_amodal"][i].tolist(),
            "visibility": float(joined["visibility"][i]),
        }
        for i in range(len(joined["object"]))
    ]


def _grasps(dataset: Dataset, view: int, options: WebDatasetOptions) -> dict[str, list[Any]]:
    """Return the grasps of a view's scene, one list for each column."""
    outcome = "success" if options.grasps == "success" else None
    rows = dataset.grasp_rows(view, outcome)
    grasps = dataset.grasps
    objects = np.searchsorted(dataset.objects["id"], grasps["object"][rows])
    return {
        "T_camera_grasp": dataset.grasps_in_camera(view, outcome).tolist(),
        "instance_id": dataset.objects["instance_id"][objects].tolist(),
        "width": grasps["width"][rows].tolist(),
        "outcome": [Outcome(int(code)).name.lower() for code in grasps["outcome"][rows]],
        "outcome_in_scene": [Outcome(int(code)).name.lower() for code in grasps["outcome_in_scene"][rows]],
    }


def _write_readme(dataset: Dataset, folder: ExportFolder, shards: int) -> None:
    frames = [
        "A sample is a view; its key is `<scene>_<number of the view>`.",
        f"`depth.png`: 16 bits, metres = value x {DEPTH_UNIT:g}, 0 = nothing seen.",
        "`instances.png`: ids, 0 = background.",
        *(f"{name}: {text}." for name, text in _FRAMES.items()),
    ]
    lost = ["Trials, keypoints, looks and meshes."]
    frames.append(
        "`webdataset`'s own decoders cut every PNG to 8-bit colour. Read with "
        f'`WebDataset("shard-{{000000..{shards - 1:06d}}}.tar", shardshuffle=False).decode('
        "handle_extension('depth.png', whole), handle_extension('instances.png', whole), 'rgb8')`, where "
        "`whole = lambda data: numpy.asarray(PIL.Image.open(io.BytesIO(data)))`."
    )
    write_readme(folder, dataset, "Views as WebDataset shards", frames, lost)


FORMAT = Format(
    "webdataset",
    "tar shards of views with depth, ids, poses and grasps; read by webdataset and wids",
    WebDatasetOptions,
    _export,
)
