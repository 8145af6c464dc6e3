"""The formats by name. A format's module is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from graspgen.dataset.reader import Dataset
from graspgen.errors import DatasetError, nearest
from graspgen.exports.folder import ExportFolder, Progress, export_folder, untold


class Options(BaseModel):
    """Base of a format's options: immutable, documented by docstrings, an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


@dataclass(frozen=True)
class Format:
    """An outside format.

    Attributes:
        name: as `graspgen export` takes it.
        summary: what is written and who reads it, one line.
        options: what can be chosen.
        export: writes a dataset into a folder.
    """

    name: str
    summary: str
    options: type[Options]
    export: Callable[[Dataset, ExportFolder, Any], None]


#: Name of each format to the module that holds its `FORMAT`.
MODULES: dict[str, str] = {
    "acronym": "acronym",
    "bop": "bop",
    "coco": "coco",
    "contact_graspnet": "contact_graspnet",
    "cornell": "cornell",
    "dope": "dope",
    "graspgen_json": "graspgen_json",
    "graspnet": "graspnet",
    "isaac_grasp": "isaac_grasp",
    "jacquard": "jacquard",
    "lerobot": "lerobot",
    "minari": "minari",
    "vgn": "vgn",
    "webdataset": "webdataset",
}


def find_format(name: str) -> Format:
    """Return the format of a name.

    Raises:
        DatasetError: there is none.
    """
    if name not in MODULES:
        raise DatasetError(f"unknown format '{name}'{nearest(name, MODULES)}")
    return import_module(f"graspgen.exports.{MODULES[name]}").FORMAT


def parse_options(chosen: Format, settings: list[str]) -> Options:
    """Return the options of a format from "key=value" texts, the values being YAML.

    Raises:
        DatasetError: a text has no "=", a key is unknown or a value is not valid.
    """
    content: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise DatasetError(f"--set {setting}: expected KEY=VALUE")
        if key not in chosen.options.model_fields:
            raise DatasetError(f"--set {setting}: {chosen.name} has no option '{key}'" + _options_near(chosen, key))
        try:
            content[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise DatasetError(f"--set {setting}: {value!r} is not YAML") from error
    try:
        return chosen.options.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise DatasetError(f"--set {key}: {first['msg']}") from None


def _options_near(chosen: Format, key: str) -> str:
    return nearest(key, chosen.options.model_fields) if chosen.options.model_fields else "; it has none"


def export(dataset: Dataset, name: str, out: Path, settings: list[str], progress: Progress = untold) -> None:
    """Write a dataset in an outside format into a new folder.

    Args:
        dataset: to read from.
        name: of the format.
        out: the new folder; it appears when it is whole.
        settings: "key=value" each.
        progress: is told how far it is.

    Raises:
        DatasetError: the format or an option is unknown, the folder exists or cannot be written, or the dataset lacks
            what the format needs.
    """
    chosen = find_format(name)
    options = parse_options(chosen, settings)
    with export_folder(out, progress) as folder:
        chosen.export(dataset, folder, options)
