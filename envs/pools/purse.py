"""The state of a pool that is paid in money: what may be bought, and what was."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from ..core.arrays import Array, Flags, Whole
from .shop import Shop


@dataclass(kw_only=True, eq=False)
class Purse:
    """What B episodes may buy, and what they have bought."""

    spend: Whole  # (B or 1, n or 1, M) units that tests take
    means: Array  # (B, n, M) mean of every test; without fidelities (B, 0, M): the values
    money: Whole  # (B,) units left
    legal: Flags  # (B, n, M) tests that were not bought, of items whose label was not
    mask: Flags  # (B, n, M) those of them that the money left pays
    fidelity: Whole  # (B, T) of the tests bought, in order; -1 behind the last
    tried: Whole  # (B N,) the fidelities of the last step

    @classmethod
    def of(cls, shop: Shop, num_episodes: int, *, own: bool, several: bool) -> Self:
        """Return the arrays of B episodes.

        Args:
            shop: What the tests of n items cost.
            num_episodes: The number B.
            own: Whether the items of every episode have prices of their own.
            several: Whether there are fidelities.
        """
        b, n, m = num_episodes, shop.num_items, shop.num_tests
        return cls(
            spend=np.ones((b, n, m), np.int64) if own else shop.spend[None],
            means=np.zeros((b, n * several, m)),
            money=np.zeros(b, np.int64),
            legal=np.zeros((b, n, m), np.bool_),
            mask=np.zeros((b, n, m), np.bool_),
            fidelity=np.full((b, shop.most), -1),
            tried=np.zeros(0, np.int64),
        )

    def reset(self, index: Whole, total: int) -> None:
        """Give the episodes ``index`` their money back, and all tests."""
        self.money[index] = total
        self.legal[index] = True
        self.fidelity[index] = -1
        spend = self.spend[index] if len(self.spend) > 1 else self.spend
        self.mask[index] = spend <= total

    def buy(self, item: Whole, fidelity: Whole) -> Flags:
        """Try N tests of each episode, from left to right, ``(B, N)``; return which were bought."""
        bought = np.zeros(item.shape, np.bool_)
        for k in range(item.shape[1]):
            bought[:, k] = self.buy_one(item[:, k], fidelity[:, k])
        self.look()
        return bought

    def buy_one(self, item: Whole, fidelity: Whole) -> Flags:
        """Try a test of each episode, ``(B,)``; `look` must follow."""
        episode, label = np.arange(len(item)), self.legal.shape[2] - 1
        cost = self.cost(episode, item, fidelity)
        paid = self.legal[episode, item, fidelity] & (cost <= self.money)
        self.money -= cost * paid
        self.legal[episode[paid], item[paid], fidelity[paid]] = False
        whole = paid & (fidelity == label)
        self.legal[episode[whole], item[whole]] = False
        return np.asarray(paid)

    def look(self) -> None:
        """See what the money left pays."""
        self.mask = self.legal & (self.spend <= self.money[:, None, None])

    def wrong(self, item: Whole, fidelity: Whole) -> Flags:
        """Return which of N tries fail while another test could be bought, ``(B, N)``."""
        trial = replace(self, money=self.money.copy(), legal=self.legal.copy())
        wrong = np.zeros(item.shape, np.bool_)
        for k in range(item.shape[1]):
            could = ~trial.spent_up
            wrong[:, k] = ~trial.buy_one(item[:, k], fidelity[:, k]) & could
            trial.look()
        return wrong

    def cost(self, episode: Whole, item: Whole, fidelity: Whole) -> Whole:
        """Return the units that tests take, ``(m,)``."""
        b, n, _ = self.spend.shape
        each: Any = episode if b > 1 else 0
        return np.asarray(self.spend[each, item if n > 1 else 0, fidelity])

    @property
    def spent_up(self) -> Flags:
        """Whether the money left pays nothing, ``(B,)``."""
        return np.asarray(~self.mask.reshape(len(self.mask), -1).any(1))
