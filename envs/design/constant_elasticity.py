"""Constant elasticity of substitution: which baskets to compare, to learn what someone prefers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_ndtr, logit, ndtr, ndtri

from ..core import environments
from ..core.arrays import Array
from ..core.checks import flag, real
from .drawing import InverseLaw
from .particle_design import ParticleDesign

MEAN, STD = 1.0, 3.0
"""Mean and standard deviation of log u."""
LEAST = 0.01
"""Least rho, and least amount of a good: utilities are never 0."""
SPAN, CUT = 0.98, 10.0
"""Of squashed parameters: the span of rho, and where log u is cut off."""
LITTLE, MUCH = 5e-4, 1e6
"""Range of the noise: with less, particles do not find all modes."""
LIMIT = float(np.float32(logit(1 - 2.0**-22)))
"""Logit of the largest answer."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ConstantElasticity(InverseLaw, ParticleDesign):
    """Choose pairs of baskets for a person to compare, to learn how much each good is worth to them.

    ## Description
    A person is shown two baskets x and x' of three goods, and says on a sliding scale from 0 to 1 how
    much x is liked better. The utility of a basket has a constant elasticity of substitution,

        U(x) = (sum_i alpha_i x_i^rho)^(1/rho),
        eta ~ Normal(u (U(x) - U(x')), (tau u (1 + |x - x'|))^2),     y = 1 / (1 + exp(-eta)),

    and y is cut off at 2^-22 and at 1 - 2^-22. The prior is rho ~ U[0.01, 1], alpha ~ Dirichlet(1, 1,
    1), log u ~ Normal(1, 3^2). Most pairs are answered by one end of the scale; those that are liked
    nearly equally tell most, and these have to be found. The posterior is kept by particles.

    The unknown parameters are rho, alpha_0, alpha_1 and log u; alpha_2 is what is left of 1. The knobs
    are the goods of both baskets, each within [0.01, 100]: `model.action(x_0=10, y_2=50)`.

    ## Observation space
    - `outcomes`: float32, `(T,)`, eta, the logit of the answer, cut off at +-15.25.

    ## Rewards
    Information gained by the answer, in nats; see `reward`. All but "spce" carry the noise of the
    particles. The sum of "log_evidence" over a greedy episode of 19 nats is 0.4 nats (rms) off the
    middle of `envs.design.bracket`, less than 0.1 on average and at most about 2 in 128 episodes;
    a step corrects what earlier ones turn out to have paid too much. "spce" saturates: an episode tells
    about 10 nats on average if baskets are drawn at random, and more if they are well chosen.

    ## Arguments
    - `noise`: tau, at least 0.0005: with less, particles do not find all modes.
    - `squashed`: whether parameters are mapped once more, as in the released code of COPEx: rho to
      0.01 + 0.98 / (1 + exp(-rho)), alpha to its softmax, log u cut off at +-10. Its published table may
      come from this prior, or from the usual one.

    ## References
    K. Arrow, H. Chenery, B. Minhas, R. Solow, "Capital-labor substitution and economic efficiency",
    Rev. Econ. Statist. 43 (1961) 225; A. Foster et al., "Variational Bayesian optimal experimental
    design", NeurIPS 2019; T. Blau et al., "Optimizing sequential experimental design with deep
    reinforcement learning", ICML 2022; COPEx, arXiv 2605.26990 (budgets of moves).
    """

    noise: float = 0.005
    squashed: bool = False

    def __post_init__(self) -> None:
        self._set(
            noise=real("noise", self.noise, low=LITTLE, high=MUCH),
            squashed=flag("squashed", self.squashed),
        )
        super().__post_init__()

    @property
    def unknown_parameters(self) -> Mapping[str, tuple[float, float]]:
        """The substitution parameter, the weights of two goods, and log u within 5 deviations."""
        log_u = (MEAN - 5 * STD, MEAN + 5 * STD)
        return {"rho": (LEAST, 1.0), "alpha_0": (0.0, 1.0), "alpha_1": (0.0, 1.0), "log_u": log_u}

    @property
    def knobs(self) -> Mapping[str, tuple[float, float]]:
        """How much of each good is in the baskets x and y."""
        return {f"{basket}_{i}": (LEAST, 100.0) for basket in "xy" for i in range(3)}

    @property
    def outcome_range(self) -> tuple[Array, Array]:
        """The logit of the answer."""
        return np.full(1, -LIMIT), np.full(1, LIMIT)

    def prior(self, uniform: Array) -> Array:
        """Return draws of rho, two of the alpha, and log u."""
        return self._joined(uniform, ndtri(np.maximum(uniform[..., 3], 1e-300)))

    def from_scores(self, scores: Array) -> Array:
        """Return the parameters of normal scores; log u is normal itself."""
        return self._joined(ndtr(scores[..., :3]), scores[..., 3])

    def _joined(self, uniform: Array, score: Array) -> Array:
        """Return parameters of three uniform numbers and the normal score of log u."""
        theta = np.empty((*score.shape, 4))
        theta[..., 0] = LEAST + (1 - LEAST) * uniform[..., 0]
        first = theta[..., 1] = 1 - np.sqrt(1 - uniform[..., 1])
        theta[..., 2] = (1 - first) * uniform[..., 2]
        theta[..., 3] = MEAN + STD * score
        return self._squashed(theta) if self.squashed else theta

    def _squashed(self, theta: Array) -> Array:
        """Map parameters as the code of COPEx does, in place."""
        theta[..., 0] = LEAST + SPAN * expit(theta[..., 0])
        rest = 1 - theta[..., 1] - theta[..., 2]
        weights = np.exp(np.stack([theta[..., 1], theta[..., 2], rest], -1))
        theta[..., 1:3] = (weights / weights.sum(-1, keepdims=True))[..., :2]
        np.clip(theta[..., 3], -CUT, CUT, out=theta[..., 3])
        return theta

    def log_prior(self, theta: Array) -> Array:
        """Return the log density up to a constant."""
        if self.squashed:
            return self._log_squashed(theta)
        rho, first, second, log_u = np.moveaxis(theta, -1, 0)
        inside = (rho >= LEAST) & (rho <= 1) & (first >= 0) & (second >= 0) & (first + second <= 1)
        return np.where(inside, -(((log_u - MEAN) / STD) ** 2) / 2, -np.inf)

    def _log_squashed(self, theta: Array) -> Array:
        """Return the log density of squashed parameters where u is not cut off, up to a constant.

        With z = logit((rho - .01) / .98) uniform, drho = .98 s (1 - s) dz; softmax has the Jacobian
        3 alpha_0 alpha_1 alpha_2.
        """
        share = (theta[..., 0] - LEAST) / SPAN
        weights = np.stack([theta[..., 1], theta[..., 2], 1 - theta[..., 1] - theta[..., 2]], -1)
        inside = (share >= expit(LEAST) - 1e-12) & (share <= expit(1.0) + 1e-12)
        logs = np.log(np.maximum(weights, 1e-300))
        inside &= (logs - logs.mean(-1, keepdims=True) >= -1 / 3 - 1e-9).all(-1)
        share = np.clip(share, 1e-9, 1 - 1e-9)
        density = -(((theta[..., 3] - MEAN) / STD) ** 2) / 2 - logs.sum(-1)
        return np.where(inside, density - np.log(share * (1 - share)), -np.inf)

    def utility(self, theta: Array, basket: Array) -> Array:
        """Return the utilities U of B baskets ``(B, 3)``, ``(B, G)``."""
        rho = np.maximum(theta[..., 0], LEAST)  # a step of the particles may leave the prior
        weights = theta[..., 1], theta[..., 2], 1 - theta[..., 1] - theta[..., 2]
        total = np.zeros((len(basket), theta.shape[-2]))
        for weight, logs in zip(weights, np.log(basket).T, strict=True):
            power = rho * logs[:, None]
            np.exp(power, out=power)
            power *= np.maximum(weight, 0.0)
            total += power
        np.log(total, out=total)
        total /= rho
        return np.exp(total, out=total)

    def normal(self, theta: Array, setting: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation of eta before it is cut off, each ``(B, G)``."""
        x, y = setting[:, :3], setting[:, 3:]
        scale = np.exp(theta[..., 3])
        apart = 1 + np.sqrt(((x - y) ** 2).sum(1, keepdims=True))
        mean = self.utility(theta, x)
        mean -= self.utility(theta, y)
        mean *= scale
        return mean, scale * self.noise * apart

    def log_likelihood(self, outcome: Array, theta: Array, setting: Array) -> Array:
        """Return the log density of eta, at its ends the log probability, ``(B, G)``."""
        mean, std = self.normal(theta, setting)
        logs = (outcome - mean) / std
        logs *= logs
        logs /= -2
        logs -= np.log(std)
        logs -= np.log(2 * np.pi) / 2
        for sign in (-1.0, 1.0):
            end = (sign * outcome >= LIMIT)[:, 0]
            if end.any():
                logs[end] = log_ndtr((sign * mean[end] - LIMIT) / std[end])
        return logs

    def outcome(self, theta: Array, setting: Array, uniform: Array) -> Array:
        """Return eta, ``(B, 1)``."""
        mean, std = self.normal(theta[:, None], setting)
        eta = mean + std * ndtri(np.maximum(uniform, 1e-300))[:, None]
        return np.asarray(np.clip(eta, -LIMIT, LIMIT))

    def proposals(self, theta: Array, random: np.random.Generator) -> Array:
        """Return pairs of baskets that draws like nearly equally."""
        flat = theta.reshape(-1, theta.shape[-1])
        baskets = 100 * random.random((2, len(flat), 3)) ** 2 + LEAST
        worth = np.stack([self.utility(flat[:, None], basket)[:, 0] for basket in baskets])
        # Utilities grow in proportion with the basket: the better one is made smaller.
        target = worth.min(0) + random.normal(0, 2, len(flat)) * np.exp(-flat[:, 3])
        better = worth.argmax(0)
        share = np.clip(target / worth.max(0), 1e-3, 1.0)
        baskets[better, np.arange(len(flat))] *= share[:, None]
        low, high = self.ranges
        pairs = np.clip(np.concatenate(list(baskets), 1), low, high)
        return np.asarray(pairs.reshape(*theta.shape[:-1], len(low)))


ConstantElasticityEnv, ConstantElasticityVectorEnv = environments(ConstantElasticity)
