"""TorchRL: its PPO loss on a native vector environment, with masked choices.

TorchRL takes Gymnasium's vector environments as they are and reads the mask from the observation. The
pool is one small table, the same in all episodes: the policy learns by heart which items are best.
Run it with the number of rollouts: ``python with_torchrl.py 40``.
"""

import sys

import gymnasium as gym
import numpy as np
import torch
from tensordict.nn import TensorDictModule, TensorDictSequential
from torch import nn
from torchrl.envs import GymWrapper
from torchrl.modules import MaskedCategorical, ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

import discovery_gym  # noqa: F401  (registers the environments)

ROLLOUTS = int(sys.argv[1]) if len(sys.argv) > 1 else 40
ITEMS, HORIZON, EPISODES = 10, 5, 256
SEEN = ["action_mask", "labelled", "labels", "steps_left"]

torch.manual_seed(0)
envs = gym.make_vec(
    "discovery/TablePool-v0",
    num_envs=EPISODES,
    features=np.eye(ITEMS),
    labels=np.random.default_rng(1).permutation(ITEMS) / ITEMS,
    horizon=HORIZON,
    autoreset_mode="SameStep",
)
env = GymWrapper(envs, categorical_action_encoding=True)
env.set_seed(0)


class Join(nn.Module):
    """A perceptron on all parts of the observation together."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.LazyLinear(64), nn.Tanh(), nn.Linear(64, outputs))

    def forward(self, *parts: torch.Tensor) -> torch.Tensor:
        """Return ``(..., outputs)``."""
        return self.net(torch.cat([part.float() for part in parts], -1))


actor = ProbabilisticActor(
    TensorDictSequential(
        TensorDictModule(lambda mask: mask.bool(), in_keys=["action_mask"], out_keys=["mask"]),
        TensorDictModule(Join(ITEMS), in_keys=SEEN, out_keys=["logits"]),
    ),
    in_keys=["logits", "mask"],
    distribution_class=MaskedCategorical,
    return_log_prob=True,
)
critic = ValueOperator(Join(1), in_keys=SEEN)
advantage = GAE(gamma=1.0, lmbda=0.95, value_network=critic)
with torch.no_grad():  # the first pass makes the layers
    start = env.reset()
    actor(start), critic(start)
loss = ClipPPOLoss(actor, critic, entropy_coeff=0.003)
optimiser = torch.optim.Adam(loss.parameters(), lr=3e-3)

returns = []
for _ in range(ROLLOUTS):
    with torch.no_grad():
        frames = env.rollout(2 * HORIZON, actor, break_when_any_done=False)
        returns.append(float(frames["next", "reward"].sum()) / (2 * EPISODES))
        advantage(frames)
    for _ in range(4):
        terms = loss(frames.reshape(-1))
        optimiser.zero_grad()
        sum(terms[f"loss_{part}"] for part in ("objective", "critic", "entropy")).backward()
        optimiser.step()

print(f"return {returns[0]:.2f} at first, {returns[-1]:.2f} at last")
model = envs.unwrapped.model
print(f"random {model.random_value():.2f}, optimum {model.optimal_value():.2f}")
