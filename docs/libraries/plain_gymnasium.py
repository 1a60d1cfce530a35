"""Plain Gymnasium: a thousand episodes at once, random legal choices, statistics by a wrapper."""

import gymnasium as gym
import numpy as np
from gymnasium.wrappers.vector import RecordEpisodeStatistics

import discovery_gym  # noqa: F401  (registers the environments)

EPISODES = 1000

envs = RecordEpisodeStatistics(
    gym.make_vec("discovery/LinearPool-v0", num_envs=EPISODES, num_items=50, horizon=10)
)
random = np.random.default_rng(0)
_, info = envs.reset(seed=0)
ended = np.zeros(EPISODES, bool)
while not ended.all():
    chances = random.random((EPISODES, 50)) * info["action_mask"]  # 0 where an item is taken
    _, _, ended, _, info = envs.step(chances.argmax(1))
returns = info["episode"]["r"]
exact = envs.unwrapped.model.random_value()
error = returns.std() / EPISODES**0.5
print(f"return {returns.mean():.2f} ± {error:.2f}, exactly {exact:.2f} in the mean")
