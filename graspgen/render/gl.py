"""One offscreen OpenGL context per process, made when the first image is rendered.

EGL is tried first, then OSMesa; a backend counts only once it has really rendered a frame.
`MUJOCO_GL=egl` or `MUJOCO_GL=osmesa` allows that one alone. A context does not survive a fork:
worker processes are to be spawned, or forked before anything is rendered. Where several processes
render in software, set `LP_NUM_THREADS=1` for them (before the first image; the pipeline does):
otherwise every one of them starts a thread per core.
"""

from __future__ import annotations

import atexit
import ctypes.util
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mujoco
import numpy as np

from graspgen.errors import RenderError

#: Debian and Ubuntu packages that give each backend a software renderer, in the order in which
#: backends are tried. libegl1 brings libegl-mesa0; nothing of EGL's brings the drivers
#: (libgl1-mesa-dri).
PACKAGES: dict[str, str] = {"egl": "libegl1 libgl1 libgl1-mesa-dri", "osmesa": "libosmesa6"}

_TEST_SCENE = """
<mujoco>
  <visual><headlight ambient="1 1 1"/><quality offsamples="0" shadowsize="64"/></visual>
  <worldbody><geom type="sphere" size="1" rgba="1 1 1 1"/><camera pos="0 0 4"/></worldbody>
</mujoco>
"""


@dataclass(frozen=True)
class BackendReport:
    """What `probe_backends` found out about a backend.

    Attributes:
        name: "egl" or "osmesa".
        works: whether it rendered a frame.
        renderer: OpenGL's name of the device, "" if none.
        milliseconds: time of a 640x480 frame of a trivial scene, NaN if none.
        error: why it does not work, "" if it does.
        mend: what to type, "" if nothing is needed.
    """

    name: str
    works: bool
    renderer: str
    milliseconds: float
    error: str
    mend: str


@dataclass(frozen=True, eq=False)
class _Context:
    pid: int
    backend: str
    handle: Any
    renderer: str


_context: _Context | None = None


def make_current() -> str:
    """Make this process's OpenGL context current in this thread and return its backend's name.

    The first call creates the context; the later ones reuse it.

    Raises:
        RenderError: no backend rendered a frame, MUJOCO_GL forbids all of them, or the process was
            forked after its parent had rendered.
    """
    global _context
    if _context is None:
        _context = _create()
    elif _context.pid != os.getpid():
        raise RenderError(
            "this process was forked after its parent had rendered, and OpenGL does not survive "
            "a fork; start workers with multiprocessing's 'spawn' method"
        )
    else:
        _context.handle.make_current()
    return _context.backend


def probe_backends() -> list[BackendReport]:
    """Try every backend in a fresh process, where no crash and no earlier choice matters."""
    return [_probe(name) for name in PACKAGES]


def allowed_backends() -> tuple[str, ...]:
    """Return the backends to try, in order: all, or the one that MUJOCO_GL names.

    Raises:
        RenderError: MUJOCO_GL names something that cannot render offscreen.
    """
    chosen = os.environ.get("MUJOCO_GL", "").strip().lower()
    if not chosen:
        return tuple(PACKAGES)
    if chosen not in PACKAGES:
        raise RenderError(f"MUJOCO_GL={chosen} cannot render offscreen; unset it, or set it to egl or osmesa")
    return (chosen,)


def _create() -> _Context:
    failures = []
    for name in allowed_backends():
        try:
            handle = _open(name)
        except Exception as error:  # PyOpenGL fails with AttributeError, TypeError, OSError, GLError, …
            failures.append(f"{name}: {_cause(name, error)}")
            continue
        try:
            render_test_frame(64, 64)
        except Exception as error:
            # MuJoCo binds OpenGL's functions once per process, so another backend cannot be tried
            # any more.
            hint = "; try MUJOCO_GL=osmesa" if name == "egl" else ""
            raise RenderError(f"{name} made a context but rendered no frame: {_one_line(error)}{hint}") from error
        atexit.register(_close)
        gl = importlib.import_module("OpenGL.GL")
        return _Context(os.getpid(), name, handle, gl.glGetString(gl.GL_RENDERER).decode())
    raise RenderError(f"no OpenGL backend works ({'; '.join(failures)}); {_mend(allowed_backends())}")


def _open(name: str) -> Any:
    """Make a context of the backend `name` current; PyOpenGL is bound to it from here on."""
    for module in [m for m in sys.modules if m.split(".")[0] == "OpenGL" or m in ("mujoco.egl", "mujoco.osmesa")]:
        del sys.modules[module]  # PyOpenGL picks its platform when it is imported: undo a failed try
    sys.modules.pop("mujoco.egl.egl_ext", None)
    os.environ["PYOPENGL_PLATFORM"] = name
    before = os.environ.get("MUJOCO_GL")
    os.environ["MUJOCO_GL"] = name  # libmujoco reads it when it binds OpenGL's functions
    try:
        handle = importlib.import_module(f"mujoco.{name}").GLContext(64, 64)
        handle.make_current()
    except Exception:
        del os.environ["PYOPENGL_PLATFORM"]
        if before is None:
            del os.environ["MUJOCO_GL"]
        else:
            os.environ["MUJOCO_GL"] = before
        raise
    return handle


def _close() -> None:
    """Free the context while the modules that its destructor needs are still there."""
    global _context
    if _context is not None and _context.pid == os.getpid():
        _context.handle.free()
        _context = None


def render_test_frame(width: int, height: int) -> float:
    """Render a white ball on black, twice, and return the time of the second frame, s.

    The context is to be current.

    Raises:
        RenderError: the image is not that of a ball.
    """
    model = mujoco.MjModel.from_xml_string(_TEST_SCENE)
    model.vis.global_.offwidth, model.vis.global_.offheight = width, height
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    camera = mujoco.MjvCamera()
    camera.type, camera.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED, 0
    scene = mujoco.MjvScene(model, maxgeom=16)
    catbit = int(mujoco.mjtCatBit.mjCAT_ALL)
    mujoco.mjv_updateScene(model, data, mujoco.MjvOption(), None, camera, catbit, scene)
    context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50)
    try:
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, context)
        rect, rgb = mujoco.MjrRect(0, 0, width, height), np.zeros((height, width, 3), np.uint8)
        for _ in range(2):
            start = time.perf_counter()
            mujoco.mjr_render(rect, scene, context)
            mujoco.mjr_readPixels(rgb, None, rect, context)
    finally:
        context.free()
    if rgb[height // 2, width // 2].min() < 128 or rgb[0, 0].max() > 64:
        raise RenderError("the test image is wrong: no white ball on black")
    return time.perf_counter() - start


def renderer_name() -> str:
    """Return OpenGL's name of what renders, such as "llvmpipe (LLVM 15.0.6, 256 bits)"."""
    make_current()
    assert _context is not None
    return _context.renderer


def forget_errors() -> None:
    """Clear OpenGL's error flags after a failure, so that MuJoCo does not blame what comes next."""
    gl = importlib.import_module("OpenGL.GL")
    for _ in range(16):  # a few flags at most; without a context there is always one more
        if gl.glGetError() == gl.GL_NO_ERROR:
            break


def set_fog(rgba: Sequence[float]) -> None:
    """Set the colour of fog; MuJoCo hands its own to OpenGL at the end of a frame only, for the next one."""
    gl = importlib.import_module("OpenGL.GL")
    gl.glFogfv(gl.GL_FOG_COLOR, [float(c) for c in rgba])


def _probe(name: str) -> BackendReport:
    # Without MUJOCO_GL, because `import mujoco` itself fails where it names a backend that is not
    # installed.
    environment = {k: v for k, v in os.environ.items() if k not in ("PYOPENGL_PLATFORM", "MUJOCO_GL")}
    package_root = str(Path(__file__).resolve().parents[2])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [package_root, environment.get("PYTHONPATH")]))
    command = [sys.executable, "-c", f"from graspgen.render import gl; gl._print_report({name!r})"]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        return BackendReport(name, False, "", float("nan"), "no frame after 60 s", _mend([name]))
    lines = done.stdout.strip().splitlines()
    if done.returncode == 0 and lines and lines[-1].startswith("{"):
        return BackendReport(**json.loads(lines[-1]))
    last = (done.stderr.strip().splitlines() or [""])[-1]
    return BackendReport(name, False, "", float("nan"), f"died with status {done.returncode}: {last}", _mend([name]))


def _print_report(name: str) -> None:
    """Print the report of one backend as a line of JSON: the other end of `_probe`."""
    os.environ["MUJOCO_GL"] = name
    try:
        make_current()
        report = BackendReport(name, True, renderer_name(), 1e3 * render_test_frame(640, 480), "", "")
    except RenderError as error:
        report = BackendReport(name, False, "", float("nan"), _one_line(error), _mend([name]))
    print(json.dumps(asdict(report)))


def _mend(backends: tuple[str, ...] | list[str]) -> str:
    return "install " + " or ".join(f"`apt-get install {PACKAGES[name]}`" for name in backends)


def _cause(name: str, error: Exception) -> str:
    """Say why a context failed; PyOpenGL's own words for a missing library are about None."""
    library = {"egl": "EGL", "osmesa": "OSMesa"}[name]
    return _one_line(error) if ctypes.util.find_library(library) else f"lib{library} is not installed"


def _one_line(error: BaseException) -> str:
    return (" ".join(str(error).split()) or type(error).__name__)[:200]
