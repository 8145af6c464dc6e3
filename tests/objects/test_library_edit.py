"""Adding, removing and merging: everything or nothing, verdicts go with content, and no object is lost silently."""

import os
import shutil
from dataclasses import replace

import pytest
import solids
import yaml

from graspgen.errors import ObjectError
from graspgen.objects.library import load_asset, save_asset
from graspgen.objects.library_edit import add_assets, merge_libraries, remove_assets, split_library
from graspgen.objects.library_index import Verdict, read_index, update_index
from graspgen.objects.splits import SHARES, Split


def thing(name, size=0.05):
    return replace(solids.box(size, 0.04, 0.03), name=name)


@pytest.fixture
def two(tmp_path):
    """Two libraries that share `same`; each has another `clash`."""
    for library, size in (("a", 0.05), ("b", 0.06)):
        save_asset(thing("same"), tmp_path / library, notes=["repaired"])
        save_asset(thing("clash", size), tmp_path / library)
        save_asset(thing(f"only-{library}"), tmp_path / library)
    return tmp_path


def refuse(library, name):
    def change(index):
        return index.judged({name: (index.entries[name].digest, Verdict(False, ("size: no",), "panda_hand"))})

    update_index(library, change)


def test_an_added_object_is_the_same_and_keeps_notes_and_verdict(two):
    refuse(two / "a", "same")
    assert add_assets([two / "a" / "same", two / "a" / "only-a"], two / "c") == ["same", "only-a"]
    for name in ("same", "only-a"):
        for file in ("asset.yaml", "visual.glb"):
            assert (two / "c" / name / file).read_bytes() == (two / "a" / name / file).read_bytes()
    entries = read_index(two / "c").entries
    assert entries["same"].check.reasons == ("size: no",) and entries["only-a"].check is None
    assert entries["same"].parts == 1 and entries["same"].mass > 0


def test_adding_again_changes_nothing_and_another_object_is_refused(two):
    add_assets([two / "a" / "clash"], two / "c")
    before = os.stat(two / "c" / "clash" / "asset.yaml").st_mtime_ns
    add_assets([two / "a" / "clash"], two / "c")
    assert os.stat(two / "c" / "clash" / "asset.yaml").st_mtime_ns == before
    with pytest.raises(ObjectError, match="already holds another clash"):
        add_assets([two / "b" / "only-b", two / "b" / "clash"], two / "c")
    assert not (two / "c" / "only-b").exists(), "nothing is copied where something is refused"
    add_assets([two / "b" / "clash"], two / "c", overwrite=True)
    assert load_asset(two / "c" / "clash").extents[0] == pytest.approx(0.06)


def test_what_is_no_asset_is_not_added(two):
    for source, told in ((two / "a", "use `graspgen objects merge"), (two / "nowhere", "cannot read")):
        with pytest.raises(ObjectError, match=told):
            add_assets([source], two / "c")
    path = two / "a" / "same" / "visual.glb"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ObjectError, match="damaged"):
        add_assets([two / "a" / "same"], two / "c")
    (two / "b" / "same" / "more").symlink_to("/etc/hostname")
    with pytest.raises(ObjectError, match="is a link"):
        add_assets([two / "b" / "same"], two / "c")
    assert [p.name for p in (two / "c").iterdir()] == [".library.lock"]


def test_removing_takes_all_or_nothing(two):
    with pytest.raises(ObjectError, match="did you mean 'only-a'"):
        remove_assets(two / "a", ["same", "only-aa"])
    assert len(read_index(two / "a").entries) == 3
    remove_assets(two / "a", ["same", "clash", "same"])
    assert list(read_index(two / "a").entries) == ["only-a"]
    assert sorted(p.name for p in (two / "a").iterdir()) == [".library.lock", "library.yaml", "only-a"]


def test_merging_refuses_clashes_before_it_copies(two):
    with pytest.raises(ObjectError, match=r"b/clash; give --rename"):
        merge_libraries([two / "a", two / "b"], two / "c")
    assert not list((two / "c").glob("*/asset.yaml"))


def test_merging_can_rename_and_twice_is_once(two):
    refuse(two / "b", "only-b")
    refuse(two / "b", "clash")
    for _ in range(2):
        names, renamed = merge_libraries([two / "a", two / "b"], two / "c", rename=True)
        assert renamed == {f"{two / 'b'}/clash": "clash-2"}
        assert sorted(set(names)) == ["clash", "clash-2", "only-a", "only-b", "same"]
    entries = read_index(two / "c").entries
    assert list(entries) == ["clash", "clash-2", "only-a", "only-b", "same"]
    assert entries["only-b"].refused and not entries["only-a"].refused
    assert entries["clash-2"].check is None, "another name is another content, to be checked anew"
    asset = load_asset(two / "c" / "clash-2")
    assert asset.name == "clash-2" and asset.extents[0] == pytest.approx(0.06)
    assert yaml.safe_load((two / "c" / "same" / "asset.yaml").read_text())["notes"] == ["repaired"]


def test_a_merged_library_takes_a_split_that_all_its_sources_have(two):
    split = Split("object", tuple(SHARES.items()), "one")
    split_library(two / "a", split)
    shutil.rmtree(two / "b" / "clash")
    merge_libraries([two / "a", two / "b"], two / "c")
    assert read_index(two / "c").split is None
    split_library(two / "b", split)
    merge_libraries([two / "a", two / "b"], two / "d")
    assert read_index(two / "d").split == split
    same = read_index(two / "a")
    assert read_index(two / "d").part_of(same.entries["same"]) == same.part_of(same.entries["same"])


def test_a_split_is_not_replaced_by_accident(two):
    split = Split("object", tuple(SHARES.items()))
    split_library(two / "a", split)
    split_library(two / "a", split)
    with pytest.raises(ObjectError, match=r"already split by object.*--overwrite"):
        split_library(two / "a", Split("category", tuple(SHARES.items())))
    assert read_index(two / "a").split == split
    split_library(two / "a", Split("category", tuple(SHARES.items())), overwrite=True)
    assert read_index(two / "a").split.by == "category"


def test_merging_what_is_no_library_is_told(two):
    (two / "empty").mkdir()
    for source, told in ((two / "nowhere", "there is no folder"), (two / "empty", "holds no assets")):
        with pytest.raises(ObjectError, match=told):
            merge_libraries([two / "a", source], two / "c")
