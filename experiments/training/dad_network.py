"""The network of deep adaptive design: a sum over the encoded rounds, and a head on it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.linalg import block_diag

from ...agents.learned import learn_extra
from ...agents.learned.policy import CLIP, HISTORY, LEFT, Layer, Policy
from ...envs.core.arrays import Single
from ...envs.design.design import DesignModel
from .dad_episodes import Episodes, tensor
from .tensors import layers

with learn_extra():
    import torch
    from torch import Tensor, nn


class Network(nn.Module):
    """An encoder that all rounds share, and a head on the sum of the codes and the other parts.

    The head is a perceptron with a linear path beside it, so that it can be as exact as the settings
    must be; `policy` makes both one perceptron.

    Args:
        model: The environment.
        episodes: Its simulation, which says what the network takes.
        code: Width of the code of a round.
        hidden: Width of the hidden layers.
    """

    def __init__(
        self, model: DesignModel[Any], episodes: type[Episodes], code: int, hidden: int
    ) -> None:
        super().__init__()
        self.model, self.episodes, self.code = model, episodes, code
        spaces: Any = model.observation_space
        self.sizes = {key: spaces[key].shape[0] for key in episodes.parts}
        history = sum(self.sizes.pop(key) for key in HISTORY) // model.horizon
        inputs = sum(self.sizes.values()) + code
        low, high = model.ranges
        self.middle, self.half = tensor((high + low) / 2), tensor((high - low) / 2)
        self.encoder = _perceptron(history, hidden, code)
        self.head = _perceptron(inputs, hidden, hidden, len(low))
        self.path = nn.Linear(inputs, len(low), bias=False)
        self._begin()

    def _begin(self) -> None:
        model, episodes = self.model, self.episodes
        with torch.no_grad():
            self.encoder[-1].weight.div_(model.horizon**0.5)  # T of them are summed
            self.head[-1].weight.mul_(episodes.spread)
            self.head[-1].bias.zero_()
            self.path.weight.zero_()
            ends = dict(zip(self.sizes, itertools.accumulate(self.sizes.values()), strict=True))
            for (key, index, knob), slope in episodes.start.items():
                row = list(model.knobs).index(knob)
                scale = episodes.scaling[key][1][index]
                self.path.weight[row, ends[key] - self.sizes[key] + index] = (
                    slope * scale / self.half[row]
                )

    def scaled(self, key: str, part: Tensor) -> Tensor:
        """Return a part of the observation, or of a round, normalised."""
        if key not in self.episodes.scaling:
            return part
        mean, scale = map(torch.tensor, self.episodes.scaling[key])
        return ((part - mean) / scale).clamp(-CLIP, CLIP)

    def encode(self, setting: Tensor, outcome: Tensor) -> Tensor:
        """Return the code of a round, ``(B, code)``."""
        pairs = zip(HISTORY, (setting, outcome), strict=True)
        return self.encoder(torch.cat([self.scaled(key, part) for key, part in pairs], 1))

    def forward(self, codes: Tensor, left: int, belief: Tensor | None) -> Tensor:
        """Return the next settings, ``(B, d)``, by the sum of the codes, ``(B, code)``."""
        parts = {LEFT: torch.full((len(codes), 1), float(left)), "belief": belief}
        inputs = [self.scaled(key, parts[key]) for key in self.sizes]
        h = torch.cat([*inputs, codes], 1)
        setting = self.middle + self.half * (self.head(h) + self.path(h)).clamp(-1, 1)
        if setting.requires_grad and self.episodes.longest < math.inf:
            setting.register_hook(self.shorten)
        return setting

    def shorten(self, gradient: Tensor) -> Tensor:
        """Return a gradient of the mean over episodes by their settings, none of them too long."""
        length = len(gradient) * gradient.norm(dim=1, keepdim=True)
        return gradient * (self.episodes.longest / length.clamp_min(1e-12)).clamp_max(1)

    def policy(self, about: Mapping[str, Any]) -> Policy:
        """Return the policy as it is now."""
        spaces: Any = self.model.observation_space
        parts = {key: spaces[key].shape for key in self.episodes.parts}
        scaling = {
            key: (np.resize(mean, parts[key]), np.resize(scale, parts[key]))
            for key, (mean, scale) in self.episodes.scaling.items()
        }
        return Policy(
            parts=parts,
            scaling=scaling,
            encoder=layers(self.encoder),
            layers=_beside(layers(self.head), self.path.weight.detach().numpy()),
            activation="relu",
            head="action",
            about=about,
        )


def _perceptron(*sizes: int) -> nn.Sequential:
    modules: list[nn.Module] = []
    for a, b in itertools.pairwise(sizes):
        modules += [nn.Linear(a, b), nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def _beside(layers: tuple[Layer, ...], path: Single) -> tuple[Layer, ...]:
    """Return the layers with a linear path beside them, ``(out, in)``: x = max(x, 0) - max(-x, 0)."""
    (first, shift), *between, (last, bias) = layers
    n = len(path)
    carry = np.eye(2 * n, dtype=np.float32)
    return (
        (np.concatenate([first, path, -path]), np.pad(shift, (0, 2 * n))),
        *((block_diag(w, carry), np.pad(b, (0, 2 * n))) for w, b in between),
        (np.concatenate([last, carry[:n, :n], -carry[:n, :n]], 1), bias),
    )
