"""The suites: which agents meet which environments, as data."""

from __future__ import annotations

from ...envs.core import InputError, closest
from .campaigns import CAMPAIGNS, SMALL_CAMPAIGNS
from .design import DESIGN, SMALL_DESIGN
from .pools import POOLS, SMALL_POOLS, SOME_POOLS
from .settings import with_tuned
from .task import Suite

SUITES = {
    one.name: one
    for one in (
        Suite(
            name="smoke",
            version=2,
            about="one small task of every environment; shows in seconds that all works",
            episodes=64,
            tasks=(*SMALL_CAMPAIGNS, *SMALL_POOLS, *SMALL_DESIGN),
        ),
        Suite(
            name="quick",
            version=3,
            about="every campaign, with prices and deadlines; pools, real ones too; under two minutes",
            episodes=1000,
            tasks=(*CAMPAIGNS, *SOME_POOLS),
        ),
        Suite(
            name="pools",
            version=4,
            about="every pool with structure; agents tuned with equal budgets, never on what they are "
            "judged on",
            episodes=128,
            tasks=tuple(with_tuned("pools", 4, task) for task in POOLS),
        ),
        Suite(
            name="design",
            version=2,
            about="experimental design: which setting tells most; returns are nats of information",
            episodes=64,
            tasks=DESIGN,
        ),
    )
}


def suite(name: str) -> Suite:
    """Return a suite by its name; an unknown one raises `InputError`."""
    if name not in SUITES:
        raise InputError(
            f"There is no suite {name!r}{closest(name, SUITES)} Known are {', '.join(SUITES)}."
        )
    return SUITES[name]
