"""Reading needs NumPy and h5py only: every other package is blocked, and everything is read."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import graspgen

ROOT = Path(graspgen.__file__).parents[1]
SCRIPT = Path(__file__).with_name("read_everything.py")


def run(code: list[str], path: str) -> str:
    env = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run([sys.executable, *code], env=env, cwd=path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_everything_is_read_with_numpy_and_h5py_alone(sound: Path) -> None:
    assert "4 scenes" in run([str(SCRIPT), str(sound)], str(ROOT))


def test_the_small_package_holds_all_that_reading_needs(sound: Path, tmp_path: Path) -> None:
    """Lays out what the wheel of `packaging/read` would install, and reads with that alone."""
    project = ROOT / "packaging/read"
    if not project.is_dir():
        pytest.skip("an installed wheel has no packaging folder")
    content = tomllib.loads((project / "pyproject.toml").read_text())
    assert {d.partition(">")[0] for d in content["project"]["dependencies"]} == {"numpy", "h5py"}
    for source, target in content["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"].items():
        path = tmp_path / target
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to((project / source).resolve())
    assert "4 scenes" in run([str(SCRIPT), str(sound)], str(tmp_path))
    told = run(["-c", "import graspgen\ntry: graspgen.clear\nexcept ImportError as e: print(e)"], str(tmp_path))
    assert "needs the whole of graspgen" in told
    import_all = "import pkgutil, importlib, graspgen.loaders as l\n" + (
        "for m in pkgutil.iter_modules(l.__path__):\n"
        "    try: importlib.import_module(f'graspgen.loaders.{m.name}')\n"
        "    except ImportError as e: assert not (e.name or '').startswith('graspgen'), e\n"
        "    except Exception as e: assert 'pip install' in str(e), e\n"
    )
    run(["-c", import_all], str(tmp_path))
