r"""Low-rank belief: f(i, j) = u_i . v_j, rows of U and V ~ N(0, s^2 I), noise N(0, noise_std^2).

Given V, the rows of U are independent normals, and the other way round. With W the 0-1 matrix of
what is labelled and Y that of the labels (0 where there is none),

    u_i | V, Y ~ N(Q_i^-1 b_i, Q_i^-1),
    Q_i = I / s^2 + sum_j W_ij v_j v_j' / noise_std^2,  b_i = sum_j Y_ij v_j / noise_std^2.

One sweep of a chain draws all rows of U, then all rows of V. The sums are products of W and Y with
the pairs of entries of V in all chains at once. A row without labels is drawn from the prior. To a chain
a new label y of entry (i, j) has the law

    y | V, Y ~ N(v_j . Q_i^-1 b_i, v_j' Q_i^-1 v_j + noise_std^2),

where u_i is integrated out; given U, v_j is. Whichever of row i and column j has fewer labels is
integrated out: the label tells most about it, so that with it gone chains differ little in how probable
the label is, and most survive. The fewer survive, the more sweeps follow, which set equal chains apart.

Source: Salakhutdinov and Mnih, "Bayesian Probabilistic Matrix Factorization using Markov Chain Monte
Carlo", ICML 2008, section 3.3, with fixed hyper-parameters; the model is that of Xu et al., NeurIPS
2022, section 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...envs.core import Knowledge
from ...envs.core.arrays import Array, Single
from ...envs.pools.low_rank_pool import LowRankPool
from .draws import Draws, cholesky, forward, normals

MOST = 4
"""Most chains of one survivor for which there are more sweeps."""


class LowRank(Draws):
    """Belief over the entries of a matrix of low rank, by Gibbs sampling of its factors.

    Args:
        model: The pool; its rank and its `factor_std` make the prior.
        num_episodes: The number B of episodes.
        chains: Number of parallel chains, each of which gives one joint draw of all entries.
        sweeps: Number of sweeps of every chain after each label, for every chain that stands for one
            survivor, on average and up to `MOST`.
        noise_std: Standard deviation of the label noise that the belief assumes, above 0, in units
            of the label; None takes the pool's, or 0.1 if that is 0.
        seed: Seed of the chains, where no agent gives the episodes keys.
    """

    model: LowRankPool

    def __init__(
        self,
        model: LowRankPool,
        num_episodes: int,
        *,
        chains: int = 256,
        sweeps: int = 1,
        noise_std: float | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__(
            model, num_episodes, chains=chains, sweeps=sweeps, noise_std=noise_std, seed=seed
        )
        shape = num_episodes, model.rank
        self._u = np.empty((*shape, model.num_rows, self.chains))
        self._v = np.empty((*shape, model.num_cols, self.chains))
        self._seen_at = np.zeros((num_episodes, model.num_rows, model.num_cols))  # W
        self._label_at = np.zeros_like(self._seen_at)  # Y

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the model is a pool of low rank."""
        return isinstance(model, LowRankPool)

    @property
    def spread(self) -> float:
        """Prior standard deviation of an entry."""
        return float(self.model.factor_std**2 * self.model.rank**0.5)

    def _begin(self, episode: int, observation: Any) -> None:
        for factor in (self._u[episode], self._v[episode]):
            self._random.standard_normal(out=factor)
            factor *= self.model.factor_std
        self._seen_at[episode] = 0.0
        self._label_at[episode] = 0.0

    def _learn(self, episode: int, item: int, label: float, fidelity: int) -> None:
        u, v = self._u[episode], self._v[episode]
        seen, labels = self._seen_at[episode], self._label_at[episode]
        i, j = divmod(item, self.model.num_cols)
        if seen[i].sum() > seen[:, j].sum():  # then all is said of the transpose
            i, j, u, v, seen, labels = j, i, v, u, seen.T, labels.T
        kept = self._survivors(self._foreseen(v, seen[i], labels[i], j, label))
        seen[i, j], labels[i, j] = 1.0, label
        v[:] = v.take(kept, 2)  # U is drawn given V at once
        left = 1 + int(np.count_nonzero(kept[1:] > kept[:-1]))
        for _ in range(self.sweeps * min(self.chains // left, MOST)):
            self._draw(u, v, seen, labels)
            self._draw(v, u, seen.T, labels.T)

    def _foreseen(self, v: Array, seen: Array, labels: Array, j: int, label: float) -> Array:
        """Return the log probability of a label in column j of a row, up to a constant, ``(K,)``.

        Of the row are ``seen`` and ``labels``, ``(columns,)``.
        """
        near = seen.nonzero()[0]
        root, centre = self._regress(v[:, near], seen[None, near], labels[None, near])
        across = forward(root, v[:, j])
        mean = sum(a * c for a, c in zip(across, centre, strict=True))
        variance = sum(a * a for a in across) + self.noise_std**2
        return np.asarray(-((label - mean) ** 2 / variance + np.log(variance))[0] / 2)

    def _draw(self, one: Array, other: Array, seen: Array, labels: Array) -> None:
        """Draw all rows of one factor given the other, in place."""
        (known,) = np.nonzero(seen.any(1))
        self._random.standard_normal(out=one)
        drawn = normals(*self._regress(other, seen[known], labels[known]), one[:, known])
        one *= self.model.factor_std
        one[:, known] = drawn

    def _values(self, episode: int, out: Single) -> None:
        rows, cols = self._u[episode].astype(np.float32), self._v[episode].astype(np.float32)
        matrix = out.reshape(self.chains, rows.shape[1], cols.shape[1])
        np.matmul(rows.transpose(2, 1, 0), cols.transpose(2, 0, 1), out=matrix)

    def _regress(self, other: Array, seen: Array, labels: Array) -> tuple[list[Any], list[Any]]:
        """Return L and L^-1 b of Q = L L' for rows of W and Y, entry by entry, each ``(rows, K)``."""
        rank, weight = range(len(other)), self.noise_std**-2
        seen = weight * seen
        pairs = [[seen @ (other[i] * other[j]) for j in rank if j <= i] for i in rank]
        for i in rank:
            pairs[i][i] += self.model.factor_std**-2
        root = cholesky(pairs)
        return root, forward(root, (weight * labels) @ other)
