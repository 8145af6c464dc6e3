"""The check of a library: every asset gets a verdict, runs heed it, and nothing depends on who works."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import solids
from PIL import Image

from graspgen.dataset.reader import open as open_dataset
from graspgen.errors import DatasetError, GraspgenError, ObjectError
from graspgen.grippers.gripper import load_gripper
from graspgen.labels.overlay import PALETTE
from graspgen.objects.asset import Mesh
from graspgen.objects.families import FAMILIES
from graspgen.objects.library import content_hash, load_asset, save_asset
from graspgen.objects.library_edit import split_library
from graspgen.objects.library_index import read_index
from graspgen.objects.procedural import ProceduralCatalogue
from graspgen.objects.splits import Split
from graspgen.pipeline.library_check import check_asset, check_library
from graspgen.pipeline.run import generate
from graspgen.pipeline.turntable import describe, draw_turntable, write_turntable
from graspgen.recipe import Objects
from graspgen.recipe_file import load_recipe
from graspgen.render.asset_view import turntable

BOX = solids.box(0.06, 0.04, 0.02)


def named(asset, name, class_name="thing"):
    return replace(asset, name=name, class_name=class_name)


def flawed():
    """A sound asset, and one with each flaw, by the test that finds it."""
    open_box = Mesh(BOX.mesh.vertices, BOX.mesh.faces[:-1])
    return {
        "good": BOX,
        "watertight": replace(BOX, mesh=open_box),
        "volume": replace(BOX, volume=2 * BOX.volume, unit_inertia=2 * BOX.unit_inertia),
        "parts": replace(BOX, parts=()),
        "inertia": replace(BOX, unit_inertia=100 * BOX.unit_inertia),
        "centre_of_mass": replace(BOX, com=np.array([0.0, 0.0, 0.02])),
        "size": solids.box(0.2, 0.25, 0.3),
    }


@pytest.fixture
def library(tmp_path):
    for name, asset in flawed().items():
        save_asset(named(asset, name.replace("_", "-")), tmp_path / "lib")
    save_asset(named(BOX, "read"), tmp_path / "lib")
    glb = tmp_path / "lib" / "read" / "visual.glb"
    glb.write_bytes(glb.read_bytes()[:-4] + b"\0\1\2\3")
    return tmp_path / "lib"


def test_each_flaw_is_found_by_its_test_and_told(library):
    report = check_library(library, quiet=True)
    verdicts = {one.name: one.verdict for one in report.checked}
    assert [one.name for one in report.checked] == sorted(verdicts) and len(verdicts) == 8
    assert verdicts["good"].accepted and verdicts["good"].reasons == ()
    for name, verdict in verdicts.items():
        if name != "good":
            tests = [reason.partition(":")[0] for reason in verdict.reasons]
            assert not verdict.accepted and name.replace("-", "_") in tests, (name, verdict.reasons)
    assert verdicts["size"].reasons == ("size: it is nowhere narrower than panda_hand opens, 80 mm",)


def test_verdicts_stand_in_the_index_and_change_no_asset(library):
    before = {p: p.read_bytes() for p in library.rglob("*") if p.is_file()}
    report = check_library(library, quiet=True)
    after = {p: p.read_bytes() for p in library.rglob("*") if p.is_file()}
    assert before.items() <= after.items()
    assert {p.name for p in after.keys() - before.keys()} == {"library.yaml", ".library.lock"}
    entries = read_index(library).entries
    assert {name: e.check for name, e in entries.items()} == {one.name: one.verdict for one in report.checked}
    assert entries["good"].digest == content_hash(load_asset(library / "good"))
    tests = ["watertight", "volume", "parts", "inertia", "centre_of_mass", "size", "settle", "render"]
    assert list(entries["good"].check.evidence) == tests
    json.loads(json.dumps(report.plain(), allow_nan=False))


def test_only_new_assets_are_checked_when_that_is_asked_for(library):
    check_library(library, quiet=True, render=False)
    save_asset(named(BOX, "later"), library)
    again = check_library(library, quiet=True, render=False, only_new=True)
    assert [one.name for one in again.checked] == ["later"]
    assert len([e for e in read_index(library).entries.values() if e.check]) == 9


@pytest.mark.slow
def test_two_workers_find_the_same(library):
    one = check_library(library, quiet=True).plain()
    text = (library / "library.yaml").read_text()
    (library / "library.yaml").unlink()
    assert check_library(library, quiet=True, workers=2).plain() == one
    assert (library / "library.yaml").read_text() == text


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_every_family_is_accepted_but_for_its_size(family):
    catalogue, hand = ProceduralCatalogue(Objects(families=family), 8), load_gripper("panda_hand")
    for number in range(3):
        verdict, _ = check_asset(catalogue.asset(number), hand)
        assert [r for r in verdict.reasons if not r.startswith("size")] == []


def test_a_gripper_that_opens_wider_accepts_more(library, tmp_path):
    shipped = load_gripper("panda_hand")
    assert check_asset(solids.box(0.079, 0.2, 0.2), shipped, render=False)[0].accepted
    assert not check_asset(solids.box(0.081, 0.2, 0.2), shipped, render=False)[0].accepted


def test_an_empty_or_missing_library_is_told(tmp_path):
    with pytest.raises(ObjectError, match="there is no folder"):
        check_library(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ObjectError, match="holds no assets"):
        check_library(tmp_path / "empty")
    assert not list((tmp_path / "empty").iterdir())


@pytest.fixture
def good(tmp_path):
    for k in range(4):
        save_asset(named(solids.box(0.05 + 0.005 * k, 0.03, 0.04), f"box-{k}", f"kind{k % 2}"), tmp_path / "good")
    save_asset(named(solids.box(0.2, 0.25, 0.3), "huge"), tmp_path / "good")
    check_library(tmp_path / "good", render=False, quiet=True)
    return tmp_path / "good"


def make(tiny, library, out, *more, **kw):
    recipe = load_recipe("tabletop", [*tiny, f"objects.library={library}", *more])
    return generate(recipe, out, scenes=2, seed=3, **{"quiet": True, **kw})


def test_a_run_leaves_out_what_was_refused_and_says_so_first(tiny, good, tmp_path, capfd):
    make(tiny, good, tmp_path / "out", quiet=False)
    first = capfd.readouterr().err.splitlines()[0]
    assert first == f"objects: 4 of 5 from {good}; refused by the check and left out: 1 (huge)"
    start = json.loads((tmp_path / "out" / "run.jsonl").read_text().splitlines()[0])
    assert start["objects"]["refused"] == ["huge"] and start["objects"]["used"] == 4
    with open_dataset(tmp_path / "out") as dataset:
        assert "huge" not in dataset.assets["name"].tolist()


def test_a_run_draws_from_its_part_of_the_split_alone(tiny, good, tmp_path):
    split_library(good, Split("object", (("train", 0.5), ("test", 0.5)), "a"))
    index = read_index(good)
    for part in ("train", "test"):
        mine = {e.name for e in index.entries.values() if index.part_of(e) == part} - {"huge"}
        assert mine, "another salt is needed"
        make(tiny, good, tmp_path / part, f"objects.split={part}")
        with open_dataset(tmp_path / part) as dataset:
            assert set(dataset.assets["name"].tolist()) <= mine


def test_a_run_is_not_resumed_with_other_objects(tiny, good, tmp_path):
    make(tiny, good, tmp_path / "out")
    make(tiny, good, tmp_path / "out", resume=True)
    save_asset(named(BOX, "another"), good)
    with pytest.raises(DatasetError, match="begun with other objects"):
        make(tiny, good, tmp_path / "out", resume=True)


def test_refused_objects_can_stop_a_run(tiny, good, tmp_path):
    with pytest.raises(GraspgenError, match=r"refused 1 of .*huge"):
        make(tiny, good, tmp_path / "out", "objects.refused=error")
    assert not (tmp_path / "out").exists()


def test_a_turntable_shows_the_object_from_all_around_and_its_parts():
    mug = ProceduralCatalogue(Objects(families="mug"), 1).asset(0)
    views, parts = turntable(mug, [0.0, np.pi / 2, np.pi], 0.4, PALETTE, 120)
    for picture in (*views, parts):
        shown = np.abs(picture.astype(int) - picture[60:61, 2:3]).max(axis=2) > 60
        assert 0.1 < shown.mean() < 0.8 and not shown[:, [0, -1]].any(), "whole, and not much smaller than the picture"
    # The handle is to the right, hidden or before the mug, and to the left: never where it was.
    for one, other in ((0, 1), (1, 2), (0, 2)):
        assert (np.abs(views[one].astype(int) - views[other]).max(axis=2) > 60).mean() > 0.01
    hues = [len(np.unique(picture.reshape(-1, 3) // 48, axis=0)) for picture in (views[0], parts)]
    assert hues[1] > 2 * hues[0], "each part has its colour"


def test_a_turntable_sheet_is_written_whole_or_not(tmp_path):
    path = write_turntable(BOX, tmp_path / "deep" / "box.png")
    assert np.array_equal(np.asarray(Image.open(path)), draw_turntable(BOX))
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(DatasetError, match="cannot write"):
        write_turntable(BOX, blocked / "box.png")


def test_the_caption_tells_size_mass_class_and_symmetry():
    turned = {"continuous": [[0, 0, 1]], "discrete": [[1, 0, 0, 2]]}
    told = describe(replace(named(BOX, "brick-1", "brick"), symmetry=turned, licence="CC0"))
    assert told[0] == "brick-1 (brick): 60 x 40 x 20 mm, 24 g"
    assert re.match(r"symmetry: any turn about z, 2-fold about x; 48 ml, friction 0.6, CC0", told[1])
    assert "none known" in describe(BOX)[1]
