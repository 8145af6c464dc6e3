"""Filament's context, which lives as long as the process, and one frame of it.

`mjrf` is not thread-safe and does not survive a fork.
"""

from __future__ import annotations

import ctypes
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import mujoco
import numpy as np
from numpy.typing import NDArray

from graspgen.errors import RenderError
from graspgen.lens import Pinhole, pinhole
from graspgen.render import vulkan
from graspgen.scene.plan import ViewPlan

_FAR = 60.0

# Filament's ambient occlusion stays off: with Mesa's software driver every frame of it keeps 1 MiB for good.
_SETTINGS = """
<mujoco><custom>
  <numeric name="filament.ao.enabled" data="0"/>
  <text name="filament.shadows.type" data="pcf"/>
</custom></mujoco>
"""


@dataclass(eq=False)
class Engine:
    """What lives as long as the process."""

    pid: int
    mjrf: Any
    context: Any
    scene: Any
    target: Any
    lamps: list[Any] = field(default_factory=list)
    lit: int = 0
    size: tuple[int, int] = (0, 0)
    sky: tuple[bytes, Any, Any] | None = None


_engine: Engine | None = None


def require() -> None:
    """Check that this machine can render with Filament.

    Raises:
        RenderError: Vulkan or a driver of it is missing; the message names the package.
    """
    reason = vulkan.missing()
    if reason:
        raise RenderError(f"Filament cannot render: {reason}; `{vulkan.MEND}`, or set render.fallback to true")


def started() -> Engine:
    """Return the process's engine; the first call makes it.

    Raises:
        RenderError: there is no Vulkan here, or the process was forked after it had rendered.
    """
    global _engine
    if _engine is None:
        require()
        importlib.import_module("mujoco.studio.window")  # registers Filament's materials, whoever draws
        mjrf = importlib.import_module("mujoco.mjrf")
        with silence():
            context = mjrf.Context(mjrf.ContextConfig(graphics_api=mjrf.GraphicsApi.GRAPHICS_API_VULKAN))
        scene = context.create_scene(mjrf.SceneParams())
        scene.configure_from_model(mujoco.MjModel.from_xml_string(_SETTINGS))
        rgb = mjrf.PixelFormat.PIXEL_FORMAT_RGB8
        target = context.create_render_target(mjrf.RenderTargetConfig(color_format=rgb))
        _engine = Engine(os.getpid(), mjrf, context, scene, target)
    elif _engine.pid != os.getpid():
        raise RenderError(
            "this process was forked after its parent had rendered, and Vulkan does not survive a fork; start workers "
            "with multiprocessing's 'spawn' method"
        )
    return _engine


@contextmanager
def silence() -> Iterator[None]:
    """Keep what native code says about the device from a command's own output."""
    libc = ctypes.CDLL(None)
    sys.stdout.flush()
    sys.stderr.flush()
    libc.fflush(None)
    kept = [os.dup(1), os.dup(2)]
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        for stream in (1, 2):
            os.dup2(nowhere, stream)
        yield
        libc.fflush(None)
    finally:
        for stream, copy in enumerate(kept, start=1):
            os.dup2(copy, stream)
            os.close(copy)
        os.close(nowhere)


def frame(engine: Engine, view: ViewPlan, mode: Any) -> NDArray[np.uint8]:
    """Draw a view without Filament's post-processing and return (H, W, 3) linear values."""
    mjrf = engine.mjrf
    wide = pinhole(view.K, view.distortion, view.width, view.height)
    if engine.size != (wide.width, wide.height):
        engine.target.resize(wide.width, wide.height)
        engine.size = (wide.width, wide.height)
    pixels = np.empty((wide.height, wide.width, 3), np.uint8)
    read = mjrf.ReadRequest(target=engine.target)
    read.set_buffer(pixels)
    request = mjrf.RenderRequest()
    request.scene, request.target, request.draw_mode = engine.scene, engine.target, mode
    request.camera = _camera(mjrf, wide, view)
    request.viewport.width, request.viewport.height = wide.width, wide.height
    request.post_processing = request.headlight = request.haze = False
    engine.context.wait_for_frame(engine.context.render([request], [read]))
    return pixels


def _camera(mjrf: Any, wide: Pinhole, view: ViewPlan) -> Any:
    K, T = np.asarray(wide.K), np.asarray(view.T_world_camera)
    x, y = view.near / K[0, 0], view.near / K[1, 1]
    return mjrf.Camera(
        pos=T[:3, 3],
        forward=T[:3, 2],
        up=-T[:3, 1],
        frustum_near=view.near,
        frustum_far=_FAR,
        frustum_bottom=-(wide.height - K[1, 2]) * y,
        frustum_top=K[1, 2] * y,
        frustum_center=(wide.width / 2 - K[0, 2]) * x,
        frustum_width=wide.width / 2 * x,
    )
