"""Training from a dataset: samples, augmentations, and loaders for the frameworks that are installed.

    from graspgen.loaders import Crop, Flip, PlanarGraspMaps, Rotate
    from graspgen.loaders.torch_data import data_loader

    source = PlanarGraspMaps("demo", augment=[Flip(), Rotate(), Crop(300, 300)])
    for batch in data_loader(source, 8, workers=2): ...

A source (`graspgen.loaders.source`) needs no framework: it is a list of dicts of NumPy arrays. Importing this package
imports none.
"""

from graspgen.loaders.augment import Crop, Flip, Resize, Rotate
from graspgen.loaders.batches import Batches, JaxBatches
from graspgen.loaders.clouds import PointClouds
from graspgen.loaders.collate import collate
from graspgen.loaders.contacts import ContactGrasps
from graspgen.loaders.errors import LoaderError
from graspgen.loaders.images import RGBDViews
from graspgen.loaders.maps import PlanarGraspMaps
from graspgen.loaders.poses import ObjectPoses
from graspgen.loaders.rectangles import GraspRectangles
from graspgen.loaders.source import Sample, Source
from graspgen.loaders.volumes import QuarterTurns, TSDFGrasps

__all__ = [
    "Batches", "ContactGrasps", "Crop", "Flip", "GraspRectangles", "JaxBatches", "LoaderError", "ObjectPoses",
    "PlanarGraspMaps", "PointClouds", "QuarterTurns", "RGBDViews", "Resize",
    "Rotate", "Sample", "Source", "TSDFGrasps", "collate",
]  # fmt: skip
