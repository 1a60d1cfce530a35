"""A results folder that takes milliseconds: a tiny suite, played without a pool."""

import pytest
from tiny import TINY

from discovery_gym.experiments.reproduce import playing
from discovery_gym.experiments.runs.board import missing
from discovery_gym.experiments.runs.records import read_folder
from discovery_gym.experiments.runs.sharing import play_here
from discovery_gym.experiments.suites.task import plan


@pytest.fixture
def tiny():
    return TINY


@pytest.fixture(scope="session")
def played(tmp_path_factory):
    """A results folder with all runs of the tiny suite, one of them failed; do not write to it."""
    folder = tmp_path_factory.mktemp("played") / "results"
    play_here(missing(plan(TINY), folder), folder)
    failed = [record.spec for record in read_folder(folder).records if record.error]
    assert failed == [plan(TINY)[3]]
    return folder


@pytest.fixture(scope="module")
def no_processes():
    """Reproductions play their runs here: what starts processes is tested with the engine."""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(playing, "play", lambda todo, folder, workers: play_here(todo, folder))
        yield
