r"""Sparse linear belief: f(x) = theta . x, with k of the d coefficients ~ N(0, s^2) and the others 0.

Which k are not 0, the support S, is uniform. Given S the coefficients are conjugate and integrate out
of the posterior of S. One sweep of a chain takes each member of S in turn out, leaving R, and draws
a feature j outside R in its place, with probability proportional to

    q_j^(-1/2) exp(r_j^2 / (2 q_j)),
    q_j = A_jj - A_jR A_RR^-1 A_Rj,  r_j = b_j - A_jR A_RR^-1 b_R,
    A = I / s^2 + X'X / noise_std^2,  b = X'y / noise_std^2

over the labelled items X, y, a proxy being a label of the features slope x with a noise of its own: q
and r are what is left of A and b after regression on R. The probability of a new label given S follows
from how it changes A_SS and b_S. At last the coefficients are drawn,
theta_S | S ~ N(A_SS^-1 b_S, A_SS^-1).

Source: the spike-and-slab prior of Mitchell and Beauchamp, JASA 83 (1988), with the size of the
support known; the collapsed draws are those of George and McCulloch, "Approaches for Bayesian
Variable Selection", Statistica Sinica 7 (1997), by exchange. The model is that of appendix G of Xu
et al., NeurIPS 2022; sampling of sparse posteriors for it is that of Hao, Lattimore, Deng,
"Information Directed Sampling for Sparse Linear Bandits", NeurIPS 2021.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...envs.core import Knowledge
from ...envs.core.arrays import Array, Single, Whole
from ...envs.core.checks import quantity
from ...envs.pools import GaussianProxy
from ...envs.pools.linear_pool import LinearPool
from .draws import Draws, cholesky, evidence, forward, normals


class Sparse(Draws):
    """Belief over the items of a `LinearPool` with `sparsity`, by Gibbs sampling of its support.

    Args:
        model: The pool; its `sparsity` is known.
        num_episodes: The number B of episodes.
        chains: Number of parallel chains, each of which gives one joint draw of all items.
        sweeps: Number of sweeps of every chain after each label.
        prior_std: Prior standard deviation of the coefficients that are not 0, in label per feature;
            None takes the pool's.
        noise_std: Standard deviation of the label noise that the belief assumes, above 0, in units
            of the label; None takes the pool's, or 0.1 if that is 0.
        seed: Seed of the chains, where no agent gives the episodes keys.
    """

    model: LinearPool

    def __init__(
        self,
        model: LinearPool,
        num_episodes: int,
        *,
        chains: int = 256,
        sweeps: int = 1,
        prior_std: float | None = None,
        noise_std: float | None = None,
        seed: int = 0,
    ) -> None:
        prior_std = model.prior_std if prior_std is None else prior_std
        self.prior_std = quantity("prior_std", prior_std)
        super().__init__(
            model, num_episodes, chains=chains, sweeps=sweeps, noise_std=noise_std, seed=seed
        )
        d = model.num_features
        self._support = np.empty((num_episodes, model.sparsity or 0, self.chains), np.int64)
        self._a = np.empty((num_episodes, d, d))
        self._b = np.empty((num_episodes, d))
        self._x: list[Any] = [None] * num_episodes  # views of the features, (n, d) each

    @classmethod
    def fits(cls, model: Knowledge) -> bool:
        """Return whether the model is a linear pool of known sparsity."""
        return isinstance(model, LinearPool) and model.sparsity is not None

    @classmethod
    def learns_from(cls) -> tuple[type[Any], ...]:
        """Return the kinds of proxies that it learns from."""
        return (GaussianProxy,)

    @property
    def spread(self) -> float:
        """Prior standard deviation of a value, about."""
        return float(self.prior_std * self.model.feature_std * (self.model.sparsity or 1) ** 0.5)

    def _begin(self, episode: int, observation: Any) -> None:
        support, d = self._support[episode], self.model.num_features
        support[:] = self._random.random((d, self.chains)).argsort(0)[: len(support)]
        self._x[episode] = self.model.feature_matrix(observation)
        self._a[episode] = np.eye(d) / self.prior_std**2
        self._b[episode] = 0.0

    def _learn(self, episode: int, item: int, label: float, fidelity: int) -> None:
        support, a, b = self._support[episode], self._a[episode], self._b[episode]
        noise = self._noise[fidelity]
        x = self._slope[fidelity] * self._x[episode][item].astype(np.float64) / noise
        before = evidence(*self._regress(support, a, b))
        a += np.outer(x, x)
        b += label / noise * x
        after = evidence(*self._regress(support, a, b))
        support[:] = support[:, self._survivors(after - before)]
        for _ in range(self.sweeps):
            for index in range(len(support)):
                self._exchange(support, index, a, b)

    def _values(self, episode: int, out: Single) -> None:
        support = self._support[episode]
        random = self._generator(episode, -1 - self._seen[episode])
        noise = random.standard_normal(support.shape)
        theta = np.zeros((self.chains, self.model.num_features), np.float32)
        regression = self._regress(support, self._a[episode], self._b[episode])
        theta[np.arange(self.chains), support] = normals(*regression, noise)
        np.matmul(theta, self._x[episode].T, out=out)

    @staticmethod
    def _regress(support: Any, a: Array, b: Array) -> tuple[list[Any], list[Any]]:
        """Return L and L^-1 b_S of A_SS = L L', entry by entry, arrays of the shape of a member."""
        root = cholesky([[a[i, j] for j in support[: k + 1]] for k, i in enumerate(support)])
        return root, forward(root, [b[i] for i in support])

    def _exchange(self, support: Whole, index: int, a: Array, b: Array) -> None:
        """Draw one member of every chain's support ``(k, K)``, which is written to, given the others."""
        others = [member[:, None] for i, member in enumerate(support) if i != index]
        root, centre = self._regress(others, a, b)
        q, r = np.diag(a) + np.zeros((self.chains, 1)), b + np.zeros((self.chains, 1))
        for w, e in zip(forward(root, [a[i[:, 0]] for i in others]), centre, strict=True):
            q -= w * w
            r -= w * e
        inside = np.concatenate(others, 1) if others else np.empty((self.chains, 0), np.int64)
        np.put_along_axis(q, inside, np.inf, 1)  # what is in already has weight 0
        np.put_along_axis(r, inside, 0.0, 1)
        weight = r * r / q / 2 - np.log(q) / 2
        weight = np.exp(weight - weight.max(1, keepdims=True)).cumsum(1)
        coins = self._random.random(self.chains) * weight[:, -1]
        support[index] = (weight > coins[:, None]).argmax(1)
