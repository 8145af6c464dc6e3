"""What a column and a table of a dataset are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

Dim = int | str


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        dtype: numpy type string, or "str" for UTF-8 text, or "json" for text that holds JSON.
        shape: shape of one row; "H" and "W" are the height and width of the dataset's images.
        unit: "" for none.
        doc: meaning.
        enum: codes that the column holds; stored as an attribute.
        flags: the enum's members are bits, not values.
        low, high: allowed range of finite values.
        nan: whether NaN is allowed (it means "not applicable").
        modality: where it is not "", the column is there only if the recipe's `views.modalities` names this, or if
            what `OPTIONAL` says of it holds.
    """

    dtype: str
    shape: tuple[Dim, ...] = ()
    unit: str = ""
    doc: str = ""
    enum: type[IntEnum] | None = None
    flags: bool = False
    low: float | None = None
    high: float | None = None
    nan: bool = False
    modality: str = ""

    @property
    def is_text(self) -> bool:
        """Whether rows are text."""
        return self.dtype in ("str", "json")

    @property
    def is_image(self) -> bool:
        """Whether rows are images: stored one chunk a row."""
        return "H" in self.shape

    @property
    def is_colour(self) -> bool:
        """Whether rows are colour images, which may be stored as JPEG."""
        return self.dtype == "u1" and self.shape == ("H", "W", 3)


@dataclass(frozen=True)
class Table:
    """A table: its columns and what one row is.

    Attributes:
        row: what one row is.
        columns: by name, in the order in which they are written.
        shared: the table describes the run, not single scenes: every shard holds all of its rows that it refers to.
    """

    row: str
    columns: Mapping[str, Column] = field(default_factory=dict)
    shared: bool = False

    @property
    def required(self) -> dict[str, Column]:
        """The columns that every file has: all but those of modalities."""
        return {name: column for name, column in self.columns.items() if not column.modality}


#: Shape of a pose.
POSE = (4, 4)
#: The scene that a row belongs to.
SCENE = Column("i8", doc="key of the scene (`scenes.index`)", low=0)
