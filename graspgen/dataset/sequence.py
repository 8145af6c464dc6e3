"""A recorded trial as arrays: frames by objects, contacts, and the rows of its images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.tables import TableReader
from graspgen.frames import Array


@dataclass(frozen=True, eq=False)
class Sequence:
    """f frames of the trial of one grasp in its scene, among k objects. World frame, SI units.

    Attributes:
        grasp, scene: keys.
        frames: (f,) keys.
        time: (f,) s since the approach began.
        phase: (f,) codes, `Phase`.
        T_world_tool: (f, 4, 4) grasp frame, which moves with the hand.
        opening: (f,) m, of the fingers.
        velocity, angular_velocity: (f, 3) of the tool point and the hand.
        objects: (k,) keys, ascending.
        T_world_object: (f, k, 4, 4).
        object_velocity, object_angular_velocity: (f, k, 3); of the centre of mass the first.
        contact_frame: (c,) number of the frame that each contact is in, from 0, ascending.
        contact_between: (c, 2) keys of objects, or `Toucher` codes below 0.
        contact_position, contact_normal: (c, 3).
        contact_force: (c,) N, along the normal.
        images: camera → (f,) rows of `frame_views`.
    """

    grasp: int
    scene: int
    frames: NDArray[np.int64]
    time: Array
    phase: NDArray[np.uint8]
    T_world_tool: Array
    opening: Array
    velocity: Array
    angular_velocity: Array
    objects: NDArray[np.int64]
    T_world_object: Array
    object_velocity: Array
    object_angular_velocity: Array
    contact_frame: NDArray[np.int64]
    contact_between: NDArray[np.int64]
    contact_position: Array
    contact_normal: Array
    contact_force: Array
    images: Mapping[str, NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.time)


def read_sequence(tables: Mapping[str, TableReader], grasp: int) -> Sequence:
    """Gather the recorded trial of a grasp.

    Args:
        tables: of the dataset.
        grasp: key of the grasp.

    Raises:
        KeyError: its trial was not recorded.
    """
    rows = np.flatnonzero(tables["frames"]["grasp"] == grasp)
    if not len(rows):
        raise KeyError(f"the trial of grasp {grasp} was not recorded; Dataset.sequences() names those that were")
    frames = tables["frames"].rows(rows)
    keys = frames["id"]
    of = {name: _rows(tables[name], keys) for name in ("frame_objects", "frame_contacts", "frame_views")}
    shape = (len(keys), -1)
    things = tables["frame_objects"].rows(of["frame_objects"])
    contacts = tables["frame_contacts"].rows(of["frame_contacts"])
    cameras = tables["frame_views"]["camera"][of["frame_views"]]
    return Sequence(
        grasp=int(grasp),
        scene=int(frames["scene"][0]),
        frames=keys,
        time=frames["time"],
        phase=frames["phase"],
        T_world_tool=frames["T_world_tool"],
        opening=frames["opening"],
        velocity=frames["velocity"],
        angular_velocity=frames["angular_velocity"],
        objects=things["object"].reshape(shape)[0],
        T_world_object=things["T_world_object"].reshape(*shape, 4, 4),
        object_velocity=things["velocity"].reshape(*shape, 3),
        object_angular_velocity=things["angular_velocity"].reshape(*shape, 3),
        contact_frame=np.searchsorted(keys, contacts["frame"]),
        contact_between=np.column_stack([contacts["first"], contacts["second"]]),
        contact_position=contacts["position"],
        contact_normal=contacts["normal"],
        contact_force=contacts["force"],
        images={str(name): of["frame_views"][cameras == name] for name in dict.fromkeys(cameras)},
    )


def _rows(table: TableReader, frames: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows that belong to frames, whose keys follow each other."""
    return np.arange(*np.searchsorted(table["frame"], [frames[0], frames[-1] + 1]))
