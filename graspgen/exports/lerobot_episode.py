"""An episode as LeRobot takes it, whatever it was recorded from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Taken:
    """n frames: vectors by feature, rows of images by feature and the table of these, and what was to be done.

    `grasp` is the key of the grasp that was tried, −1 for none.
    """

    vectors: dict[str, NDArray[Any]]
    images: dict[str, NDArray[np.int64]]
    table: str
    task: str
    grasp: int
    scene: int
    outcome: str

    def __len__(self) -> int:
        return len(self.vectors["sim_time"])
