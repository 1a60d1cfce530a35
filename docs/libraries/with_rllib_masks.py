"""RLlib: its PPO with its own masking module, on a pool. RLlib pins gymnasium 1.2.2.

The module reads ``observations`` and ``action_mask``. With ``illegal="raise"`` an item chosen twice
would end the program. Run it with the number of iterations: ``python with_rllib_masks.py 15``.
"""

import sys

import gymnasium as gym
import numpy as np
import ray
from ray.rllib.algorithms.ppo import PPOConfig
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.examples.rl_modules.classes.action_masking_rlm import ActionMaskingTorchRLModule
from ray.tune.registry import register_env

ITERATIONS = int(sys.argv[1]) if len(sys.argv) > 1 else 15
ITEMS = 10
POOL = {
    "features": np.eye(ITEMS),
    "labels": np.random.default_rng(1).permutation(ITEMS) / ITEMS,
    "horizon": 5,
    "illegal": "raise",
}


def make(config: dict) -> gym.Env:
    """Return a pool with the parts ``observations`` and ``action_mask``."""
    from discovery_gym.envs.wrappers import NamedParts  # also in workers: registers the ids

    return NamedParts(gym.make("discovery/TablePool-v0", **config))


register_env("masked_pool", make)
ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
config = (
    PPOConfig()
    .environment("masked_pool", env_config=POOL)
    .env_runners(num_env_runners=0, num_envs_per_env_runner=16)
    .rl_module(
        rl_module_spec=RLModuleSpec(
            module_class=ActionMaskingTorchRLModule,
            model_config=DefaultModelConfig(fcnet_hiddens=[64], head_fcnet_hiddens=[64]),
        )
    )
    .training(gamma=1.0, lr=3e-3, train_batch_size=1024, minibatch_size=256, num_epochs=4)
    .debugging(seed=0)
)
algorithm = config.build_algo()
returns = [algorithm.train()["env_runners"]["episode_return_mean"] for _ in range(ITERATIONS)]
algorithm.stop()
ray.shutdown()

model = make(POOL).unwrapped.model
print(f"return {returns[0]:.2f} at first, {returns[-1]:.2f} at last")
print(f"random {model.random_value():.2f}, optimum {model.optimal_value():.2f}")
