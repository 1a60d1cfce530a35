"""Models, beliefs and rules with a fault each, for the checks that must find it."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np

from discovery_gym.agents import Arrivals, Rule, best
from discovery_gym.agents.beliefs import Linear
from discovery_gym.envs.core import environments
from discovery_gym.envs.pools.unstructured_pool import UnstructuredPool


@dataclass(frozen=True, kw_only=True, eq=False)
class Sound(UnstructuredPool):
    """As it should be; those below have one fault each."""

    num_items: int | None = 30
    horizon: int | None = 6


class Neighbourly(Sound):
    """The reward of an episode depends on who is played beside it."""

    def step(self, state: Any, action: Any, streams: Any, done: Any = None) -> Any:
        reward, ended = super().step(state, action, streams, done)
        return reward - reward.mean() / 2, ended


class Boastful(Sound):
    """The optimal value is too high by a tenth."""

    def optimal_value(self) -> float:
        return 1.1 * super().optimal_value()


class Unlucky(Sound):
    """The random value is too low."""

    def random_value(self) -> float:
        return 0.9 * super().random_value()


class Leaky(Sound):
    """The model, which agents are given, keeps the values."""

    def reset(self, state: Any, index: Any, streams: Any) -> None:
        super().reset(state, index, streams)
        self._set(last=state.values.copy())


class Transparent(Sound):
    """An observation is a view of an array that holds the values too."""

    def observe(self, state: Any) -> Any:
        seen = super().observe(state)
        whole = np.concatenate([seen["labels"], state.values.astype(np.float32)], 1)
        return seen | {"labels": whole[:, : seen["labels"].shape[1]]}


class Forgiving(Sound):
    """The regret of the first choice is too low."""

    def hidden(self, state: Any) -> Any:
        return super().hidden(state) | {"regret": super().hidden(state)["regret"] - 0.5}


class Blind(Sound):
    """An observation is out of its space."""

    def observe(self, state: Any) -> Any:
        return super().observe(state) | {"steps_left": np.full((len(state.left), 1), -1.0)}


class Restless(Sound):
    """A seed does not tell the episode."""

    count = itertools.count()

    def reset(self, state: Any, index: Any, streams: Any) -> None:
        super().reset(state, index, streams)
        state.values[index] = state.values[index] + next(self.count) % 2 * 1e-3


class Unpickled(Sound):
    """An environment cannot be pickled."""

    def __reduce__(self) -> Any:
        raise TypeError("no pickle")


MODELS = (Neighbourly, Boastful, Unlucky, Leaky, Transparent, Forgiving, Blind, Restless, Unpickled)
for _model in (Sound, *MODELS):
    for _made in environments(_model):
        globals()[_made.__name__] = _made


class Sticky(Linear):
    """It does not forget where an episode starts."""

    started = False

    def update(self, observation: Any, start: Any) -> None:
        super().update(observation, start & (not self.started))
        self.started = True


class Ordered(Linear):
    """The last label counts more."""

    def mean(self) -> Any:
        return super().mean() + 0.1 * self.last[:, None]

    def update(self, observation: Any, start: Any) -> None:
        super().update(observation, start)
        come = Arrivals.of(observation)
        self.last = come.labels[np.arange(len(start)), come.count - 1]


class Careless(Linear):
    """Looking ahead changes it."""

    def look_ahead(self, items: Any) -> Any:
        ahead = super().look_ahead(items)
        self._var = ahead._var
        return ahead


class Bold(Linear):
    """Draws are too wide."""

    def sample(self, count: int, random: Any) -> Any:
        draws = super().sample(count, random)
        return self.mean()[:, None] + 1.2 * (draws - self.mean()[:, None])


class Sloppy(Linear):
    """What it learns depends on how many labels came at once."""

    scale = 1.0

    def update(self, observation: Any, start: Any) -> None:
        self.scale *= 0.99
        super().update(observation, start)

    def mean(self) -> Any:
        return self.scale * super().mean()


class Slow(Linear):
    """It takes in labels two by two."""

    def update(self, observation: Any, start: Any) -> None:
        if start.any() or Arrivals.of(observation).count.max() % 2 == 0:
            super().update(observation, start)


class Sociable(Linear):
    """It looks at the other episodes."""

    def mean(self) -> Any:
        return super().mean() + 0.1 * super().mean().mean(0)


class Deaf(Linear):
    """It learns nothing."""

    def mean(self) -> Any:
        return np.zeros_like(super().mean())


BELIEFS = (Sticky, Ordered, Careless, Bold, Sloppy, Slow, Sociable, Deaf)


class Repeats(Rule[Any]):
    """A batch holds one item several times."""

    def choose(self, belief: Any, decision: Any, random: Any) -> Any:
        return best(belief.mean(), decision.mask, random)

    def choose_batch(self, belief: Any, decision: Any, random: Any) -> Any:
        return np.repeat(self.choose(belief, decision, random)[:, None], decision.batch_size, 1)


class First(Rule[Any]):
    """Of equal items it takes the first."""

    def choose(self, belief: Any, decision: Any, random: Any) -> Any:
        return np.where(decision.mask, belief.mean(), -np.inf).argmax(1)


class Illegal(Rule[Any]):
    """It takes items again."""

    def choose(self, belief: Any, decision: Any, random: Any) -> Any:
        return best(belief.mean(), np.ones_like(decision.mask), random)


class Counting(Rule[Any]):
    """It likes items that stand far behind."""

    def choose(self, belief: Any, decision: Any, random: Any) -> Any:
        n = decision.mask.shape[1]
        return best(belief.sample(1, random)[:, 0] + np.arange(n) // (n / 3), decision.mask, random)


class Unseeded(Rule[Any]):
    """Its chance is its own."""

    def choose(self, belief: Any, decision: Any, random: Any) -> Any:
        return best(belief.mean(), decision.mask, np.random.default_rng(), 1.0)


class Remembering(Rule[Any]):
    """It counts its decisions."""

    count = 0

    def choose(self, belief: Any, decision: Any, random: Any) -> Any:
        self.count += 1
        return best(belief.mean() * (-1) ** self.count, decision.mask, random)


class Jealous(Rule[Any]):
    """It looks at the other episodes."""

    def choose(self, belief: Any, decision: Any, random: Any) -> Any:
        return best(belief.mean() - belief.mean().mean(0) / 2, decision.mask, random)


RULES = (Repeats, First, Illegal, Counting, Unseeded, Remembering, Jealous)
