"""COCO: pycocotools reads what was written, and finds the ground truth equal to itself."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import graspgen
from graspgen.exports.registry import export
from graspgen.labels.keypoints import KeypointState

coco_module = pytest.importorskip("pycocotools.coco")
cocoeval = pytest.importorskip("pycocotools.cocoeval")


@pytest.fixture(scope="module")
def exported(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("coco") / "out"
    export(small, "coco", out, ["keypoints=cuboid", "images=png"])
    return out


def read(out: Path):
    return coco_module.COCO(str(out / "annotations" / "instances.json"))


def score(truth, results: list[dict], kind: str) -> np.ndarray:
    evaluation = cocoeval.COCOeval(truth, truth.loadRes(results), kind)
    if kind == "keypoints":
        evaluation.params.kpt_oks_sigmas = np.full(9, 0.05)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats


@pytest.mark.parametrize(("kind", "key"), [("segm", "segmentation"), ("bbox", "bbox"), ("keypoints", "keypoints")])
def test_ground_truth_as_results_scores_one(exported: Path, kind: str, key: str) -> None:
    truth = read(exported)
    found = [
        {"image_id": a["image_id"], "category_id": a["category_id"], key: a[key], "score": 0.9}
        for a in truth.dataset["annotations"]
        if kind != "keypoints" or a["num_keypoints"]
    ]
    stats = score(truth, found, kind)
    assert stats[0] == 1.0
    assert set(stats.tolist()) <= {1.0, -1.0}  # −1: no object of that size


def test_results_that_are_moved_score_less(exported: Path) -> None:
    truth = read(exported)
    found = [
        {"image_id": a["image_id"], "category_id": a["category_id"], "bbox": [x + w, y, w, h], "score": 0.9}
        for a in truth.dataset["annotations"]
        for x, y, w, h in [a["bbox"]]
    ]
    assert score(truth, found, "bbox")[0] < 0.1


def test_decoded_masks_are_the_id_image(exported: Path, small) -> None:
    truth = read(exported)
    for image_id in truth.getImgIds():
        ids = small.instances(image_id - 1)
        painted = np.zeros_like(ids)
        for annotation in truth.loadAnns(truth.getAnnIds(image_id)):
            mask = truth.annToMask(annotation) > 0
            painted[mask] = annotation["instance_id"]
            rows, columns = np.nonzero(mask)
            x, y, w, h = annotation["bbox"]
            assert (x, y, x + w, y + h) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert annotation["area"] == mask.sum() == coco_module.maskUtils.area(annotation["segmentation"])
        np.testing.assert_array_equal(painted, ids)


def test_keypoints_are_those_of_the_dataset(exported: Path, small) -> None:
    truth = read(exported)
    for annotation in truth.dataset["annotations"]:
        view = annotation["image_id"] - 1
        table = small.keypoints
        rows = np.flatnonzero((table["view"] == small.views["id"][view]) & (table["object"] == annotation["object"]))[
            :9
        ]
        found = np.reshape(annotation["keypoints"], (9, 3))
        state = table["state"][rows]
        there = state <= KeypointState.OCCLUDED
        np.testing.assert_allclose(found[there, :2], table["pixel"][rows][there])
        assert (found[~there] == 0).all()
        np.testing.assert_array_equal(found[:, 2] == 2, state == KeypointState.VISIBLE)
        assert annotation["num_keypoints"] == there.sum()


def test_named_keypoints_are_there_where_all_of_a_category_have_them(small, tmp_path: Path) -> None:
    export(small, "coco", tmp_path / "out", [])
    truth = read(tmp_path / "out")
    for category in truth.dataset["categories"]:
        of_class = small.assets["keypoints"][small.assets["class_name"] == category["name"]]
        shared = set.intersection(*(set(json.loads(text)) for text in of_class))
        assert category.get("keypoints", []) == sorted(shared)
        for annotation in truth.loadAnns(truth.getAnnIds(catIds=[category["id"]])):
            assert len(annotation.get("keypoints", [])) == 3 * len(shared)


def test_distractors_are_crowds_and_cost_nothing(lens_dataset: Path, tmp_path: Path) -> None:
    with graspgen.open(lens_dataset) as ds:
        for choice in ("crowd", "annotate", "omit"):
            export(ds, "coco", tmp_path / choice, [f"distractors={choice}"])
    truth = read(tmp_path / "crowd")
    crowds = [a["role"] for a in truth.dataset["annotations"] if a["iscrowd"]]
    assert crowds and set(crowds) == {"distractor"}
    found = [
        {"image_id": a["image_id"], "category_id": a["category_id"], "bbox": a["bbox"], "score": 0.9}
        for a in truth.dataset["annotations"]
    ]
    assert score(truth, found, "bbox")[0] == 1.0
    assert not any(a["iscrowd"] for a in read(tmp_path / "annotate").dataset["annotations"])
    assert len(read(tmp_path / "omit").dataset["annotations"]) == len(found) - len(crowds)


def test_amodal_masks_hold_the_visible_ones_through_a_lens(lens_dataset: Path, tmp_path: Path) -> None:
    with graspgen.open(lens_dataset) as ds:
        export(ds, "coco", tmp_path / "out", ["masks=amodal"])
        truth = read(tmp_path / "out")
        keys = zip(ds.annotations["view"].tolist(), ds.annotations["object"].tolist(), strict=True)
        rows = {key: i for i, key in enumerate(keys)}
        for annotation in truth.dataset["annotations"]:
            view = annotation["image_id"] - 1
            mask = truth.annToMask(annotation) > 0
            row = rows[int(ds.views["id"][view]), annotation["object"]]
            np.testing.assert_array_equal(mask, ds.amodal_mask(row))
            assert mask[ds.instances(view) == annotation["instance_id"]].all()


def test_images_lie_where_their_names_say(exported: Path, small) -> None:
    from PIL import Image

    for entry in read(exported).dataset["images"]:
        picture = np.asarray(Image.open(exported / "images" / entry["file_name"]))
        np.testing.assert_array_equal(picture, small.rgb(entry["id"] - 1))
        assert picture.shape == (entry["height"], entry["width"], 3)
