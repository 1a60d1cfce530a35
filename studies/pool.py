"""A pool as a study knows it, and what agents see of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from gymnasium import spaces

from ..envs.core import Observation, box
from ..envs.core.arrays import Single, Whole
from ..envs.pools.shown import read_only
from ..envs.pools.status import Status
from ..envs.pools.table_pool import PublicTable
from .progress import Progress


@dataclass(frozen=True, kw_only=True, eq=False)
class StudyPool(PublicTable):
    """What agents know of the pool of a study, for one question.

    The budget and the size of a batch may change from one question to the next, labels may be lost, and
    an item may have several. So how many labels and decisions there were stands in the observation, and
    `horizon` is the length of the history.

    ## Observation space
    As that of a `TablePool` with a delay; `labelled` holds first the items whose labels have come, in
    the order in which they came, once for each label; then those in flight, in the order of choice; then
    those whose labels will never come. Further
    - `lost`: int64, `(1,)`, number of items at the end of `labelled` whose labels will never come.
    - `left`: int64, `(1,)`, number of labels left.
    - `decisions`: int64, `(1,)`, number of decisions taken.
    """

    name = "a study of a pool"

    def __post_init__(self) -> None:
        """Take everything as it is: a study has checked it."""

    @cached_property
    def observation_space(self) -> spaces.Dict:
        """Legal items, history, and what is left."""
        most = np.iinfo(np.int64).max
        counts = {key: box(0, most, (1,), np.int64) for key in ("lost", "left", "decisions")}
        arrived = box(0, self._horizon, (1,), np.int64)
        return spaces.Dict({**super().observation_space.spaces, "arrived": arrived, **counts})

    def labels_left(self, observation: Any) -> Whole:
        """Return how many labels may still be chosen after observations of B episodes, ``(B,)``."""
        return np.asarray(observation["left"][:, 0])

    def decisions(self, observation: Any) -> Whole:
        """Return the decisions that observations of B episodes come after, ``(B,)``."""
        return np.asarray(observation["decisions"][:, 0])


def seen(
    pool: StudyPool,
    features: Single,
    progress: Progress,
    flying: list[int],
    sign: float,
    failed_value: str | None = None,
) -> Observation:
    """Return what agents see of a study: every item that is not asked may be chosen.

    Args:
        pool: The pool, whose horizon is the length of the history.
        features: Features of the items as agents see them, ``(n, d)``, read-only.
        progress: Where the study stands.
        flying: The items in flight, in the order of choice.
        sign: 1, or -1 where less is better.
        failed_value: "worst": an item that failed counts as one with the worst label so far, as soon as
            there is one; None: it tells nothing.
    """
    items, found = [item for item, _ in progress.arrived], [sign * y for _, y in progress.arrived]
    failed = [*progress.failed]
    if failed_value is not None and found:
        items, found, failed = items + failed, found + [min(found)] * len(failed), []
    chosen = [*items, *flying, *failed]
    labelled, labels = np.full(pool.horizon or 0, -1), np.zeros(pool.horizon or 0)
    labelled[: len(chosen)] = chosen
    labels[: len(items)] = found
    mask = (progress.status == Status.FREE).astype(np.int8)
    mask[flying] = 0
    left = progress.left - (len(flying) - len(progress.flying))
    counts = {
        "arrived": len(items),
        "lost": len(failed),
        "left": left,
        "decisions": progress.decisions + (flying != progress.flying),
    }
    return {
        "action_mask": mask,
        "labelled": labelled,
        "labels": labels,
        "steps_left": np.array([left / pool.batch_size], np.float32),
        **{key: np.array([count]) for key, count in counts.items()},
        "features": read_only(features.reshape(-1)),
    }
