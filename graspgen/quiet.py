"""Keep MuJoCo's own warnings from the terminal, and from a MUJOCO_LOG.TXT in the folder, where they are looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import mujoco


@contextmanager
def no_warnings() -> Iterator[None]:
    """Let MuJoCo say nothing; `MjData.warning` counts on."""
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(lambda text: None)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(before)
