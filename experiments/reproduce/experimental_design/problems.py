"""The benchmarks of sequential experimental design: problems, published policies and our agents.

Sources: A. Foster, D. Ivanova, I. Malik, T. Rainforth, "Deep adaptive design", ICML 2021; T. Blau, E.
Bonilla, I. Chades, A. Dezfouli, "Optimizing sequential experimental design with deep reinforcement
learning", ICML 2022; D. Ivanova, A. Foster, S. Kleinegesse, M. Gutmann, T. Rainforth, "Implicit deep
adaptive design", NeurIPS 2021; W. Shen, J. Dong, X. Huan, "Variational sequential optimal experimental
design using reinforcement learning" (2023); D. Huang et al., "ALINE" (2025). The last three are quoted
second hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ...suites.task import Suite, Task


class Published(NamedTuple):
    """A published policy; bounds in nats, None where the source has none."""

    policy: str
    lower: float
    upper: float | None
    contrasts: int | None
    source: str


@dataclass(frozen=True)
class Entry:
    """One of our agents on a problem.

    Args:
        name: Its name in the report.
        agent: The agent as text.
        law: What its designs are, in words.
        episodes: Episodes by default.
        contrasts: Number L of contrastive draws.
        env_kwargs: What differs from the problem's environment.
        exact: Whether the environment keeps the posterior exactly, so that its rewards need no bound.
        compared_with: Another of ours, which looks one step less ahead on the same episodes.
    """

    name: str
    agent: str
    law: str
    episodes: int
    contrasts: int
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    exact: bool = False
    compared_with: str | None = None


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A benchmark: an environment, the published policies and our agents."""

    name: str
    about: str
    env_id: str
    env_kwargs: Mapping[str, Any]
    published: tuple[Published, ...]
    entries: tuple[Entry, ...]
    suite: str = "design-benchmarks"

    def suites(self, episodes: int | None, seed: int) -> list[Suite]:
        """Return a suite for each of our agents, which differ in their number of episodes."""
        return [
            Suite(
                name=self.suite,
                version=1,
                about="published benchmarks of sequential experimental design",
                episodes=episodes or entry.episodes,
                tasks=(
                    Task(
                        name=self.name,
                        about=self.about,
                        env_id=self.env_id,
                        env_kwargs={**self.env_kwargs, **entry.env_kwargs},
                        agents={entry.name: entry.agent},
                        metrics=(f"information_bounds(contrasts={entry.contrasts})",),
                    ),
                ),
                seed=seed,
            )
            for entry in self.entries
        ]


DAD, BLAU, IDAD = "Foster et al. 2021", "Blau et al. 2022", "Ivanova et al. 2021, not checked"
SHEN, ALINE = "Shen et al. 2023, not checked", "Huang et al. 2025, not checked"
NORMAL, ONE_STEP, TWO_STEPS = "N(0, I), within ±4", "adaptive, one step", "adaptive, two steps"
FEW = "adaptive, one step, from 8 draws"
FEWEST = {"num_particles": 10, "num_moves": 1}
"""Designs at random need no posterior."""
WIDE = {"reach": 8.0, **FEWEST}
FINE = {"grid_size": (1024, 32)}
"""On the grid by default an agent that plays for the information on it gains 0.06 nats too much."""
COARSE, MANY = {"grid_size": (96, 16)}, {"num_particles": 2000}

# fmt: off
PROBLEMS = (
    Problem(
        name="Location finding, T = 30",
        about="Find two hidden sources in the plane by 30 noisy measurements of their signal.",
        env_id="discovery/LocationFinding-v0",
        env_kwargs={"horizon": 30},
        published=(
            Published("random, N(0, I)", 8.303, 8.322, 500_000, DAD),
            Published("random, U[-8, 8]^2", 1.624, 1.639, 1_000_000, BLAU),
            Published("fixed", 8.838, 8.914, 500_000, DAD),
            Published("variational", 8.776, 9.064, 500_000, DAD),
            Published("VPCE", 7.766, 7.802, 1_000_000, BLAU),
            Published("DAD", 10.926, 12.382, 500_000, DAD),
            Published("DAD, played anew", 10.965, 12.380, 1_000_000, BLAU),
            Published("RL (REDQ)", 11.73, 12.362, 1_000_000, BLAU),
        ),
        entries=(
            Entry("random, N(0, I)", "random(std=0.25)", NORMAL, 128, 500_000, FEWEST),
            Entry("random, U[-8, 8]^2", "random", "U[-8, 8]^2", 256, 100_000, WIDE),
            Entry("greedy", "greedy_eig(candidates=75)", ONE_STEP, 32, 1_000_000, MANY),
        ),
    ),
    Problem(
        name="Location finding, T = 10",
        about="The same with ten measurements.",
        env_id="discovery/LocationFinding-v0",
        env_kwargs={"horizon": 10},
        published=(
            Published("random, N(0, I)", 4.791, None, None, IDAD),
            Published("DAD", 7.97, None, None, IDAD),
        ),
        entries=(
            Entry("random, N(0, I)", "random(std=0.25)", NORMAL, 512, 100_000, FEWEST),
            Entry("Thompson", "thompson_eig(draws=8)", FEW, 48, 1_000_000),
            Entry("greedy", "greedy_eig(candidates=75)", ONE_STEP, 64, 1_000_000, MANY),
        ),
    ),
    Problem(
        name="Temporal discounting, T = 20",
        about="Learn from 20 choices between offers how someone discounts the future. The published "
        "code has 1/2 + erf((R - V) / alpha) / 2 for Phi((R - V) / alpha), so that alpha is smaller by "
        "a root of two: so it is here.",
        env_id="discovery/TemporalDiscounting-v0",
        env_kwargs={"horizon": 20, "alpha_scale": 2**0.5},
        published=(
            Published("Kirby", 1.861, None, 5000, DAD),
            Published("fixed", 2.518, None, 5000, DAD),
            Published("Frye", 3.500, None, 5000, DAD),
            Published("Badapted", 4.454, None, 5000, DAD),
            Published("DAD", 5.021, 5.123, 5000, DAD),
        ),
        entries=(
            Entry("random", "random", "R ~ U[0, 100], log D ~ U[0, 9]", 1024, 5000, {"grid_size": 16}),
            Entry("Thompson", "thompson_eig(draws=8)", FEW, 512, 5000, FINE, exact=True),
            Entry("greedy", "greedy_eig", ONE_STEP, 512, 5000, FINE, exact=True),
            Entry("trained for Phi (deep adaptive design)", "policy('TemporalDiscounting-dad')",
                  "adaptive, trained", 512, 5000, FINE, exact=True),
            Entry("greedy, coarse grid", "greedy_eig(candidates=128)", ONE_STEP, 96, 5000, COARSE),
            Entry("two steps ahead, coarse grid", "look_ahead_eig(candidates=128)", TWO_STEPS, 96, 5000,
                  COARSE, compared_with="greedy, coarse grid"),
        ),
    ),
    Problem(
        name="Death process, T = 4",
        about="Learn the rate of an infection from four counts of the infected.",
        env_id="discovery/DeathProcess-v0",
        env_kwargs={"horizon": 4},
        published=(
            Published("fixed", 2.023, None, None, DAD),
            Published("variational", 2.076, None, None, DAD),
            Published("DAD", 2.113, None, None, DAD),
        ),
        entries=(
            Entry("random, log-uniform", "random", "log-uniform in [0.01, 5]", 2048, 10_000,
                  {"settings": [[float(t)] for t in np.geomspace(0.01, 5, 200)]}, exact=True),
            Entry("random, uniform", "random", "U[0.01, 5]", 2048, 10_000, exact=True),
            Entry("greedy", "greedy_eig", ONE_STEP, 2048, 10_000, exact=True),
            Entry("two steps ahead", "look_ahead_eig", TWO_STEPS, 128, 10_000, exact=True,
                  compared_with="greedy"),
        ),
    ),
    Problem(
        name="Constant elasticity of substitution, T = 10",
        about="Learn from ten comparisons of two baskets what someone prefers.",
        env_id="discovery/ConstantElasticity-v0",
        env_kwargs={"horizon": 10},
        published=(
            Published("random", 8.099, None, 10_000_000, BLAU),
            Published("DAD", 10.774, None, 10_000_000, BLAU),
            Published("vsOED", 12.12, None, 10_000_000, SHEN),
            Published("RL (REDQ)", 13.965, None, 10_000_000, BLAU),
            Published("RL (REDQ), played anew", 14.60, None, 10_000_000, ALINE),
            Published("ALINE", 13.50, None, 10_000_000, ALINE),
        ),
        entries=(
            Entry("random", "random", "U[0.01, 100]^6", 128, 1_000_000, FEWEST),
            Entry("greedy", "greedy_eig(candidates=16)", ONE_STEP, 32, 1_000_000,
                  {"num_particles": 500}),
        ),
    ),
    Problem(
        name="Prey population, T = 10",
        about="Learn from ten counts of prey that were eaten how a predator attacks and digests.",
        env_id="discovery/PreyPopulation-v0",
        env_kwargs={"horizon": 10, "settings": 300},
        published=(
            Published("random", 3.923, None, None, BLAU),
            Published("VPCE", 4.396, None, None, BLAU),
            Published("SMC", 4.521, None, None, BLAU),
            Published("RL (REDQ)", 4.456, None, None, BLAU),
        ),
        entries=(
            Entry("random", "random", "U{1, ..., 300}", 2048, 20_000, {"grid_size": 2}),
            Entry("Thompson", "thompson_eig(draws=8)", FEW, 256, 100_000),
            Entry("greedy", "greedy_eig", ONE_STEP, 512, 100_000),
        ),
    ),
)
# fmt: on
