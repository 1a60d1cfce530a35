"""Minari: the episodes of an agent as a data set for offline learning, written and read again.

Run it with the number of episodes: ``python with_minari.py 100``. Data sets lie in the folder that
MINARI_DATASETS_PATH names; here it is one that does not stay.
"""

import os
import sys
import tempfile

import gymnasium as gym
import minari

from discovery_gym.agents import make

EPISODES = int(sys.argv[1]) if len(sys.argv) > 1 else 100

with tempfile.TemporaryDirectory() as folder:
    os.environ["MINARI_DATASETS_PATH"] = folder
    pool = gym.make("discovery/LinearPool-v0", num_items=30, num_features=4, horizon=8)
    env = minari.DataCollector(pool, data_format="arrow")
    agent = make("greedy", pool)
    for seed in range(EPISODES):
        observation, _ = env.reset(seed=seed)
        state, ended = None, False
        while not ended:
            action, state = agent.predict(observation, state)
            observation, _, ended, _, _ = env.step(action)
    env.create_dataset(
        "discovery/linear-pool/greedy-v0", algorithm_name="greedy", description="An example."
    )
    env.close()

    data = minari.load_dataset("discovery/linear-pool/greedy-v0")
    assert data.recover_environment().spec.kwargs == pool.spec.kwargs
    returns = [episode.rewards.sum() for episode in data.iterate_episodes()]
    print(f"return {sum(returns) / len(returns):.2f} of {len(returns)} episodes in the data set")
    model = pool.unwrapped.model
    print(f"random {model.random_value():.2f}, oracle {model.optimal_value():.2f}")
