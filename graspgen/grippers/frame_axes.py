"""How the grasp frame lies in the base body of a gripper, as its file says."""

from __future__ import annotations

import numpy as np

from graspgen.frames import Array


class FrameAxes:
    """What gripper files with `approach` and `closing`, unit vectors at a right angle in the base body, share."""

    approach: tuple[float, float, float]
    closing: tuple[float, float, float]

    @property
    def axes(self) -> Array:
        """(3, 3) axes of the grasp frame in the frame of the base body, as columns; a rotation to the last bit.

        A file says its directions in a few digits; the closing direction gives way where they are not at a right angle.
        """
        z = np.array(self.approach) / np.linalg.norm(self.approach)
        y = np.array(self.closing) - z * (z @ np.array(self.closing))
        y = y / np.linalg.norm(y)
        return np.stack([np.cross(y, z), y, z], axis=1)

    @property
    def turned(self) -> bool:
        """Whether the base body's axes are other ones than the grasp frame's."""
        return bool(np.abs(self.axes - np.eye(3)).max() > 1e-9)
