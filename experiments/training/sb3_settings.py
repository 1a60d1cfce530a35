"""The algorithms of stable-baselines3: their actions, our settings of them, and what may be set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from gymnasium import spaces

from ...agents.learned import learn_extra
from ...envs.core import InputError, shown
from ...envs.core.checks import choice, flag, integer, real, sequence
from .base import Check, either

with learn_extra():
    import sb3_contrib
    import stable_baselines3 as sb3
    import torch

ACTIVATIONS = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}
DEEPEST, WIDEST = 16, 4096
"""Hidden layers of a network, and units of one."""
FINITE, CONTINUOUS = (spaces.Discrete, spaces.MultiDiscrete), (spaces.Box,)
ON_POLICY = {
    "n_steps": 128,
    "n_epochs": 6,
    "learning_rate": 2e-3,
    "gamma": 1.0,
    "gae_lambda": 0.95,
    "ent_coef": 0.001,
}
"""The learning rate falls to 0 linearly; a batch is a quarter of a rollout."""
OFF_POLICY = {
    "buffer_size": 200_000,
    "learning_starts": 10_000,
    "batch_size": 512,
    "train_freq": 1,
    "gradient_steps": 4,
    "learning_rate": 5e-4,
}


# ---- what may be set, and to what


def _layers(name: str, value: Any, heads: tuple[str, ...] = ()) -> Any:
    """Return the sizes of the hidden layers, none or some; or those of each head, by name."""
    if isinstance(value, Mapping) and heads:
        if set(value) != set(heads):
            raise InputError(f"{name} must name {' and '.join(heads)}, got {shown(value)}.")
        return {head: _layers(f"{name}[{head!r}]", value[head]) for head in heads}
    if isinstance(value, list | tuple) and not value:
        return []
    sizes = sequence(name, value, partial(integer, low=1, high=WIDEST))
    if len(sizes) > DEEPEST:
        raise InputError(f"{name} must hold at most {DEEPEST} layers, got {shown(value)}.")
    return list(sizes)


SHARE, PART = partial(real, low=0, high=1), partial(real, low=0, high=1, open_low=True)
WEIGHT, WIDTH = partial(real, low=0, high=100), partial(real, low=0, high=100, open_low=True)
COUNT = partial(integer, low=1, high=1_000_000)
LEARNING: dict[str, Check] = {
    "learning_rate": PART,
    "batch_size": partial(integer, low=2, high=1_000_000),  # of one advantage nothing can be told
    "gamma": SHARE,
    "activation": partial(choice, allowed=tuple(ACTIVATIONS)),
}
OF_PPO: dict[str, Check] = LEARNING | {
    "n_steps": COUNT,
    "n_epochs": partial(integer, low=1, high=1000),
    "gae_lambda": SHARE,
    "clip_range": WIDTH,
    "clip_range_vf": either(None, WIDTH),
    "normalize_advantage": flag,
    "ent_coef": WEIGHT,
    "vf_coef": WEIGHT,
    "max_grad_norm": WIDTH,
    "target_kl": either(None, WIDTH),
    "net_arch": partial(_layers, heads=("pi", "vf")),
}
SPREAD: dict[str, Check] = {"log_std_init": partial(real, low=-10, high=3)}
OF_MEMORY: dict[str, Check] = LEARNING | {
    "buffer_size": partial(integer, low=1),
    "learning_starts": partial(integer, low=0),
    "tau": PART,
    "train_freq": COUNT,
    "gradient_steps": COUNT,
}
OF_DQN: dict[str, Check] = OF_MEMORY | {
    "target_update_interval": partial(integer, low=1),
    "exploration_fraction": PART,
    "exploration_initial_eps": SHARE,
    "exploration_final_eps": SHARE,
    "max_grad_norm": WIDTH,
    "net_arch": _layers,
}
OF_ACTOR: dict[str, Check] = OF_MEMORY | {"net_arch": partial(_layers, heads=("pi", "qf"))}
OF_SAC: dict[str, Check] = OF_ACTOR | {
    "ent_coef": either("auto", WEIGHT),
    "target_update_interval": partial(integer, low=1),
    "target_entropy": either("auto", partial(real, low=-1000, high=1000)),
}
OF_TD3: dict[str, Check] = OF_ACTOR | {
    "policy_delay": COUNT,
    "target_policy_noise": WEIGHT,
    "target_noise_clip": WEIGHT,
}


@dataclass(frozen=True)
class Algorithm:
    """An algorithm.

    Args:
        make: Its class.
        actions: The actions it is for.
        settings: Settings that suit hundreds of episodes at once.
        checks: What may be set, each with the check of its value.
    """

    make: Callable[..., Any]
    actions: tuple[type[spaces.Space[Any]], ...]
    settings: Mapping[str, Any]
    checks: Mapping[str, Check]


ALGORITHMS = {
    "maskable-ppo": Algorithm(sb3_contrib.MaskablePPO, FINITE, ON_POLICY, OF_PPO),
    "ppo": Algorithm(sb3.PPO, (*FINITE, *CONTINUOUS), ON_POLICY, OF_PPO | SPREAD),
    "dqn": Algorithm(
        sb3.DQN,
        (spaces.Discrete,),
        OFF_POLICY | {"target_update_interval": 20_000, "exploration_fraction": 0.3},
        OF_DQN,
    ),
    "sac": Algorithm(sb3.SAC, CONTINUOUS, OFF_POLICY, OF_SAC),
    "td3": Algorithm(sb3.TD3, CONTINUOUS, OFF_POLICY, OF_TD3),
}
