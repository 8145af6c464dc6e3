"""`library.yaml`: what a library knows about its assets beside their folders: sizes, verdicts of the check, its split.

An asset's identity is the content hash that its `asset.yaml` begins with. An entry is made again when the folder's hash
is another one, and dropped when the folder is gone, so the index is right whatever was copied in or deleted by hand; a
verdict holds for the content it was made of and goes with it. Reading never writes. Whoever writes holds a lock and
starts from the index as it is then, and the file is replaced in one step: two processes lose nothing of each other's.

The file is JSON with an asset a line, which is YAML as well, and far faster to read.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import struct
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from graspgen.errors import ObjectError
from graspgen.objects.asset_files import META, VISUAL, read_meta
from graspgen.objects.splits import Split, split_from

INDEX = "library.yaml"
LAYOUT = 1
_LOCK = ".library.lock"
_HASH = re.compile(rb"^content_hash:\s*['\"]?([0-9a-f]{64})['\"]?\s*$", re.MULTILINE)
# What `write_asset` writes begins with the layout and the hash.
_HEAD = 400


@dataclass(frozen=True)
class Verdict:
    """What the check found out about an asset.

    Attributes:
        accepted: whether every test was passed.
        reasons: what is wrong, one sentence for each test that was not passed, beginning with the test's name.
        gripper: the size was compared with.
        evidence: what each test measured, by the test's name.
    """

    accepted: bool
    reasons: tuple[str, ...] = ()
    gripper: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "accepted": self.accepted,
            "reasons": list(self.reasons),
            "gripper": self.gripper,
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True)
class Entry:
    """What the index knows of an asset.

    Attributes:
        name: of the asset's folder.
        digest: its content hash; of a damaged asset.yaml a hash of its bytes.
        class_name, source, licence: as in asset.yaml.
        mass: kg at its own density.
        extents: (3,) m.
        parts: number of convex parts.
        damage: why asset.yaml cannot be read, "" where it can.
        check: the check's verdict; None: not checked since it was written.
    """

    name: str
    digest: str
    class_name: str = ""
    source: str = ""
    licence: str = ""
    mass: float = 0.0
    extents: tuple[float, float, float] = (0.0, 0.0, 0.0)
    parts: int = 0
    damage: str = ""
    check: Verdict | None = None

    @property
    def refused(self) -> bool:
        """Whether the check refused it."""
        return self.check is not None and not self.check.accepted


@dataclass(frozen=True)
class Index:
    """A library's assets and their split.

    Attributes:
        path: the library's folder.
        entries: the assets by name, sorted.
        split: how they are divided, None where they are not.
        carried: verdicts by digest that come with assets from elsewhere; used once, when the index is refreshed.
    """

    path: Path
    entries: Mapping[str, Entry]
    split: Split | None = None
    carried: Mapping[str, Verdict] = field(default_factory=dict)

    def part_of(self, entry: Entry) -> str:
        """Return the part of the split that an asset belongs to, "" without a split."""
        return self.split.of(entry.name, entry.class_name) if self.split else ""

    def judged(self, verdicts: Mapping[str, tuple[str, Verdict]]) -> Index:
        """Return the index with new verdicts: by name, with the digest of what was judged."""
        entries = dict(self.entries)
        for name, (digest, verdict) in verdicts.items():
            if name in entries and entries[name].digest == digest:
                entries[name] = replace(entries[name], check=verdict)
        return replace(self, entries=entries)


def asset_folders(library: Path) -> list[Path]:
    """Return the folders of a library that hold an asset, or what is left of one, by name."""
    found = {f.parent for file in (META, VISUAL) for f in library.glob(f"*/{file}")}
    return sorted((f for f in found if not f.name.startswith(".")), key=lambda folder: folder.name)


def read_index(library: str | Path) -> Index:
    """Return the index as the folders are now; nothing is written.

    Raises:
        ObjectError: there is no such folder, or its library.yaml is damaged.
    """
    path = Path(library).expanduser()
    if not path.is_dir():
        raise ObjectError(f"there is no folder {path}; make a library with `graspgen objects import PATH… --to {path}`")
    return _refreshed(_stored(path))


def update_index(library: str | Path, change: Callable[[Index], Index] | None = None) -> Index:
    """Bring `library.yaml` up to date, change it, and write it, holding the library's lock.

    Args:
        library: its folder; made where it is missing.
        change: given the index as it is now, returns what to write; it may move folders, too.

    Raises:
        ObjectError: the folder cannot be written, or library.yaml is damaged.
    """
    path = Path(library).expanduser()
    try:
        path.mkdir(parents=True, exist_ok=True)
        with _locked(path):
            index = _refreshed(_stored(path))
            if change is not None:
                index = _refreshed(change(index))
            _write(index)
    except OSError as error:
        raise ObjectError(
            f"cannot write {error.filename or path}: {error.strerror or error}; free some space or choose another "
            "folder"
        ) from error
    return index


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with (path / _LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _stored(path: Path) -> Index:
    file = path / INDEX
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return Index(path, {})
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(file, str(error)) from error
    try:
        plain = json.loads(text)
    except ValueError:
        try:
            plain = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise _damaged(file, " ".join(str(error).split())) from error
    try:
        if plain["graspgen_library"] != LAYOUT:
            raise ObjectError(f"{file} has layout {plain['graspgen_library']}, this graspgen reads {LAYOUT}")
        split = split_from(plain["split"]) if plain["split"] else None
        entries = {name: _entry_from(name, value) for name, value in plain["assets"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ObjectError) and "has layout" in str(error):
            raise
        raise _damaged(file, f"{type(error).__name__}: {error}") from error
    return Index(path, entries, split)


def _damaged(file: Path, why: str) -> ObjectError:
    return ObjectError(
        f"{file} is not valid ({why}); mend it, or delete it and run `graspgen objects check` again (and `split`, with "
        "the same salt)"
    )


def _entry_from(name: str, plain: Mapping[str, Any]) -> Entry:
    judged = plain.get("check")
    verdict = None
    if judged is not None:
        reasons = tuple(str(reason) for reason in judged["reasons"])
        verdict = Verdict(bool(judged["accepted"]), reasons, str(judged["gripper"]), dict(judged["evidence"]))
    x, y, z = (float(side) for side in plain["extents"])
    return Entry(
        name=str(name), digest=str(plain["content_hash"]), class_name=str(plain["class_name"]),
        source=str(plain["source"]), licence=str(plain["licence"]), mass=float(plain["mass"]), extents=(x, y, z),
        parts=int(plain["parts"]), damage=str(plain.get("damage", "")), check=verdict,
    )  # fmt: skip


def _plain_entry(entry: Entry) -> dict[str, Any]:
    plain = {
        "content_hash": entry.digest, "class_name": entry.class_name, "source": entry.source,
        "licence": entry.licence, "mass": entry.mass, "extents": list(entry.extents), "parts": entry.parts,
    }  # fmt: skip
    if entry.damage:
        plain["damage"] = entry.damage
    if entry.check is not None:
        plain["check"] = entry.check.plain()
    return plain


def _write(index: Index) -> None:
    def line(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    rows = [f"{line(name)}: {line(_plain_entry(entry))}" for name, entry in index.entries.items()]
    split = line(index.split.plain() if index.split else None)
    text = f'{{"graspgen_library": {LAYOUT},\n"split": {split},\n"assets": {{\n' + ",\n".join(rows) + "\n}}\n"
    file = index.path / INDEX
    with contextlib.suppress(OSError):
        if file.read_text(encoding="utf-8") == text:
            return
    handle, partial = tempfile.mkstemp(prefix=".library.", dir=index.path)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as target:
            target.write(text)
            target.flush()
            os.fsync(target.fileno())
        os.chmod(partial, 0o644)
        os.replace(partial, file)
    except OSError:
        Path(partial).unlink(missing_ok=True)
        raise


def _refreshed(index: Index) -> Index:
    """Return the index of the folders that are there now; what is known of the same content is kept."""
    entries = {}
    for folder in asset_folders(index.path):
        digest = _digest(folder / META)
        known = index.entries.get(folder.name)
        entry = known if known and known.digest == digest else _read_entry(folder, digest)
        entries[folder.name] = entry if entry.check else replace(entry, check=index.carried.get(digest))
    return replace(index, entries=entries, carried={})


def _digest(meta: Path) -> str:
    try:
        with meta.open("rb") as file:
            head = file.read(_HEAD)
            found = _HASH.search(head)
            return found.group(1).decode() if found else hashlib.sha256(head + file.read()).hexdigest()
    except OSError as error:
        return f"unreadable: {error.strerror}"


def _read_entry(folder: Path, digest: str) -> Entry:
    try:
        meta = read_meta(folder)
        if meta["name"] != folder.name:
            raise ObjectError(f"{folder} holds the asset '{meta['name']}'; the folder must have its name")
        mass = float(meta["density"]) * float(meta["volume"])
        if meta["visual"] != VISUAL:
            raise ObjectError(f"{folder / META} names another mesh than {VISUAL}; import the object again")
        extents = _extents(folder / VISUAL)
        return Entry(
            folder.name, digest, meta["class_name"], str(meta.get("source", "")), str(meta.get("licence", "")), mass,
            extents, len(meta["parts"]),
        )  # fmt: skip
    except ObjectError as error:
        return Entry(folder.name, digest, damage=str(error))
    except (OSError, KeyError, TypeError, ValueError, IndexError, struct.error) as error:
        said = error.strerror if isinstance(error, OSError) else f"{type(error).__name__}: {error}"
        return Entry(folder.name, digest, damage=f"{folder} is damaged ({said}); import the object again")


def _extents(glb: Path) -> tuple[float, float, float]:
    """Return the size of a mesh, m, from the header that glTF demands, without reading the mesh."""
    with glb.open("rb") as file:
        length, _ = struct.unpack_from("<II", file.read(20), 12)
        doc = json.loads(file.read(min(length, 1 << 20)))
    accessor = doc["accessors"][doc["meshes"][0]["primitives"][0]["attributes"]["POSITION"]]
    x, y, z = (float(high) - float(low) for low, high in zip(accessor["min"], accessor["max"], strict=True))
    return x, y, z
