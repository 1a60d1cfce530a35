r"""Labels 0 and 1 that are seen themselves, or through tests that err.

A success has log odds eta, p = sigmoid(eta). A test is positive with probability `sensitivity` on a
success and `false_positive` on a failure, on its own given the label. With a and b the products of these
chances over the tests that an item has had,

    P(tests) = p a + (1 - p) b,   P(success | tests) = w = sigmoid(eta + log a / b),
    d log P / d eta = w - p,      E[(d log P / d eta)^2] = sum_outcomes P(outcome) (w - p)^2,

the last of which is the expected information (Fisher) of the tests that were made. A label itself is the
test with a / b = infinity or 0: w is the label, the information p (1 - p); what else an item has then
tells nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Self

import numpy as np
from scipy.special import expit, log_expit

from ...envs.core.arrays import Array, Flags, Whole


@dataclass(frozen=True, eq=False)
class Flips:
    """What t tests of E episodes have shown of their items, all tests of an item in one place.

    Args:
        label: Labels, 1 for a success; 0 where there is none, ``(E, t)``.
        odds: log a / b of tests that err, ``(E, t)``.
        made: Which of the K tests that err an item has had; none where it has its label, ``(E, t, K)``.
        counts: Which places count: the label of an item, or else its first test, ``(E, t)``.
        chances: Sensitivity and false positives of the tests, ``(K, 2)``.
    """

    label: Array
    odds: Array
    made: Flags
    counts: Flags
    chances: Array

    @classmethod
    def of(cls, items: Any, positive: Flags, fidelity: Any, chances: Array, n: int) -> Self:
        """Return what tests of n items have shown.

        Args:
            items: The items, ``(E, t)``.
            positive: Whether the test was positive, ``(E, t)``.
            fidelity: Which test, K for the label, ``(E, t)``; None: all are labels.
            chances: Sensitivity and false positives of the tests, ``(K, 2)``.
            n: Number of items.
        """
        label, kinds = positive.astype(np.float64), len(chances)
        if fidelity is None or not kinds:
            made, every = np.zeros((*items.shape, 0), np.bool_), np.ones(items.shape, np.bool_)
            return cls(label, np.zeros(items.shape), made, every, chances)
        odds, made, first = by_item(items, positive, fidelity, chances, n)
        rows, top = np.arange(len(items))[:, None], fidelity == kinds
        whole = np.zeros((len(items), n), np.bool_)
        whole[rows.repeat(items.shape[1], 1)[top], items[top]] = True
        alone = ~top & ~whole[rows, items] & (first[rows, items] == np.arange(items.shape[1]))
        return cls(
            label=np.where(top, label, 0.0),
            odds=np.where(alone, odds[rows, items], 0.0),
            made=made[rows, items] & alone[:, :, None],
            counts=top | alone,
            chances=chances,
        )

    def rows(self, some: Flags) -> Self:
        """Return this of some episodes."""
        parts = ("label", "odds", "made", "counts")
        return replace(self, **{name: getattr(self, name)[some] for name in parts})

    @property
    def _erring(self) -> Flags:
        return np.asarray(self.made.any(2))

    def likelihood(self, eta: Array) -> Array:
        """Return log P at log odds ``(E, t)``, summed up to a constant, ``(E,)``."""
        own = -np.logaddexp(0, -(2 * self.label - 1) * eta)
        if self.made.shape[2]:
            tests = np.logaddexp(log_expit(eta) + self.odds, log_expit(-eta))
            own = np.where(self._erring, tests, own) * self.counts
        return np.asarray(own.sum(1))

    def slope(self, eta: Array, p: Array) -> Array:
        """Return d log P / d eta, ``(E, t)``."""
        if not self.made.shape[2]:
            return self.label - p
        seen = np.where(self._erring, expit(eta + self.odds), self.label)
        return np.asarray(self.counts * (seen - p), np.float64)

    def information(self, p: Array) -> Array:
        """Return the expected information about eta, ``(E, t)``."""
        if not self.made.shape[2]:
            return p * (1 - p)
        tests = information(p, self.made, self.chances)
        return np.asarray(self.counts * np.where(self._erring, tests, p * (1 - p)), np.float64)


def by_item(
    items: Any, positive: Flags, fidelity: Any, chances: Array, n: int
) -> tuple[Array, Flags, Whole]:
    """Return what the tests that err have shown of n items.

    Returns:
        log a / b ``(E, n)``, which tests were made ``(E, n, K)``, and the place of the first ``(E, n)``.
    """
    e, kinds = len(items), len(chances)
    odds, made = np.zeros((e, n)), np.zeros((e, n, kinds), np.bool_)
    first = np.full((e, n), items.shape[1])
    episode, place = (fidelity < kinds).nonzero()
    item, test = items[episode, place], fidelity[episode, place]
    of = np.where(positive[episode, place, None], chances[test], 1 - chances[test])
    np.add.at(odds, (episode, item), np.diff(-np.log(np.maximum(of, 1e-300)), axis=1)[:, 0])
    made[episode, item, test] = True
    np.minimum.at(first, (episode, item), place)
    return odds, made, first


def information(p: Array, made: Flags, chances: Array) -> Array:
    """Return the expected information of tests about eta, of the shape of ``p``.

    Args:
        p: Probabilities of success.
        made: Which of the K tests are made, ``(..., K)``.
        chances: Sensitivity and false positives of the tests, ``(K, 2)``.
    """
    total = np.zeros(p.shape)
    for outcome in product((0, 1), repeat=len(chances)):
        a, b = np.ones(p.shape), np.ones(p.shape)
        for k, z in enumerate(outcome):
            hit, miss = chances[k] if z else 1 - chances[k]
            # A test that is not made has the outcome 0 only.
            a = a * np.where(made[..., k], hit, 1.0 - z)
            b = b * np.where(made[..., k], miss, 1.0 - z)
        q = p * a + (1 - p) * b
        w = np.divide(p * a, q, out=p.copy(), where=q > 0)
        total += q * (w - p) ** 2
    return total
