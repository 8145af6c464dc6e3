"""The index of a library: right whatever was copied in or deleted, never half written, and what runs draw from."""

import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
import solids
import yaml

from graspgen.errors import ObjectError
from graspgen.objects.library import LibraryCatalogue, open_catalogue, save_asset
from graspgen.objects.library_edit import split_library
from graspgen.objects.library_index import INDEX, Verdict, read_index, update_index
from graspgen.objects.splits import SHARES, Split
from graspgen.recipe import Objects


def thing(name, class_name="box", size=0.05):
    return replace(solids.box(size, 0.04, 0.03), name=name, class_name=class_name, licence="CC0")


@pytest.fixture
def library(tmp_path):
    for k in range(6):
        save_asset(thing(f"box-{k}", "box" if k % 2 else "brick"), tmp_path / "lib")
    return tmp_path / "lib"


def judge(library, name, *reasons):
    def change(index):
        verdict = Verdict(not reasons, reasons, "panda_hand", {"settle": {"speed": 0.5}})
        return index.judged({name: (index.entries[name].digest, verdict)})

    return update_index(library, change)


def names_of(catalogue):
    return [catalogue.asset(k).name for k in range(len(catalogue))]


def test_the_index_knows_sizes_masses_and_classes_without_reading_meshes(library, monkeypatch):
    monkeypatch.setattr("graspgen.objects.asset_files.read_glb", None)
    entry = read_index(library).entries["box-1"]
    assert np.allclose(entry.extents, (0.05, 0.04, 0.03), atol=1e-7)
    assert entry.mass == pytest.approx(500 * 0.05 * 0.04 * 0.03)
    assert (entry.class_name, entry.licence, entry.parts, entry.check) == ("box", "CC0", 1, None)


def test_what_is_written_is_yaml_and_read_back(library):
    judge(library, "box-2", "settle: it rolls")
    split_library(library, Split("category", (("train", 0.5), ("test", 0.5)), "s"))
    index = read_index(library)
    assert index.entries["box-2"].refused and index.entries["box-2"].check.evidence == {"settle": {"speed": 0.5}}
    assert index.split == Split("category", (("train", 0.5), ("test", 0.5)), "s")
    plain = yaml.safe_load((library / INDEX).read_text())
    assert plain["assets"]["box-2"]["check"]["reasons"] == ["settle: it rolls"]
    (library / INDEX).write_text(yaml.safe_dump(plain))
    assert read_index(library) == index, "an index that somebody wrote by hand is as good"


def test_an_asset_without_its_description_is_not_passed_over(library):
    (library / "box-3/asset.yaml").unlink()
    entry = read_index(library).entries["box-3"]
    assert "asset.yaml" in entry.damage
    with pytest.raises(ObjectError, match="box-3"):
        LibraryCatalogue(library)


def test_reading_writes_nothing(library):
    before = sorted(p.name for p in library.iterdir())
    read_index(library)
    open_catalogue(Objects(library=str(library)), 0)
    assert sorted(p.name for p in library.iterdir()) == before


def test_folders_that_came_and_went_by_hand_are_seen(library):
    judge(library, "box-1", "size: too large")
    judge(library, "box-2")
    shutil.rmtree(library / "box-5")
    save_asset(thing("new"), library)
    save_asset(thing("box-1", size=0.06), library, overwrite=True)
    entries = read_index(library).entries
    assert list(entries) == ["box-0", "box-1", "box-2", "box-3", "box-4", "new"]
    assert entries["box-1"].check is None, "a verdict holds for the content it was made of"
    assert entries["box-2"].check is not None and entries["box-1"].extents[0] == pytest.approx(0.06)


def test_two_writers_lose_nothing_of_each_other(library):
    names = [f"box-{k}" for k in range(6)]
    threads = [threading.Thread(target=judge, args=(library, name, f"size: {name}")) for name in names * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = read_index(library).entries
    assert [entries[name].check.reasons for name in names] == [(f"size: {name}",) for name in names]
    assert not list(library.glob(".library.*.tmp")) and len(list(library.glob(".*"))) == 1, "only the lock stays"


def test_a_verdict_on_what_was_replaced_meanwhile_is_dropped(library):
    old = read_index(library).entries["box-1"].digest
    save_asset(thing("box-1", size=0.06), library, overwrite=True)
    update_index(library, lambda index: index.judged({"box-1": (old, Verdict(False, ("size: no",)))}))
    assert read_index(library).entries["box-1"].check is None


@pytest.mark.parametrize("text", ["{", "[]", '{"graspgen_library": 1}', "a: b: c", '{"graspgen_library": 9}', ""])
def test_a_damaged_index_is_told_and_not_lost(library, text):
    (library / INDEX).write_text(text)
    for call in (read_index, update_index, lambda path: open_catalogue(Objects(library=str(path)), 0)):
        with pytest.raises(ObjectError, match=INDEX) as error:
            call(library)
        assert "\n" not in str(error.value)
    assert (library / INDEX).read_text() == text


def test_refused_objects_are_left_out_and_named(library):
    judge(library, "box-1", "settle: it rolls")
    judge(library, "box-2")
    catalogue = LibraryCatalogue(library)
    assert names_of(catalogue) == ["box-0", "box-2", "box-3", "box-4", "box-5"]
    line = catalogue.selection.line()
    assert line.startswith(f"objects: 5 of 6 from {library}")
    assert "left out: 1 (box-1)" in line and "not checked: 4" in line
    assert list(catalogue.class_names) == ["box", "brick"]


def test_refused_objects_can_be_used_or_an_error(library):
    judge(library, "box-1", "settle: it rolls")
    used = open_catalogue(Objects(library=str(library), refused="use"), 0)
    assert len(used) == 6 and "used all the same: 1 (box-1)" in used.selection.line()
    with pytest.raises(ObjectError, match=r"refused 1 of .*box-1"):
        open_catalogue(Objects(library=str(library), refused="error"), 0)
    for k in range(6):
        judge(library, f"box-{k}", "settle: it rolls")
    with pytest.raises(ObjectError, match="refused all 6"):
        open_catalogue(Objects(library=str(library)), 0)


def test_a_split_and_classes_narrow_a_library_and_keep_class_ids(library):
    with pytest.raises(ObjectError, match="is not split; run"):
        open_catalogue(Objects(library=str(library), split="train"), 0)
    split_library(library, Split("object", (("train", 0.5), ("test", 0.5)), "x"))
    parts = {p: open_catalogue(Objects(library=str(library), split=p), 0) for p in ("train", "test")}
    assert sorted(names_of(parts["train"]) + names_of(parts["test"])) == [f"box-{k}" for k in range(6)]
    assert {tuple(c.class_names) for c in parts.values()} == {("box", "brick")}
    bricks = open_catalogue(Objects(library=str(library), classes=["brick"]), 0)
    assert names_of(bricks) == ["box-0", "box-2", "box-4"] and list(bricks.class_names) == ["box", "brick"]
    assert "classes brick" in bricks.selection.line()


@pytest.mark.parametrize(
    ("knobs", "told"),
    [({"split": "trian"}, "did you mean 'train'"), ({"classes": ["brik"]}, "did you mean 'brick'")],
)
def test_unknown_parts_and_classes_are_told(library, knobs, told):
    split_library(library, Split("object", tuple(SHARES.items())))
    with pytest.raises(ObjectError, match=told):
        open_catalogue(Objects(library=str(library), **knobs), 0)


def test_a_damaged_object_is_an_error_until_the_check_knows_of_it(library):
    (library / "box-3" / "asset.yaml").write_text("nonsense: [")
    with pytest.raises(ObjectError, match=r"box-3.*graspgen objects check"):
        open_catalogue(Objects(library=str(library)), 0)
    judge(library, "box-3", "read: damaged")
    assert len(open_catalogue(Objects(library=str(library)), 0)) == 5
    assert len(open_catalogue(Objects(library=str(library), refused="use"), 0)) == 5, "it cannot be used at all"


def test_the_selections_digest_tells_every_change_of_what_is_drawn(library):
    def digest(**knobs):
        return open_catalogue(Objects(library=str(library), **knobs), 0).selection.digest

    first = digest()
    judge(library, "box-0")
    assert digest() == first, "an accepted object is drawn as before"
    judge(library, "box-1", "size: too large")
    assert digest() != first and digest(refused="use") == first
