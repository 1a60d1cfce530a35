r"""What money buys: the best sum of values for an oracle, and the labels that chance buys.

The best sum is the 0-1 knapsack, by recursion over whole units. With items 1, ..., i of values v and
costs c, and w units of money,

    V_i(w) = max(V_{i-1}(w), V_{i-1}(w - c_i) + v_i),   V_0 = 0.

Money may be left, so that values below 0 are never bought and V grows with w.

Who buys uniformly among all tests that are allowed, at one price of proxies and one of labels, is
followed exactly by the number L of labels bought and the number b of items with a proxy and no label. Of
n items n - L - b have neither; they may be tested either way, and the b in one.

Source: R. Bellman, "Dynamic Programming" (1957), chapter 1.
"""

from __future__ import annotations

import numpy as np

from ..core.arrays import Array, Flags, Whole

MOST_WORK = 2**28
"""Items times units of money: the recursion then takes about a second for an episode."""


def best_bought(values: Array, costs: Whole, total: int) -> Array:
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


def best_set(values: Array, costs: Whole, total: int) -> Flags:
    """Return which of n items are worth the most together for ``total`` units, ``(n,)``.

    Args:
        values: Their values, ``(n,)``.
        costs: Units that they cost, all above 0, ``(n,)``.
        total: Units of money.
    """
    worth = ((values > 0) & (costs <= total)).nonzero()[0]
    chosen = np.zeros(len(values), np.bool_)
    if len(worth) and (costs[worth] == costs[worth[0]]).all():
        most = total // int(costs[worth[0]])
        chosen[worth[np.argsort(-values[worth], kind="stable")[:most]]] = True
        return chosen
    best, took = np.zeros(total + 1), np.zeros((len(worth), total + 1), np.bool_)
    for k, i in enumerate(worth.tolist()):
        with_it = best[: total + 1 - costs[i]] + values[i]
        took[k, costs[i] :] = with_it > best[costs[i] :]
        best[costs[i] :] = np.maximum(best[costs[i] :], with_it)
    for k, i in reversed(list(enumerate(worth.tolist()))):
        if took[k, total]:
            chosen[i] = True
            total -= int(costs[i])
    return chosen


def _fill(best: Array, values: Array, costs: Whole) -> None:
    total = best.shape[1] - 1
    for i in (costs <= total).nonzero()[0].tolist():
        cost = int(costs[i])
        with_it = best[:, : total + 1 - cost] + values[:, i, None]
        np.maximum(best[:, cost:], with_it, out=best[:, cost:])


def labels_by_chance(num_items: int, proxy: int, label: int, total: int) -> float:
    """Return how many labels uniform choices among legal tests buy in the mean, with one proxy.

    Args:
        num_items: The number n of items.
        proxy: Units that a proxy costs.
        label: Units that a label costs.
        total: Units of money.
    """
    most, steps = min(num_items, total // label), min(num_items, total // proxy)
    labels, waiting = np.arange(most + 2)[:, None], np.arange(steps + 2)
    chance, mean = np.zeros((most + 2, steps + 2)), 0.0
    chance[0, 0] = 1.0
    for step in range(most + steps + 1):
        money = total - proxy * (step - labels) - label * labels
        fresh = np.maximum(num_items - labels - waiting, 0)
        cheap = fresh * (money >= proxy)
        first, second = fresh * (money >= label), waiting * (money >= label)
        each = chance / np.maximum(cheap + first + second, 1)
        mean += float((each * (first + second)).sum())
        chance = np.zeros_like(chance)
        chance[:, 1:] += (each * cheap)[:, :-1]
        chance[1:] += (each * first)[:-1]
        chance[1:, :-1] += (each * second)[:-1, 1:]
    return mean
