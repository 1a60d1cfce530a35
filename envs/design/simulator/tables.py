"""The law of the data at one setting, from what the simulator yielded there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from ...core.arrays import Array, Flags
from .failures import failure_rates


@dataclass(frozen=True)
class Table:
    """Probabilities of the data of an experiment under G parameter values, at one setting.

    An experiment fails as a whole, or gives events that fall into K bins; where failing is an outcome,
    it has a column of its own, the last.

    Attributes:
        rates: Chance of each bin if it does not fail, and in the end that it fails, ``(G, K or K + 1)``.
        logs: What each number of the data adds to the log likelihood, transposed, ``(K or K + 1, G)``.
        rest: Log chance that it does not fail, which all data have in common, ``(G,)``.
        lost: Where no run ended well, ``(G,)``.
        weight: Events that the rates rest on, with half a count in each bin, ``(G,)``.
    """

    rates: Array
    logs: Array
    rest: Array
    lost: Flags
    weight: Array

    @classmethod
    def of(cls, counts: Array, failed: Flags, outcome: bool) -> Self:
        """Return the table.

        Args:
            counts: Events in each bin, those of all seeds together, ``(G, K)``.
            failed: Which of the runs failed, ``(G, seeds)``.
            outcome: Whether failing is an outcome.
        """
        total = counts + 0.5
        rates = total / total.sum(1, keepdims=True)
        # Rounded so that sums of counts times logs are exact: one episode is the same as many.
        logs, rest = np.round(np.log(rates) * 2**24), np.zeros(len(rates))
        if outcome:
            fails = failure_rates(failed)
            rest = np.round(np.log1p(-fails) * 2**24)
            ratio = np.round(np.log(fails) * 2**24) - rest
            rates = np.concatenate([rates, fails[:, None]], 1)
            logs = np.concatenate([logs, ratio[:, None]], 1)
        logs = np.ascontiguousarray(logs.T) / 2**24
        return cls(rates, logs, rest / 2**24, np.asarray(failed.all(1)), total.sum(1))
