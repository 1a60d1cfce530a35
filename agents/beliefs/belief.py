"""What every belief can do."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ...envs.core import Knowledge, Random
from ...envs.core.arrays import Array, Flags, Single, Whole
from ...envs.core.seeding import Words
from .mixture import Mixture

ROUNDING = 2e-6
"""What sums of some hundred products in single precision may lose, relative to the largest."""

SURE = 1e-6
"""Least noise of a label in units of the prior standard deviation of f(x); below it, rounding errors
would decide what two labels of the same features mean."""

COVARIANCE_DRAWS = 1000
"""Draws behind a covariance that has no closed form."""

MOST_WEIGHTED = 32
"""Items that a reduction of variances looks at, where it has no closed form."""


@runtime_checkable
class Belief(Protocol):
    """A posterior over the value of each of n items, for B episodes at once.

    A belief is the state of an agent: every observation updates it. A belief of your own derives from
    this class and brings `update`, `mean`, `std` and `sample`; the rest has a default. Its constructor
    takes what is known of the environment, the number of episodes and its own settings.
    `Arrivals.of(observation)` gives the labels that have come.

    Values, means and standard deviations are in the unit of the label, variances in its square.

    Args:
        model: What is known of the environment.
        num_episodes: The number B of episodes.
    """

    def __init__(self, model: Knowledge, num_episodes: int) -> None: ...

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the belief describes the environment of ``model``; by default it does."""
        return True

    @classmethod
    def learns_from(cls) -> tuple[type[Any], ...]:
        """Return the kinds of proxies that it learns from, see `envs.pools.shop`; by default none."""
        return ()

    def take_keys(self, keys: Words) -> None:
        """Take ``keys`` for what is random about each episode, ``(B,)``; by default nothing is."""
        return

    def keep(self, count: int) -> None:
        """Be told how many draws every decision asks for: a belief may keep them; by default none does.

        It comes before the keys and the first update.

        Args:
            count: Number of draws.
        """
        return

    @abstractmethod
    def update(self, observation: Any, start: Flags) -> None:
        """Take in the observations of B episodes; those that ``start`` forget the past first.

        Labels may come in any order: the posterior does not depend on it.

        Args:
            observation: Observations with leading axis B.
            start: Whether each is the first of its episode, ``(B,)``.
        """

    @abstractmethod
    def mean(self) -> Array:
        """Return the posterior mean of every item, in the unit of the label, ``(B, n)``."""

    @abstractmethod
    def std(self) -> Array:
        """Return the posterior standard deviation of every item, in that unit, ``(B, n)``."""

    def widest(self) -> Array:
        """Return the largest standard deviation of an item, in the unit of the label, ``(B, 1)``."""
        return np.asarray(self.std().max(1, keepdims=True))

    @abstractmethod
    def sample(self, count: int, random: Random) -> Array:
        """Return draws of all items together, in the unit of the label, ``(B, count, n)``.

        Args:
            count: Number of draws.
            random: What is drawn from.
        """

    def sample_of(self, items: Whole, count: int, random: Random) -> Array:
        """Return draws of some items together, in the unit of the label, ``(B, count, m)``.

        Args:
            items: The items, ``(B, m)``.
            count: Number of draws.
            random: What is drawn from.
        """
        return np.take_along_axis(self.sample(count, random), items[:, None], 2)

    def look_ahead(self, items: Whole, fidelity: Whole | None = None) -> Self:
        """Return the belief after labels of these items, whose values are not known yet.

        Expected values stay, and uncertainty shrinks as it would with the labels. A batch is chosen with
        it one item after the other, and items in flight are counted by it: the Gaussian-process batches
        of Desautels, Krause, Burdick, JMLR 15 (2014). This belief does not change. By default nothing
        shrinks.

        Args:
            items: Items in each episode, -1 for none, ``(B, m)``.
            fidelity: The fidelity of each label, ``(B, m)``; None: there is one.
        """
        return self

    def rounding(self, drawn: bool = False) -> Array:
        """Return how far apart the values of equal items may be computed, ``(B, 1)``.

        Means and standard deviations, in the unit of the label, that differ by less are equal. By
        default single precision of the largest of them.

        Args:
            drawn: Whether values come from draws, which may be less precise than means are.
        """
        largest = np.maximum(np.abs(self.mean()).max(1), self.std().max(1))
        return np.asarray(ROUNDING * largest[:, None])

    def covariance(self, items: Whole, random: Random) -> Array:
        """Return the posterior covariance of some items with all, in the unit squared, ``(B, m, n)``.

        Args:
            items: The items, ``(B, m)``.
            random: What is drawn from; used where only `COVARIANCE_DRAWS` draws can tell.
        """
        draws = self.sample(COVARIANCE_DRAWS, random)
        draws = draws - draws.mean(1, keepdims=True)
        chosen = np.take_along_axis(draws, items[:, None], 2)
        return np.asarray(chosen.transpose(0, 2, 1) @ draws / (COVARIANCE_DRAWS - 1))

    def about_best(self, count: int, mask: NDArray[np.int8], random: Random) -> tuple[Array, Array]:
        """Return what joint draws tell about the best legal item.

        Args:
            count: Number K of draws.
            mask: 1 where an item may be chosen, ``(B, n)``.
            random: What is drawn from.

        Returns:
            The expected regret E[max f] - E[f(x)] of every item, in the unit of the label, and the
            variance of f(x) that the identity of the best item explains, both ``(B, n)``.
        """
        draws = self.sample(count, random)
        legal = np.where(mask[:, None], draws, -np.inf)
        return _regret_and_explained(draws, legal, legal.argmax(2))

    def about_top(
        self, count: int, mask: NDArray[np.int8], left: Whole, random: Random
    ) -> tuple[Array, Array]:
        """Return what joint draws tell about the set of the best legal items, one per label left.

        Where many labels are left every draw has a set of its own, which then explains the whole
        variance of f(x), as far as ``count`` draws can tell.

        Args:
            count: Number K of draws.
            mask: 1 where an item may be chosen, ``(B, n)``.
            left: Number of labels left, ``(B,)``.
            random: What is drawn from.

        Returns:
            The expected regret E[max f] - E[f(x)] of every item, in the unit of the label, and the
            variance of f(x) that the set of the best ``left`` items explains, both ``(B, n)``.
        """
        draws = self.sample(count, random)
        legal = np.where(mask[:, None], draws, -np.inf)
        # A set is known by the sum of its members' random names, which may wrap around: two of them
        # coincide with probability 2^-63.
        names = np.random.default_rng(0).integers(2**63, size=(draws.shape[2],))
        sets = np.empty(draws.shape[:2], np.int64)
        for i, size in enumerate(np.minimum(left, np.isfinite(legal[:, 0]).sum(1)).tolist()):
            members = np.argpartition(legal[i], -size, axis=1)[:, -size:]
            sets[i] = names[members].sum(1)
        return _regret_and_explained(draws, legal, sets)

    def correlation(self, fidelity: int) -> Array:
        """Return how a label to come at a fidelity correlates with the value, in size, ``(B, n)``.

        Its square is the share of the value's variance that the label takes away. By default a proxy
        tells nothing.
        """
        return np.zeros_like(self.mean())

    def label_variance(self) -> Array:
        """Return the variance of the next label of every item, in the unit squared, ``(B, n)``.

        Additive noise counts.
        """
        std = self.std()
        if not isinstance(self, AdditiveNoise):
            return std**2
        every = np.broadcast_to(np.arange(std.shape[1]), std.shape)
        return np.asarray(std**2 + self.noise_variance(every))

    def reduction(self, weight: Array, random: Random) -> Array:
        """Return by how much a label of x lowers a weighted sum of variances, ``(B, n)``.

        In the unit squared: sum_z weight_z cov(z, x)^2 / var(label of x), exact for Gaussian beliefs.
        Unless there is a closed form, it is over the `MOST_WEIGHTED` items of the largest weight.

        Args:
            weight: Weight of every item, a number without a unit, not negative, ``(B, n)``.
            random: What is drawn from, used where only draws can tell a covariance.
        """
        count = min(MOST_WEIGHTED, weight.shape[1])
        within = ROUNDING * weight.max(1, keepdims=True)
        items = highest(weight, count, random, within)
        covariance = self.covariance(items, random)
        total = np.einsum("bm,bmn->bn", np.take_along_axis(weight, items, 1), covariance**2)
        return np.asarray(total / np.maximum(self.label_variance(), 1e-300))

    def reach(self, gain: Array) -> Array:
        """Return how much of each item's information ``gain`` a label of x uncovers, ``(B, n)``.

        Both are in the same unit, such as nats, and of the same shape. A label tells about its own item
        only, except on graphs.
        """
        return gain


@runtime_checkable
class AdditiveNoise(Belief, Protocol):
    """A belief about labels with additive noise, where a label shows its own item only."""

    @abstractmethod
    def noise_variance(self, items: Whole) -> Array:
        """Return the variance of the noise in labels of ``items``, in the unit squared, ``(B, m)``."""


@runtime_checkable
class Probabilities(Belief, Protocol):
    """A belief about labels that are failures or successes."""

    @abstractmethod
    def chance(self) -> Array:
        """Return the probability of success of every item, ``(B, n)``."""

    @abstractmethod
    def given(self, items: Whole) -> tuple[Single, Single]:
        """Return the chances that would follow from a failure or a success of each of some items.

        Args:
            items: Items to be labelled, each by itself, ``(B, m)``.

        Returns:
            Probabilities of success of all items given a failure, and given a success, new arrays
            ``(B, m, n)``. What they say of the labelled item itself is its value, not its label.
        """

    def positive(self, test: int) -> Array:
        """Return the probability that a test of every item is positive, ``(B, n)``.

        Args:
            test: A fidelity of the pool; the last one, or -1, is the label.
        """
        hit, miss = _test_chances(self)[test]
        return np.asarray(miss + (hit - miss) * self.chance())

    def given_test(self, items: Whole, test: int) -> tuple[Single, Single]:
        """Return the chances that would follow from a negative or a positive test of each of some items.

        A test tells of others what the label would, as far as it tells of the label.

        Args:
            items: Items to be tested, each by itself, ``(B, m)``.
            test: A fidelity of the pool.

        Returns:
            Probabilities of success of all items, the tested one included, new arrays ``(B, m, n)``.
        """
        hit, miss = _test_chances(self)[test]
        chance = np.take_along_axis(self.chance(), items, 1)
        labels, places, both = self.given(items), items[:, :, None], []
        for on_hit, on_miss in ((1 - hit, 1 - miss), (hit, miss)):
            seen = on_miss + (on_hit - on_miss) * chance
            is_hit = np.divide(on_hit * chance, seen, out=np.zeros_like(seen), where=seen > 0)
            share = is_hit[:, :, None].astype(np.float32)
            after = labels[0] + share * (labels[1] - labels[0])
            np.put_along_axis(after, places, share, 2)
            both.append(after)
        return both[0], both[1]

    def mixture(self, count: int, random: Random) -> Mixture:
        """Return worlds given each of which labels are independent; by default draws of this belief.

        Args:
            count: Number of worlds, where they are drawn.
            random: What is drawn from.
        """
        low, high = getattr(getattr(self, "model", None), "outcomes", None) or (0.0, 1.0)
        chance = np.clip((self.sample(count, random) - low) / (high - low), 0, 1)
        weight = np.full(chance.shape[:2], 1 / count)
        tests = np.repeat(_test_chances(self)[:, :, None], count, 2)
        return Mixture(weight=weight, chance=chance.astype(np.float64), tests=tests)


@runtime_checkable
class Local(Probabilities, Protocol):
    """A belief in which a label changes the chances of few items, whichever of them it is of.

    Searches of a large pool by it are quick: its matrices are sparse.
    """

    @abstractmethod
    def reached(self, episode: int) -> csr_array:
        """Return a 0-1 matrix: whose chances, by column, the label of a row changes, ``(n, n)``."""

    @abstractmethod
    def after(self) -> tuple[Array, Array]:
        """Return the chances of every item after a failure or a success that reaches it, ``(B, n)``."""

    def given(self, items: Whole) -> tuple[Single, Single]:
        """Return the chances that would follow from a failure or a success, ``(B, m, n)``."""
        now = self.chance().astype(np.float32)[:, None]
        failure, success = np.repeat(now, items.shape[1], 1), np.repeat(now, items.shape[1], 1)
        on_failure, on_success = self.after()
        for i, some in enumerate(items):
            graph = self.reached(i)
            for place, item in enumerate(some):
                near = row_of(graph, item)
                failure[i, place, near] = on_failure[i, near]
                success[i, place, near] = on_success[i, near]
        return failure, success


def row_of(graph: csr_array, item: int) -> NDArray[np.int32]:
    """Return the columns that a row of a sparse matrix marks."""
    columns: NDArray[np.int32] = graph.indices[graph.indptr[item] : graph.indptr[item + 1]]
    return columns


def _test_chances(belief: Belief) -> Array:
    """Return the chances that each test is positive on a success and on a failure, ``(M, 2)``."""
    proxies = getattr(getattr(belief, "model", None), "proxies", ())
    return np.array([*proxies, (1.0, 0.0)])


def can_learn(belief: type[Belief], model: Knowledge) -> bool:
    """Return whether a belief learns from all fidelities of a model, if it has some."""
    return all(isinstance(proxy, belief.learns_from()) for proxy in getattr(model, "proxies", ()))


def highest(score: Array, count: int, random: Random, within: Any) -> Whole:
    """Return ``count`` items by falling score, those of equal scores in random order, ``(B, count)``.

    Args:
        score: Scores, ``(B, n)``; they may be infinite.
        count: How many items; all, if there are no more.
        random: What is drawn from.
        within: How far rounding may have put a score below its equal, broadcast to ``(B, n)``. What
            double precision may do is always allowed for.
    """
    largest = np.where(np.isfinite(score), np.abs(score), 0.0).max(1, keepdims=True)
    jitter = np.maximum(within, 1e-12 * largest + 1e-300) * random.random(score.shape)
    return np.argsort(-score - jitter, axis=1)[:, :count]


def _regret_and_explained(draws: Array, legal: Array, label: NDArray[Any]) -> tuple[Array, Array]:
    """Return E[max f] - E[f(x)] and the variance between draws of equal ``label``, ``(B, n)``.

    ``legal`` are the K draws ``(B, K, n)`` with minus infinity for items that may not be chosen.
    """
    explained = np.stack([explained_by(*one) for one in zip(label, draws, strict=True)])
    top, mean = legal.max(2).mean(1, dtype=np.float64), draws.mean(1, dtype=np.float64)
    return top[:, None] - mean, explained


def explained_by(label: NDArray[Any], draws: NDArray[Any]) -> Array:
    """Return the variance of f(x) between groups of draws, ``(n,)``.

    Args:
        label: What each draw is grouped by, such as its best item, ``(K,)``.
        draws: Joint draws of all items, ``(K, n)``.
    """
    order = np.argsort(label, kind="stable")
    ends = np.concatenate(([0], np.diff(label[order]).nonzero()[0] + 1, [len(label)]))
    size = np.diff(ends)
    # Most groups are small, so that their means are a product with a sparse matrix.
    shares = np.repeat(1 / size, size).astype(draws.dtype)
    means = csr_array((shares, order, ends), (len(size), len(label))) @ draws
    weight = (size / len(label)).astype(draws.dtype)
    means -= weight @ means
    # In units of a power of two, which loses no digit and lets no square overflow.
    power = np.frexp(max(means.max(), -means.min()))[1]
    unit = np.exp2(power if abs(power) > 20 else 0).astype(draws.dtype)
    if unit != 1:
        means /= unit
    np.square(means, out=means)
    return np.asarray(weight @ means, np.float64) * float(unit) ** 2
