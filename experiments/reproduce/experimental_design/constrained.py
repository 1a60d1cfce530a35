"""Designs that move in steps or on a budget: our agents beside the published figures.

Source: COPEx, arXiv 2605.26990, and its code, https://github.com/yujiag21/COPEx; D. Huang et al.,
"ALINE" (2025), T. Blau et al., ICML 2022 (RL-BOED) and A. Foster et al. 2020 (VPCE) as it quotes them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..report import Words
from .benchmarks import compare
from .problems import FEWEST, Entry, Problem, Published

WORDS = Words(Path(__file__).with_suffix(".md"))
COPEX, QUOTED = "COPEx, arXiv 2605.26990, not checked", "as COPEx quotes it, not checked"
UNIT = {"num_sources": 1, "source_range": 0.5, "reach": 0.5, "start": "random", "horizon": 30}
"""One source and all designs in a unit square."""
FEW, MANY = {"num_particles": 150}, {"num_particles": 300}
ONE_STEP = "adaptive, one step, from 64 draws"


def constrained_design(
    out: Path, *, episodes: int | None = None, seed: int = 2021, workers: int | None = None
) -> list[Path]:
    """Write the report; each agent plays by default 256 episodes."""
    return compare(PROBLEMS, WORDS, out, episodes, seed, workers)


def _location(step: float | None) -> Problem:
    """Return location finding in the unit square with steps of each coordinate, or without."""
    how = "anywhere" if step is None else f"steps of {step:g}"
    about = "each coordinate of the next design by at most that" if step else "without a limit"
    return Problem(
        name=f"Location finding in the unit square, {how}",
        about=f"Find one source by 30 measurements, the first at a random place; moves: {about}.",
        env_id="discovery/LocationFinding-v0",
        env_kwargs={**UNIT, "max_step": step},
        published=(Published("ALINE, without a limit", 8.91, None, None, QUOTED),),
        entries=(
            Entry("random", "random", "uniform within reach", 256, 100_000, FEWEST),
            Entry("greedy", "thompson_eig(draws=64, candidates=16)", ONE_STEP, 256, 100_000, MANY),
        ),
        suite="constrained-design",
    )


def _elasticity(budget: float, squashed: bool, published: tuple[Published, ...]) -> Problem:
    """Return the comparison of baskets with a budget of moves, under one of two priors."""
    prior = "the prior of the code" if squashed else "the usual prior"
    env: dict[str, Any] = {"move_budget": budget, "squashed": squashed, "start": "random"}
    walk = {**FEWEST, "overdraft": True}
    share = "adaptive, one step, moves shared out, from 32 draws"
    ration = "thompson_eig(draws=32, ration=True, candidates=16)"
    whole = "thompson_eig(draws=32, candidates=16)"
    return Problem(
        name=f"Elasticity of substitution, moves of {budget:g} in all, {prior}",
        about="Compare ten pairs of baskets, the first at random; moves are paid by their length.",
        env_id="discovery/ConstantElasticity-v0",
        env_kwargs={**env, "horizon": 10},
        published=published,
        entries=(
            Entry("random walk", "random_walk", "in random directions", 256, 50_000, walk),
            Entry("greedy, moves shared out", ration, share, 256, 50_000, FEW),
            Entry("greedy", whole, "adaptive, one step, from 32 draws", 256, 50_000, FEW),
        ),
        suite="constrained-design",
    )


CES_100 = (
    Published("COPEx", 7.03, None, None, COPEX),
    Published("ALINE", 4.46, None, None, QUOTED),
    Published("RL-BOED", 4.93, None, None, QUOTED),
    Published("VPCE", 2.18, None, None, QUOTED),
)
CES_150 = (
    Published("COPEx", 7.47, None, None, COPEX),
    Published("ALINE", 5.70, None, None, QUOTED),
    Published("RL-BOED", 4.98, None, None, QUOTED),
)
PROBLEMS = (
    *map(_location, (0.05, 0.1, 0.2, None)),
    *(
        _elasticity(budget, squashed, published)
        for budget, published in ((100.0, CES_100), (150.0, CES_150))
        for squashed in (False, True)
    ),
)
