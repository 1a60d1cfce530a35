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

Training draws its episodes itself. A resumed training ends where an uninterrupted one would have ended.

Source: A. Foster, D. Ivanova, I. Malik, T. Rainforth, "Deep adaptive design: amortizing sequential
Bayesian experimental design", ICML 2021.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np

from ...agents.learned import learn_extra
from ...agents.learned.policy import Policy
from ...envs.core import InputError
from ...envs.core.checks import integer, real
from .base import CURVE_SEEDS, VALIDATION_SEED, Row, Run, Training, setting
from .dad_episodes import PROBLEMS, Episodes
from .dad_network import Network
from .tensors import packed, unpacked

with learn_extra():
    import torch
    from torch import Tensor, nn

NORM = 1.0
"""Longest gradient; a longer one is shortened."""


@dataclass(frozen=True, kw_only=True)
class DAD(Training):
    """A training by deep adaptive design, of temporal discounting or location finding.

    Args:
        iterations: Number of steps of Adam.
        myopic: The first of them, in which a setting is improved for what it tells itself only.
        batch: Episodes B of a step.
        contrasts: Contrasts L of an episode.
        encoding: Width of the encoding of a round.
        hidden: Width of the hidden layers: one in the encoder, two in the head.
        rate: Step size of Adam; it falls to 0 by a cosine, and is a tenth of that after the myopic
            steps, whose gradient has far less noise.
        every: Number of iterations between checkpoints, each a point of the curve.
    """

    algorithm: str = "dad"
    iterations: int = setting(800, integer, low=1)
    myopic: int = setting(300, integer, low=0)
    batch: int = setting(128, integer, low=1, high=1_000_000)
    contrasts: int = setting(512, integer, low=1, high=1_000_000)
    encoding: int = setting(32, integer, low=1, high=4096)
    hidden: int = setting(128, integer, low=1, high=4096)
    rate: float = setting(1e-3, real, low=0, high=1, open_low=True)
    every: int = setting(100, integer, low=1)
    episodes: int = setting(1500, integer, low=2, high=CURVE_SEEDS)

    def mark(self) -> dict[str, Any]:
        """Return what the folder is marked with, as version 0.1.0 does: it had the horizon only."""
        mark, kwargs = super().mark(), dict(self.env_kwargs)
        del mark["algorithm"], mark["env_kwargs"]
        mark["horizon"] = kwargs.pop("horizon", 0)
        return mark | ({"env_kwargs": kwargs} if kwargs else {})


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

    With r_t the gains and G_t the sum of those after t, less its mean over the other episodes, it
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


class DADRun(Run[DAD]):
    """A training by deep adaptive design in progress."""

    COLUMNS: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("steps", "seconds", "return", "standard_error", "training_return"), ".10g"
    )
    LIBRARIES = ("torch",)

    def prepare(self) -> None:
        """Make the network and its optimiser."""
        training = self.training
        self.total, self.every = training.iterations, training.every
        env: Any = gym.make(training.env_id, **training.env_kwargs).unwrapped
        self.model = env.model
        if type(self.model) not in PROBLEMS:
            raise InputError(
                f"There is no likelihood in torch for {training.env_id}; known are "
                f"{', '.join(model.__name__ for model in PROBLEMS)}."
            )
        self.episodes = PROBLEMS[type(self.model)]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(training.seed)
            self.network = Network(self.model, self.episodes, training.encoding, training.hidden)
        self.adam = torch.optim.Adam(self.network.parameters(), training.rate)
        self.recent: list[float] = []

    def learn(self) -> None:
        """Make the steps that are left, on one thread, for the tensors are small."""
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        torch.set_flush_denormal(True)  # numbers next to nothing are slow
        try:
            super().learn()
        finally:
            torch.set_num_threads(threads)
            torch.set_flush_denormal(False)

    def step(self) -> None:
        """Make a step of Adam."""
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
        self.recent.append(float(gains.detach().sum(0).mean()))

    def measure(self) -> list[Row]:
        """Return the information of episodes that are not trained on."""
        training, found = self.training, []
        row: Row = {"steps": self.done * training.batch * self.model.horizon}
        row["seconds"] = self.seconds()
        for part in range(-(-training.episodes // training.batch)):
            random = np.random.default_rng([VALIDATION_SEED, part])
            episodes = self.episodes(self.model, training.batch, 4 * training.contrasts, random)
            with torch.no_grad():
                found.append(play(self.network, episodes, self.model.horizon)[0].sum(0))
        information = torch.cat(found)
        row["return"] = float(information.mean())
        row["standard_error"] = float(information.std()) / len(information) ** 0.5
        row["training_return"] = float(np.mean(self.recent)) if self.recent else math.nan
        self.recent = []
        return [row]

    def learned(self) -> Policy:
        """Return the policy as it is now."""
        return self.network.policy(self.about())

    def state(self) -> bytes:
        """Return the weights and the optimiser."""
        return packed(
            {
                "network": self.network.state_dict(),
                "adam": self.adam.state_dict(),
                "done": self.done,
                "cpu": self.seconds(),
                "curve": [tuple(row.values()) for row in self.curve],
            }
        )

    def restore(self, state: bytes) -> Iterable[Sequence[float]]:
        """Resume from a state; return the cells of the curve."""
        stored = unpacked(state)
        self.network.load_state_dict(stored["network"])
        self.adam.load_state_dict(stored["adam"])
        self.done = int(stored["done"])
        self.cpu += float(stored["cpu"])
        return stored["curve"]
