"""One sound dataset a session; tests that damage it take a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from dataset_builder import make_dataset


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound dataset of four scenes in two shards; read-only."""
    return make_dataset(tmp_path_factory.mktemp("sound") / "data")


@pytest.fixture
def copy(sound: Path, tmp_path: Path) -> Path:
    """A copy of the sound dataset that may be damaged."""
    return Path(shutil.copytree(sound, tmp_path / "copy"))
