"""The best sum of values that money buys: the 0-1 knapsack, by recursion over whole units.

With the items 1, ..., i, of values v and costs c, and w units of money,

    V_i(w) = max(V_{i-1}(w), V_{i-1}(w - c_i) + v_i),   V_0 = 0.

Money may be left, so that values below 0 are never bought and V grows with w.

Source: R. Bellman, "Dynamic Programming" (1957), chapter 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_WORK = 2**28
"""Items times units of money: the recursion then takes about a second for an episode."""


def best_bought(
    values: NDArray[np.float64], costs: NDArray[np.int64], total: int
) -> NDArray[np.float64]:
    """Return the best sums that 0, 1, ..., ``total`` units buy, ``(B, total + 1)``.

    Args:
        values: The values of n items, ``(B, n)``.
        costs: Units that they cost, all above 0, ``(1, n)``; or ``(B, n)``.
        total: Units of money.
    """
    best = np.zeros((len(values), total + 1))
    if len(costs) < len(values) or len(values) == 1:
        _fill(best, values, costs[0])
    else:
        for some, value, cost in zip(best, values, costs, strict=True):
            _fill(some[None], value[None], cost)
    return best


def _fill(best: NDArray[np.float64], values: NDArray[np.float64], costs: NDArray[np.int64]) -> None:
    total = best.shape[1] - 1
    for i in (costs <= total).nonzero()[0].tolist():
        cost = int(costs[i])
        with_it = best[:, : total + 1 - cost] + values[:, i, None]
        np.maximum(best[:, cost:], with_it, out=best[:, cost:])
