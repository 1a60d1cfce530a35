"""Records of earlier formats, read as if they were of the present one.

- Format 1, of version 0.1.0: a spec had ``contrasts`` in place of metrics.
- Format 2: a spec had ``curves``, which asked for the column ``curve``, the regret after every decision,
  NaN behind the end of an episode; the mean of the time of a decision was all that was kept of it.

Neither has actions, so that nothing of them can be replayed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...envs.core import shown
from .trace import Ragged

FIRST = {"spec", "fingerprint", "status", "error", "seconds_per_decision", "random_value",
         "optimal_value", "versions", "machine", "created"}  # fmt: skip
SECOND = {*FIRST, "format", "agent", "role"}
"""What files of format 1 and 2 said of themselves."""
CHUNK = 1024
"""Episodes that were played side by side."""


def about(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return in format 3 what a file of an earlier one says of itself; ``format`` stays what it was."""
    if set(found) == FIRST:
        found = _second(found)
    elif set(found) != SECOND or found["format"] != 2:
        raise ValueError("what it says of itself must be that of format 1, 2 or 3")
    spec, seconds = {**found["spec"]}, found["seconds_per_decision"]
    curves = spec.pop("curves")
    if type(curves) is not bool:
        raise ValueError(f"curves must be True or False, got {shown(curves)}")
    return {
        **{name: found[name] for name in SECOND - {"seconds_per_decision"}},
        "spec": {**spec, "chunk": CHUNK},
        "decision_seconds": None if seconds is None else {"mean": seconds},
        "points": [],
        "platform": {},
        "entry": None,
        "curves": curves,
    }


def _second(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return in format 2 what a file of format 1 says of itself, as version 0.1.0 meant it."""
    spec = {**found["spec"]}
    count, agent = spec.pop("contrasts"), spec["agent"]
    if type(count) is not int or count < 0:
        raise ValueError(f"contrasts must be an integer of at least 0, got {shown(count)}")
    spec["metrics"] = [f"information_bounds(contrasts={count})"] if count else []
    role = agent if agent in ("random", "optimal") else ""
    return {**found, "format": 1, "spec": spec, "agent": agent, "role": role}


def columns(
    found: Mapping[str, Any], said: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the columns of an earlier file, and what it says of itself, with its curve at points."""
    asked = said["curves"] and "regret" in found
    if asked is not ("curve" in found):
        raise ValueError(f"its columns are {shown(sorted(found))}, but curves is {said['curves']}")
    if not asked:
        return found, said
    curve, lengths = found["curve"], found["length"]
    if lengths.max() != curve.shape[1]:  # before as many numbers are made
        raise ValueError("a curve does not end with its episode")
    inside = np.arange(lengths.max()) < lengths[:, None]
    if curve.shape != inside.shape or (np.isfinite(curve) != inside).any():
        raise ValueError("a curve does not end with its episode, or is not finite before")
    kept = {name: column for name, column in found.items() if name != "curve"}
    after = Ragged.of(curve, lengths)
    return kept | {"regret_after": after}, {**said, "points": [*range(1, curve.shape[1] + 1)]}
