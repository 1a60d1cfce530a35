"""Tianshou 2: its PPO on single environments, side by side in its own vector environment.

Run it with the number of epochs of 4096 steps: ``python with_tianshou.py 8``.
"""

import sys

import gymnasium as gym
import torch
from gymnasium.wrappers import RescaleObservation
from tianshou.algorithm import PPO
from tianshou.algorithm.modelfree.reinforce import DiscreteActorPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.trainer import OnPolicyTrainerParams
from tianshou.utils.net.common import Net
from tianshou.utils.net.discrete import DiscreteActor, DiscreteCritic

import discovery_gym  # noqa: F401  (registers the environments)

EPOCHS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
EPISODES = 32
LADDER = {"target": 4, "p_scale": 10.0, "batch_sizes": (1, 8), "horizon": 12}
PRIZES = {"cost_per_experiment": 0.3, "target_reward": 60.0}


def make() -> gym.Env:
    """Return a ladder with a prize at the top, its observations between -1 and 1."""
    env = gym.make("discovery/KnowledgeLadder-v0", **LADDER, **PRIZES)
    return RescaleObservation(env, -1.0, 1.0)


torch.manual_seed(0)
envs, tests, one = DummyVectorEnv([make] * EPISODES), DummyVectorEnv([make] * EPISODES), make()
envs.seed(0), tests.seed(1000)
actor, critic = (Net(state_shape=one.observation_space.shape, hidden_sizes=[64]) for _ in "ac")
policy = DiscreteActorPolicy(
    actor=DiscreteActor(
        preprocess_net=actor, action_shape=one.action_space.n, softmax_output=False
    ),
    action_space=one.action_space,
    deterministic_eval=True,
)
algorithm = PPO(
    policy=policy,
    critic=DiscreteCritic(preprocess_net=critic),
    optim=AdamOptimizerFactory(lr=1e-3),
    gamma=1.0,
    return_scaling=True,
)
test = Collector(algorithm, tests)
first = test.collect(n_episode=256, reset_before_collect=True).returns_stat.mean
result = algorithm.run_training(
    OnPolicyTrainerParams(
        training_collector=Collector(algorithm, envs, VectorReplayBuffer(8192, EPISODES)),
        test_collector=test,
        max_epochs=EPOCHS,
        epoch_num_steps=4096,
        collection_step_num_env_steps=2048,
        test_step_num_episodes=256,
        batch_size=256,
        update_step_num_repetitions=4,
        show_progress=False,
        verbose=False,
    )
)
model = one.unwrapped.model
print(f"return {first:.1f} at first, {result.best_reward:.1f} at best")
print(f"random {model.random_value():.1f}, optimum {model.optimal_value():.1f}")
