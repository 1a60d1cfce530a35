"""Train a policy through stable-baselines3, on hundreds of native episodes at once.

A training is a folder. `training.json` says what is trained, its table by a hash of the contents,
``policy.safetensors`` is the best policy so far by the episodes of the curve, ``curve.csv`` is the
learning curve, ``log/`` what the algorithm tells about itself (CSV, and TensorBoard where it is
installed), and ``checkpoint.zip`` is what a killed training goes on from: weights, optimisers,
normalisation, and copies of the policy and the curve, which are mended from it. The same command
resumes. Episodes in flight and the memory of past steps (DQN, SAC, TD3) begin anew then, so that a
resumed training is as good as an uninterrupted one, but not the same bit for bit.

Seeds: training episodes lie below `VALIDATION_SEED`, those of the curve from there on, and evaluation
episodes of the suites are never seen. Observations and rewards are brought to a common scale by their
running means and variances; those of the observation become a part of the policy.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import json
import math
import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from ...agents.learned import learn_extra
from ...agents.learned.policy import CLIP, Policy, PolicyAgent, parts
from ...envs.core import InputError, closest, registered, shown
from ...envs.core.checks import MOST_TOGETHER, choice, flag, integer, real, room, sequence
from ..runs.evaluation import EVALUATION_SEED, evaluate, exact, resolve
from ..runs.files import writing_to
from ..runs.record import versions
from ..runs.scores import scores as normalised
from ..runs.spec import data_hash
from ..runs.terminal import progress, say
from .folder import TABLE, Folder

with learn_extra():
    import sb3_contrib
    import stable_baselines3 as sb3
    import torch
    from stable_baselines3.common.callbacks import BaseCallback
    from stable_baselines3.common.logger import configure
    from stable_baselines3.common.running_mean_std import RunningMeanStd
    from stable_baselines3.common.vec_env import VecNormalize

    from ...agents.learned.sb3_env import SB3Env

VALIDATION_SEED = EVALUATION_SEED // 2
"""Seed of the first episode of the curve; training episodes lie below."""
POLICY, CURVE = "policy.safetensors", "curve.csv"
COLUMNS = ("steps", "seconds", "return", "standard_error", "score", "training_return")

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

Check: TypeAlias = Callable[[str, Any], Any]


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


def _or(free: str | None, check: Check) -> Check:
    """Return a check that lets a word, or None, pass as well."""

    def checked(name: str, value: Any) -> Any:
        if value is free or (isinstance(value, str) and value == free):
            return free
        return check(f"{name}, if it is not {free!r},", value)

    return checked


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
    "clip_range_vf": _or(None, WIDTH),
    "normalize_advantage": flag,
    "ent_coef": WEIGHT,
    "vf_coef": WEIGHT,
    "max_grad_norm": WIDTH,
    "target_kl": _or(None, WIDTH),
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
    "ent_coef": _or("auto", WEIGHT),
    "target_update_interval": partial(integer, low=1),
    "target_entropy": _or("auto", partial(real, low=-1000, high=1000)),
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


@dataclass(frozen=True, kw_only=True)
class Training:
    """What is trained, and on how much.

    Args:
        env_id: The environment, ``"discovery/KnowledgeLadder-v0"`` or in short ``"KnowledgeLadder"``.
        env_kwargs: Its parameters, where they differ from the defaults.
        algorithm: One of `ALGORITHMS`.
        steps: Steps to train on, of all episodes together; rounded up to whole rollouts.
        envs: Episodes at once.
        seed: Seed of everything: weights, exploration, episodes.
        evaluations: Points of the curve after the first; each writes the policy and a checkpoint.
        episodes: Episodes behind a point of the curve.
        settings: Settings of the algorithm that differ from ours, by the names of
            stable-baselines3, and those of its policy: ``net_arch``, the sizes of the hidden
            layers, ``activation``, "tanh" or "relu", and ``log_std_init``, the logarithm of the
            spread of continuous actions at first.
        parts: Keys of the observation that the policy sees; none: all of them.
    """

    env_id: str
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    algorithm: str = "maskable-ppo"
    steps: int = 1_000_000
    envs: int = 256
    seed: int = 0
    evaluations: int = 20
    episodes: int = 256
    settings: Mapping[str, Any] = field(default_factory=dict)
    parts: Sequence[str] = ()

    def __post_init__(self) -> None:
        for name, low, high in (
            ("steps", 1, None),
            ("envs", 1, VALIDATION_SEED // 2),
            ("seed", 0, None),
            ("evaluations", 1, None),
            ("episodes", 2, EVALUATION_SEED - VALIDATION_SEED),
        ):
            value = integer(name, getattr(self, name), low=low, high=high)
            object.__setattr__(self, name, value)
        object.__setattr__(self, "env_id", resolve(self.env_id))
        object.__setattr__(self, "parts", tuple(self.parts))
        if self.env_id not in registered():
            raise InputError(
                f"Training takes the environments of this package, got {self.env_id!r}."
            )
        if self.algorithm not in ALGORITHMS:
            raise InputError(
                f"Unknown algorithm {self.algorithm!r}{closest(self.algorithm, ALGORITHMS)} Known "
                f"are {', '.join(ALGORITHMS)}."
            )
        object.__setattr__(self, "settings", self._checked(self.settings))
        self.all_settings()  # they fit each other

    def _checked(self, settings: Any) -> dict[str, Any]:
        """Return the settings that are given, each passed through the check of its value."""
        checks = ALGORITHMS[self.algorithm].checks
        if not isinstance(settings, Mapping):
            raise InputError(f"settings must be names -> values, got {shown(settings)}.")
        for name in settings:
            if name not in checks:
                raise InputError(
                    f"{self.algorithm} has no setting {shown(name)}{closest(str(name), checks)} It "
                    f"takes {', '.join(sorted(checks))}."
                )
        return {name: checks[name](name, value) for name, value in settings.items()}

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

    @property
    def command(self) -> str:
        """The command line that repeats the training."""
        words = ["discovery-gym", "train", self.env_id, "--out", "FOLDER", "--algo", self.algorithm]
        for name in ("steps", "envs", "seed", "evaluations", "episodes"):
            words += [f"--{name}", str(getattr(self, name))]
        if self.env_kwargs:
            words += ["--kwargs", json.dumps(self.env_kwargs)]
        if self.parts:
            words += ["--parts", ",".join(self.parts)]
        for name, value in self.settings.items():
            words += ["--hyper", f"{name}={json.dumps(value)}"]
        return shlex.join(words)


@dataclass(frozen=True)
class Point:
    """A point of the learning curve.

    Args:
        steps: Steps trained on so far.
        seconds: Time spent so far, evaluations included, in all legs of a resumed training.
        mean: Mean return over the episodes of the curve.
        error: Its standard error.
        score: Normalised, random = 0 and the truth = 1; NaN where these are unknown.
        training: Mean return of the last 100 training episodes; NaN before any has ended.
    """

    steps: int
    seconds: float
    mean: float
    error: float
    score: float
    training: float


def train(training: Training, folder: Path) -> list[Point]:
    """Train, or go on with a training that was stopped; return its learning curve.

    A finished training is not trained again.

    Raises:
        InputError: The algorithm does not fit the actions, or its numbers become infinite; the folder
            holds another training or other things, or a damaged checkpoint.
    """
    run = _Run(training, folder)
    try:
        left = training.steps - run.model.num_timesteps
        if left > 0:
            with progress(training.steps, "steps") as update:
                run.model.learn(left, callback=_Watch(run, update), reset_num_timesteps=False)
    except ValueError:  # of torch or of an environment that is given NaN
        run.refuse_nan()
        raise
    finally:
        run.close()
    return run.curve


class _Run:
    """A training in progress: the model, its curve, and the folder they are written to."""

    def __init__(self, training: Training, folder: Path) -> None:
        self.training = training
        self.curve: list[Point] = []
        self.files: dict[str, bytes] = {}
        algorithm = ALGORITHMS[training.algorithm]
        env = gym.make_vec(
            training.env_id,
            num_envs=training.envs,
            vectorization_mode="vector_entry_point",
            **{**training.env_kwargs, "autoreset_mode": "SameStep"},
        )
        self.single: Any = env.unwrapped.model  # type: ignore[attr-defined]
        if not isinstance(self.single.action_space, algorithm.actions):
            fitting = [
                name
                for name, other in ALGORITHMS.items()
                if isinstance(self.single.action_space, other.actions)
            ]
            raise InputError(
                f"{training.algorithm} cannot choose the actions of {training.env_id}, "
                f"{self.single.action_space}; those that can: {', '.join(fitting)}."
            )
        self.random = exact(self.single, "random_value")
        self.best = exact(self.single, "optimal_value")
        visible = SB3Env(env, parts=training.parts)
        self.parts = parts(visible.observation_space)
        scaled = [key for key in self.parts if key != "action_mask"]
        settings = training.all_settings()
        if "n_steps" in settings:
            kept, setting = settings["n_steps"] * training.envs, "n_steps"
        else:  # two observations each, of no more steps than there are
            settings["buffer_size"] = min(settings["buffer_size"], training.steps + training.envs)
            kept, setting = 2 * settings["buffer_size"], "buffer_size"
        room(
            "The steps that are kept",
            kept * spaces.flatdim(visible.observation_space),
            f"take a lower {setting} than {settings[setting]}, or fewer parts of the observation",
            MOST_TOGETHER,
        )
        self.env = VecNormalize(
            visible,
            gamma=settings.get("gamma", 0.99),
            clip_obs=CLIP,
            norm_obs_keys=scaled if scaled != [""] else None,
        )
        self.table = data_hash(training.env_id, training.env_kwargs)
        marked = asdict(training) | ({TABLE: self.table} if self.table else {})
        self.folder = Folder(folder, marked, (POLICY, CURVE))
        stored = self._stored()
        steps = 0 if stored is None else stored["steps"]
        self.model = self._model(algorithm, settings, steps)
        if stored is not None:
            self._restore(stored)
            self.folder.mend(self.files)
        self.earlier = self.curve[-1].seconds if self.curve else 0.0
        self.began = time.perf_counter()
        self.cpu = (0.0 if stored is None else stored["cpu_seconds"]) - time.process_time()

    def _model(self, algorithm: Algorithm, settings: dict[str, Any], steps: int) -> Any:
        """Make the model; where a resumed training goes on, its random numbers are new ones."""
        random = np.random.default_rng([self.training.seed, steps])
        rate = settings.pop("learning_rate")
        network = {"net_arch": [64, 64]} | {
            name: settings.pop(name) for name in ("net_arch", "log_std_init") if name in settings
        }
        if "activation" in settings:
            network["activation_fn"] = ACTIVATIONS[settings.pop("activation")]
        dictionary = isinstance(self.single.observation_space, spaces.Dict)
        return algorithm.make(
            "MultiInputPolicy" if dictionary else "MlpPolicy",
            self.env,
            learning_rate=(lambda left: rate * left) if "n_steps" in settings else rate,
            policy_kwargs=network,
            seed=int(random.integers(VALIDATION_SEED - self.training.envs)),
            device="cpu",
            **settings,
        )

    def close(self) -> None:
        """Close the environments and the files of the log."""
        self.env.close()
        if hasattr(self.model, "_logger"):  # it has one once it has begun to learn
            self.model.logger.close()

    # ---- a point of the curve

    def measure(self) -> Point:
        """Play the episodes of the curve with the policy as it is now; write everything."""
        self.refuse_nan()
        policy, training = self.policy(), self.training
        if data_hash(training.env_id, training.env_kwargs) != self.table:
            raise InputError(
                f"The table of {self.folder.path} has changed while it is trained on; put the old one "
                "back and repeat the command to go on."
            )
        result = evaluate(
            training.env_id,
            PolicyAgent(self.single, path=policy),
            episodes=training.episodes,
            seed=VALIDATION_SEED,
            env_kwargs=training.env_kwargs,
            truth=False,
        )
        known = replace(result, random_value=self.random, optimal_value=self.best)
        scores = normalised(known)
        recent = [episode["r"] for episode in self.model.ep_info_buffer or ()]
        point = Point(
            steps=self.model.num_timesteps,
            seconds=self.earlier + time.perf_counter() - self.began,
            mean=float(result.returns.mean()),
            error=float(result.returns.std(ddof=1) / len(result.returns) ** 0.5),
            score=math.nan if scores is None else float(scores.mean()),
            training=float(np.mean(recent)) if recent else math.nan,
        )
        best = max((other.mean for other in self.curve), default=-math.inf)
        self.curve.append(point)
        if point.mean >= best or POLICY not in self.files:
            self.files[POLICY] = policy.to_bytes()
        self.files[CURVE] = self._csv().encode()
        self.folder.save(self._state(), self.files)
        return point

    def refuse_nan(self) -> None:
        """Raise `InputError` if the networks are no longer made of finite numbers."""
        if not all(bool(p.isfinite().all()) for p in self.model.policy.parameters()):
            raise InputError(
                f"The training came to infinite numbers after {self.model.num_timesteps:,} steps; take "
                "a lower learning_rate or max_grad_norm, in a new folder."
            )

    def policy(self) -> Policy:
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
            layers=tuple(
                (m.weight.detach().numpy().copy(), m.bias.detach().numpy().copy())
                for m in modules
                if isinstance(m, torch.nn.Linear)
            ),
            activation=next(  # the last one of TD3 is that of its action
                (name for m in modules for name, kind in ACTIVATIONS.items() if type(m) is kind),
                "tanh",
            ),
            head="scores" if finite else "action" if hasattr(net, "mlp_extractor") else "tanh",
            about={
                **asdict(self.training),
                "command": self.training.command,
                "trained": self.model.num_timesteps,
                "cpu_seconds": round(self.cpu + time.process_time(), 2),
                "versions": versions("stable-baselines3", "sb3-contrib", "torch"),
            },
        )

    def _observed(self) -> dict[str, RunningMeanStd]:
        """Return the running moments of each part of the observation."""
        rms = self.env.obs_rms
        return dict(rms) if isinstance(rms, dict) else {"": rms}

    def _csv(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        for point in self.curve:
            writer.writerow(f"{value:.10g}" for value in asdict(point).values())
        return text.getvalue()

    # ---- the state: tensors and numbers, which torch's loader reads without running anything

    def _state(self) -> bytes:
        moments = {**self._observed(), "return": self.env.ret_rms}
        entropy = getattr(self.model, "log_ent_coef", None)  # SAC learns it beside its networks
        buffer = io.BytesIO()
        torch.save(
            {
                "steps": self.model.num_timesteps,
                "cpu_seconds": self.cpu + time.process_time(),
                "curve": [list(asdict(point).values()) for point in self.curve],
                "parameters": self.model.get_parameters(),
                "log_ent_coef": None if entropy is None else entropy.detach(),
                "moments": {
                    key: [torch.as_tensor(rms.mean), torch.as_tensor(rms.var), rms.count]
                    for key, rms in moments.items()
                },
            },
            buffer,
        )
        return buffer.getvalue()

    def _stored(self) -> dict[str, Any] | None:
        """Return what the checkpoint holds, or None where there is none."""
        found = self.folder.load()
        if found is None:
            return None
        state, self.files = found
        try:
            stored: dict[str, Any] = torch.load(
                io.BytesIO(state), map_location="cpu", weights_only=True
            )
            self.curve = [Point(int(steps), *map(float, rest)) for steps, *rest in stored["curve"]]
            if self.curve[-1].steps != stored["steps"] or not stored["cpu_seconds"] >= 0:
                raise ValueError("its numbers do not fit")
        except Exception as error:  # torch raises what its unpickler and its archive raise
            raise self.folder.damaged(error) from None
        return stored

    def _restore(self, stored: dict[str, Any]) -> None:
        try:
            self.model.set_parameters(stored["parameters"], device="cpu")
            if stored["log_ent_coef"] is not None:
                self.model.log_ent_coef.data.copy_(stored["log_ent_coef"])
            for key, rms in {**self._observed(), "return": self.env.ret_rms}.items():
                mean, var, rms.count = stored["moments"][key]
                rms.mean, rms.var = mean.numpy(), var.numpy()
            self.model.num_timesteps = stored["steps"]
        except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:
            raise self.folder.damaged(error) from None
        if hasattr(self.model, "learning_starts"):  # an empty memory is filled first
            self.model.learning_starts += stored["steps"]


class _Watch(BaseCallback):
    """Says how far the training is and measures the points of the curve, between two rollouts."""

    def __init__(self, run: _Run, update: Callable[[int, str], None]) -> None:
        super().__init__()
        self.run, self.update = run, update
        self.every = run.training.steps / run.training.evaluations

    def _on_training_start(self) -> None:
        formats = ["csv"] + ["tensorboard"] * (importlib.util.find_spec("tensorboard") is not None)
        log = self.run.folder.path / "log" / str(self.num_timesteps)
        with writing_to(self.run.folder.path):
            self.model.set_logger(configure(str(log), formats))

    def _on_rollout_start(self) -> None:
        curve, steps = self.run.curve, self.model.num_timesteps
        if not curve or steps // self.every > curve[-1].steps // self.every:
            self._measure()

    def _on_step(self) -> bool:
        self.update(self.num_timesteps, "")
        return True

    def _on_training_end(self) -> None:
        if self.run.curve[-1].steps < self.model.num_timesteps:
            self._measure()

    def _measure(self) -> None:
        point = self.run.measure()
        for name in ("mean", "score"):
            self.logger.record(f"curve/{name}", getattr(point, name))
        self.update(point.steps, "")
        score = "" if math.isnan(point.score) else f", score {point.score:.4f}"
        say(
            f"{point.steps:>11,} steps, {point.seconds:6.0f} s: return {point.mean:.4g} "
            f"± {point.error:.2g}{score}"
        )
