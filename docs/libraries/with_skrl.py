"""skrl: its PPO on a native vector environment, with continuous settings.

skrl asks for the name of the wrapper. Its Gaussian policy steps outside of the box; the environment
clips. Run it with the number of steps, each of 64 episodes: ``python with_skrl.py 1000``.
"""

import sys

import gymnasium as gym
import torch
from skrl.agents.torch.ppo import PPO, PPO_CFG
from skrl.envs.wrappers.torch import wrap_env
from skrl.memories.torch import RandomMemory
from skrl.models.torch import DeterministicMixin, GaussianMixin, Model
from skrl.trainers.torch import SequentialTrainer
from torch import nn

import discovery_gym  # noqa: F401  (registers the environments)

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
EPISODES, ROLLOUT = 64, 20

torch.manual_seed(0)
envs = gym.make_vec(
    "discovery/LinearGaussianDesign-v0",
    num_envs=EPISODES,
    horizon=5,
    autoreset_mode="SameStep",  # an episode restarts in the step that ends it
)


class Totals(gym.vector.VectorWrapper):
    """Keeps the returns of the episodes that have ended."""

    running, ended = torch.zeros(EPISODES), []

    def step(self, actions: torch.Tensor) -> tuple:
        """Play the actions and add up the rewards."""
        out = super().step(actions)
        self.running += torch.as_tensor(out[1])
        self.ended += self.running[out[2]].tolist()
        self.running[out[2]] = 0.0
        return out


env = wrap_env(Totals(envs), wrapper="gymnasium")
spaces = {"observation_space": env.observation_space, "action_space": env.action_space}


def layers(inputs: int, outputs: int) -> nn.Sequential:
    """Return a small perceptron."""
    return nn.Sequential(nn.Linear(inputs, 64), nn.Tanh(), nn.Linear(64, outputs))


class Policy(GaussianMixin, Model):
    """A Gaussian law of settings."""

    def __init__(self) -> None:
        Model.__init__(self, **spaces)
        GaussianMixin.__init__(self)
        self.net = layers(self.num_observations, self.num_actions)
        self.log_std = nn.Parameter(torch.zeros(self.num_actions))

    def compute(self, inputs: dict, role: str) -> tuple:
        """Return the means of settings."""
        return self.net(inputs["observations"].clamp(-10, 10)), {"log_std": self.log_std}


class Value(DeterministicMixin, Model):
    """What the rest of an episode is worth."""

    def __init__(self) -> None:
        Model.__init__(self, **spaces)
        DeterministicMixin.__init__(self)
        self.net = layers(self.num_observations, 1)

    def compute(self, inputs: dict, role: str) -> tuple:
        """Return the values."""
        return self.net(inputs["observations"].clamp(-10, 10)), {}


config = PPO_CFG(rollouts=ROLLOUT, mini_batches=4, discount_factor=1.0, learning_rate=3e-3)
config.experiment.write_interval = config.experiment.checkpoint_interval = 0
agent = PPO(
    models={"policy": Policy(), "value": Value()},
    memory=RandomMemory(memory_size=ROLLOUT, num_envs=EPISODES),
    cfg=config,
    **spaces,
)
trainer = SequentialTrainer(
    env=env, agents=agent, cfg={"timesteps": STEPS, "headless": True, "disable_progressbar": True}
)
trainer.train()

few, model = EPISODES * 4, envs.model
first, last = (sum(part) / len(part) for part in (Totals.ended[:few], Totals.ended[-few:]))
print(f"return {first:.2f} at first, {last:.2f} at last")
print(f"random {model.random_value():.2f}, optimum {model.optimal_value():.2f}")
