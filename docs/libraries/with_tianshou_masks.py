"""Tianshou 2: its Q-learning with masks, on a pool that labels two items at once.

The batch is played item by item, so that the masks are exact, and the parts of the observation get
the names that Tianshou reads. With ``illegal="raise"`` an item chosen twice would end the program.
Run it with the number of epochs of 2048 steps: ``python with_tianshou_masks.py 8``.
"""

import sys

import gymnasium as gym
import numpy as np
import torch
from tianshou.algorithm import DQN
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.trainer import OffPolicyTrainerParams
from tianshou.utils.net.common import Net

import discovery_gym  # noqa: F401  (registers the environments)
from discovery_gym.envs.wrappers import NamedParts, OneByOne

EPOCHS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
ITEMS, EPISODES = 10, 32
POOL = {
    "features": np.eye(ITEMS),
    "labels": np.random.default_rng(1).permutation(ITEMS) / ITEMS,
    "horizon": 6,
    "batch_size": 2,
    "illegal": "raise",
}


def make() -> gym.Env:
    """Return a pool with the parts ``obs`` and ``mask``."""
    return NamedParts(OneByOne(gym.make("discovery/TablePool-v0", **POOL)), "obs", "mask")


torch.manual_seed(0), np.random.seed(0)  # noqa: NPY002  (Tianshou explores by it)
envs, tests, one = DummyVectorEnv([make] * EPISODES), DummyVectorEnv([make] * EPISODES), make()
envs.seed(0), tests.seed(1000)
policy = DiscreteQLearningPolicy(
    model=Net(
        state_shape=one.observation_space["obs"].shape, action_shape=ITEMS, hidden_sizes=[64]
    ),
    action_space=one.action_space,
    eps_training=0.2,
)
algorithm = DQN(
    policy=policy, optim=AdamOptimizerFactory(lr=1e-3), gamma=1.0, target_update_freq=100
)
test = Collector(algorithm, tests)
first = test.collect(n_episode=32, reset_before_collect=True).returns_stat.mean
result = algorithm.run_training(
    OffPolicyTrainerParams(
        training_collector=Collector(algorithm, envs, VectorReplayBuffer(20_000, EPISODES)),
        test_collector=test,
        max_epochs=EPOCHS,
        epoch_num_steps=2048,
        collection_step_num_env_steps=4 * EPISODES,
        update_step_num_gradient_steps_per_sample=0.1,
        test_step_num_episodes=32,
        batch_size=128,
        show_progress=False,
        verbose=False,
    )
)
model = one.unwrapped.model
print(f"return {first:.2f} at first, {result.best_reward:.2f} at best")
print(f"random {model.random_value():.2f}, optimum {model.optimal_value():.2f}")
