r"""Train a policy of experimental design by the gradient of the information: deep adaptive design.

A network pi maps the history to the next setting, xi_t = pi(h_(t-1)): the sum of the encoded rounds,
the rounds left, and for temporal discounting the belief. It ascends the sequential prior contrastive
estimate of the information that T rounds give,

    log p(h | theta_0) - log sum_l v_l p(h | theta_l),    p(h | theta) = prod_t p(y_t | theta, xi_t).

Two things differ from the source. The contrasts theta_l are placed where they count, so that the
estimate does not saturate at log L. And histories are taken as given where they enter the network: a
setting is improved for what it tells itself and for what it leaves to the later ones, not for how it
moves them. Where the later settings are the best for their histories the omitted term is zero; it
makes most of the noise.

The same command resumes, and ends where an uninterrupted training would have ended:
``python -m discovery_gym.experiments.training.dad ENV_ID FOLDER`` writes ``policy.safetensors``
(play it as ``policy('policy.safetensors')``), ``curve.csv`` and ``checkpoint.zip``. Training draws its
episodes itself; those of the curve have the seeds from `VALIDATION_SEED` on, and no seed of an
evaluation is ever played.

Source: A. Foster, D. Ivanova, I. Malik, T. Rainforth, "Deep adaptive design: amortizing sequential
Bayesian experimental design", ICML 2021.
"""

from __future__ import annotations

import argparse
import csv
import io
import itertools
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from ...agents.learned import learn_extra
from ...agents.learned.policy import CLIP, HISTORY, LEFT, Layer, Policy
from ...envs.core import InputError
from ...envs.core.checks import integer, real
from ...envs.design.design import DesignModel
from ...envs.design.location_finding import LocationFinding
from ...envs.design.temporal_discounting import LATER, MEAN, STD, TemporalDiscounting
from ..runs.evaluation import EVALUATION_SEED, resolve
from ..runs.record import versions
from .folder import Folder

with learn_extra():
    import torch
    from torch import Tensor, nn

VALIDATION_SEED = EVALUATION_SEED // 2
POLICY, CURVE = "policy.safetensors", "curve.csv"
NORM = 1.0
"""Longest gradient; a longer one is shortened."""
COLUMNS = ("steps", "seconds", "return", "standard_error", "training_return")


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a policy is trained.

    Args:
        env_id: Temporal discounting or location finding, also in short.
        horizon: Rounds T; 0: those of the environment.
        iterations: Number of steps of Adam.
        myopic: The first of them, in which a setting is improved for what it tells itself only.
        batch: Episodes B of a step.
        contrasts: Contrasts L of an episode.
        encoding: Width of the encoding of a round.
        hidden: Width of the hidden layers: one in the encoder, two behind it.
        rate: Step size of Adam; it falls to 0 by a cosine, and is a tenth of that behind the myopic
            steps, whose gradient has far less noise.
        seed: Seed of everything.
        every: Number of iterations between checkpoints, each a point of the curve.
        episodes: Episodes behind a point of the curve.
    """

    env_id: str
    horizon: int = 0
    iterations: int = 800
    myopic: int = 300
    batch: int = 128
    contrasts: int = 512
    encoding: int = 32
    hidden: int = 128
    rate: float = 1e-3
    seed: int = 0
    every: int = 100
    episodes: int = 1500

    def __post_init__(self) -> None:
        object.__setattr__(self, "env_id", resolve(self.env_id))
        for name, low, high in (
            ("horizon", 0, 100_000),
            ("iterations", 1, None),
            ("myopic", 0, None),
            ("batch", 1, 1_000_000),
            ("contrasts", 1, 1_000_000),
            ("encoding", 1, 4096),
            ("hidden", 1, 4096),
            ("seed", 0, None),
            ("every", 1, None),
            ("episodes", 2, EVALUATION_SEED - VALIDATION_SEED),
        ):
            value = integer(name, getattr(self, name), low=low, high=high)
            object.__setattr__(self, name, value)
        rate = real("rate", self.rate, low=0, high=1, open_low=True)
        object.__setattr__(self, "rate", rate)

    @property
    def command(self) -> str:
        """The command line that repeats the training."""
        options = {key: value for key, value in asdict(self).items() if key != "env_id"}
        given = "".join(f" --{name} {value}" for name, value in options.items())
        program = "python -m discovery_gym.experiments.training.dad"
        return f"{program} {self.env_id} FOLDER{given}"


# ---- simulated episodes

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
    """Where the linear path of the network begins: part, place in it and knob -> slope."""
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
    of the prior, for each value of log k, of which more stand the nearer to the truth. With weights
    to match, they give the posterior up to a small error. The gain of a round is the information to
    be expected under the posterior, which varies less than that of the answer.
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
        self.truth, self.log_k, self.alpha = _tensor(truth), _tensor(log_k), _tensor(middles[:, 1])
        self.weights = _tensor(weights)[:, :, None].expand(-1, -1, m) / m
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
        self.theta = _tensor(theta.transpose(2, 3, 0, 1)).contiguous()
        self.total = _tensor(_log_normal(theta, 1.0) - log_q)
        self.sum = self.total.logsumexp(1)
        self.model, self.count, self.random = model, count, random

    def experiment(self, setting: Tensor, myopic: bool = False) -> tuple[Tensor, Tensor, Tensor]:
        """Measure once in each episode."""
        law = self.model.background, self.model.softening
        response = Response.apply(setting, self.theta, *law)
        noise = _tensor(self.random.standard_normal((len(setting), 1)))
        outcome = response[:, :1] + self.model.noise_std * noise
        error = (outcome - response) / self.model.noise_std
        self.total = self.total + (noise**2 - error**2) / 2  # less the log likelihood of the truth
        # Exponents far out are cut off here, too.
        before, self.sum = self.sum, self.total.clamp_min(-60).logsumexp(1)
        gain = before - self.sum
        if myopic:
            self.total, self.sum = self.total.detach(), self.sum.detach()
        return outcome, gain, torch.zeros(len(setting))


def _log_normal(theta: NDArray[np.float64], std: float) -> NDArray[np.float64]:
    """Return the log density of normal numbers up to a constant, ``(B, L, ...)`` to ``(B, L)``."""
    numbers = theta[0, 0].size
    return -((theta / std) ** 2).sum((2, 3)) / 2 - numbers * math.log(std)


def _tensor(array: NDArray[np.float64]) -> Tensor:
    return torch.from_numpy(array.astype(np.float32))


PROBLEMS: dict[type[DesignModel[Any]], type[Episodes]] = {
    TemporalDiscounting: Discounting,
    LocationFinding: Sources,
}


# ---- the network


class Network(nn.Module):
    """An encoder that all rounds share, and a head on the sum of the codes and the other parts.

    The head is a perceptron with a linear path beside it, so that it can be as exact as the settings
    must be; `policy` makes both one perceptron.

    Args:
        model: The environment.
        episodes: Its simulation, which says what the network takes.
        training: The sizes.
    """

    def __init__(
        self, model: DesignModel[Any], episodes: type[Episodes], training: Training
    ) -> None:
        super().__init__()
        self.model, self.episodes, self.code = model, episodes, training.encoding
        spaces: Any = model.observation_space
        self.sizes = {key: spaces[key].shape[0] for key in episodes.parts}
        history = sum(self.sizes.pop(key) for key in HISTORY) // model.horizon
        hidden, inputs = training.hidden, sum(self.sizes.values()) + self.code
        low, high = model.ranges
        self.middle, self.half = _tensor((high + low) / 2), _tensor((high - low) / 2)
        self.encoder = _perceptron(history, hidden, self.code)
        self.head = _perceptron(inputs, hidden, hidden, len(low))
        self.path = nn.Linear(inputs, len(low), bias=False)
        with torch.no_grad():
            self.encoder[-1].weight.div_(model.horizon**0.5)  # T of them are summed
            self.head[-1].weight.mul_(episodes.spread)
            self.head[-1].bias.zero_()
            self.path.weight.zero_()
            for (key, place, knob), slope in episodes.start.items():
                before = itertools.takewhile(lambda other: other != key, self.sizes)  # noqa: B023
                column = sum(self.sizes[other] for other in before) + place
                row = list(model.knobs).index(knob)
                scale = episodes.scaling[key][1][place]
                self.path.weight[row, column] = slope * scale / self.half[row]

    def scaled(self, key: str, part: Tensor) -> Tensor:
        """Return a part of the observation, or of a round, normalised."""
        if key not in self.episodes.scaling:
            return part
        mean, scale = map(torch.tensor, self.episodes.scaling[key])
        return ((part - mean) / scale).clamp(-CLIP, CLIP)

    def encode(self, setting: Tensor, outcome: Tensor) -> Tensor:
        """Return the code of a round, ``(B, code)``."""
        pairs = zip(HISTORY, (setting, outcome), strict=True)
        return self.encoder(torch.cat([self.scaled(key, part) for key, part in pairs], 1))

    def forward(self, codes: Tensor, left: int, belief: Tensor | None) -> Tensor:
        """Return the next settings, ``(B, d)``, by the sum of the codes, ``(B, code)``."""
        parts = {LEFT: torch.full((len(codes), 1), float(left)), "belief": belief}
        inputs = [self.scaled(key, parts[key]) for key in self.sizes]
        h = torch.cat([*inputs, codes], 1)
        setting = self.middle + self.half * (self.head(h) + self.path(h)).clamp(-1, 1)
        if setting.requires_grad and self.episodes.longest < math.inf:
            setting.register_hook(self.shorten)
        return setting

    def shorten(self, gradient: Tensor) -> Tensor:
        """Return a gradient of the mean over episodes by their settings, none of them too long."""
        length = len(gradient) * gradient.norm(dim=1, keepdim=True)
        return gradient * (self.episodes.longest / length.clamp_min(1e-12)).clamp_max(1)

    def policy(self, about: Mapping[str, Any]) -> Policy:
        """Return the policy as it is now."""
        spaces: Any = self.model.observation_space
        parts = {key: spaces[key].shape for key in self.episodes.parts}
        scaling = {
            key: (np.resize(mean, parts[key]), np.resize(scale, parts[key]))
            for key, (mean, scale) in self.episodes.scaling.items()
        }
        return Policy(
            parts=parts,
            scaling=scaling,
            encoder=_layers(self.encoder),
            layers=_beside(_layers(self.head), self.path.weight.detach().numpy()),
            activation="relu",
            head="action",
            about=about,
        )


def _perceptron(*sizes: int) -> nn.Sequential:
    modules: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        modules += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def _layers(perceptron: nn.Sequential) -> tuple[Layer, ...]:
    return tuple(
        (m.weight.detach().numpy().copy(), m.bias.detach().numpy().copy())
        for m in perceptron
        if isinstance(m, nn.Linear)
    )


def _beside(layers: tuple[Layer, ...], path: NDArray[np.float32]) -> tuple[Layer, ...]:
    """Return the layers with a linear path beside them, ``(out, in)``: x = max(x, 0) - max(-x, 0)."""
    (first, shift), *between, (last, bias) = layers
    n = len(path)
    carry = np.eye(2 * n, dtype=np.float32)
    return (
        (np.concatenate([first, path, -path]), np.pad(shift, (0, 2 * n))),
        *((block_diag(w, carry), np.pad(b, (0, 2 * n))) for w, b in between),
        (np.concatenate([last, carry[:n, :n], -carry[:n, :n]], 1), bias),
    )


# ---- training


def play(
    network: Callable[..., Tensor], episodes: Episodes, horizon: int, myopic: bool = False
) -> tuple[Tensor, Tensor]:
    """Play T rounds; return the information gained and the log probability of the data.

    Args:
        network: Takes the sum of the codes (0 at first), the rounds left and the belief, gives the
            settings; its ``encode`` gives the codes.
        episodes: New episodes.
        horizon: Rounds T.
        myopic: The gain of a round shall not have a derivative by earlier settings.

    Returns:
        Both of each round, ``(T, B)``; see `Episodes.experiment`.
    """
    codes = torch.zeros(episodes.count, network.code)  # type: ignore[attr-defined]
    rounds = []
    for t in range(horizon):
        setting = network(codes, horizon - t, episodes.belief())
        outcome, gain, log_probability = episodes.experiment(setting, myopic)
        codes = codes + network.encode(setting.detach(), outcome.detach())  # type: ignore[attr-defined]
        rounds.append((gain, log_probability))
    gains, logs = map(torch.stack, zip(*rounds, strict=True))
    return gains, logs


def objective(gains: Tensor, logs: Tensor) -> Tensor:
    """Return what has the gradient of the information in its expectation, a number.

    With r_t the gains and G_t the sum of those behind t, less its mean over the other episodes, it
    is the mean of sum_t r_t + G_t log p(y_t); the second term stands for the data that cannot be
    differentiated.

    Args:
        gains: Information gained, ``(T, B)``.
        logs: Log probability of the data, ``(T, B)``.
    """
    value, count = gains.detach(), gains.shape[1]
    later = value.sum(0) - value.cumsum(0)
    later -= (later.sum(1, keepdim=True) - later) / max(count - 1, 1)
    return (gains + later * logs).sum(0).mean()


class _Run:
    """A training in progress."""

    def __init__(self, training: Training) -> None:
        self.training = training
        self.kwargs: dict[str, Any] = {"horizon": training.horizon} if training.horizon else {}
        env: Any = gym.make(training.env_id, **self.kwargs).unwrapped
        self.model = env.model
        if type(self.model) not in PROBLEMS:
            raise InputError(
                f"There is no likelihood in torch for {training.env_id}; known are "
                f"{', '.join(model.__name__ for model in PROBLEMS)}."
            )
        self.episodes = PROBLEMS[type(self.model)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(training.seed)
            self.network = Network(self.model, self.episodes, training)
        self.adam = torch.optim.Adam(self.network.parameters(), training.rate)
        self.done, self.cpu = 0, -time.process_time()
        self.curve: list[tuple[float, ...]] = []
        self.files: dict[str, bytes] = {}

    def step(self) -> float:
        """Make a step; return the information of its episodes."""
        training, t = self.training, self.done
        myopic = t < training.myopic
        random = np.random.default_rng([training.seed, t])
        episodes = self.episodes(self.model, training.batch, training.contrasts, random)
        gains, logs = play(self.network, episodes, self.model.horizon, myopic)
        self.adam.zero_grad()
        (-gains.sum(0).mean() if myopic else -objective(gains, logs)).backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), NORM)
        rate = training.rate * (1 + math.cos(math.pi * t / training.iterations)) / 2
        for group in self.adam.param_groups:
            group["lr"] = rate if myopic else rate / 10
        self.adam.step()
        self.done += 1
        return float(gains.detach().sum(0).mean())

    def measure(self) -> tuple[float, float]:
        """Return the information of episodes that are not trained on, and its standard error."""
        training, found = self.training, []
        for part in range(-(-training.episodes // training.batch)):
            random = np.random.default_rng([VALIDATION_SEED, part])
            episodes = self.episodes(self.model, training.batch, 4 * training.contrasts, random)
            with torch.no_grad():
                found.append(play(self.network, episodes, self.model.horizon)[0].sum(0))
        information = torch.cat(found)
        return float(information.mean()), float(information.std()) / len(information) ** 0.5


def train(training: Training, folder: Path, stop: int | None = None) -> Policy:
    """Train, or go on with what stands in the folder; return the best policy of the curve.

    Args:
        training: What is trained.
        folder: Where the files stand; made if need be.
        stop: Iteration after which to stop for now; None: the last.

    Raises:
        InputError: The folder holds a training with other settings, or a damaged checkpoint.
    """
    run = _Run(training)
    place = Folder(folder, asdict(training), (POLICY, CURVE))
    if not _restored(run, place):
        _point(run, place, math.nan)
    recent = []
    last = training.iterations if stop is None else min(stop, training.iterations)
    for t in range(run.done, last):
        recent.append(run.step())
        if (t + 1) % training.every == 0 or t + 1 == training.iterations:
            _point(run, place, float(np.mean(recent)))
            recent = []
    return Policy.load(folder / POLICY)


def _point(run: _Run, folder: Folder, recent: float) -> None:
    """Measure a point of the curve; write everything."""
    steps = run.done * run.training.batch * run.model.horizon
    seconds = run.cpu + time.process_time()
    information, error = run.measure()
    best = max((row[2] for row in run.curve), default=-math.inf)
    run.curve.append((steps, seconds, information, error, recent))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([f"{value:.10g}" for value in row] for row in run.curve)
    about = {
        "env_id": run.training.env_id,
        "env_kwargs": run.kwargs,
        "command": run.training.command,
        "seed": run.training.seed,
        "trained": steps,
        "cpu_seconds": round(seconds, 2),
        "versions": versions("torch"),
    }
    checkpoint = io.BytesIO()
    torch.save(
        {
            "network": run.network.state_dict(),
            "adam": run.adam.state_dict(),
            "done": run.done,
            "cpu": run.cpu + time.process_time(),
            "curve": run.curve,
        },
        checkpoint,
    )
    if information >= best or POLICY not in run.files:
        run.files[POLICY] = run.network.policy(about).to_bytes()
    run.files[CURVE] = text.getvalue().encode()
    folder.save(checkpoint.getvalue(), run.files)
    print(
        f"{run.done:>6} iterations, {seconds:5.0f} s: {information:.4f} +- {error:.4f}", flush=True
    )


def _restored(run: _Run, folder: Folder) -> bool:
    """Take over a checkpoint, if there is one; torch's loader of plain data runs nothing of it."""
    found = folder.load()
    if found is None:
        return False
    state, run.files = found
    try:
        stored = torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)
        run.network.load_state_dict(stored["network"])
        run.adam.load_state_dict(stored["adam"])
        run.done, run.curve = (
            int(stored["done"]),
            [tuple(map(float, row)) for row in stored["curve"]],
        )
        run.cpu += float(stored["cpu"])
    except Exception as error:  # torch raises what its unpickler and its archive raise
        raise folder.damaged(error) from None
    folder.mend(run.files)
    return True


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(description="Train a policy of design; resumes by itself.")
    parser.add_argument("env_id")
    parser.add_argument("folder", type=Path)
    for option in fields(Training):
        if option.name != "env_id":
            default = option.default
            parser.add_argument(f"--{option.name}", type=type(default), default=default)
    settings = vars(parser.parse_args())
    folder = settings.pop("folder")
    torch.set_num_threads(1)  # the tensors are small
    torch.set_flush_denormal(True)  # numbers next to nothing are slow
    train(Training(**settings), folder)


if __name__ == "__main__":
    main()
