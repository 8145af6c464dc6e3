from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from graspgen.pipeline.progress import Display, duration, stage_shares, summary_table
from graspgen.pipeline.summary import Summary
from graspgen.pipeline.units import SceneDone


def event(scene, refused=()):
    return SceneDone(0, scene, 4, 32, {"SUCCESS": 20, "DROPPED": 12}, {"settle": 0.5, "grasp": 1.5}, refused)


def test_scenes_add_up():
    made = Summary()
    made.add(event(0))
    made.add(event(1, refused=(("overlap", "…"), ("still moving", "…"))))
    assert (made.scenes, made.views, made.grasps, made.refused.total()) == (2, 8, 64, 2)
    assert made.outcomes == {"SUCCESS": 40, "DROPPED": 24}
    assert made.seconds == {"settle": 1.0, "grasp": 3.0}


def test_without_a_terminal_progress_is_plain_lines():
    text = io.StringIO()
    made = Summary()
    with Display(1, Console(file=text, force_terminal=False)) as display:
        made.add(event(0))
        display.update(made)
    assert "\x1b" not in text.getvalue()
    assert text.getvalue().startswith("scenes 1/1  4 views  32 grasps")
    assert "grasp 75%" in text.getvalue()


def test_quiet_shows_nothing():
    text = io.StringIO()
    with Display(1, Console(file=text, force_terminal=True), quiet=True) as display:
        display.update(Summary(scenes=1))
    assert text.getvalue() == ""


def test_the_summary_names_outcomes_and_stages():
    made = Summary(wall=2.0)
    made.add(event(0))
    text = io.StringIO()
    Console(file=text, width=100).print(summary_table(made, "out"))
    for word in ("success", "62.5%", "dropped", "settle", "grasp", "refused attempts"):
        assert word in text.getvalue()


@pytest.mark.parametrize(("seconds", "told"), [(0.4, "0 s"), (59.4, "59 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")])
def test_durations_read_like_people_write_them(seconds, told):
    assert duration(seconds) == told


def test_a_terminal_of_80_columns_shows_the_bar_the_count_and_what_is_left():
    text, made = io.StringIO(), Summary()
    with Display(120, Console(file=text, force_terminal=True, width=80), what="scenes") as display:
        for scene in range(17):
            made.add(event(scene, refused=(("still moving", "…"),)))
        display.update(made, "17 refused  2 workers died  1234 MB", ["worker 0 (process 4711): scene 17, 1 s, 388 MB"])
        display._bar.refresh()
    last = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text.getvalue()).replace("\r", "").split("\n")
    bar = [line for line in last if "17/120" in line][-1]
    assert "scenes" in bar and "scenes/s" in bar and bar.rstrip().endswith("left") and "…" not in bar
    assert any("68 views  544 grasps  17 refused  2 workers died  1234 MB" in line for line in last)
    assert any("settle 25%  grasp 75%" in line for line in last) and any("scene 17" in line for line in last)


def test_stages_that_took_nothing_are_left_out_of_lines():
    assert stage_shares({"settle": 1.0, "demos": 0.0, "grasp": 3.0}) == "settle 25%  grasp 75%"


def test_before_anything_is_made_no_time_is_foretold():
    text = io.StringIO()
    with Display(5, Console(file=text, force_terminal=True, width=80)) as display:
        display.update(Summary())
        display._bar.refresh()
    assert "left" not in text.getvalue() and "0/5" in text.getvalue()


def test_without_a_terminal_the_last_line_is_said_once():
    text, made = io.StringIO(), Summary()
    with Display(1, Console(file=text, force_terminal=False)) as display:
        made.add(event(0))
        for _ in range(3):
            display.update(made)
    assert text.getvalue().count("scenes 1/1") == 1
