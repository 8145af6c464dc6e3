"""The text of a file that a user gives: a plain file, of a size that a person could have written, in UTF-8."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from graspgen.errors import GripperError, RecipeError
from graspgen.yaml_text import parse_yaml

#: Largest YAML, MJCF, and mesh, bytes.
MOST_YAML, MOST_MJCF, MOST_MESH = 2**20, 64 * 2**20, 512 * 2**20


def check_plain(path: Path, who: str, most: int) -> None:
    """Refuse what is no plain file (reading a pipe would never end), or too large to be meant.

    Raises:
        GripperError: it is missing, no file, or larger than `most` bytes.
    """
    try:
        size = path.stat().st_size
        plain = path.is_file()
    except OSError as error:
        raise GripperError(f"{who}: {path} cannot be read: {error.strerror or error}") from None
    if not plain:
        raise GripperError(f"{who}: {path} cannot be read: it is {'a folder' if path.is_dir() else 'no plain file'}")
    if size > most:
        raise GripperError(f"{who}: {path} is {size / 2**20:.0f} MiB large; at most {most / 2**20:.0f} are read")


def given_text(path: Path, who: str, most: int) -> str:
    """Return a file's text.

    Args:
        path: the file.
        who: what to call the gripper in errors.
        most: bytes.

    Raises:
        GripperError: it cannot be read, is too large, or no UTF-8.
    """
    check_plain(path, who, most)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise GripperError(
            f"{who}: {path} is no UTF-8: {error.reason} at byte {error.start}; save it as UTF-8"
        ) from None
    except OSError as error:
        raise GripperError(f"{who}: {path} cannot be read: {error.strerror or error}") from None


def given_yaml(path: Path, who: str) -> dict[str, Any]:
    """Return what a YAML file says.

    Raises:
        GripperError: it cannot be read, is no YAML, gives a key twice, or is no mapping.
    """
    text = given_text(path, who, MOST_YAML)
    if text.count("[") + text.count("{") > 1000:
        raise GripperError(f"{who}: not valid YAML: more than 1000 brackets; a gripper's file has about ten lines")
    try:
        written = parse_yaml(text, who)
    except RecipeError as error:
        raise GripperError(" ".join(str(error).split())) from None
    if not isinstance(written, dict):
        found = "empty" if written is None else f"a {type(written).__name__}"
        raise GripperError(f"{who}: expected lines such as `name: my_hand`, `kind: parallel_jaw`; the file is {found}")
    return written


def given_xml(text: str, name: str, who: str) -> ElementTree.Element:
    """Parse an MJCF's XML.

    Args:
        text: of the file.
        name: of the file.
        who: what to call the gripper in errors.

    Raises:
        GripperError: it is no XML, defines entities (they can be made to fill the memory), or has a number that is NaN.
    """
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise GripperError(f"{who}: {name} has a document type; an MJCF has none: remove `<!DOCTYPE …>`")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise GripperError(f"{who}: {name} is not valid XML: {error}") from None
    for element in root.iter():
        for key, value in element.attrib.items():
            if "nan" in value.lower().split():
                raise GripperError(f"{who}: {name}: <{element.tag} {key}=…> is not a number")
    return root


def given_name(path: Path) -> str:
    """Return a gripper's name after a file's: letters, digits, _ and -, at most 64."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in path.stem)[:64]
