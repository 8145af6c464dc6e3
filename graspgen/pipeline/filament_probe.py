"""Render a frame with MuJoCo's Filament renderer and print its time as JSON, for `graspgen doctor`.

A process of its own, because Filament ends the process where Vulkan finds no device.
"""

from __future__ import annotations

import importlib
import json
import time

import mujoco
import numpy as np

_BALL = """
<mujoco>
  <worldbody>
    <light pos="0 0 4" dir="0 0 -1" diffuse="1 1 1"/>
    <geom type="sphere" size="1" rgba="1 1 1 1"/>
  </worldbody>
</mujoco>
"""


def render_ball(width: int = 640, height: int = 480) -> float:
    """Render a ball seen from above and return the time of the second frame, s.

    Raises:
        RuntimeError: the image holds no ball.
    """
    # Filament's materials are registered by this module, whoever draws.
    importlib.import_module("mujoco.studio.window")
    mjrf = importlib.import_module("mujoco.mjrf")
    model = mujoco.MjModel.from_xml_string(_BALL)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    context = mjrf.Context(mjrf.ContextConfig(graphics_api=mjrf.GraphicsApi.GRAPHICS_API_VULKAN))
    scene = context.create_scene(mjrf.SceneParams())
    scene.configure_from_model(model)
    resources = mjrf.ModelResources(context, model)
    lights = mjrf.ModelLights(scene, resources)
    renderables = mjrf.ModelRenderables(scene, resources)
    lights.update(data)
    renderables.update(data)
    rgb = mjrf.PixelFormat.PIXEL_FORMAT_RGB8
    target = context.create_render_target(mjrf.RenderTargetConfig(color_format=rgb))
    target.resize(width, height)
    image = np.zeros((height, width, 3), np.uint8)
    read = mjrf.ReadRequest(target=target)
    read.set_buffer(image)
    near, half = 0.1, 0.05
    request = mjrf.RenderRequest()
    request.scene, request.target = scene, target
    request.camera = mjrf.Camera(
        pos=(0, 0, 4),
        forward=(0, 0, -1),
        up=(0, 1, 0),
        frustum_bottom=-half,
        frustum_top=half,
        frustum_near=near,
        frustum_far=10,
    )
    request.viewport.width, request.viewport.height = width, height
    seconds = 0.0
    for _ in range(2):
        start = time.perf_counter()
        context.wait_for_frame(context.render([request], [read]))
        seconds = time.perf_counter() - start
    if int(image[height // 2, width // 2].min()) <= int(image[0, 0].max()):
        raise RuntimeError("the image holds no ball")
    return seconds


if __name__ == "__main__":
    print(json.dumps({"milliseconds": 1e3 * render_ball()}), flush=True)
