"""Episodes of experimental design, differentiable in their settings, with contrasts about the truth."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, TypeAlias

import numpy as np

from ...agents.learned import learn_extra
from ...agents.learned.policy import HISTORY, LEFT
from ...envs.core.arrays import Array
from ...envs.design.design import DesignModel
from ...envs.design.location_finding import LocationFinding
from ...envs.design.temporal_discounting import LATER, MEAN, STD, TemporalDiscounting

with learn_extra():
    import torch
    from torch import Tensor

Scaling: TypeAlias = Mapping[str, tuple[tuple[float, ...], tuple[float, ...]]]


class Episodes(ABC):
    """B episodes of a design environment, differentiable in their settings.

    Args:
        model: The environment.
        count: Number B of episodes.
        contrasts: Number L of contrasts of each.
        random: Generator of parameters, contrasts and data.
    """

    parts: ClassVar[tuple[str, ...]] = (*HISTORY, LEFT)
    """The parts of the observation that the policy takes."""
    scaling: ClassVar[Scaling]
    """Mean and scale of those that are normalised, of one round where it is the history."""
    start: ClassVar[Mapping[tuple[str, int, str], float]] = {}
    """Where the linear path of the network begins: part, index in it and knob -> slope."""
    spread: ClassVar[float] = 0.1
    """How far from there the rest of the network begins, as a factor of its last weights."""
    longest: ClassVar[float] = math.inf
    """Longest gradient by a setting of one episode, in nats per unit; longer ones are shortened."""
    count: int

    @abstractmethod
    def __init__(
        self, model: Any, count: int, contrasts: int, random: np.random.Generator
    ) -> None: ...

    def belief(self) -> Tensor | None:
        """Return mean and standard deviation of the parameters ``(B, 2 k)``, where `parts` has them."""
        return None

    @abstractmethod
    def experiment(self, setting: Tensor, myopic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Do one experiment in each episode.

        Args:
            setting: The settings, ``(B, d)``.
            myopic: Later rounds shall not know how the data depended on the setting.

        Returns:
            The data ``(B, m)``; the information gained, in nats, ``(B,)``; and the log probability
            of those data whose draw cannot be differentiated, ``(B,)``.
        """


class Takes(torch.autograd.Function):
    """Probability of taking the present offer, and the entropy of the answer, `TemporalDiscounting`.

    Written out with its derivative: it is nearly all that a training spends its time on.
    """

    @staticmethod
    def forward(ctx: Any, setting: Tensor, log_k: Tensor, alpha: Tensor, slip: float) -> Any:
        """Return both for log k ``(B, n)`` and alpha ``(m,)``, each ``(B, n, m)``."""
        later = torch.sigmoid(-(log_k + setting[:, 1:]))
        z = (setting[:, :1] - LATER * later)[:, :, None] / alpha
        take = torch.erf(z / 2**0.5).mul_(0.5 - slip).add_(0.5)
        leave = 1 - take
        logs = take.log(), leave.log()
        entropy = (take * logs[0]).add_(leave.mul_(logs[1])).neg_()
        # Exponents far out are cut off: what underflows is slow.
        slope = z.square_().div_(-2).clamp_min_(-60).exp_()
        slope.mul_((1 - 2 * slip) / math.sqrt(2 * math.pi) / alpha)
        ctx.save_for_backward(slope, logs[1].sub_(logs[0]), later)
        return take, entropy

    @staticmethod
    def backward(ctx: Any, take: Tensor, entropy: Tensor) -> Any:
        """Return the derivative by the settings."""
        slope, log_odds, later = ctx.saved_tensors
        by_now = (log_odds * entropy).add_(take).mul_(slope).sum(2)
        by_delay = by_now * (LATER * later * (1 - later))
        return torch.stack([by_now.sum(1), by_delay.sum(1)], 1), None, None, None


class Discounting(Episodes):
    """Episodes of temporal discounting.

    The contrasts of an episode are the nodes of a grid: eight values of alpha, the middles of strata
    of the prior, for each value of log k. Those are denser near the truth. With weights to match, the
    nodes give the posterior up to a small error. The gain of a round is the expected information
    under the posterior, which varies less than that of the answer.
    """

    parts: ClassVar[tuple[str, ...]] = (*HISTORY, LEFT, "belief")
    scaling: ClassVar[Scaling] = {
        "settings": ((50.0, 4.5), (50.0, 4.5)),
        "outcomes": ((0.5,), (0.5,)),
        LEFT: ((10.0,), (10.0,)),
        "belief": ((-4.25, 1.6, 0.75, 0.6), (1.5, 1.2, 0.75, 0.6)),
    }
    # The delay at which both offers are worth the same, for the most likely log k.
    start: ClassVar[Mapping[tuple[str, int, str], float]] = {("belief", 0, "log_delay"): -1.0}
    strata, span, bend = 8, 8.0, 6.0

    def __init__(
        self, model: TemporalDiscounting, count: int, contrasts: int, random: np.random.Generator
    ) -> None:
        n, m = max(2, contrasts // self.strata), self.strata
        truth = model.prior(random.random((count, 2)))
        place = 2 * (np.arange(n) + random.random((count, 1))) / n - 1
        away = self.span * STD * np.sinh(self.bend * place) / np.sinh(self.bend)
        log_k = truth[:, :1] + away
        weights = np.exp(-(((log_k - MEAN) / STD) ** 2) / 2) * np.cosh(self.bend * place)
        weights /= weights.sum(1, keepdims=True)
        middles = model.prior(np.stack([np.full(m, 0.5), (np.arange(m) + 0.5) / m], 1))
        self.truth, self.log_k, self.alpha = tensor(truth), tensor(log_k), tensor(middles[:, 1])
        self.weights = tensor(weights)[:, :, None].expand(-1, -1, m) / m
        self.slip, self.count, self.random = model.slip, count, random

    def belief(self) -> Tensor:
        """Return mean and standard deviation of log k and alpha, ``(B, 4)``."""
        means, stds = [], []
        for axis, values in ((2, self.log_k), (1, self.alpha)):
            weights = self.weights.detach().sum(axis)
            mean = (weights * values).sum(1, keepdim=True)
            stds.append((weights * (values - mean) ** 2).sum(1, keepdim=True).sqrt())
            means.append(mean)
        return torch.cat([*means, *stds], 1)

    def experiment(self, setting: Tensor, myopic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Ask for one answer in each episode."""
        take, entropy = Takes.apply(setting, self.log_k, self.alpha, self.slip)
        chance = (self.weights * take).sum((1, 2))
        mixed = torch.special.entr(chance) + torch.special.entr(1 - chance)
        gain = mixed - (self.weights * entropy).sum((1, 2))
        with torch.no_grad():
            later = LATER * torch.sigmoid(-(self.truth[:, 0] + setting[:, 1]))
            mind = torch.special.ndtr((setting[:, 0] - later) / self.truth[:, 1])
            uniform = torch.from_numpy(self.random.random(self.count, np.float32))
            answer = (uniform < self.slip + (1 - 2 * self.slip) * mind).float()[:, None]
        likelihood = 1 - answer[:, None] + (2 * answer[:, None] - 1) * take
        weights = self.weights * likelihood
        evidence = weights.sum((1, 2), keepdim=True)
        self.weights = weights / evidence
        if myopic:
            self.weights = self.weights.detach()
        return answer, gain, evidence[:, 0, 0].log()


class Response(torch.autograd.Function):
    """Mean of log y in `LocationFinding`; written out with its derivative, like `Takes`."""

    @staticmethod
    def forward(
        ctx: Any, setting: Tensor, theta: Tensor, background: float, softening: float
    ) -> Tensor:
        """Return it for places ``(B, d)`` and K sources ``(K, d, B, L)``, ``(B, L)``."""
        away = theta - setting.T[:, :, None]
        inverse = away.square().sum(1).add_(softening).reciprocal_()
        strength = inverse.sum(0).add_(background)
        ctx.save_for_backward(away, inverse, strength)
        return strength.log()

    @staticmethod
    def backward(ctx: Any, response: Tensor) -> Any:
        """Return the derivative by the places."""
        away, inverse, strength = ctx.saved_tensors
        pull = inverse.square().mul_(2 * response / strength)
        return (pull[:, None] * away).sum((0, 3)).T, None, None, None


class Sources(Episodes):
    """Episodes of location finding.

    The contrasts of an episode are drawn about its truth, at distances from that of the prior down
    to a hundredth of it, and weighted by v = p(theta_l) / q(theta_l | theta_0), q being the mixture
    of all distances and orders of the sources (the balance heuristic). The noise of the data is
    drawn first, so that the data are differentiable.
    """

    scaling: ClassVar[Scaling] = {LEFT: ((15.0,), (15.0,)), "outcomes": ((0.0,), (2.0,))}
    # Next to a source the signal has no bounds, and the gradient no variance.
    spread, longest = 1.0, 1.0
    scales = np.geomspace(0.02, 1, 8)

    def __init__(
        self, model: LocationFinding, count: int, contrasts: int, random: np.random.Generator
    ) -> None:
        sources, dimensions = model.num_sources, model.num_dimensions
        shape = (count, contrasts, sources, dimensions)
        truth = random.standard_normal((count, 1, sources, dimensions))
        orders = np.stack([np.roll(truth, shift, axis=2) for shift in range(sources)], 1)
        keep = np.sqrt(1 - self.scales**2)
        # The truth itself takes the place of one of the nearest.
        which = np.arange(contrasts)
        order, scale = which % sources, which // sources % len(self.scales)
        theta = keep[scale][:, None, None] * orders[:, order, 0]
        theta += self.scales[scale][:, None, None] * random.standard_normal(shape)
        theta[:, :1] = truth
        log_q = np.stack(
            [
                _log_normal(theta - k * orders[:, o], s)
                for k, s in zip(keep, self.scales, strict=True)
                for o in range(sources)
            ]
        )
        top = log_q.max(0)
        log_q = top + np.log(np.exp(log_q - top).mean(0))
        self.theta = tensor(theta.transpose(2, 3, 0, 1)).contiguous()
        self.total = tensor(_log_normal(theta, 1.0) - log_q)
        self.sum = self.total.logsumexp(1)
        self.model, self.count, self.random = model, count, random

    def experiment(self, setting: Tensor, myopic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Measure once in each episode."""
        law = self.model.background, self.model.softening
        response = Response.apply(setting, self.theta, *law)
        noise = tensor(self.random.standard_normal((len(setting), 1)))
        outcome = response[:, :1] + self.model.noise_std * noise
        error = (outcome - response) / self.model.noise_std
        self.total = self.total + (noise**2 - error**2) / 2  # less the log likelihood of the truth
        # Exponents far out are cut off here, too.
        before, self.sum = self.sum, self.total.clamp_min(-60).logsumexp(1)
        gain = before - self.sum
        if myopic:
            self.total, self.sum = self.total.detach(), self.sum.detach()
        return outcome, gain, torch.zeros(len(setting))


def _log_normal(theta: Array, std: float) -> Array:
    """Return the log density of normal numbers up to a constant, ``(B, L, ...)`` to ``(B, L)``."""
    numbers = theta[0, 0].size
    return -((theta / std) ** 2).sum((2, 3)) / 2 - numbers * math.log(std)


def tensor(array: Array) -> Tensor:
    """Return an array as a tensor in single precision."""
    return torch.from_numpy(array.astype(np.float32))


PROBLEMS: dict[type[DesignModel[Any]], type[Episodes]] = {
    TemporalDiscounting: Discounting,
    LocationFinding: Sources,
}
