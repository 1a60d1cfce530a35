"""Train a policy through stable-baselines3, on hundreds of native episodes at once.

Besides the files of every training, ``log/`` holds what the algorithm logs (CSV, and TensorBoard where
it is installed). A resumed training begins new episodes and an empty memory of past steps (DQN, SAC,
TD3): it is as good as an uninterrupted one, but not the same bit for bit.

Observations and rewards are brought to a common scale by their running means and variances; those of the
observation become a part of the policy.
"""

from __future__ import annotations

import importlib.util
import inspect
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from ...agents.learned import learn_extra
from ...agents.learned.policy import CLIP, Policy, PolicyAgent, parts
from ...envs.core import InputError, shown
from ...envs.core.checks import MOST_TOGETHER, choice, flag, integer, real, room, sequence
from ...envs.core.files import writing_to
from ..runs.evaluation import evaluate, exact
from ..runs.scores import scores as normalised
from ..runs.terminal import progress
from .base import VALIDATION_SEED, Check, Row, Run, Training, checked, either, named, setting
from .tensors import layers, packed, unpacked

with learn_extra():
    import sb3_contrib
    import stable_baselines3 as sb3
    import torch
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.logger import configure
    from stable_baselines3.common.running_mean_std import RunningMeanStd
    from stable_baselines3.common.vec_env import VecNormalize

    from ...agents.learned.sb3_env import SB3Env


ACTIVATIONS = {"tanh": torch.nn.Tanh, "relu": torch.nn.ReLU}
DEEPEST, WIDEST = 16, 4096
"""Hidden layers of a network, and units of one."""
FINITE: tuple[type[spaces.Space[Any]], ...] = (spaces.Discrete, spaces.MultiDiscrete)
CONTINUOUS: tuple[type[spaces.Space[Any]], ...] = (spaces.Box,)
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
CHECKS: dict[str, Check] = {
    **dict.fromkeys(("learning_rate", "tau", "exploration_fraction"), PART),
    **dict.fromkeys(("gamma", "gae_lambda"), SHARE),
    **dict.fromkeys(("exploration_initial_eps", "exploration_final_eps"), SHARE),
    **dict.fromkeys(("ent_coef", "vf_coef", "target_policy_noise", "target_noise_clip"), WEIGHT),
    **dict.fromkeys(("clip_range", "max_grad_norm"), WIDTH),
    **dict.fromkeys(("clip_range_vf", "target_kl"), either(None, WIDTH)),
    **dict.fromkeys(("train_freq", "gradient_steps", "policy_delay"), COUNT),
    "n_epochs": partial(integer, low=1, high=1000),
    "batch_size": partial(integer, low=2, high=1_000_000),  # one advantage cannot be normalised
    "normalize_advantage": flag,
    "buffer_size": partial(integer, low=1),
    "learning_starts": partial(integer, low=0),
    "target_update_interval": partial(integer, low=1),
    "target_entropy": either("auto", partial(real, low=-1000, high=1000)),
}
"""What may be set where an algorithm takes it, each with the check of its value."""


@dataclass(frozen=True)
class Algorithm:
    """An algorithm: its class, for which actions, our settings, and checks of what it alone takes."""

    make: Callable[..., Any]
    actions: tuple[type[spaces.Space[Any]], ...]
    settings: Mapping[str, Any]
    own: Mapping[str, Check]

    @property
    def checks(self) -> dict[str, Check]:
        """What may be set, each with the check of its value."""
        taken = inspect.signature(self.make).parameters
        both = {name: check for name, check in CHECKS.items() if name in taken}
        return both | {"activation": partial(choice, allowed=tuple(ACTIVATIONS)), **self.own}


PPO: dict[str, Check] = {"n_steps": COUNT, "net_arch": partial(_layers, heads=("pi", "vf"))}
SPREAD: dict[str, Check] = {"log_std_init": partial(real, low=-10, high=3)}
ACTOR: dict[str, Check] = {"net_arch": partial(_layers, heads=("pi", "qf"))}
ENTROPY: dict[str, Check] = {"ent_coef": either("auto", WEIGHT)}
SLOWLY = {"target_update_interval": 20_000, "exploration_fraction": 0.3}
ALGORITHMS = {
    "maskable-ppo": Algorithm(sb3_contrib.MaskablePPO, FINITE, ON_POLICY, PPO),
    "ppo": Algorithm(sb3.PPO, FINITE + CONTINUOUS, ON_POLICY, PPO | SPREAD),
    "dqn": Algorithm(sb3.DQN, FINITE[:1], OFF_POLICY | SLOWLY, {"net_arch": _layers}),
    "sac": Algorithm(sb3.SAC, CONTINUOUS, OFF_POLICY, ACTOR | ENTROPY),
    "td3": Algorithm(sb3.TD3, CONTINUOUS, OFF_POLICY, ACTOR),
}


@dataclass(frozen=True, kw_only=True)
class SB3(Training):
    """A training through stable-baselines3.

    Args:
        algorithm: One of `ALGORITHMS`.
        steps: Steps to train on, of all episodes together; rounded up to whole rollouts.
        envs: Episodes at once.
        evaluations: Points of the curve after the first; each writes the policy and a checkpoint.
        settings: Settings of the algorithm that differ from ours, by the names of
            stable-baselines3, and those of its policy: ``net_arch``, the sizes of the hidden
            layers, ``activation``, "tanh" or "relu", and ``log_std_init``, the logarithm of the
            spread of continuous actions at first.
        parts: Keys of the observation that the policy sees; none: all of them.
    """

    algorithm: str = setting("maskable-ppo", choice, allowed=tuple(ALGORITHMS))
    steps: int = setting(1_000_000, integer, low=1)
    envs: int = setting(256, integer, low=1, high=VALIDATION_SEED // 2)
    evaluations: int = setting(20, integer, low=1)
    settings: Mapping[str, Any] = setting(dict, named)
    parts: Sequence[str] = setting((), lambda _, value: tuple(value))

    def __post_init__(self) -> None:
        super().__post_init__()
        checks = ALGORITHMS[self.algorithm].checks
        object.__setattr__(self, "settings", checked(self.algorithm, self.settings, checks))
        self.all_settings()  # they fit each other

    @classmethod
    def settings_of(cls, algorithm: str) -> set[str]:
        """Return the names of the settings of its own that an algorithm has."""
        return {*ALGORITHMS[algorithm].checks}

    @classmethod
    def of(cls, algorithm: str, options: Mapping[str, Any], settings: Mapping[str, Any]) -> Self:
        """Return a training from options and settings by name."""
        return cls(algorithm=algorithm, settings=settings, **options)

    def all_settings(self) -> dict[str, Any]:
        """Return the settings of the algorithm, ours where none is given."""
        settings = {**ALGORITHMS[self.algorithm].settings, **self.settings}
        if "n_steps" in settings:
            rollout = settings["n_steps"] * self.envs
            batch = settings.setdefault("batch_size", max(2, rollout // 4))
            if rollout % batch == 1:
                raise InputError(
                    f"batch_size = {batch} leaves a batch of one step of the {rollout:,} of a rollout, "
                    "n_steps * envs, of which nothing can be learned; choose another one."
                )
        return settings


class SB3Run(Run[SB3]):
    """A training through stable-baselines3 in progress."""

    COLUMNS: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("steps", "seconds", "return", "standard_error", "score", "training_return"), ".10g"
    )
    UNIT = "steps"
    LIBRARIES = ("stable-baselines3", "sb3-contrib", "torch")

    def prepare(self) -> None:
        """Make the episodes, many at once, and bring what is seen of them to a common scale."""
        training = self.training
        self.total, self.every = training.steps, training.steps / training.evaluations
        self.began, self.earlier = time.perf_counter(), 0.0
        env = gym.make_vec(
            training.env_id,
            num_envs=training.envs,
            vectorization_mode="vector_entry_point",
            **{**training.env_kwargs, "autoreset_mode": "SameStep"},
        )
        self.single: Any = env.unwrapped.model  # type: ignore[attr-defined]
        self._refuse_actions()
        self.random = exact(self.single, "random_value")
        self.best = exact(self.single, "optimal_value")
        visible = SB3Env(env, parts=training.parts)
        self.parts = parts(visible.observation_space)
        scaled = [key for key in self.parts if key != "action_mask"]
        self.settings = self._roomy(spaces.flatdim(visible.observation_space))
        self.env = VecNormalize(
            visible,
            gamma=self.settings.get("gamma", 0.99),
            clip_obs=CLIP,
            norm_obs_keys=scaled if scaled != [""] else None,
        )

    def _refuse_actions(self) -> None:
        training, actions = self.training, self.single.action_space
        fitting = [name for name, it in ALGORITHMS.items() if isinstance(actions, it.actions)]
        if training.algorithm not in fitting:
            raise InputError(
                f"{training.algorithm} cannot choose the actions of {training.env_id}, {actions}; "
                f"these can: {', '.join(fitting)}."
            )

    def _roomy(self, size: int) -> dict[str, Any]:
        """Return all settings, with which observations of this size find room in the memory."""
        training, settings = self.training, self.training.all_settings()
        if "n_steps" in settings:
            kept, setting = settings["n_steps"] * training.envs, "n_steps"
        else:  # two observations each, of no more steps than there are
            settings["buffer_size"] = min(settings["buffer_size"], training.steps + training.envs)
            kept, setting = 2 * settings["buffer_size"], "buffer_size"
        room(
            "The steps that are kept",
            kept * size,
            f"take a lower {setting} than {settings[setting]}, or fewer parts of the observation",
            MOST_TOGETHER,
        )
        return settings

    def begin(self, steps: int = 0) -> None:
        """Make the model; a resumed training gets new random numbers."""
        random, settings = np.random.default_rng([self.training.seed, steps]), dict(self.settings)
        rate = settings.pop("learning_rate")
        network = {"net_arch": [64, 64]} | {
            name: settings.pop(name) for name in ("net_arch", "log_std_init") if name in settings
        }
        if "activation" in settings:
            network["activation_fn"] = ACTIVATIONS[settings.pop("activation")]
        dictionary = isinstance(self.single.observation_space, spaces.Dict)
        self.model = ALGORITHMS[self.training.algorithm].make(
            "MultiInputPolicy" if dictionary else "MlpPolicy",
            self.env,
            learning_rate=(lambda left: rate * left) if "n_steps" in settings else rate,
            policy_kwargs=network,
            seed=int(random.integers(VALIDATION_SEED - self.training.envs)),
            device="cpu",
            **settings,
        )

    def learn(self) -> None:
        """Let the algorithm make the steps that are left."""
        try:
            if (left := self.total - self.done) > 0:
                with progress(self.total, self.UNIT) as update:
                    watch = _Watch(self, update)
                    self.model.learn(left, callback=watch, reset_num_timesteps=False)
        except ValueError:  # of torch or of an environment that is given NaN
            self.refuse_nan()
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Close the environments and the files of the log."""
        self.env.close()
        if hasattr(self.model, "_logger"):  # it has one once it has begun to learn
            self.model.logger.close()

    # ---- a point of the curve

    def measure(self) -> list[Row]:
        """Play the episodes of the curve with the policy as it is now."""
        self.refuse_nan()
        training = self.training
        result = evaluate(
            training.env_id,
            PolicyAgent(self.single, path=self.learned()),
            episodes=training.episodes,
            seed=VALIDATION_SEED,
            env_kwargs=training.env_kwargs,
            truth=False,
        )
        known = replace(result, random_value=self.random, optimal_value=self.best)
        scores = normalised(known)
        recent = [episode["r"] for episode in self.model.ep_info_buffer or ()]
        row = {
            "steps": self.done,
            "seconds": self.earlier + time.perf_counter() - self.began,
            "return": float(result.returns.mean()),
            "standard_error": float(result.returns.std(ddof=1) / len(result.returns) ** 0.5),
            "score": math.nan if scores is None else float(scores.mean()),
            "training_return": float(np.mean(recent)) if recent else math.nan,
        }
        if hasattr(self.model, "_logger"):
            self.model.logger.record("curve/mean", row["return"])
            self.model.logger.record("curve/score", row["score"])
        return [row]

    def refuse_nan(self) -> None:
        """Raise `InputError` if the networks are no longer made of finite numbers."""
        if not all(bool(p.isfinite().all()) for p in self.model.policy.parameters()):
            raise InputError(
                f"The training came to infinite numbers after {self.model.num_timesteps:,} steps; take "
                "a lower learning_rate or max_grad_norm, in a new folder."
            )

    def learned(self) -> Policy:
        """Return the policy as it is now."""
        net = self.model.policy
        if hasattr(net, "mlp_extractor"):  # PPO
            modules = [*net.mlp_extractor.policy_net, net.action_net]
        elif hasattr(net, "q_net"):
            modules = [*net.q_net.q_net]
        elif hasattr(net.actor, "latent_pi"):  # SAC
            modules = [*net.actor.latent_pi, net.actor.mu]
        else:
            modules = [*net.actor.mu]
        finite = not isinstance(self.single.action_space, spaces.Box)
        return Policy(
            parts=self.parts,
            scaling={
                key: (rms.mean, np.sqrt(rms.var + self.env.epsilon))
                for key, rms in self._observed().items()
            },
            layers=layers(modules),
            activation=next(  # the last one of TD3 is that of its action
                (name for m in modules for name, kind in ACTIVATIONS.items() if type(m) is kind),
                "tanh",
            ),
            head="scores" if finite else "action" if hasattr(net, "mlp_extractor") else "tanh",
            about=self.about(),
        )

    def _observed(self) -> dict[str, RunningMeanStd]:
        """Return the running moments of each part of the observation."""
        rms = self.env.obs_rms
        return dict(rms) if isinstance(rms, dict) else {"": rms}

    # ---- the state

    def state(self) -> bytes:
        """Return weights, optimisers and moments."""
        moments = {**self._observed(), "return": self.env.ret_rms}
        entropy = getattr(self.model, "log_ent_coef", None)  # SAC learns it besides its networks
        return packed(
            {
                "steps": self.done,
                "cpu_seconds": self.seconds(),
                "curve": [list(row.values()) for row in self.curve],
                "parameters": self.model.get_parameters(),
                "log_ent_coef": None if entropy is None else entropy.detach(),
                "moments": {
                    key: [torch.as_tensor(rms.mean), torch.as_tensor(rms.var), rms.count]
                    for key, rms in moments.items()
                },
            }
        )

    def restore(self, state: bytes) -> Iterable[Sequence[float]]:
        """Make the model and resume from a state; return the cells of the curve."""
        stored = unpacked(state)
        self.done, (steps, self.earlier, *_) = stored["steps"], stored["curve"][-1]
        if steps != self.done or not stored["cpu_seconds"] >= 0:
            raise ValueError("its numbers do not fit")
        self.cpu += stored["cpu_seconds"]
        self.begin(self.done)
        self.model.set_parameters(stored["parameters"], device="cpu")
        if stored["log_ent_coef"] is not None:
            self.model.log_ent_coef.data.copy_(stored["log_ent_coef"])
        for key, rms in {**self._observed(), "return": self.env.ret_rms}.items():
            mean, var, rms.count = stored["moments"][key]
            rms.mean, rms.var = mean.numpy(), var.numpy()
        self.model.num_timesteps = self.done
        if hasattr(self.model, "learning_starts"):  # an empty memory is filled first
            self.model.learning_starts += self.done
        return stored["curve"]


class _Watch(BaseCallback):
    """Says how far the training is and measures the points of the curve, between two rollouts."""

    def __init__(self, run: SB3Run, update: Callable[[int, str], None]) -> None:
        super().__init__()
        self.run, self.update = run, update

    def _on_training_start(self) -> None:
        formats = ["csv"] + ["tensorboard"] * (importlib.util.find_spec("tensorboard") is not None)
        log = self.run.folder.path / "log" / str(self.num_timesteps)
        with writing_to(self.run.folder.path):
            self.model.set_logger(configure(str(log), formats))

    def _on_rollout_start(self) -> None:
        self.run.advance(self.model.num_timesteps)

    def _on_step(self) -> bool:
        self._update("")
        return True

    def _on_rollout_end(self) -> None:
        self._update("learning from them")

    def _update(self, at: str) -> None:
        """Tell how far it is; the last rollout may have more steps than were asked for."""
        self.update(min(self.num_timesteps, self.run.total), at)

    def _on_training_end(self) -> None:
        self.run.advance(self.model.num_timesteps)
