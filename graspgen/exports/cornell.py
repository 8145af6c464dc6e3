"""Cornell grasp rectangles: corners as text, colour and depth beside them (Jiang, Moseson, Saxena, 2011)."""

from __future__ import annotations

from graspgen.dataset.reader import Dataset
from graspgen.errors import DatasetError
from graspgen.exports.folder import ExportFolder
from graspgen.exports.grasped import find_hand
from graspgen.exports.images import tiff_bytes
from graspgen.exports.pictures import png
from graspgen.exports.readme import write_readme
from graspgen.exports.rectangles import RectangleOptions, Rectangles, rectangle_notes, view_rectangles
from graspgen.exports.registry import Format
from graspgen.exports.shots import check_views

#: Cornell counts its images from 100, a hundred a folder.
FIRST = 100


def export(dataset: Dataset, folder: ExportFolder, options: RectangleOptions) -> None:
    """Write `NN/pcdNNNN{r.png,d.tiff,cpos.txt,cneg.txt}` for every view that has a good rectangle.

    Raises:
        DatasetError: there are no views or no grasps of two jaws, or no view has a good rectangle.
    """
    check_views(dataset, "Cornell")
    hand = find_hand(dataset, options.gripper)
    written: list[tuple[int, int]] = []
    for view in range(len(dataset.views)):
        rgb = dataset.rgb(view)
        found = view_rectangles(dataset, view, hand, options)
        if not found.good.any():
            continue
        number = FIRST + len(written)
        name = f"{number // 100:02d}/pcd{number:04d}"
        folder.write_text(f"{name}cpos.txt", corners_text(found.take(found.good)))
        folder.write_text(f"{name}cneg.txt", corners_text(found.take(~found.good)))
        folder.write_bytes(f"{name}r.png", png(rgb))
        folder.write_bytes(f"{name}d.tiff", tiff_bytes(dataset.depth(view)))
        written.append((number, view))
    if not written:
        raise DatasetError(
            f"{dataset.path}: no view looks within {options.max_tilt_deg:g}° along a good grasp; use cameras that look "
            "down, or --set max_tilt_deg=…"
        )
    folder.write_text("views.txt", "".join(f"pcd{n:04d} {int(dataset.views['id'][v])}\n" for n, v in written))
    frames, lost = rectangle_notes(options)
    frames += [
        "A rectangle is four lines `x y`, its corners; the first edge runs along the opening. `d.tiff` is planar "
        "depth, float32, m, 0 where nothing was seen. `views.txt` tells the view's key in the dataset.",
    ]
    lost += [
        f"{len(dataset.views) - len(written)} of {len(dataset.views)} views, which have no good rectangle.",
        "The point clouds `pcdNNNN.txt`: depth is in `d.tiff`, as GG-CNN's loader makes it from them.",
    ]
    write_readme(folder, dataset, "Grasp rectangles in the format of Cornell", frames, lost, hand)


def corners_text(rectangles: Rectangles) -> str:
    """Return four lines a rectangle."""
    return "".join(f"{x:.4f} {y:.4f}\n" for x, y in rectangles.corners().reshape(-1, 2).tolist())


FORMAT = Format(
    "cornell", "grasp rectangles as text, colour and depth images; read by GG-CNN's loaders", RectangleOptions, export
)
