"""An export appears whole or not at all, and stays in its folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graspgen.errors import DatasetError
from graspgen.exports.folder import export_folder, safe_name


def test_the_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    with export_folder(tmp_path / "out") as folder:
        folder.write_json("a/b.json", {"x": 1})
        assert not (tmp_path / "out").exists()
    assert (tmp_path / "out" / "a" / "b.json").read_text() == '{"x": 1}\n'


def test_a_failed_export_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), export_folder(tmp_path / "out") as folder:
        folder.write_text("a.txt", str(1 / 0))
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(DatasetError, match="not an empty folder"), export_folder(tmp_path / "out"):
        pass
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", ""])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DatasetError, match="leads out"), export_folder(tmp_path / "out") as folder:
        folder.write_text(name, "x")
    assert list(tmp_path.iterdir()) == []


@given(st.text())
def test_a_safe_name_is_one_visible_part(text: str) -> None:
    name = safe_name(text)
    assert name and "/" not in name and not name.startswith(".") and name.isascii() and len(name) <= 100
