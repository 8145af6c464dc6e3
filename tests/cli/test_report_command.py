from typer.testing import CliRunner

from graspgen.cli.main import app
from graspgen.report.grasps import SCORES


def test_report_prints_outcomes_samplers_and_every_score(tiny_dataset):
    result = CliRunner().invoke(app, ["report", str(tiny_dataset)])
    assert result.exit_code == 0, result.output
    first_words = [line.split()[0] for line in result.output.splitlines() if line.split()]
    assert {"outcome", "class", "sampler", "score", *SCORES} <= set(first_words)


def test_report_of_what_is_no_dataset_is_one_line(tmp_path):
    result = CliRunner().invoke(app, ["report", str(tmp_path / "nothing")])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ") and len(result.stderr.splitlines()) == 1
