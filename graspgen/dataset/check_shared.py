"""Checks of the tables that scenes share: assets against their files, grippers and profiles against what they hold."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import Any

import numpy as np

from graspgen.dataset.checked import Checked, read_json
from graspgen.dataset.schema import GripperKind
from graspgen.dataset.violations import Report


def check_shared(report: Report, checked: Checked) -> None:
    """Check the tables `assets`, `grippers` and `profiles` of a shard."""
    for each in (_check_assets, _check_classes, _check_grippers, _check_profiles):
        report.attempt(each.__name__.removeprefix("_check_"), partial(each, report, checked))


def _check_assets(report: Report, checked: Checked) -> None:
    """What a row says of an asset is what the file beside its mesh says."""
    assets = checked.tables["assets"]
    for row, key in enumerate(assets["id"].tolist()):
        asset = checked.meshes.asset(assets["mesh"][row])
        if asset is None:
            continue  # the check of the content hash says so
        said: dict[str, Any] = {
            "name": asset.name,
            "class_name": asset.class_name,
            "source": asset.source,
            "licence": asset.licence,
            "volume": asset.volume,
            "params": json.loads(json.dumps(dict(asset.params))),
            "symmetry": json.loads(json.dumps(dict(asset.symmetry))),
            "keypoints": json.loads(json.dumps(dict(asset.keypoints))),
        }
        for column, value in said.items():
            stored = assets[column][row]
            if isinstance(value, dict):
                same = read_json(stored) == value
            else:
                same = bool(np.isclose(stored, value, rtol=1e-9)) if column == "volume" else stored == value
            if not same:
                text = f"is not what asset.yaml beside its mesh says: {str(value)[:80]!r}"
                report.add(text, "assets", column, row, key)


def _check_classes(report: Report, checked: Checked) -> None:
    """A class has one number and a number one class."""
    assets = checked.tables["assets"]
    names: dict[str, int] = {}
    numbers: dict[int, str] = {}
    pairs = zip(assets["class_name"], assets["class_id"].tolist(), assets["id"].tolist(), strict=True)
    for row, (name, number, key) in enumerate(pairs):
        if names.setdefault(name, number) != number or numbers.setdefault(number, name) != name:
            report.add(f"class '{name}' is {names[name]}, number {number} '{numbers.get(number, name)}'",
                       "assets", "class_id", row, key)  # fmt: skip


def _check_grippers(report: Report, checked: Checked) -> None:
    """A gripper's definition is whole, and its columns say what it says."""
    grippers = checked.tables["grippers"]
    for row, key in enumerate(grippers["id"].tolist()):
        content = read_json(grippers["definition"][row])
        digest = content.pop("sha256", None)
        if digest is None or digest != hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest():
            report.add("is damaged: its SHA-256 is another one", "grippers", "definition", row, key)
            continue
        said = content.get("yaml", {})
        kind = GripperKind.__members__.get(str(said.get("kind", "")).upper())
        for column, value in (("name", said.get("name")), ("kind", kind)):
            if value is not None and grippers[column][row] != value:
                report.add(f"the definition says {value!r}", "grippers", column, row, key)
        for column in ("stroke", "max_force"):
            if column in said and not np.isclose(grippers[column][row], said[column], rtol=1e-9):
                report.add(f"the definition says {said[column]}", "grippers", column, row, key)
        if "tcp" in said and not np.allclose(grippers["T_base_tcp"][row, :3, 3], said["tcp"], atol=1e-9):
            report.add(f"the definition says {said['tcp']}", "grippers", "T_base_tcp", row, key)


def _check_profiles(report: Report, checked: Checked) -> None:
    """A profile's columns say what its options say, and its engine is the one that made the dataset."""
    profiles = checked.tables["profiles"]
    for row, key in enumerate(profiles["id"].tolist()):
        options = read_json(profiles["options"][row])
        if not isinstance(options.get("protocol"), dict):
            report.add("has no protocol: trials cannot be checked against it", "profiles", "options", row, key)
        for column in ("name", "version"):
            if column in options and profiles[column][row] != options[column]:
                report.add(f"the options say {options[column]!r}", "profiles", column, row, key)
        if checked.engine and profiles["engine_version"][row] != checked.engine:
            text = f"the file was made with MuJoCo {checked.engine}"
            report.add(text, "profiles", "engine_version", row, key)
