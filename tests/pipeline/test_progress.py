from __future__ import annotations

import io

import pytest
from rich.console import Console

from graspgen.pipeline.progress import Display, duration, summary_table
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
