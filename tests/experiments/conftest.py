"""A results folder that takes milliseconds: a tiny suite, played without a pool."""

import pytest

from discovery_gym.experiments.records import open_folder
from discovery_gym.experiments.reproduce import playing
from discovery_gym.experiments.runner import execute, plan
from discovery_gym.experiments.suites import Suite, Task

LADDER = {"target": 4, "p_scale": 10.0, "batch_sizes": [1, 8], "horizon": 30}

TINY = Suite(
    name="tiny",
    version=1,
    about="for the tests",
    episodes=40,
    tasks=(
        Task(
            name="Tiny ladder <&>",
            about="A few rungs.",
            env_id="discovery/KnowledgeLadder-v0",
            env_kwargs=LADDER,
            agents={
                "random": "random",
                "optimal": "optimal",
                "small": "fixed(batch_size=1)",
                "broken": "fixed(batch_size=7)",
            },
        ),
        Task(
            name="Tiny pool",
            about="Ten patients.",
            env_id="discovery/TablePool-v0",
            env_kwargs={"dataset": "diabetes", "horizon": 3},
            agents={"random": "random", "greedy": "greedy"},
        ),
    ),
)


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
