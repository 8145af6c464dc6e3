"""`docs/schema.md` says what the code does."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from graspgen.dataset.schema import TABLES
from graspgen.dataset.schema_docs import markdown
from graspgen.scene.plan import GradePlan, LightPlan, SensorPlan, SurfacePlan

PAGE = Path(__file__).parents[2] / "docs/schema.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), (
        "run: python -m graspgen.dataset.schema_docs > docs/schema.md"
    )


def test_every_column_is_on_the_page() -> None:
    for name, table in TABLES.items():
        section = markdown().split(f"\n### {name}\n")[1].split("\n##")[0]
        assert re.findall(r"^\| `(\w+)` \|", section, re.M) == list(table.columns)


def test_every_drawn_value_of_a_view_is_on_the_page_with_its_meaning() -> None:
    section = markdown().split("## What is in the JSON of a view")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `([^`]+)` \| (.*) \|$", section, re.M))
    wanted = {f"lights[].{k}" for k in LightPlan.model_fields} | {f"grade.{k}" for k in GradePlan.model_fields}
    wanted |= {f"surfaces.*.{k}" for k in SurfacePlan.model_fields} | set(SensorPlan.model_fields)
    assert wanted <= set(rows) and all(rows.values())


@pytest.mark.parametrize("number", [0, 1])
def test_the_examples_run_as_written(sound: Path, tmp_path: Path, number: int) -> None:
    code = re.findall(r"```python\n(.*?)```", markdown(), re.S)[number]
    (tmp_path / "demo").symlink_to(sound)
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        names: dict = {}
        exec(code, names)
    finally:
        os.chdir(before)
    poses = names["T"] if number == 0 else names["T_camera_grasp"][names["held"]]
    assert poses.shape == (4, 4, 4)
