"""Where the modules and names of earlier versions are today, for pickles that name them.

The import of a module that is gone gives a stand-in that looks its names up in the table. Python asks
for it last, so that other imports cost nothing. A module that is still there, but has lost a name,
needs ``__getattr__ = former(__name__)``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from .errors import InputError

MOVED = {
    "envs.campaigns.count_planning": "envs.campaigns.planning",
    "envs.design.black_box": "envs.design.simulator.black_box",
    "envs.core.faces": "envs.core.vector_env",
    "envs.core.faces:DiscoveryEnv": "envs.core.env:DiscoveryEnv",
    "envs.design.design:Inquiry": "envs.design.design:DesignState",
    "envs.design.simulation": "envs.design.simulator.jobs",
    "envs.pools.pool:FeatureLabels": "envs.pools.labels:FeatureLabels",
}
"""Old module -> new module; ``"module:Name"`` on both sides where a name went its own way."""
PACKAGE = f"{__name__.split('.')[0]}."


def former(module: str) -> Callable[[str], Any]:
    """Return what finds the names that a module had in an earlier version: its ``__getattr__``."""
    old = module.removeprefix(PACKAGE)

    def find(name: str) -> Any:
        place, _, other = MOVED.get(f"{old}:{name}", MOVED.get(old, "")).partition(":")
        if not place:
            raise AttributeError(f"module {module!r} has no attribute {name!r}")
        return getattr(importlib.import_module(PACKAGE + place), other or name)

    return find


def check_pickle(name: str, state: Mapping[str, Any]) -> None:
    """Raise `InputError` if version 0.1.0 pickled an environment of this class with this state."""
    if hasattr(state["_streams"], "_tape"):
        spec, make = state.get("spec"), "make_vec" if "num_envs" in state else "make"
        given = (
            () if spec is None else (repr(spec.id), *(f"{k}={v!r}" for k, v in spec.kwargs.items()))
        )
        raise InputError(
            f"This {name} was pickled by version 0.1.0, whose random numbers were other ones, so that "
            f"its episode cannot go on. Make a new one: gym.{make}({', '.join(given) or '...'})."
        )


class _StandIns(MetaPathFinder, Loader):
    """Makes modules that are gone, by the table."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return how to make a module of the table, and None for all others."""
        known = fullname.startswith(PACKAGE) and fullname.removeprefix(PACKAGE) in MOVED
        return ModuleSpec(fullname, self) if known else None

    def exec_module(self, module: ModuleType) -> None:
        """Let the module look where its names are today."""
        module.__getattr__ = former(module.__name__)  # type: ignore[method-assign]


sys.meta_path.append(_StandIns())
