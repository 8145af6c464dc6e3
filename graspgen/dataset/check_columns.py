"""Checks of every column against the schema: presence, type, shape, attributes, range, codes, text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from graspgen.dataset.checked import Checked
from graspgen.dataset.codecs import MissingCodec, codec_of, storage_of
from graspgen.dataset.coded import image_shape, is_coded, stored_quality
from graspgen.dataset.guards import guarded
from graspgen.dataset.hdf5 import column_attributes, reason
from graspgen.dataset.index import read_column
from graspgen.dataset.jpeg import row_bytes
from graspgen.dataset.manifest import Manifest, ShardInfo
from graspgen.dataset.schema import CONVENTIONS, OPTIONAL, SCHEMA_VERSION, TABLES, Column, stored_modalities
from graspgen.dataset.violations import AbsentTable, Report
from graspgen.errors import DatasetError
from graspgen.frames import is_rotation

Tables = dict[str, dict[str, NDArray[Any]]]


def read_tables(report: Report, file: h5py.File, info: ShardInfo, manifest: Manifest) -> Tables | None:
    """Check what the file looks like; return all columns but images, None where something of it is not readable."""
    _check_file_attributes(report, file, manifest)
    before = len(report.violations)
    tables: Tables = {}
    asked = stored_modalities(manifest.recipe)
    for table, spec in TABLES.items():
        if table not in file or not isinstance(file.get(table, getlink=True), h5py.HardLink):
            tables[table] = AbsentTable(table, {})
            _absent(report, "the table", table)
            continue
        if not isinstance(file[table], h5py.Group):
            report.add("the table is missing: something else has its name", table)
            continue
        for name in sorted(set(file[table]) - set(spec.columns)):
            report.add("the schema has no such column", table, name)
        tables[table] = AbsentTable(table, {})
        rows: dict[str, int] = {}
        for name, column in spec.columns.items():
            try:
                dataset = guarded(file, table, name, column, exact=False) if name in file[table] else None
            except MissingCodec:
                raise
            except DatasetError as error:
                report.add(reason(error), table, name)
                continue
            if not report.foreign and column.modality and (dataset is not None) != (column.modality in asked):
                on = OPTIONAL.get(column.modality, f"`views.modalities` names `{column.modality}`")
                there = "there, though not" if dataset is not None else "missing, though"
                report.add(f"the column is {there} asked for: it is there where {on}", table, name)
                continue
            if column.modality and dataset is None:
                continue
            if dataset is None:
                _absent(report, "the column", table, name)
                continue
            if not _fits(report, dataset, table, name, column):
                continue
            if column.is_image and len(dataset) and not report.foreign:
                _check_storage(report, dataset, table, name, column, manifest.recipe)
            rows[name] = len(dataset)
            if column.is_image:
                continue
            try:
                tables[table][name] = read_column(dataset, column.is_text)
            except (DatasetError, OSError, RuntimeError, ValueError) as error:
                report.add(f"cannot be read: {reason(error)}", table, name)
        if report.foreign and len(set(rows.values())) > 1:
            report.add(f"its columns have different numbers of rows: {sorted(set(rows.values()))}", table)
        for name, count in rows.items():
            if count != info.rows.get(table, count):
                report.add(f"has {count} rows, the table has {info.rows[table]}", table, name)
    return tables if len(report.violations) == before else None


def _check_storage(
    report: Report, dataset: h5py.Dataset, table: str, name: str, column: Column, recipe: Mapping[str, Any]
) -> None:
    """Check that images are stored as the recipe says; readers do not care."""
    quality = stored_quality(recipe) if column.is_colour else None
    if is_coded(dataset, column) != (quality is not None):
        there = "JPEG" if quality is None else "lossless"
        report.add(f"is {there}, the recipe's storage.colour says otherwise", table, name)
        return
    asked = "gzip" if quality is not None else storage_of(recipe).get("codec", "gzip")
    if (found := codec_of(dataset)) != asked:
        report.add(f"went through {found or 'no codec'}, the recipe's storage.codec says {asked}", table, name)
    if quality is not None and dataset.shape[1] != row_bytes(image_shape(dataset, column), quality):
        report.add(f"has rows of {dataset.shape[1]} bytes, which no quality of {quality} has", table, name)


def _absent(report: Report, what: str, table: str, name: str = "") -> None:
    """Say that something is missing: others may have left it out."""
    if report.foreign:
        report.notice(f"{what} is missing: what depends on it is not verified", table, name)
    else:
        report.add(f"{what} is missing", table, name)


def _check_file_attributes(report: Report, file: h5py.File, manifest: Manifest) -> None:
    expected = {
        "graspgen_schema": SCHEMA_VERSION,
        "conventions": CONVENTIONS,
        **({} if report.foreign else manifest.attributes),
    }
    for key, value in expected.items():
        if key not in file.attrs:
            _absent(report, f"the file attribute {key}", "")
            continue
        found = file.attrs[key]
        if isinstance(value, dict):
            try:
                found = json.loads(found)
            except (TypeError, ValueError):
                report.add(f"the file attribute {key} is not JSON")
                continue
        if found != value:
            shown = "" if isinstance(value, dict) else f" ({found}, not {value})"
            source = "this graspgen" if key in ("graspgen_schema", "conventions") else "the manifest"
            report.add(f"the file attribute {key} differs from that of {source}{shown}")


def _fits(report: Report, dataset: h5py.Dataset, table: str, name: str, column: Column) -> bool:
    if column.is_text:
        info = h5py.check_string_dtype(dataset.dtype)
        if info is None or info.encoding != "utf-8":
            report.add(f"expected UTF-8 text, got type {dataset.dtype}", table, name)
            return False
    elif dataset.dtype != np.dtype(column.dtype):
        report.add(f"expected type {np.dtype(column.dtype)}, got {dataset.dtype}", table, name)
        return False
    coded = is_coded(dataset, column)
    shape = image_shape(dataset, column) if coded else dataset.shape[1:]
    same = len(shape) == len(column.shape) and all(
        isinstance(want, str) or want == got for want, got in zip(column.shape, shape, strict=False)
    )
    if not dataset.shape or not same:
        want = ", ".join(["n", *map(str, column.shape)])
        report.add(f"expected shape ({want}), got {dataset.shape}", table, name)
        return False
    if column.is_image:
        sizes = dataset.parent["depth"].shape[1:3] if "depth" in dataset.parent else shape[:2]
        if len(dataset) and shape[:2] != sizes:
            report.add(f"images of {shape[:2]}, depth has {sizes}", table, name)
            return False
    for key, value in column_attributes(column, name, shape if coded else ()).items():
        found = dataset.attrs.get(key)
        if found is None and report.foreign:
            report.notice(f"the attribute {key} is missing; {value!r} is assumed", table, name)
        elif key == "description" and isinstance(found, str) and found:
            pass  # words change from version to version; what they say of does not
        elif key == "depth_scale" and report.foreign and isinstance(found, float | np.floating) and found > 0:
            pass  # others may store other counts
        elif found is None or found != value:
            report.add(f"the attribute {key} is {found!r}, expected {value!r}", table, name)
    return True


def check_columns(report: Report, checked: Checked) -> bool:
    """Check the values of every column by itself; return whether all poses and camera matrices can be computed with."""
    sound = True
    for table, columns in checked.tables.items():
        keys = columns.get("id", columns.get("index"))
        for name, values in columns.items():
            column = TABLES[table].columns[name]
            if column.is_text:
                _check_text(report, table, name, column, values, keys)
                continue
            flat = values.reshape(len(values), int(np.prod(values.shape[1:])))
            if values.dtype.kind == "f":
                _check_floats(report, table, name, column, flat, keys)
            _check_range(report, table, name, column, flat, keys)
            if column.enum is not None:
                _check_codes(report, table, name, column, values, keys)
            if column.shape == (4, 4):
                bad = ~is_rotation(values[:, :3, :3]) | (values[:, 3] != [0, 0, 0, 1]).any(axis=1)
                told = "is no rigid pose (a rotation within 1e-6, determinant +1, last row 0 0 0 1)"
                sound &= not report.rows(table, name, bad, told, keys)
    if "K" not in checked.tables["views"]:
        return False
    return not _check_cameras(report, checked) and sound


def _check_text(
    report: Report,
    table: str,
    name: str,
    column: Column,
    values: NDArray[Any],
    keys: NDArray[Any] | None,
) -> None:
    if column.dtype != "json":
        return
    bad = np.zeros(len(values), bool)
    for row, text in enumerate(values):
        try:
            json.loads(text)
        except (TypeError, ValueError, RecursionError):
            bad[row] = True
    report.rows(table, name, bad, "is not JSON", keys)


def _check_floats(
    report: Report,
    table: str,
    name: str,
    column: Column,
    flat: NDArray[Any],
    keys: NDArray[Any] | None,
) -> None:
    report.rows(table, name, np.isinf(flat).any(axis=1), "is infinite", keys)
    if not column.nan:
        report.rows(table, name, np.isnan(flat).any(axis=1), "is NaN", keys)


def _check_range(
    report: Report,
    table: str,
    name: str,
    column: Column,
    flat: NDArray[Any],
    keys: NDArray[Any] | None,
) -> None:
    low = -np.inf if column.low is None else column.low
    high = np.inf if column.high is None else column.high
    # A float32 may lie just past a bound that has no float32 of its own, such as pi.
    slack = 1e-6 * max(1.0, abs(high)) if flat.dtype.kind == "f" and np.isfinite(high) else 0
    outside = (flat < low) | (flat > high + slack)
    unit = f" {column.unit}" if column.unit else ""
    report.rows(
        table,
        name,
        outside.any(axis=1),
        lambda row: f"{flat[row][outside[row]][0]}{unit} is outside [{low:g}, {high:g}]",
        keys,
    )


def _check_codes(
    report: Report,
    table: str,
    name: str,
    column: Column,
    values: NDArray[Any],
    keys: NDArray[Any] | None,
) -> None:
    codes = [int(member) for member in column.enum] if column.enum else []
    bad = (
        (values & ~np.bitwise_or.reduce(np.array(codes, values.dtype)) != 0)
        if column.flags
        else ~np.isin(values, codes)
    )
    report.rows(table, name, bad, lambda row: f"{values[row]} is no code of {column.enum.__name__}", keys)


def _check_cameras(report: Report, checked: Checked) -> bool:
    views = checked.tables["views"]
    K, keys = views["K"], views["id"]
    image = checked.images.get("depth", checked.images.get("rgb"))
    height, width = image.shape[1:3] if image is not None else (np.inf, np.inf)
    form = (K[:, 0, 1] == 0) & (K[:, 1, 0] == 0) & (K[:, 2] == [0, 0, 1]).all(axis=1)
    bad = ~(form & (K[:, 0, 0] > 0) & (K[:, 1, 1] > 0))
    broken = report.rows("views", "K", bad, "is not [[fx, 0, cx], [0, fy, cy], [0, 0, 1]] with fx, fy > 0", keys)
    outside = (K[:, 0, 2] < 0) | (K[:, 0, 2] > width) | (K[:, 1, 2] < 0) | (K[:, 1, 2] > height)
    report.rows("views", "K", outside, f"the principal point is outside the {width}x{height} image", keys)
    return broken
