from __future__ import annotations

import shutil
from collections import namedtuple

import pytest

from graspgen.pipeline import doctor
from graspgen.pipeline.doctor import Finding, can_generate, examine


@pytest.fixture(scope="module")
def findings():
    return {f.name: f for f in examine()}


def test_this_machine_can_generate_datasets(findings):
    # The other tests render: a doctor who says otherwise is wrong.
    assert can_generate(findings.values())
    assert findings["Python"].state == "ok"


def test_a_backend_that_works_really_rendered_a_frame(findings):
    working = [f for name, f in findings.items() if name.startswith("OpenGL") and f.state == "ok"]
    assert working
    assert all("rendered a frame in" in f.detail for f in working)


def test_what_is_missing_comes_with_a_mend(findings):
    assert all(f.mend for f in findings.values() if f.state != "ok")


def test_a_package_that_is_missing_or_of_another_version_is_said():
    assert doctor._package("no-such-package==1.0").state == "missing"
    wrong = doctor._package("numpy==0.0.1")
    assert (wrong.state, wrong.mend) == ("missing", "pip install 'numpy==0.0.1'")
    assert doctor._package("numpy>=2.0").state == "ok"


def test_a_full_disk_is_said(monkeypatch, tmp_path):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 10, 10**6))
    assert doctor._disk(tmp_path).state == "missing"


def test_only_what_is_needed_stands_in_the_way():
    assert can_generate([Finding("a", "ok", ""), Finding("b", "optional", "")])
    assert not can_generate([Finding("a", "ok", ""), Finding("b", "missing", "")])
