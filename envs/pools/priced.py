"""What pools are paid in: labels, or money for tests of several fidelities."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Generic

import numpy as np
from gymnasium import spaces

from ..core import InputError, Model, TruthUnknown, box, shown
from ..core.arrays import Array, Whole
from ..core.checks import integer, quantity, real, sequence
from ..core.model import State
from .shop import BinaryProxy, GaussianProxy, Proxy, Shop

SHAPES = {
    "gaussian": "(cost, noise_std, rho), the last one with rho = 1",
    "binary": "(cost, sensitivity, false_positive), the last one with 1 and 0",
    "column": "(cost, column) or (cost, column, rho), the last one (cost,)",
}
"""What a fidelity is, by the kind of label."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Priced(Model[State], Generic[State]):
    """A pool whose tests may cost money.

    ## Observation space
    - `fidelity`: int64, `(T,)`, which test of each item in `labelled` was bought, -1 behind the last.
      Only with `fidelities`.
    - `money_left`: float32, `(1,)`, in place of `steps_left` with a `budget`.
    - `decisions`: int64, `(1,)`, decisions taken; only with a `budget`.
    - `price`: float32, `(n,)`, of the label of each item, where every episode has other ones; one above
      the budget is shown as just above it.

    ## Arguments
    - `fidelities`: on pools with features, the M tests that an item may have, from the cheapest on,
      each `(cost, noise_std, rho)`; the last is the label, with rho 1. Only labels pay. A proxy of an
      item of value v is rho v, plus a bias of the item such that the correlation with v is rho, plus
      noise. The noise of the label stands for `noise_std`. None: an item has one test, its label.
    - `price`: what the label of an item costs, one number or one for each; with `fidelities` the cost
      of the last is then None.
    - `budget`: the money at the start, with `fidelities` or a `price`; all is counted in whole
      multiples of the largest amount that divides all prices. `horizon` then follows and is left out:
      the most tests that the budget buys.
    """

    horizon: int | None = None
    batch_size: int = 1
    noise_std: float = 0.0
    illegal: str = "penalise"
    illegal_reward: float = 0.0
    fidelities: Any = None
    price: Any = None
    budget: float | None = None

    fidelity_kind: ClassVar[str] = ""
    """What proxies are: "gaussian", "binary", or nothing where the pool takes none."""

    @property
    @abstractmethod
    def num_items(self) -> int:
        """The number n of items."""

    @property
    def _horizon(self) -> int:
        assert self.horizon is not None  # set by __post_init__
        return self.horizon

    # ---- what agents know of it

    @cached_property
    def shop(self) -> Shop | None:
        """What tests cost; None where labels are counted, not paid."""
        if self.budget is None:
            return None
        low = [cost for cost, *_ in self.fidelities or ()]
        top = low[-1:] if self.price is None else self._label_prices
        return Shop.of(self.num_items, low[:-1], top, self.budget)

    @property
    def _label_prices(self) -> list[float]:
        """The price of every label, or one for all."""
        return [float(price) for price in np.ravel(self.price)]

    @property
    def num_tests(self) -> int:
        """The number M of tests of an item, from the cheapest to the label; 1 without fidelities."""
        return 1 if self.shop is None else self.shop.num_tests

    @cached_property
    def proxies(self) -> tuple[Proxy, ...]:
        """What the M - 1 lower fidelities tell of the label."""
        lower = (self.fidelities or ())[:-1]
        if self.fidelity_kind == "binary":
            return tuple(BinaryProxy(s, f) for _, s, f in lower)
        spread = self.value_std if lower else 0.0
        return tuple(
            GaussianProxy(rho, float(np.hypot((1 - rho**2) ** 0.5 * spread, noise)))
            for _, noise, rho in lower
        )

    @cached_property
    def _noise(self) -> tuple[float, ...]:
        """Standard deviation of the additive noise of the M tests."""
        if self.fidelity_kind == "gaussian" and self.fidelities:
            return tuple(noise for _, noise, _ in self.fidelities)
        return (*[0.0] * (self.num_tests - 1), self.noise_std)

    @property
    def one_price(self) -> bool:
        """Whether all labels cost the same."""
        return self.shop is not None and len({*self.shop.spend[:, -1].tolist()}) == 1

    @property
    def most_labels(self) -> int:
        """The labels that an oracle buys.

        Raises:
            TruthUnknown: Labels have several prices.
        """
        if self.shop is None:
            return self._horizon
        if not self.one_price:
            raise TruthUnknown(f"{self.name} does not know what an oracle buys at several prices.")
        return min(self.num_items, self.shop.total // int(self.shop.spend[0, -1]))

    def taken(self, value: Array) -> Array:
        """Return what items of these values are worth to an oracle: money may be kept, labels not."""
        return value if self.shop is None else np.maximum(value, 0)

    @property
    def value_std(self) -> float:
        """Standard deviation of the values of items, before anything is known of them."""
        raise InputError(f"{self.name} has no proxies with additive noise.")

    # ---- checks

    def _check_money(self) -> None:
        """Check prices, fidelities and budget; with these, derive the most tests that it buys."""
        if self.fidelities is not None:
            self._set(fidelities=self._checked_fidelities(self.fidelities))
        if self.price is not None:
            self._set(price=self._checked_price(self.price))
        asked = [name for name in ("fidelities", "price") if getattr(self, name) is not None]
        if self.budget is None:
            if asked:
                raise InputError(
                    f"{asked[0]} is paid in money: give the budget that there is, such as budget=10."
                )
            return
        self._set(budget=quantity("budget", self.budget))
        if not asked:
            raise InputError(
                "budget is money: give what a label costs, price=1, or fidelities; or give the number "
                "of labels as horizon."
            )
        assert self.shop is not None
        default = type(self).__dataclass_fields__["horizon"].default
        most = None if self.horizon is None else integer("horizon", self.horizon, low=1)
        if most not in (None, default, self.shop.most):
            raise InputError(
                f"With a budget the horizon follows from it ({self.shop.most} tests here), got "
                f"horizon={shown(self.horizon)}; leave it out."
            )
        self._set(horizon=self.shop.most)

    def _checked_price(self, price: Any) -> Any:
        """Return the price of every label: a number, or one for each item."""
        try:
            return quantity("price", price)
        except InputError:
            if not isinstance(price, list | tuple | np.ndarray):
                raise
        prices = sequence("price", price, quantity)
        self._check_count(prices)
        return prices

    def _check_count(self, prices: tuple[float, ...]) -> None:
        """Refuse prices that are not one for each item."""
        if len(prices) != self.num_items:
            raise InputError(
                f"price must be one number, or one for each of the {self.num_items} items, got "
                f"{len(prices)}."
            )

    @cached_property
    def _prices_drawn(self) -> bool:
        """Whether the items of every episode have prices of their own."""
        return False

    def _checked_fidelities(self, given: Any) -> tuple[tuple[Any, ...], ...]:
        """Return the fidelities, each in its plain form."""
        if self.fidelity_kind not in SHAPES:
            raise InputError(
                f"{type(self).__name__} takes no fidelities: pools with features do, such as "
                "LinearPool, LogisticPool and TablePool; here give price and budget."
            )
        rows = sequence("fidelities", given, self._checked_fidelity)
        self._check_labels_last(rows)
        for m, row in enumerate(rows):
            last = m == len(rows) - 1
            if (row[0] is None) != (last and self.price is not None):
                raise InputError(
                    f"fidelities[{m}] must have a cost, but for the label where price gives it, which "
                    f"then is None, got {shown(row)}."
                )
        return rows

    def _checked_fidelity(self, name: str, given: Any) -> tuple[Any, ...]:
        """Return one fidelity: its cost, None where items have prices, and how it errs."""
        given = list(given) if isinstance(given, np.ndarray) and given.ndim else given
        if not isinstance(given, list | tuple) or len(given) != 3:
            raise InputError(f"{name} must be {SHAPES[self.fidelity_kind]}, got {shown(given)}.")
        cost = None if given[0] is None else quantity(f"the cost of {name}", given[0])
        if self.fidelity_kind == "gaussian":
            noise = quantity(f"noise_std of {name}", given[1], zero=True)
            return cost, noise, real(f"rho of {name}", given[2], low=-1, high=1)
        hit = real(f"sensitivity of {name}", given[1], low=0, high=1)
        false = real(f"false_positive of {name}", given[2], low=0, high=1)
        if false >= hit:
            raise InputError(
                f"{name} must have false positives below its sensitivity, got false_positive="
                f"{false:g} and sensitivity={hit:g}: such a test tells nothing."
            )
        return cost, hit, false

    def _check_labels_last(self, rows: tuple[tuple[Any, ...], ...]) -> None:
        """Refuse a last fidelity that is not the label itself."""
        last = rows[-1]
        exact = last[2] == 1 if self.fidelity_kind == "gaussian" else last[1:] == (1.0, 0.0)
        if not exact:
            raise InputError(
                f"The last of the fidelities is the label: {SHAPES[self.fidelity_kind]}, got "
                f"{shown(last)}."
            )
        if self.fidelity_kind == "gaussian":
            self._set(noise_std=last[1])

    # ---- money in observations

    def money_spaces(self) -> dict[str, spaces.Box]:
        """Return the spaces of what a pool with a shop shows in place of the steps left."""
        assert self.shop is not None
        most, last = self._horizon, self.num_tests - 1
        seen = {
            "money_left": box(0, float(np.float32(self.budget)), (1,)),
            "decisions": box(0, most, (1,), np.int64),
        }
        if self.fidelities:
            seen["fidelity"] = box(-1, last, (most,), np.int64)
        if self._prices_drawn:
            dearest = float(np.float32(self.shop.unit * (self.shop.total + 1)))
            seen["price"] = box(0, dearest, (self.num_items,))
        return seen

    def costs(self, observation: Any) -> Whole:
        """Return the units that tests cost, ``(B or 1, n or 1, M)``, for observations."""
        assert self.shop is not None
        if not self._prices_drawn:
            return self.shop.spend[None]
        labels = np.rint(observation["price"].astype(np.float64) / self.shop.unit).astype(np.int64)
        proxies = np.broadcast_to(self.shop.spend[0, :-1], (*labels.shape, self.num_tests - 1))
        return np.concatenate([proxies, labels[..., None]], axis=-1)

    def money_left(self, observation: Any) -> Whole:
        """Return the units of money left after observations of B episodes, ``(B,)``."""
        assert self.shop is not None
        left = observation["money_left"][:, 0].astype(np.float64)
        return np.asarray(np.rint(left / self.shop.unit).astype(np.int64))

    def labels_paid(self, observation: Any) -> Whole:
        """Return how many labels the money left can pay after observations of B episodes, ``(B,)``."""
        money, costs = self.money_left(observation), self.costs(observation)[..., -1]
        legal = observation["action_mask"].reshape(len(money), self.num_items, -1)[..., -1] > 0
        if costs.size == 1:
            return np.asarray(np.minimum(money // costs[0, 0], legal.sum(1)))
        assert self.shop is not None
        paid = np.sort(np.where(legal, costs, 1 + self.shop.total), 1).cumsum(1)
        return np.asarray((paid <= money[:, None]).sum(1))
