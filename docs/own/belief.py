"""A model with a belief of its own: items belong to groups in turn, each of which has one value."""

from dataclasses import dataclass

import numpy as np

from discovery_gym.agents import Arrivals, Belief
from discovery_gym.envs.core import environments, register
from discovery_gym.envs.pools import Labels, Pool


@dataclass(frozen=True, kw_only=True, eq=False)
class Groups(Pool[Labels]):
    """Find the best group; values are N(0, 1), drawn for every episode."""

    num_items: int = 24
    groups: int = 4
    noise_std: float = 0.5
    beliefs = (f"{__name__}:ByGroup",)

    def new_state(self, num_episodes):
        return Labels(**self.common(np.zeros((num_episodes, self.num_items))))

    def reset(self, state, index, streams):
        for i in index:
            values = streams.generators[i].standard_normal(self.groups)
            state.values[i] = np.resize(values, self.num_items)
        super().reset(state, index, streams)

    def random_value(self):
        return 0.0


class ByGroup(Belief):
    """Independent normal values of the groups."""

    @classmethod
    def fits(cls, model):
        return isinstance(model, Groups)

    def __init__(self, model, num_episodes):
        self.model, self.group = model, np.arange(model.num_items) % model.groups

    def update(self, observation, start):
        came = Arrivals.of(observation)
        same = (self.group[came.items][:, :, None] == self.group) & (came.items >= 0)[:, :, None]
        self.precision = 1 + same.sum(1) / self.model.noise_std**2
        self.total = np.einsum("bt,btn->bn", came.labels, same) / self.model.noise_std**2

    def mean(self):
        return self.total / self.precision

    def std(self):
        return self.precision**-0.5

    def sample(self, count, random):
        z = random.standard_normal((len(self.total), count, self.model.groups))
        return self.mean()[:, None] + self.std()[:, None] * z[:, :, self.group]


GroupsEnv, GroupsVectorEnv = environments(Groups)
register("lab/Groups-v0", Groups)
