r"""Pools that are paid in money: what a step buys, shows and pays.

A step tries N tests of each episode, from left to right. One is bought if it may be (not bought yet, the
item's label not either) and if the money left pays it. It pays the label, a proxy 0. With money m
spent, the regret is

    R = (best sum of values whose labels cost m at most) - (sum of the values whose labels were bought),

which is never negative. Its first part is the knapsack of `money`; where all labels cost the same c,
it is the sum of the best floor(m / c) values, as far as they are above 0.

At a fidelity (cost, noise, rho) a proxy of an item of value v, where s is the deviation of values, is

    rho v + s sqrt(1 - rho^2) e + noise,    e ~ N(0, 1) once for item and fidelity.

At a fidelity (cost, sensitivity, false_positive) it is 1 with the one chance if the item has label 1,
and with the other if it has label 0; labels are drawn once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Never, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from ..core import InputError, Streams, TruthUnknown
from ..core.arrays import Array, Flags, Whole
from .labels import Labels, best_sums, labels_arrived
from .money import MOST_WORK, best_bought, labels_by_chance
from .priced import Priced
from .purse import Purse

StateT = TypeVar("StateT", bound=Labels)


@dataclass(frozen=True, kw_only=True, eq=False)
class Buying(Priced[StateT], Generic[StateT]):
    """The part of a pool that looks at money."""

    @property
    def _widest(self) -> int:
        """The length of `Labels.best` without its first entry, 0."""
        if self.shop is None:
            return self._horizon
        return self.most_labels if self.one_price else self.shop.total

    def _best(self, state: StateT, index: Whole) -> Array:
        """Return the best sums of values for what may be spent, ``(len(index), _widest + 1)``."""
        purse, costs = state.purse, None
        if purse is not None:
            costs = (purse.spend[index] if self._prices_drawn else purse.spend)[..., -1]
        return self._best_values(state.values[index], costs)

    def _best_values(self, values: Array, costs: Whole | None) -> Array:
        """Return the best sums of values ``(B, n)`` at costs ``(B or 1, n)``."""
        if costs is None or self.shop is None:
            return best_sums(values, self._horizon)
        if self.one_price:
            return best_sums(np.maximum(values, 0), self._widest)
        return best_bought(values, costs, self.shop.total)

    def _check_work(self) -> None:
        """Refuse a knapsack that would take too long."""
        if self.shop is None or self.one_price:
            return
        work = self.num_items * (self.shop.total + 1)
        if work > MOST_WORK:
            raise InputError(
                f"The regret would take {work:.3g} sums, allowed are {MOST_WORK:.3g}: {self.num_items} "
                f"items times budget={self.budget:g} in multiples of {self.shop.unit:g}. Round the "
                "prices, or give one for all."
            )

    # ---- what chance buys

    @property
    def random_labels(self) -> float:
        """How many labels uniform choices among legal tests buy in the mean.

        Raises:
            TruthUnknown: It is not known: labels have several prices, there are two proxies or more, or
                choices are wasted at a price, since money ends within a batch.
        """
        self._check_waste()
        if self.shop is None or (self.one_price and self.num_tests == 1):
            return self.most_labels
        proxy, label = self.shop.spend[0, 0], self.shop.spend[0, -1]
        work = (self.shop.total / proxy + 1) * (self.shop.total / label + 1)
        if self.num_tests > 2 or not self.one_price or work > MOST_WORK / 100:
            raise TruthUnknown(f"{self.name} does not know how many labels chance buys here.")
        return labels_by_chance(self.num_items, int(proxy), int(label), self.shop.total)

    def _check_waste(self) -> None:
        """Complain where uniform choices are wasted now and then, and that pays something."""
        if self.shop is not None and self.batch_size > 1 and self.illegal_reward:
            raise TruthUnknown(
                f"{self.name} does not know how often chance chooses in a batch what cannot be paid."
            )

    # ---- dynamics

    @cached_property
    def _last_slot(self) -> Whole:
        """Where the first choice of the last step stands; behind the last test that money buys."""
        return np.array(self._horizon - (self.batch_size if self.shop is None else 0))

    @cached_property
    def _wasted(self) -> float:
        """What a wasted choice counts as in the regret."""
        return 0.0

    @cached_property
    def _labels_all(self) -> bool:
        """Whether the last step leaves nothing to choose."""
        return self.horizon == self.num_items

    def _purse(self, num_episodes: int) -> Purse | None:
        """Return the arrays of B episodes."""
        if self.shop is None:
            return None
        own = self._prices_drawn
        return Purse.of(self.shop, num_episodes, own=own, several=self.fidelities is not None)

    def _draw_tests(self, state: StateT, index: Whole, streams: Streams) -> None:
        """Draw what the tests of the episodes ``index`` have in them, once their values are drawn."""
        purse = state.purse
        assert purse is not None
        for i in index.tolist() if self.fidelities else ():
            values, generator = state.values[i], streams.generators[i]
            if self.fidelity_kind == "binary":
                values[:] = generator.random(len(values)) < values
            purse.means[i, :, -1] = values
            for m, proxy in enumerate(self.fidelities[:-1]):
                if self.fidelity_kind == "binary":
                    purse.means[i, :, m] = np.where(values > 0, proxy[1], proxy[2])
                elif self.fidelity_kind == "gaussian":
                    bias = self.value_std * np.sqrt(1 - proxy[2] ** 2)
                    purse.means[i, :, m] = proxy[2] * values
                    purse.means[i, :, m] += bias * generator.standard_normal(len(values))
        assert self.shop is not None
        purse.reset(index, self.shop.total)

    def _buy(
        self, state: StateT, action: Whole, streams: Streams, done: Flags | None
    ) -> tuple[Whole, Flags, Array, Array]:
        """Buy what N choices of each episode name.

        Returns:
            Items, whether a test of each was bought, their values where that is the label and else 0,
            and what the tests show, each ``(B N,)``.
        """
        purse = state.purse
        assert purse is not None
        item, fidelity = np.divmod(action.reshape(len(purse.money), -1), self.num_tests)
        if self.illegal == "raise":
            wrong = purse.wrong(item, fidelity)
            if done is not None:
                wrong &= ~done[:, None]
            if wrong.any():
                episode, place = np.argwhere(wrong)[0].tolist()
                self._refuse_test(episode, action.reshape(len(wrong), -1)[episode, place])
        fresh = purse.buy(item, fidelity)
        rows = np.arange(len(item))[:, None]
        mean = value = state.values[rows, item]
        if purse.means.size:
            mean = purse.means[rows, item, fidelity]
            value = np.where(fidelity == self.num_tests - 1, value, 0.0)
        purse.tried = fidelity.reshape(-1)
        shown = self._shown(mean.reshape(-1), purse.tried, streams)
        return item.reshape(-1), fresh.reshape(-1), value.reshape(-1), shown

    def _shown(self, mean: Array, fidelity: Whole, streams: Streams) -> Array:
        """Return what tests with these means show, ``(B N,)``."""
        if self.fidelity_kind == "binary" or not self.fidelities:
            return self._label(mean, streams)
        noise = np.array(self._noise)
        if not noise.any():
            return mean
        return np.asarray(mean + noise[fidelity] * ndtri(self._uniform(streams)))

    def _refuse_test(self, episode: int, test: int) -> Never:
        raise InputError(
            f"{self.action_name(test)} of episode {episode} cannot be bought: it was bought before, or "
            "the label was, or the money left does not pay it; choose by the action_mask, or make the "
            "pool with illegal='penalise'."
        )

    def _paid(self, state: StateT, slot: Whole, fresh: Flags, label: Array) -> Array:
        """Note what kind of test was bought, and return what each pays: the label, a proxy 0."""
        purse = state.purse
        if purse is None:
            return label
        purse.fidelity.reshape(-1)[slot[fresh]] = purse.tried[fresh]
        return np.where(purse.tried == self.num_tests - 1, label, 0.0)

    def _paying(self, state: StateT) -> NDArray[Any]:
        """Return what the tests ``(B, T)`` pay when they have come."""
        if state.purse is None:
            return state.labels
        return np.where(state.purse.fidelity == self.num_tests - 1, state.labels, 0.0)

    # ---- what is seen

    def mask_within(self, observation: dict[str, NDArray[Any]], chosen: Whole) -> NDArray[np.int8]:
        """Return what a batch may still take that holds some actions already, ``(B, n M)``.

        Args:
            observation: Observations of B episodes.
            chosen: The actions of the batch so far, ``(B, k)``.
        """
        mask = observation["action_mask"].copy()
        if self.shop is None:
            np.put_along_axis(mask, chosen, 0, 1)
            return mask
        item, fidelity = np.divmod(chosen, self.num_tests)
        legal = mask.reshape(len(mask), self.num_items, self.num_tests) > 0
        purse = Purse(
            spend=self.costs(observation),
            means=np.empty(0),
            money=self.money_left(observation),
            legal=legal,
            mask=legal,
            fidelity=item,
            tried=item,
        )
        purse.buy(item, fidelity)
        left = purse.mask.reshape(mask.shape)
        return np.asarray(left | purse.spent_up[:, None]).astype(np.int8)

    def _money_seen(self, state: StateT) -> dict[str, NDArray[Any]]:
        """Return what stands in observations in place of the steps left."""
        purse = state.purse
        assert purse is not None
        assert self.shop is not None
        seen: dict[str, NDArray[Any]] = {
            "money_left": (self.shop.unit * purse.money).astype(np.float32)[:, None],
            "decisions": (self._horizon - state.left)[:, None],
        }
        if self.fidelities:
            seen["fidelity"] = purse.fidelity.copy()
        if self._prices_drawn:
            seen["price"] = (self.shop.unit * purse.spend[:, :, -1]).astype(np.float32)
        return seen

    def _regret(self, state: StateT) -> Array:
        """Return the best sum for what was spent, choices or money, less that of the values found."""
        rows = np.arange(len(state.found))
        if state.purse is None or self.shop is None:
            spent = self._horizon - self.batch_size * state.left
            return np.asarray(state.best[rows, spent] - state.found)
        spent = self.shop.total - state.purse.money
        if self.one_price:
            spent = np.minimum(spent // self.shop.spend[0, -1], self._widest)
        lost = state.best[rows, spent] - state.found
        return np.asarray(np.maximum(lost, 0.0))  # it is never below, but for rounding

    # ---- random numbers

    @property
    def uniforms(self) -> int:
        """One number per label, its noise or its coin; none if labels carry no noise."""
        return self.batch_size if self.fidelity_kind == "binary" or any(self._noise) else 0

    def _label(self, value: Array, streams: Streams) -> Array:
        """Return labels with the means ``value``, ``(B N,)``; ``value`` itself without noise.

        Binary ones are 1 with probability ``value`` and 0 otherwise.
        """
        if self.fidelity_kind == "binary":
            return (self._uniform(streams) < value).astype(np.float64)
        if not self.noise_std:
            return value
        return np.asarray(value + self.noise_std * ndtri(self._uniform(streams)))

    def _uniform(self, streams: Streams) -> Array:
        """Return a number in [0, 1) for each choice, ``(B N,)``."""
        if self.batch_size == 1:
            return streams.uniform()
        columns = [streams.uniform() for _ in range(self.batch_size)]
        return np.stack(columns, 1).reshape(-1)

    # ---- words and records

    def item_name(self, item: int) -> str:
        """Return an item in words."""
        return f"item {item}"

    def _test_name(self, test: int) -> str:
        item, fidelity = divmod(test, self.num_tests)
        if not self.fidelities:
            return self.item_name(item)
        last = fidelity == self.num_tests - 1
        return f"{self.item_name(item)}, {'label' if last else f'proxy {fidelity}'}"

    def _tests_seen(self, observation: dict[str, NDArray[Any]]) -> tuple[Array, Whole]:
        """Return what the tests that have come show, and which of the M they are, each ``(k,)``."""
        shown = observation["labels"][: int(labels_arrived(observation))].astype(np.float64)
        if self.fidelities:
            return shown, observation["fidelity"][: len(shown)]
        return shown, np.full(len(shown), self.num_tests - 1)

    def _labels_seen(self, observation: dict[str, NDArray[Any]]) -> Array:
        """Return the labels that have arrived, without proxies, ``(k,)``."""
        shown, test = self._tests_seen(observation)
        return np.asarray(shown[test == self.num_tests - 1])

    def _bought_words(self, observation: dict[str, NDArray[Any]]) -> str:
        labels, come = len(self._labels_seen(observation)), int(labels_arrived(observation))
        proxies = f", {come - labels} proxies" if self.fidelities else ""
        money = f"{observation['money_left'][0]:.4g} of {self.budget:g} left"
        return f"{labels} labels{proxies}, {money}"

    def prices(self, actions: NDArray[Any], first: Any = None) -> Array | None:
        """Return the money that each of t actions takes, given those before it, ``(B, t)``.

        What cannot be bought takes none. None where the items of each episode have prices of their own,
        and the first observations, which tell them, are not given.
        """
        if self.shop is None or (self._prices_drawn and first is None):
            return None
        count, t = actions.shape[:2]
        purse = Purse.of(self.shop, count, own=False, several=False)
        if self._prices_drawn:
            purse.spend = self.costs(first)
        purse.reset(np.arange(count), self.shop.total)
        left = np.full((count, t + 1), self.shop.total)
        for k in range(t):
            purse.buy(*np.divmod(actions[:, k].reshape(count, -1), self.num_tests))
            left[:, k + 1] = purse.money
        return np.asarray(-self.shop.unit * np.diff(left, axis=1))
