"""What a study of a pool chooses, and what it believes: all of it by the agents' own `predict`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..agents import Agent, Belief, make
from ..agents.belief_agent import BeliefAgent
from ..agents.making import available
from ..agents.rules import RULES
from ..envs.core import InputError, closest, shown
from ..envs.core.arrays import Array, Flags, Whole
from ..envs.pools.scaling import bounds, scaled
from ..envs.pools.status import Status
from .chances import chances
from .journal import Event
from .pool import StudyPool, seen
from .progress import Progress
from .sheet import Sheet

AGENT = "bayes_ucb"
"""Who chooses by default: with the default belief about tables it was level with the best rule on 22 of
them (0.505 to 0.507 of what the best choices gain over random ones; see `Linear`)."""


class Pool:
    """The items of a study as its agent knows them.

    A choice is a function of the first event, the items and the progress. An agent is made for every
    question, so that nothing else can matter.

    Args:
        start: The first event of the journal.
        sheet: The items.
        count: How many of them the study has.
    """

    def __init__(self, start: Event, sheet: Sheet, count: int) -> None:
        self._start, self._options, self.sheet = start, start["options"], sheet
        self._rows = sheet.rows[:count]
        table = sheet.table
        x = table.features[self._rows]
        self.features = scaled(x, self._options["scaling"], table.feature_names)
        self.features.flags.writeable = False
        self.sign = -1.0 if sheet.table.minimise else 1.0
        self._believed: tuple[Any, Belief] | None = None
        self._levels = None if self._options["same"] is None else self._of_column()
        self._agent(self._known(1, 1))

    def _of_column(self) -> Whole:
        """Return which value of the column `same` each item has, ``(n,)``."""
        name, settings = self._options["same"], {one.name: one for one in self.sheet.table.settings}
        if name not in settings:
            raise InputError(
                f"same={shown(name)} is no column that is set{closest(name, settings)} These are: "
                f"{', '.join(settings)}."
            )
        values = settings[name].of(self.sheet.table.features, self._rows)
        return np.unique(np.array(values), return_inverse=True)[1].astype(np.int64)

    def _known(self, batch_size: int, history: int) -> StudyPool:
        """Return what the agent knows before a question."""
        ends = self._options["outcomes"]
        return StudyPool(
            num_items=len(self.features),
            num_features=self.features.shape[1],
            feature_range=bounds(self.features),
            horizon=max(history, 1),
            batch_size=batch_size,
            delay=1,
            outcomes=None if ends is None else tuple(sorted(self.sign * end for end in ends)),
        )

    def _agent(self, pool: StudyPool, text: str | None = None) -> Agent:
        text = self._start["agent"] if text is None else text
        if text.split("(")[0].strip() == "oracle":
            raise InputError(
                "oracle looks up the truth, which nobody knows in a study; these can play one: "
                f"{', '.join(available(pool))}."
            )
        episode = self._options["episode"]
        return make(text, pool, seed=self._start["seed"], episode=episode)

    def _before(self, n: int, progress: Progress, flying: list[int]) -> tuple[Agent, Any]:
        """Return the agent of a question for n items, and what it sees."""
        history = len(progress.arrived) + len(flying) + len(progress.failed)
        pool = self._known(n, history)
        value = self._options.get("failed_value")
        return self._agent(pool), seen(pool, self.features, progress, flying, self.sign, value)

    # ---- choices

    def choose(self, n: int, progress: Progress) -> tuple[list[int], int]:
        """Return n items to ask for, and how many decisions they take.

        With a column that they share, the rule takes the first item, and then the others among those
        that share its value, with the first in flight.
        """
        flying, levels = progress.flying, self._levels
        if levels is None:
            return self._choice(n, progress, flying), 1
        counts = np.bincount(levels, progress.status == Status.FREE)
        if counts.max() < n:
            raise InputError(
                f"{n} items are asked for, and no value of {self._options['same']!r} has so many left; "
                f"ask for {int(counts.max())} or fewer."
            )
        (item,) = self._choice(1, progress, flying, counts[levels] >= n)
        if n == 1:
            return [item], 1
        others = self._choice(n - 1, progress, [*flying, item], levels == levels[item])
        return [item, *others], 2

    def _choice(
        self, n: int, progress: Progress, flying: list[int], some: Flags | None = None
    ) -> list[int]:
        """Return what the agent chooses, of all items or of some."""
        agent, observation = self._before(n, progress, flying)
        if some is not None:
            observation["action_mask"] &= some
        mask = observation["action_mask"].copy()  # an agent may write into what it sees
        action, memory = agent.predict(observation)
        if isinstance(agent, BeliefAgent):
            self._believed = self._key(progress), memory.rest
        return self._checked(np.ravel(action).tolist(), n, mask)

    def _checked(self, items: list[int], n: int, mask: NDArray[np.int8]) -> list[int]:
        """Return a choice that is allowed; an agent of a user's own may choose anything."""
        for item in items:
            if item not in range(len(mask)) or not mask[item] or items.count(item) > 1:
                name = f" ({self.sheet.ids[item]})" if item in range(len(mask)) else ""
                raise InputError(
                    f"{self._start['agent']} chose item {item}{name}, counted from 0, which may not be "
                    "chosen: choose where action_mask is 1, each item once."
                )
        if len(items) != n:
            raise InputError(f"{self._start['agent']} chose {len(items)} items, and not {n}.")
        return items

    # ---- beliefs

    @staticmethod
    def _key(progress: Progress) -> Any:
        return tuple(progress.arrived), tuple(progress.failed)

    def belief(self, progress: Progress) -> Belief:
        """Return the belief given the labels that are here: the agent's, or the default one."""
        key = self._key(progress)
        if self._believed is None or self._believed[0] != key:
            agent, observation = self._before(1, progress, progress.flying)
            if not isinstance(agent, BeliefAgent):
                agent = self._agent(self._known(1, len(observation["labelled"])), AGENT)
                assert isinstance(agent, BeliefAgent)
            agent.rule = RULES["greedy"]()  # the cheapest; what it chooses does not matter
            self._believed = key, agent.predict(observation)[1].rest
        return self._believed[1]

    def chances(self, items: Whole, progress: Progress) -> Array:
        """Return how likely items are among the best, as many as labels are still to come, ``(m,)``.

        What is drawn depends on the seed and the number of labels: it is the same when asked again, and
        no choice depends on it.
        """
        count = max(progress.left + len(progress.flying), 1)
        random = np.random.default_rng([self._start["seed"], len(progress.arrived)])
        return chances(self.belief(progress), items, count, random)

    def reasons(self, items: Whole, progress: Progress) -> list[str]:
        """Return in words why items are asked for: exploit or explore.

        It exploits where the mean of an item is among the highest, as many as are asked for, of all
        items that have no label; otherwise it explores.
        """
        if self._start["agent"].split("(")[0].strip() == "random":
            return ["explore: at random"] * len(items)
        belief = self.belief(progress)
        mean, std = belief.mean()[0], belief.std()[0]
        within = belief.rounding()[0, 0]
        free = np.isin(progress.status, (Status.FREE, Status.FLYING))
        found = []
        for item in items.tolist():
            higher = int((free & (mean > mean[item] + within)).sum())
            wider = int((free & (std > std[item] + within)).sum())
            if higher < len(items) and progress.arrived:
                found.append(f"exploit: its mean is {_rank(higher)} highest")
            else:
                found.append(f"explore: mean {higher + 1}, uncertainty {wider + 1} of {free.sum()}")
        return found


def _rank(above: int) -> str:
    """Return "the" for the first, "the 2nd", ..."""
    if not above:
        return "the"
    number, endings = above + 1, {1: "st", 2: "nd", 3: "rd"}
    teens = number % 100 in (11, 12, 13)
    return f"the {number}{'th' if teens else endings.get(number % 10, 'th')}"
