"""What luck brings in each decision, and what can be expected of it: the exact laws behind `foresight`.

A `Watch` follows B episodes that are played again. It holds what a decision brought against its law
given the past and, where it can, against what the best choice would have brought by the same luck.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...agents.beliefs import Linear, Nodes
from ...envs.campaigns.binomial_discovery import BinomialDiscovery
from ...envs.campaigns.campaign import Campaign
from ...envs.campaigns.fidelity_ladder import FidelityLadder
from ...envs.campaigns.gaussian_step import GaussianStep
from ...envs.campaigns.knowledge_ladder import KnowledgeLadder
from ...envs.core import DiscoveryVectorEnv, InputError, Policy, TruthUnknown
from ...envs.core.arrays import Array, Flags, Whole
from ...envs.design.death_process import DeathProcess
from ...envs.design.design import DesignModel
from ...envs.design.laws import Listed
from ...envs.design.linear_gaussian import LinearGaussianDesign
from ...envs.design.posteriors import Gaussian
from ...envs.design.temporal_discounting import TemporalDiscounting
from ...envs.pools import Pool
from ...envs.pools.graph_pool import GraphPool
from ...envs.pools.linear_pool import LinearPool
from ...envs.pools.logistic_pool import LogisticPool
from ...envs.pools.low_rank_pool import LowRankPool
from ...envs.pools.table_pool import TablePool
from ...envs.pools.unstructured_pool import UnstructuredPool

Ints = Whole
Bools = Flags

NEVER = 2**60
"""Which choice an item was that was not chosen."""
MOST_OUTCOMES = 128
"""Data of an experiment that are listed at most, to know what it may pay."""


@dataclass
class Tally:
    """What luck brought beyond expectation, summed over decisions: M, V and b of the test."""

    total: float = 0.0
    variance: float = 0.0
    largest: float = 0.0

    def add(self, surprise: Array, variance: Array) -> None:
        """Count decisions: what luck brought beyond expectation, and its variance."""
        self.total += float(surprise.sum())
        self.variance += float(variance.sum())
        self.largest = max(self.largest, float(surprise.max(initial=0.0)))

    @property
    def z(self) -> float:
        """How far chance was exceeded, in standard deviations; see `foresight`."""
        scale = self.variance + self.largest * max(self.total, 0.0) / 3
        return self.total / scale**0.5 if scale > 0 else 0.0


@dataclass
class Luck:
    """The two tallies of a run."""

    alone: Tally = field(default_factory=Tally)
    """What decisions brought, against its law given the past."""

    compared: Tally = field(default_factory=Tally)
    """The same less what the best choice, as far as was known, would have brought by the same luck."""

    @property
    def z(self) -> float:
        """The larger z of those that count anything."""
        return max([one.z for one in (self.alone, self.compared) if one.variance > 0], default=0.0)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One decision in each of B episodes.

    Args:
        before: What was observed before it.
        action: The actions, ``(B, ...)``.
        reward: The rewards, ``(B,)``.
        after: What was observed after it, also where it ended the episode.
        playing: Which episodes had not ended before, ``(B,)``; the others do not count.
    """

    before: Any
    action: NDArray[Any]
    reward: Array
    after: Any
    playing: Bools


class Watch(ABC):
    """Follows B episodes and counts what luck brought them.

    Args:
        env: Where they are played again, just reset.
        luck: Where it is counted.
    """

    about: ClassVar[str]
    """What is held against its expectation."""

    def __init__(self, env: DiscoveryVectorEnv[Any], luck: Luck) -> None:
        self.env, self.model, self.luck = env, env.model, luck

    @classmethod
    def objection(cls, model: Any) -> str | None:
        """Return why there is no test of this environment; None: there is one."""
        return None

    def ask(self, observation: Any, action: NDArray[Any]) -> None:
        """Look at a decision before it is played."""
        return

    @abstractmethod
    def see(self, decision: Decision) -> None:
        """Take in a decision that was played."""

    def end(self) -> None:
        """Take in that all episodes have ended."""
        return


# ---- campaigns


class CampaignWatch(Watch):
    """What an epoch adds to `Campaign.achieved`.

    The reward itself would not do: without a prize it is minus the cost, whatever luck brings. The
    epoch is compared with the one that the optimal policy would have played by the same uniform number,
    where hidden chances count as known: what is achieved rises with luck for every action, so that the
    two are not negatively correlated, and their difference varies by no more than both together.
    """

    model: Campaign[Any]
    about = "what each epoch achieved"

    def __init__(self, env: DiscoveryVectorEnv[Any], luck: Luck) -> None:
        super().__init__(env, luck)
        try:
            self._policy: Policy | None = self.model.optimal_policy()
        except (InputError, TruthUnknown):  # too large to be planned
            self._policy = None

    def ask(self, observation: Any, action: NDArray[Any]) -> None:
        """Find what the optimal policy would achieve."""
        if self._policy is None:
            return
        hidden, best = self.env.hidden(), self._policy(observation)
        chosen, chosen_variance = self.model.outlook(observation, action, hidden)
        other, other_variance = self.model.outlook(observation, best, hidden)
        self._apart = action != best
        self._expected = chosen - other
        self._variance = chosen_variance + other_variance
        self._other = self.model.achieved(self.env.would(best)[0])

    def see(self, decision: Decision) -> None:
        """Compare what was achieved with the outlook."""
        mean, variance = self.model.outlook(decision.before, decision.action)
        after = self.model.achieved(decision.after)
        gain = after - self.model.achieved(decision.before)
        playing = decision.playing
        self.luck.alone.add((gain - mean)[playing], variance[playing])
        if self._policy is not None:
            some = playing & self._apart
            surprise = after - self._other - self._expected
            self.luck.compared.add(surprise[some], self._variance[some])


# ---- pools


class PoolWatch(Watch):
    """Labels, in the order in which the items were chosen.

    All earlier labels count as the past, those in flight too: a choice knew less of the world than they
    tell, so that the next label given all of them is still drawn from its law, and batches and delays
    need no covariances. A label that is lost brings 0: a label of mean m and variance v that comes with
    probability k has the mean k m and the variance k (v + m^2) - k^2 m^2. When they come is not tested.
    """

    model: Pool[Any]
    about = "each label"

    def __init__(self, env: DiscoveryVectorEnv[Any], luck: Luck) -> None:
        super().__init__(env, luck)
        # Which choice each item was, (B, n).
        self._when = np.full((env.num_envs, self.model.num_items), NEVER)
        self._choices = 0

    def see(self, decision: Decision) -> None:
        """Note when items are chosen, and keep the last observation: it holds all labels."""
        self.last, self._count = decision.after, decision.playing
        for items in decision.action.reshape(len(self._when), -1).T:
            rows = np.arange(len(items))
            self._when[rows, items] = np.minimum(self._when[rows, items], self._choices)
            self._choices += 1

    def end(self) -> None:
        """Compare the labels with their predictions."""
        labelled = self.last["labelled"]
        # Fewer than T where an item was chosen again.
        when = np.where(labelled >= 0, np.take_along_axis(self._when, labelled, 1), NEVER)
        order = np.argsort(when, axis=1, kind="stable")
        items = np.take_along_axis(labelled, order, 1)
        labels = np.take_along_axis(self.last["labels"], order, 1)
        count = (labelled >= 0).sum(1, keepdims=True)
        lost = (order >= count - self.last.get("lost", 0)) & (items >= 0)
        mean, variance = self._predicted(items, labels, lost)
        if self.model.loss:
            kept = self.model.kept
            mean, variance = kept * mean, kept * (variance + (1 - kept) * mean**2)
        chosen = (items >= 0) & self._count[:, None]
        self.luck.alone.add((labels - mean)[chosen], variance[chosen])

    @abstractmethod
    def _predicted(self, items: Ints, labels: Array, lost: Bools) -> tuple[Array, Array]:
        """Return mean and variance of labels that are not lost, given those before, each ``(B, T)``.

        Args:
            items: The items in the order of choice, -1 behind the last, ``(B, T)``.
            labels: Their labels, ``(B, T)``.
            lost: Whether they were lost, ``(B, T)``.
        """


class UnstructuredWatch(PoolWatch):
    """Labels of items that tell nothing about each other."""

    model: UnstructuredPool

    def _predicted(self, items: Ints, labels: Array, lost: Bools) -> tuple[Array, Array]:
        mean, variance = self.model.label_moments()
        return np.full(items.shape, mean), np.full(items.shape, variance)


class LinearWatch(PoolWatch):
    """Labels that are linear in normal features, under a normal prior."""

    model: LinearPool

    @classmethod
    def objection(cls, model: LinearPool) -> str | None:
        """Refuse sparse coefficients."""
        if model.sparsity in (None, model.num_features):
            return None
        return "the belief about sparse coefficients is made of draws and not exact"

    def _predicted(self, items: Ints, labels: Array, lost: Bools) -> tuple[Array, Array]:
        # The pool of the items that were chosen, in their order: the others are of no account.
        count, every = items.shape[1], np.arange(len(items))
        x = self.model.feature_matrix(self.last)[every[:, None], items]
        pool = replace(self.model, num_items=count, horizon=count)
        noise = max(self.model.noise_std, 1e-12)  # None would stand for a tenth where there is none
        belief = Linear(pool, len(items), prior_std=self.model.prior_std, noise_std=noise)
        mean, variance = np.empty((2, *items.shape))
        order = np.where((items >= 0) & ~lost, np.arange(count), count)
        order.sort(1)  # those that came, in the order of choice
        came = np.take_along_axis(labels, np.minimum(order, count - 1), 1)
        seen = {"features": x.reshape(len(x), -1), "labels": came}
        for t in range(count):
            known = np.where(order < t, order, -1)
            belief.update(seen | {"labelled": known}, np.full(len(items), t == 0))
            mean[:, t] = belief.mean()[:, t]
            variance[:, t] = belief.std()[:, t] ** 2 + self.model.noise_std**2
        return mean, variance


class GraphWatch(PoolWatch):
    """Labels of nodes, of which others have shown something.

    The nodes chosen are compared with as many of the highest posterior means, by their true values. A
    node that was compared once is known from then on, and counts no more: values are independent of
    each other, so that what is left is as it was.
    """

    model: GraphPool

    def __init__(self, env: DiscoveryVectorEnv[Any], luck: Luck) -> None:
        super().__init__(env, luck)
        self._values = env.hidden()["values"].astype(np.float64)  # (B, n)
        self._mean, self._variance = np.zeros((2, *self._values.shape))  # at the time of choice
        self._known = np.zeros(self._values.shape, np.bool_)
        self._belief = Nodes(self.model, len(self._values))

    def see(self, decision: Decision) -> None:
        """Predict the nodes that are chosen."""
        super().see(decision)
        start = np.zeros(len(self._values), np.bool_)
        self._belief.update(decision.before, start)
        free = decision.before["action_mask"] > 0
        nodes = decision.action.reshape(len(start), -1)
        chosen = np.zeros_like(free)
        np.put_along_axis(chosen, nodes, True, 1)
        chosen &= free & decision.playing[:, None]
        mean, std = self._belief.mean(), self._belief.std()
        self._mean[chosen] = mean[chosen]
        self._variance[chosen] = self._belief.label_variance()[chosen]
        # Among equals those that were chosen: what they are compared with may depend on the choice.
        favour = 1e-9 * np.abs(mean).max(1, keepdims=True) + 1e-300
        best = _highest(mean + favour * chosen, free, chosen.sum(1))
        self._compare(chosen, best, mean, std**2)

    def _compare(self, chosen: Bools, best: Bools, mean: Array, variance: Array) -> None:
        """Count the values of chosen nodes less those of the best ones, each ``(B, n)``."""
        apart = (chosen != best) & ~self._known
        sign = np.where(chosen, 1.0, -1.0) * apart
        surprise = (sign * (self._values - mean)).sum(1)
        self.luck.compared.add(surprise, np.where(apart, variance, 0.0).sum(1))
        self._known |= apart

    def _predicted(self, items: Ints, labels: Array, lost: Bools) -> tuple[Array, Array]:
        at = np.maximum(items, 0)
        return np.take_along_axis(self._mean, at, 1), np.take_along_axis(self._variance, at, 1)


def _highest(score: Array, free: Bools, count: Ints) -> Bools:
    """Return which are the ``count`` (B,) free items of the highest scores, ``(B, n)``."""
    most = int(count.max(initial=0))
    order = np.argsort(np.where(free, -score, np.inf), axis=1, kind="stable")[:, :most]
    best = np.zeros_like(free)
    np.put_along_axis(best, order, np.arange(most) < count[:, None], 1)
    return best


# ---- experimental design


class DesignWatch(Watch):
    """What an experiment tells, against the mean over the data that it may have.

    The posterior is the environment's own, updated by each of the data that are possible.
    """

    model: DesignModel[Any]
    about = "what each experiment told"

    @classmethod
    def objection(cls, model: DesignModel[Any]) -> str | None:
        """Refuse rewards whose law is not known, and data that are too many."""
        if model.reward not in ("kl", "entropy"):
            return f"the reward {model.reward!r} depends on the hidden parameters"
        if isinstance(model, LinearGaussianDesign):
            known = "what an experiment pays is known before its data: there is nothing to foresee"
            return known if model.reward == "entropy" else None
        assert isinstance(model.law, Listed)
        if len(model.law.outcomes) > MOST_OUTCOMES:
            return f"its experiments have more than {MOST_OUTCOMES} data, too many to list"
        return None

    def __init__(self, env: DiscoveryVectorEnv[Any], luck: Luck) -> None:
        super().__init__(env, luck)
        self._every = np.arange(env.num_envs)
        self._posterior = self.model.new_posterior(env.num_envs)
        self._posterior.reset(self._every, ())

    def see(self, decision: Decision) -> None:
        """Compare the reward with those of all data, then take in the data."""
        # The newest round stands first.
        setting = decision.after["settings"][:, : len(self.model.knobs)].astype(float)
        outcome = decision.after["outcomes"][:, : len(self.model.outcome_range[0])].astype(float)
        mean, square = np.zeros((2, len(self._every)))
        for weight, reward in self._possible(setting):
            mean += weight * reward
            square += weight * reward**2
        playing = decision.playing
        variance = np.maximum(square - mean**2, 0.0)
        self.luck.alone.add((decision.reward - mean)[playing], variance[playing])
        self._posterior.update(outcome, setting, (), ~playing)

    def _possible(self, setting: Array) -> Iterator[tuple[Array, Array]]:
        """Yield probabilities and rewards of the data that experiments may have, each ``(B,)``."""
        now = self._posterior
        for weight, outcome in self._outcomes(setting):
            then = now.pick(self._every)
            then.update(outcome, setting)
            told = then.divergence if self.model.reward == "kl" else now.entropy - then.entropy
            yield np.exp(then.evidence) if weight is None else np.full(len(told), weight), told

    def _outcomes(self, setting: Array) -> Iterator[tuple[float | None, Array]]:
        """Yield data ``(B, m)`` and their probability, where the evidence does not tell it."""
        if isinstance(self._posterior, Gaussian):
            # The reward is quadratic in data that are normal: three nodes know its mean and variance.
            mean, std = self._posterior.predictive(setting)
            for node, weight in ((-(3**0.5), 1 / 6), (0.0, 2 / 3), (3**0.5, 1 / 6)):
                yield weight, (mean + node * std)[:, None]
            return
        for outcome in self.model.law.outcomes:  # type: ignore[attr-defined]
            yield None, np.tile(outcome, (len(setting), 1))


WATCHES: dict[type[Any], type[Watch]] = {
    KnowledgeLadder: CampaignWatch,
    FidelityLadder: CampaignWatch,
    GaussianStep: CampaignWatch,
    BinomialDiscovery: CampaignWatch,
    LinearPool: LinearWatch,
    GraphPool: GraphWatch,
    UnstructuredPool: UnstructuredWatch,
    LinearGaussianDesign: DesignWatch,
    DeathProcess: DesignWatch,
    TemporalDiscounting: DesignWatch,
}
"""The test of each environment, by its exact class: a subclass may follow another law."""


def objection(model: Any) -> str | None:
    """Return why there is no test of an environment; None: there is one."""
    paid = isinstance(model, Pool) and model.shop is not None
    if type(model) in WATCHES and not paid:
        return WATCHES[type(model)].objection(model)
    if isinstance(model, TablePool):
        return "a table is an open book: whoever has it knows every label"
    if isinstance(model, LogisticPool | LowRankPool):
        return "the belief about its labels has no closed form"
    if isinstance(model, DesignModel):
        return "what its experiments tell is estimated and has no exact mean"
    return f"the law of {'tests that cost money' if paid else 'what comes next'} is not known"
