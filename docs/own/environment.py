"""A pool with its truth, on a belief that exists: labels are theta x^2, with theta ~ N(0, 1)."""

from dataclasses import dataclass

import numpy as np

from discovery_gym.envs.core import environments, register
from discovery_gym.envs.pools import FeatureLabels, FeaturePool


@dataclass(frozen=True, kw_only=True, eq=False)
class Squares(FeaturePool):
    """Find the items with the largest labels, whose sign is the same for all."""

    num_items: int = 30
    num_features, prior_std, feature_range, beliefs = 1, 1.0, (0.0, 1.0), ("linear",)

    def new_state(self, num_episodes):
        x = np.tile(np.linspace(0, 1, self.num_items) ** 2, (num_episodes, 1))
        return FeatureLabels(features=np.float32(x), **self.common(x))

    def reset(self, state, index, streams):
        for i in index:  # an episode draws from its own generator
            state.values[i] = state.features[i] * streams.generators[i].standard_normal()
        super().reset(state, index, streams)

    def random_value(self):
        return 0.0

    def optimal_value(self):  # the largest squares if theta > 0, the smallest if not
        x = np.linspace(0, 1, self.num_items) ** 2
        best = x[-self.horizon :].sum() - x[: self.horizon].sum()
        return self.kept * best / (2 * np.pi) ** 0.5  # kept: the labels that are not lost


SquaresEnv, SquaresVectorEnv = environments(Squares)
register("lab/Squares-v0", Squares)
