"""`docs/objects.md` says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from graspgen.objects.families import FAMILIES
from graspgen.objects.family_docs import family_table, with_table

PAGE = Path(__file__).parents[2] / "docs/objects.md"


def test_the_table_of_families_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_table(page), "run: python -m graspgen.objects.family_docs docs/objects.md"


def test_every_family_has_a_row_with_every_parameter() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)$", family_table(), re.M))
    assert list(rows) == list(FAMILIES)
    for name, family in FAMILIES.items():
        for parameter in family.parameters:
            assert f"`{parameter}` " in rows[name]


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="does not hold"):
        with_table("# Objects")
