"""A study of a design that is killed at any moment goes on as if nothing had happened."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from discovery_gym.studies import Study
from discovery_gym.studies.journal import Journal

KILLS = 30
"""Kills, and the longest that a campaign lives, in seconds."""


def work(path: Path) -> None:
    """Ask and tell until the budget is spent; what is told follows from the study alone."""
    study = Study.design(path, agent="thompson_eig", seed=5)
    while True:
        told = len(study.rounds)
        if told % 4 == 3:
            study.tell({"phi": 40.5 + told / 4}, np.sin(np.arange(20) * (told + 1)))
            continue
        if not study.left and not study.in_flight:
            return
        (one,) = study.ask()
        if one.id == "5":
            study.failed("5", "beam lost")
        else:
            study.tell(one.id, np.cos(np.arange(30) * (int(one.id) + 1)))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forks of this process")
def test_the_journal_is_that_of_a_study_left_alone(tmp_path: Path) -> None:
    text = '[problem]\nenv = "WeinbergToy"\nnum_bins = 10\nsettings = 7\nhorizon = 24\n'
    paths = [tmp_path / name for name in ("alone.toml", "killed.toml")]
    for path in paths:
        path.write_text(text)
    start = time.monotonic()
    work(paths[0])
    whole = time.monotonic() - start
    random, ends = np.random.default_rng(3), 0
    for _ in range(KILLS):
        child = os.fork()
        if not child:
            try:
                work(paths[1])
            finally:
                os._exit(0)
        time.sleep(random.uniform(0, whole / 10))
        os.kill(child, signal.SIGKILL)
        ends += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        path = tmp_path / "killed.study.jsonl"
        Journal(path if path.exists() else None)  # it is whole
    assert ends > KILLS / 4
    work(paths[1])
    alone, killed = (Journal(path.with_suffix(".study.jsonl")).events for path in paths)
    for one in (alone, killed):
        assert one[0]["do"] == "start"
    assert killed[1:] == alone[1:]
