from __future__ import annotations

import multiprocessing

import pytest

from graspgen.dataset.lock import only_run
from graspgen.errors import DatasetError


def hold(folder, ready):
    with only_run(folder):
        ready.set()
        multiprocessing.Event().wait(60)


def test_a_second_run_in_a_folder_is_refused_and_the_first_one_goes_on(tmp_path):
    with only_run(tmp_path):
        with pytest.raises(DatasetError, match="another run is writing"), only_run(tmp_path):
            pass
        with pytest.raises(DatasetError, match="another run is writing"), only_run(tmp_path):
            pass
    with only_run(tmp_path):
        assert not list(tmp_path.iterdir())


def test_a_run_that_was_killed_holds_nothing(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    process = spawn.Process(target=hold, args=(tmp_path, ready), daemon=True)
    process.start()
    assert ready.wait(30)
    with pytest.raises(DatasetError, match="another run"), only_run(tmp_path):
        pass
    process.kill()
    process.join()
    with only_run(tmp_path):
        pass
