"""RLlib: its PPO on a native vector environment by its id. RLlib pins gymnasium 1.2.2.

Run it with the number of iterations: ``python with_rllib.py 20``.
"""

import sys

import gymnasium as gym
import ray
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.connectors.env_to_module import MeanStdFilter
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig

import discovery_gym  # noqa: F401  (registers the environments)

ITERATIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 20
LADDER = {"target": 4, "p_scale": 10.0, "batch_sizes": (1, 8), "horizon": 12}
PRIZES = {"cost_per_experiment": 0.3, "target_reward": 60.0}

ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
config = (
    PPOConfig()
    # The prefix has workers import the package, which registers the environments there as well.
    .environment("discovery_gym:discovery/KnowledgeLadder-v0", env_config=LADDER | PRIZES)
    .env_runners(
        num_env_runners=0,
        num_envs_per_env_runner=16,
        gym_env_vectorize_mode="vector_entry_point",  # natively, all episodes in one step
        env_to_module_connector=lambda *_, **__: MeanStdFilter(),
    )
    .rl_module(model_config=DefaultModelConfig(fcnet_hiddens=[64, 64]))
    .training(
        gamma=1.0,
        lr=1e-3,
        train_batch_size=2048,
        minibatch_size=256,
        num_epochs=4,
        vf_clip_param=1e4,
    )
    .debugging(seed=0)
)
algorithm = config.build_algo()
returns = [algorithm.train()["env_runners"]["episode_return_mean"] for _ in range(ITERATIONS)]
algorithm.stop()
ray.shutdown()

model = gym.make("discovery/KnowledgeLadder-v0", **LADDER, **PRIZES).unwrapped.model
print(f"return {returns[0]:.1f} at first, {returns[-1]:.1f} at last")
print(f"random {model.random_value():.1f}, optimum {model.optimal_value():.1f}")
