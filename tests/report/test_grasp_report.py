import subprocess
import sys

import numpy as np
import pytest
from dataset.dataset_builder import make_dataset

import graspgen
from graspgen.cli.report import print_report
from graspgen.grasps.outcomes import Outcome
from graspgen.report.grasps import SCORES, report_grasps, score_aucs


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    """Four scenes of two boxes with four grasps each: half hold, half drop; ε is NaN."""
    return make_dataset(tmp_path_factory.mktemp("boxes") / "data")


def test_outcomes_are_counted_by_class_and_by_sampler(boxes):
    report = report_grasps(graspgen.open(boxes))
    assert report.total.outcomes == {Outcome.SUCCESS: 16, Outcome.DROPPED: 16}
    (only,) = report.by_class
    assert (only.name, only.grasps, only.tried, only.reached, only.held) == ("box", 32, 32, 32, 16)
    assert [s.name for s in report.by_sampler] == ["antipodal"]


def test_what_never_reached_the_object_counts_as_failure_among_all_only():
    outcome = np.array([0, 0, 6, 7, 1, 1, 10, 255], np.uint8)  # unstable and untried say nothing
    angle = np.array([0.1, 0.3, 0.2, 0.4, 0.0, 0.0, 0.5, 0.5])
    owner = np.array([1, 2, 1, 2, 1, 2, 1, 2])
    (found, *others) = score_aucs({"antipodal_angle": angle}, outcome, owner)
    assert (found.n, found.auc, found.auc_within) == (4, 0.75, 1)
    assert (found.n_all, found.auc_all) == (6, 3 / 8)
    assert all(s.n == s.n_all == 0 and np.isnan([s.auc, s.auc_within, s.auc_all]).all() for s in others)


def test_scores_point_the_way_that_is_said():
    outcome = np.repeat(np.array([Outcome.SUCCESS, Outcome.SLIPPED], np.uint8), 3)
    values = np.array([0.0, 0.1, 0.2, 0.3, 0.4, np.inf])
    columns = {name: values[::-1] if higher else values for name, higher in SCORES.items()}
    assert all(s.auc == s.auc_all == 1 and s.n == 6 for s in score_aucs(columns, outcome, np.zeros(6, int)))


def test_grasps_without_a_score_are_left_out():
    outcome = np.array([0, 6, 6], np.uint8)
    found = {s.name: s for s in score_aucs({"epsilon": np.array([0.2, 0.1, np.nan])}, outcome, np.zeros(3, int))}
    assert (found["epsilon"].n, found["epsilon"].auc) == (2, 1)


def test_the_printed_report_says_what_is_not_known(boxes, capsys):
    print_report(boxes)
    lines = capsys.readouterr().out.splitlines()
    rows = [" ".join(line.split()) for line in lines]
    assert "success 16 50.0 %" in rows and "dropped 16 50.0 %" in rows
    assert "box 32 32 16 50.0 % 50.0 %" in rows
    assert "epsilon more n/a n/a 0 n/a 0" in rows
    assert "antipodal_angle less 0.500 0.500 32 0.500 32" in rows


def test_reporting_loads_no_mujoco(boxes):
    code = (
        "import sys, graspgen; from graspgen.report.grasps import report_grasps\n"
        f"report_grasps(graspgen.open({str(boxes)!r})); assert 'mujoco' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
