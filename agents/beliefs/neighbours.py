r"""Nearest neighbours: an item succeeds as often as those of its k nearest that were labelled.

With s_i successes among the t_i labelled ones of the k nearest neighbours of item i,

    p_i = (c a + s_i) / (c + t_i),

a being the share of successes before any label, which counts as much as c labels. Neighbours are nearest
in features that are standardised over the pool; of equally near ones some are taken. What is not known
of p_i is that of a Beta law of the same counts, of each item by itself: it is not a joint law.

A label changes the chances of the items only that have it among their neighbours, which is what makes
searches of a large pool quick; see `Local`.

Sources: Garnett, Krishnamurthy, Xiong, Schneider, Mann, "Bayesian Optimal Active Search and Surveying",
ICML 2012; Jiang, Malkomes, Converse, Shofner, Moseley, Garnett, "Efficient Nonmyopic Active Search",
ICML 2017; with equal weights of neighbours.
"""

from __future__ import annotations

from copy import copy
from typing import Any, Self

import numpy as np
from scipy.sparse import csr_array
from scipy.special import betaincinv

from ...envs.core import Random
from ...envs.core.arrays import Array, Flags, Single, Whole
from ...envs.core.checks import MOST_TOGETHER, integer, quantity, real, room
from ...envs.pools import FeaturePool
from .belief import Local, row_of
from .history import TwoLabels, standardised


class Neighbours(TwoLabels, Local):
    """Belief over the success probabilities of the items of a pool with two values of labels.

    Args:
        model: The pool.
        num_episodes: The number B of episodes.
        k: Number of neighbours; all others, if there are no more.
        share: Share a of successes before any label, between 0 and 1.
        weight: How many labels that counts for, c.
    """

    def __init__(
        self,
        model: FeaturePool,
        num_episodes: int,
        *,
        k: int = 50,
        share: float = 0.1,
        weight: float = 1.0,
    ) -> None:
        super().__init__(model, num_episodes)
        self.k = min(integer("k", k, low=1), model.num_items - 1)
        self.share = real("share", share, low=1e-9, high=1 - 1e-9)
        self.weight = quantity("weight", weight)
        shape = num_episodes, model.num_items
        room("The neighbours", num_episodes * model.num_items * self.k, "lower k", MOST_TOGETHER)
        # Labels among the neighbours, and their successes; how many labels to come there are.
        self._labels, self._hits, self._coming = np.zeros((3, *shape))
        self._graphs: list[csr_array] = []  # one an episode, or one for all

    # ---- learning

    def update(self, observation: Any, start: Flags) -> None:
        """Count the labels that are new since the last call."""
        arrivals = self._follow(observation, start)
        success = self._succeeds(arrivals.items, arrivals.labels)
        for i in (self._seen < arrivals.count).nonzero()[0].tolist():
            graph = self.reached(i)
            for t in range(self._seen[i], arrivals.count[i]):
                near = row_of(graph, arrivals.items[i, t])
                self._labels[i, near] += 1
                self._hits[i, near] += success[i, t]
        self._seen = arrivals.count

    def _restart(self, observation: Any, start: Flags) -> None:
        """Forget the labels where an episode starts, and find who is whose neighbour."""
        before, known = self._x, self._graphs
        self._read_features(observation, start)
        # Neighbours take longer to find than to compare: a table is mostly the one seen before.
        self._graphs = [
            known[i] if i < len(known) and np.array_equal(before[i], x) else _reached(x, self.k)
            for i, x in enumerate(self._x)
        ]
        for counts in (self._labels, self._hits, self._coming, self._seen):
            counts[start] = 0

    def _transformed(self, features: Single) -> Array:
        return standardised(features)

    def look_ahead(self, items: Whole, fidelity: Whole | None = None) -> Self:
        """Return the belief after these labels: chances stay, and are known as if by so many more."""
        ahead = copy(self)
        ahead._coming = self._coming.copy()
        for i, place in zip(*(items >= 0).nonzero(), strict=True):
            ahead._coming[i, row_of(self.reached(i), items[i, place])] += 1
        return ahead

    # ---- what is believed

    def chance(self) -> Array:
        """Return the probability of success of every item, ``(B, n)``."""
        return (self.weight * self.share + self._hits) / (self.weight + self._labels)

    def std(self) -> Array:
        """Return the standard deviation of what the expected label may be, ``(B, n)``."""
        p = self.chance()
        return self._unit * np.sqrt(p * (1 - p) / (self._total + 1))

    def rounding(self, drawn: bool = False) -> Array:
        """Return what rounding may do to a label, whose chance is exact but for the last digits."""
        return np.full((len(self._seen), 1), 1e-12 * self._unit)

    def sample(self, count: int, random: Random) -> Array:
        """Return draws of the expected labels, each item's by itself, ``(B, count, n)``."""
        p, total = self.chance()[:, None], self._total[:, None]
        u = random.random((len(p), count, p.shape[2]))
        return np.asarray(self._failure + self._unit * betaincinv(total * p, total * (1 - p), u))

    @property
    def _total(self) -> Array:
        """What is known of every item, in labels, those to come included, ``(B, n)``."""
        return self.weight + self._labels + self._coming

    # ---- what labels to come would tell

    def reached(self, episode: int) -> csr_array:
        """Return who has whom among its neighbours, ``(n, n)``."""
        return self._graphs[episode % len(self._graphs)]

    def after(self) -> tuple[Array, Array]:
        """Return the chance of every item after a failure and a success nearby, ``(B, n)`` each."""
        hits, total = self.weight * self.share + self._hits, self.weight + self._labels + 1
        return hits / total, (hits + 1) / total


def _reached(x: Array, k: int) -> csr_array:
    """Return the matrix whose row j marks the items that have j among their k nearest, ``(n, n)``."""
    from sklearn.neighbors import NearestNeighbors

    if not k:
        return csr_array((len(x), len(x)))
    near = NearestNeighbors(n_neighbors=k).fit(x).kneighbors_graph()
    return csr_array(near.T)
