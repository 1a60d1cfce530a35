"""PPO in one file of plain torch, in the style of CleanRL, on a native vector environment.

The ladder pays a prize at the top, and large batches cost: the policy learns when they are worth it.
Run it with the number of steps: ``python ppo.py 300000``.
"""

import sys

import gymnasium as gym
import numpy as np
import torch
from torch import nn
from torch.distributions import Categorical

import discovery_gym  # noqa: F401  (registers the environments)

STEPS = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
EPISODES, LENGTH, EPOCHS, BATCHES = 128, 32, 4, 4
LADDER = {"target": 4, "p_scale": 10.0, "batch_sizes": (1, 8), "horizon": 12}
PRIZES = {"cost_per_experiment": 0.3, "target_reward": 60.0}

torch.manual_seed(0)
envs = gym.make_vec(
    "discovery/KnowledgeLadder-v0",
    num_envs=EPISODES,
    autoreset_mode="SameStep",  # an episode restarts in the step that ends it
    **LADDER,
    **PRIZES,
)
# Boxes are in natural units and have finite bounds: these make the scale.
high = torch.as_tensor(envs.single_observation_space.high)
actions = int(envs.single_action_space.n)


def network(outputs: int, scale: float) -> nn.Sequential:
    """Return a small perceptron whose last layer starts small."""
    layers = [nn.Linear(len(high), 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh()]
    last = nn.Linear(64, outputs)
    nn.init.orthogonal_(last.weight, scale)
    return nn.Sequential(*layers, last)


actor, critic = network(actions, 0.01), network(1, 1.0)
optimiser = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=1e-3)


def look(observation: np.ndarray) -> torch.Tensor:
    """Return observations on the scale of -1 to 1."""
    return 2 * torch.as_tensor(observation) / high - 1


def choices(seen: torch.Tensor, legal: torch.Tensor) -> Categorical:
    """Return the distribution over legal actions."""
    return Categorical(logits=actor(seen).masked_fill(~legal, -torch.inf))


observation, _ = envs.reset(seed=0)
running, finished = np.zeros(EPISODES), []
for _ in range(max(1, STEPS // (EPISODES * LENGTH))):
    seen = torch.empty(LENGTH, EPISODES, len(high))
    legal = torch.empty(LENGTH, EPISODES, actions, dtype=torch.bool)
    chosen = torch.empty(LENGTH, EPISODES, dtype=torch.long)
    rewards, going, logs = (torch.empty(LENGTH, EPISODES) for _ in range(3))
    for t in range(LENGTH):
        seen[t], legal[t] = look(observation), torch.as_tensor(envs.unwrapped.action_masks())
        with torch.no_grad():
            policy = choices(seen[t], legal[t])
            chosen[t] = policy.sample()
            logs[t] = policy.log_prob(chosen[t])
        observation, reward, ended, _, _ = envs.step(chosen[t].numpy())
        rewards[t], going[t] = torch.as_tensor(reward / 60.0), torch.as_tensor(~ended)
        running += reward
        finished += running[ended].tolist()
        running[ended] = 0.0

    with torch.no_grad():  # generalised advantages; a budget is part of the problem: no bootstrap
        values = critic(torch.cat([seen, look(observation)[None]])).squeeze(-1)
        advantages, last = torch.empty(LENGTH, EPISODES), torch.zeros(EPISODES)
        for t in reversed(range(LENGTH)):
            error = rewards[t] + going[t] * values[t + 1] - values[t]
            advantages[t] = last = error + 0.95 * going[t] * last
    flat = [x.flatten(0, 1) for x in (seen, legal, chosen, logs, advantages)]
    targets = (advantages + values[:-1]).flatten()

    for _ in range(EPOCHS):
        for index in torch.randperm(len(targets)).chunk(BATCHES):
            s, m, a, old, gain = (x[index] for x in flat)
            policy = choices(s, m)
            ratio = (policy.log_prob(a) - old).exp()
            gain = (gain - gain.mean()) / (gain.std() + 1e-8)
            surrogate = torch.min(ratio * gain, ratio.clamp(0.8, 1.2) * gain).mean()
            miss = (critic(s).squeeze(-1) - targets[index]).square().mean()
            loss = -surrogate + 0.5 * miss - 0.003 * policy.entropy().mean()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_([*actor.parameters(), *critic.parameters()], 0.5)
            optimiser.step()

model = envs.unwrapped.model
first, last = (np.mean(part) for part in (finished[:200], finished[-200:]))
print(f"return {first:.1f} at first, {last:.1f} at last")
print(f"random {model.random_value():.1f}, optimum {model.optimal_value():.1f}")
