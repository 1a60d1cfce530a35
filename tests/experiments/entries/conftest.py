"""Honest entries of every wing, played once."""

import pytest
from entries import WINGS, enter, play, suite_in


@pytest.fixture(scope="session")
def board(tmp_path_factory):
    """A folder with a suite, a results folder and an entry for each wing; do not write to it."""
    folder = tmp_path_factory.mktemp("board")
    suite = suite_in(folder)
    (folder / "honest").mkdir()
    for wing, tasks in WINGS.items():
        results = play(suite, folder / "results" / wing, tasks)
        enter(suite, results, folder / wing).rename(folder / "honest" / wing)
    return folder


@pytest.fixture(scope="session")
def suite(board):
    from discovery_gym.experiments.suites.catalogue import suite

    return suite(str(board / "board.toml"))
