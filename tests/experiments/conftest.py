"""A results folder that takes milliseconds: a tiny suite, played without a pool."""

import pytest
from tiny import TINY

from discovery_gym.experiments.reproduce import playing
from discovery_gym.experiments.runs.records import open_folder
from discovery_gym.experiments.runs.runner import execute
from discovery_gym.experiments.suites.task import plan


@pytest.fixture
def tiny():
    return TINY


@pytest.fixture(scope="session")
def played(tmp_path_factory):
    """A results folder with all runs of the tiny suite, one of them failed; do not write to it."""
    folder = tmp_path_factory.mktemp("played") / "results"
    records = open_folder(folder)
    failed = [execute(spec, records) for spec in plan(TINY)]
    assert failed == [False, False, False, True, False, False]
    return folder


@pytest.fixture(scope="module")
def no_processes():
    """Reproductions play their runs here: what starts processes is tested with the runner."""

    def play_all(todo, folder, workers):
        records = open_folder(folder)
        for spec in todo:
            execute(spec, records)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(playing, "play_all", play_all)
        yield
