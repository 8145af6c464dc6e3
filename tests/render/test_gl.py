import ctypes.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from graspgen.errors import RenderError
from graspgen.render import gl

ROOT = str(Path(__file__).parents[2])


def run(code: str, path: str = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stdout + done.stderr).strip().splitlines()[-1]


MAKE = "from graspgen.render import gl\nprint(gl.make_current())"


def test_a_process_has_one_context() -> None:
    backend = gl.make_current()
    first = gl._context
    assert gl.make_current() == backend and gl._context is first


def test_importing_the_renderer_makes_no_context() -> None:
    code = "from graspgen.render import gl, opengl; print(gl._context)"
    assert last_line(run(code)) == "None"


def test_without_any_backend_the_error_names_the_packages_to_install(tmp_path: Path) -> None:
    # A PyOpenGL that does not import takes both backends away, whatever is installed here.
    (tmp_path / "OpenGL").mkdir()
    (tmp_path / "OpenGL" / "__init__.py").write_text("raise ImportError('no OpenGL here')\n")
    line = last_line(run(MAKE, path=os.pathsep.join([str(tmp_path), ROOT])))
    assert line.startswith("graspgen.errors.RenderError: no OpenGL backend works (egl: ")
    assert "`apt-get install libegl1 libgl1 libgl1-mesa-dri`" in line
    assert "`apt-get install libosmesa6`" in line


def test_without_drivers_a_chosen_egl_says_so_and_nothing_else_is_tried() -> None:
    line = last_line(run(MAKE, MUJOCO_GL="egl", __EGL_VENDOR_LIBRARY_DIRS="/nonexistent"))
    assert "RenderError: no OpenGL backend works (egl: " in line
    assert "libgl1-mesa-dri" in line and "osmesa" not in line


@pytest.mark.skipif(not ctypes.util.find_library("OSMesa"), reason="OSMesa is not installed")
def test_where_egl_fails_osmesa_renders() -> None:
    line = last_line(run(MAKE, __EGL_VENDOR_LIBRARY_DIRS="/nonexistent"))
    assert line == "osmesa"


def test_a_backend_that_needs_a_window_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    with pytest.raises(RenderError, match="MUJOCO_GL=glfw cannot render offscreen; unset it"):
        gl.allowed_backends()


@pytest.mark.parametrize(
    ("chosen", "allowed"),
    [("", ("egl", "osmesa")), ("osmesa", ("osmesa",)), (" EGL ", ("egl",))],
)
def test_the_users_choice_of_backend_is_respected(
    chosen: str, allowed: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUJOCO_GL", chosen)
    assert gl.allowed_backends() == allowed


def test_a_fork_after_rendering_is_an_error_and_not_a_hang() -> None:
    code = """
import os
from graspgen.render import gl
gl.make_current()
if os.fork() == 0:
    try:
        gl.make_current()
    except Exception as error:
        print(type(error).__name__, error, flush=True)
    os._exit(0)
os.wait()
"""
    line = run(code).stdout.strip()  # Python 3.12 and later warn of forks beside threads
    assert line.startswith("RenderError this process was forked after its parent had rendered")


def test_the_probe_reports_every_backend_and_how_to_mend_what_is_missing() -> None:
    reports = gl.probe_backends()
    assert [r.name for r in reports] == ["egl", "osmesa"]
    assert any(r.works for r in reports)
    for report in reports:
        if report.works:
            assert report.renderer and report.milliseconds > 0 and not report.mend
        else:
            assert report.error and gl.PACKAGES[report.name] in report.mend
