"""Two boxes on a table, every number known (`dataset_builder`), for all tests of loaders."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset.dataset_builder import make_dataset

import graspgen


@pytest.fixture(scope="session")
def boxes_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of four scenes with two views each, in two shards; read-only."""
    return make_dataset(tmp_path_factory.mktemp("boxes") / "data")


@pytest.fixture
def boxes(boxes_path):
    """The dataset, open."""
    with graspgen.open(boxes_path) as dataset:
        yield dataset
