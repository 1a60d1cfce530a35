"""A folder of somebody's own code, of which a test process keeps nothing."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import pytest

from discovery_gym.agents import outside
from discovery_gym.experiments.runs import fingerprints


@contextlib.contextmanager
def working_folder(here: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Work in a folder; nothing is loaded before or after of what tests have in such folders."""
    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setattr(outside, "_loaded", {})
    known = {*gym.registry}
    _forget(here.parent)
    caches = fingerprints._root, fingerprints._file, fingerprints._distribution
    for cache in caches:
        cache.cache_clear()
    yield
    _forget(here.parent)
    for env_id in {*gym.registry} - known:
        del gym.registry[env_id]
    for cache in caches:
        cache.cache_clear()


def _forget(folder: Path) -> None:
    """Unload the modules in a folder."""
    for name, module in [*sys.modules.items()]:
        if str(folder) in str(getattr(module, "__file__", "")):
            del sys.modules[name]
