"""LeRobot: files of codebase v3.0 whose frames, statistics and episodes are those of the recorded trials."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

import graspgen
from graspgen.errors import DatasetError
from graspgen.exports import lerobot_stats
from graspgen.exports.registry import export
from graspgen.frames import quat_to_matrix

parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture(scope="module")
def exported(recorded_dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("lerobot") / "out"
    with graspgen.open(recorded_dataset) as ds:
        export(ds, "lerobot", out, [])
    return out


def table(path: Path) -> dict[str, list]:
    return parquet.read_table(path).to_pydict()


def frames(out: Path) -> dict[str, list]:
    return table(out / "data" / "chunk-000" / "file-000.parquet")


def episodes(out: Path) -> dict[str, list]:
    return table(out / "meta" / "episodes" / "chunk-000" / "file-000.parquet")


def test_frames_are_those_of_the_trials(exported: Path, recorded_dataset: Path) -> None:
    data, known = frames(exported), episodes(exported)
    with graspgen.open(recorded_dataset) as ds:
        assert known["graspgen/grasp"] == ds.sequences().tolist() and len(known["episode_index"]) == 3
        for number, key in enumerate(ds.sequences().tolist()):
            sequence = ds.sequence(key)
            rows = range(known["dataset_from_index"][number], known["dataset_to_index"][number])
            assert len(rows) == known["length"][number] >= len(sequence) - 1
            state = np.array([data["observation.state"][r] for r in rows])
            T = sequence.T_world_tool[: len(rows)]
            np.testing.assert_allclose(state[:, :3], T[:, :3, 3], atol=1e-6)
            np.testing.assert_allclose(quat_to_matrix(state[:, 3:7]), T[:, :3, :3], atol=1e-6)
            np.testing.assert_allclose(state[:, 7], sequence.opening[: len(rows)], atol=1e-6)
            assert (np.sum(state[1:, 3:7] * state[:-1, 3:7], axis=1) > 0).all()
            action = np.array([data["action"][r] for r in rows])
            np.testing.assert_array_equal(action[:-1], state[1:])
            np.testing.assert_array_equal(action[-1], state[-1])
            target = int(ds.grasps["object"][ds.grasps.index_of(key)])
            at = sequence.objects.tolist().index(target)
            things = np.array([data["observation.environment_state"][r] for r in rows])
            np.testing.assert_allclose(things[:, :3], sequence.T_world_object[: len(rows), at, :3, 3], atol=1e-6)
            np.testing.assert_allclose([data["sim_time"][r] for r in rows], sequence.time[: len(rows)], atol=1e-6)
            np.testing.assert_allclose([data["timestamp"][r] for r in rows], np.arange(len(rows)) / 20, atol=1e-6)
            assert [data["next.done"][r] for r in rows] == [False] * (len(rows) - 1) + [True]
            assert data["next.success"][rows[-1]] == (known["graspgen/outcome"][number] == "success")
            for camera, images in sequence.images.items():
                picture = data[f"observation.images.{camera}"][rows[0]]["bytes"]
                np.testing.assert_array_equal(
                    np.asarray(Image.open(io.BytesIO(picture))), ds.frame_views["rgb"][images[0]]
                )


def test_indices_and_counts_fit_together(exported: Path) -> None:
    info = json.loads((exported / "meta" / "info.json").read_text())
    data, known = frames(exported), episodes(exported)
    assert info["codebase_version"] == "v3.0" and info["fps"] == 20
    assert info["total_frames"] == len(data["index"]) == known["dataset_to_index"][-1]
    assert data["index"] == list(range(len(data["index"])))
    assert set(info["features"]) == set(data)
    assert known["dataset_from_index"][1:] == known["dataset_to_index"][:-1]
    tasks = table(exported / "meta" / "tasks.parquet")
    assert info["total_tasks"] == len(tasks["task"]) and tasks["task"] == ["grasp the box"]
    for name, feature in info["features"].items():
        if feature["dtype"] != "image":
            assert np.size(data[name][0]) == feature["shape"][0]
    first = info["data_path"].format(chunk_index=0, file_index=0)
    assert (exported / first).is_file()


def test_pandas_reads_the_tasks_as_its_index(exported: Path) -> None:
    pandas = pytest.importorskip("pandas")
    tasks = pandas.read_parquet(exported / "meta" / "tasks.parquet")
    assert tasks.loc["grasp the box"].task_index == 0


def test_hugging_face_decodes_the_images(exported: Path, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    path = str(exported / "data" / "chunk-000" / "file-000.parquet")
    rows = datasets.Dataset.from_parquet(path, cache_dir=str(tmp_path))
    assert rows[0]["observation.images.shell_0"].size == (96, 72)
    assert len(rows[0]["action"]) == 8


def test_statistics_are_those_of_all_frames(exported: Path) -> None:
    stats = json.loads((exported / "meta" / "stats.json").read_text())
    data = frames(exported)
    state = np.array(data["observation.state"])
    np.testing.assert_allclose(stats["observation.state"]["mean"], state.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(stats["observation.state"]["std"], state.std(axis=0), atol=1e-6)
    pixels = (
        np.stack([np.asarray(Image.open(io.BytesIO(p["bytes"]))) for p in data["observation.images.shell_0"]]) / 255
    )
    found = {name: np.array(value) for name, value in stats["observation.images.shell_0"].items()}
    assert found["mean"].shape == (3, 1, 1)
    np.testing.assert_allclose(found["mean"].ravel(), pixels.mean(axis=(0, 1, 2)), atol=1e-9)
    np.testing.assert_allclose(found["std"].ravel(), pixels.std(axis=(0, 1, 2)), atol=1e-9)
    np.testing.assert_allclose(found["max"].ravel(), pixels.max(axis=(0, 1, 2)))
    assert found["count"] == len(pixels)


@settings(max_examples=30, deadline=None)
@given(st.lists(arrays(np.float64, st.tuples(st.integers(1, 9), st.just(2)), elements=st.floats(-10, 10)), min_size=1))
def test_statistics_of_parts_make_those_of_the_whole(parts: list[np.ndarray]) -> None:
    whole = lerobot_stats.of_values(np.concatenate(parts))
    found = lerobot_stats.together([lerobot_stats.of_values(part) for part in parts])
    for name in ("min", "max", "mean", "std", "count"):
        np.testing.assert_allclose(found[name], whole[name], atol=1e-6)


def test_episodes_can_be_chosen_and_left_without_images(exported: Path, recorded_dataset: Path, tmp_path: Path) -> None:
    with graspgen.open(recorded_dataset) as ds:
        export(ds, "lerobot", tmp_path / "out", ["outcomes=success", "images=false"])
    held = [outcome for outcome in episodes(exported)["graspgen/outcome"] if outcome == "success"]
    assert 0 < len(held) < 3 and episodes(tmp_path / "out")["graspgen/outcome"] == held
    assert not any("images" in name for name in frames(tmp_path / "out"))


def test_large_data_goes_to_several_files(recorded_dataset: Path, tmp_path: Path, monkeypatch) -> None:
    from graspgen.exports import lerobot_files

    with graspgen.open(recorded_dataset) as ds:
        monkeypatch.setattr(lerobot_files, "MEGABYTE", 1)
        export(ds, "lerobot", tmp_path / "out", ["file_mb=1"])
    known = episodes(tmp_path / "out")
    assert known["data/file_index"] == [0, 1, 2]
    for number in range(3):
        rows = table(tmp_path / "out" / "data" / "chunk-000" / f"file-{number:03d}.parquet")
        assert set(rows["episode_index"]) == {number}


def test_a_dataset_without_recorded_trials_says_how_to_get_some(small, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"views\.sequence\.per_scene"):
        export(small, "lerobot", tmp_path / "out", [])
    assert not (tmp_path / "out").exists()
