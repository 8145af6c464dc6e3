"""Guards of hostile or damaged HDF5: what is opened is what the schema says, and lies inside the file and the folder.

HDF5 files can name other files (external and soft links, virtual sources, raw storage elsewhere), load code for a
filter that they ask for, and declare terabytes in a kilobyte. Nothing here reads an attribute or a value: of damaged
files HDF5 2.0 can crash at these, so `graspgen.dataset.probe` reads them first in a process of its own.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import h5py
import numpy as np

from graspgen.dataset.codecs import CODECS, MissingCodec, codec_of_filter, need
from graspgen.dataset.schema import TABLES, Column
from graspgen.errors import DatasetError

#: Filters that are read besides those of codecs. Any other may make HDF5 load code from a plugin folder.
FILTERS = (h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32)
#: Most bytes of one row of images, and of one chunk, unpacked.
MOST_CHUNK = 1 << 29


def inside(folder: Path, name: str) -> Path:
    """Return `folder / name` where that lies in `folder`, links followed.

    Raises:
        DatasetError: the name is empty or absolute, climbs out, or a symbolic link leads out.
    """
    if "\0" in name or not name or PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
        raise DatasetError(f"the path {name[:100]!r} leaves the dataset {folder}; restore what names it")
    path = folder / name
    try:
        within = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):  # a loop of links, or a name too long
        within = False
    if not within:
        raise DatasetError(f"{path} is a link out of the dataset {folder}; put the file itself there")
    return path


def guard_file(file: h5py.File) -> None:
    """Refuse a file whose layout is not that of a shard.

    Raises:
        DatasetError: it begins with a user block.
    """
    if file.userblock_size:
        raise DatasetError(f"{file.filename} begins with a user block, which no shard has")


def guarded(
    file: h5py.File, table: str, name: str, column: Column | None = None, *, exact: bool = True
) -> h5py.Dataset:
    """Return the dataset `<table>/<name>` of a shard, after looking at all that HDF5 says of it without reading it.

    Args:
        file: the shard.
        table, name: of the column; `table` "" for a dataset of the file's root.
        column: what the schema says of it; looked up where it is None.
        exact: refuse another type or shape than the schema's.

    Raises:
        DatasetError: it is missing, a link to something else, virtual, stored in another file, behind an unknown
            filter, of another type or shape than the schema's, or declares more than the file can hold.
        MissingCodec: it needs a package that is not installed.
    """
    path = f"{table}/{name}".lstrip("/")
    try:
        found = _hard(_hard(file, table, h5py.Group), name, h5py.Dataset) if table else _hard(file, name, h5py.Dataset)
        column = column or TABLES.get(table, TABLES["scenes"]).columns.get(name)
        mistake = _storage(found, file) or ("" if column is None or not exact else misfit(found, column))
    except MissingCodec:
        raise
    except (KeyError, OSError, RuntimeError, TypeError, ValueError, OverflowError, MemoryError) as error:
        mistake, found = " ".join(str(error).split()) or type(error).__name__, None
    if mistake or found is None:
        raise DatasetError(f"{file.filename} is damaged ({path}: {mistake})")
    return found


def _hard(parent: Any, name: str, kind: type) -> Any:
    link = parent.get(name, getlink=True)
    if link is None:
        raise KeyError("is missing")
    if not isinstance(link, h5py.HardLink):
        what = "another file" if isinstance(link, h5py.ExternalLink) else "another place"
        raise ValueError(f"is a link to {what}")
    found = parent[name]
    if not isinstance(found, kind):
        raise ValueError(f"is no {kind.__name__.lower()}")
    return found


def _storage(dataset: h5py.Dataset, file: h5py.File) -> str:
    """Say what is wrong with how a dataset is stored, "" for nothing."""
    plist, size = dataset.id.get_create_plist(), file.id.get_filesize()
    layout = plist.get_layout()
    if layout == h5py.h5d.VIRTUAL:
        return "is virtual: it shows other files"
    if plist.get_external_count():
        return "keeps its values in another file"
    filters = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    expansion = 1
    for number in filters:
        if codec := codec_of_filter(number):
            need(codec, file.filename)
            expansion *= CODECS[codec].expansion
        elif number not in FILTERS:
            return f"asks for the filter {number}, which is not read"
        if filters.count(number) > 1:
            return f"asks for the filter {number} more than once"
    if dataset.shape is None:
        return "holds nothing"
    kind = dataset.id.get_type()
    if h5py.check_string_dtype(dataset.dtype) is None and dataset.dtype.kind not in "biufS":
        return f"holds {kind.__class__.__name__[4:-2].lower() or 'no numbers'}, no numbers or text"
    declared = int(np.prod([int(n) for n in dataset.shape], dtype=object)) * kind.get_size()
    held = dataset.id.get_storage_size()
    if declared and layout != h5py.h5d.CHUNKED:
        if held < declared or held > size:
            return f"declares {declared} bytes and holds {held} in a file of {size}"
    elif declared:
        return _chunks(dataset, plist, declared, size * expansion)
    return ""


def _chunks(dataset: h5py.Dataset, plist: Any, declared: int, most: int) -> str:
    shape = plist.get_chunk()
    chunk = int(np.prod([int(n) for n in shape], dtype=object)) * dataset.id.get_type().get_size()
    if chunk > MOST_CHUNK:
        return f"has chunks of {chunk} bytes, more than {MOST_CHUNK}"
    if declared > most + chunk:
        return f"declares {declared} bytes, more than its file can hold"
    wanted = int(np.prod([-(-int(n) // int(c)) for n, c in zip(dataset.shape, shape, strict=True)], dtype=object))
    if dataset.id.get_num_chunks() != wanted:
        return f"declares {wanted} chunks and holds {dataset.id.get_num_chunks()}"
    return ""


def misfit(dataset: h5py.Dataset, column: Column) -> str:
    """Say how a dataset differs from its column in type or shape, "" where it does not.

    Of images the size is free; colour may be (n, bytes), which is JPEG.
    """
    if column.is_text:
        text = h5py.check_string_dtype(dataset.dtype)
        if text is None or text.length is not None:
            return f"expected UTF-8 text, got {dataset.dtype}"
    elif dataset.dtype.newbyteorder("=") != np.dtype(column.dtype):
        return f"expected {column.dtype}, got {dataset.dtype}"
    if column.is_colour and len(dataset.shape) == 2:
        return ""
    shape = dataset.shape[1:]
    same = len(dataset.shape) == len(column.shape) + 1 and all(
        isinstance(want, str) or want == got for want, got in zip(column.shape, shape, strict=True)
    )
    return "" if same else f"expected shape ({', '.join(['n', *map(str, column.shape)])}), got {dataset.shape}"


def read_text(dataset: h5py.Dataset) -> list[str]:
    """Return the rows of a guarded dataset of text, in blocks, so that many rows of one long text cannot fill memory.

    Raises:
        DatasetError: they are longer together than 64 MiB and 16 times the file.
    """
    most = (1 << 26) + 16 * dataset.file.id.get_filesize()
    rows: list[str] = []
    length = 0
    for start in range(0, len(dataset), 256):
        block = dataset.asstr()[start : start + 256].tolist()
        length += sum(map(len, block))
        if length > most:
            raise DatasetError(f"{dataset.file.filename} is damaged ({dataset.name}: more text than the file can hold)")
        rows += block
    return rows
