"""The conclusion of the source: noisy and fast first, careful later; where it holds, and by how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from ....envs.campaigns.fidelity_ladder import FidelityLadder
from ....envs.rendering.palette import BLUE, GREEN, GREY, ORANGE, PINK
from ..figures import plain_numbers, subplots
from ..report import Section, rows_of
from .campaigns import FOREVER, Simulation
from .common import WORDS

NAME = "10_switch"
WELLS, SENSITIVITY = 96, 0.8
NOISES = (0.0, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.75)
DAYS = {0.0: BLUE, 1.0: ORANGE, 10.0: GREEN}
"""Prices of a day, in careful tests, and their colours."""
TABLE = ((0.0, 0.0), (0.0, 0.05), (0.0, 0.2), (0.0, 0.5), (1.0, 0.05), (10.0, 0.05))
"""Price of a day and false positives of what is tabulated and simulated."""
PER_WELL = tuple(np.geomspace(0.005, 1.0, 17).tolist())
SCALES = {100.0: BLUE, 1000.0: ORANGE, 10_000.0: PINK}
"""1 / p at the start, and colours."""
PARALLEL = (1, 2, 4, 8, 16, 32)


@dataclass(frozen=True)
class Case:
    """A ladder, what it costs by the best policy and by each instrument alone."""

    model: FidelityLadder

    @cached_property
    def best(self) -> float:
        """The expected price by the best policy."""
        return -self.model.optimal_value()

    @cached_property
    def careful(self) -> float:
        """The expected price by careful tests alone."""
        return -self.model.best_value(plates=())

    @cached_property
    def plates(self) -> float:
        """The expected price by plates, and careful tests of their hits alone."""
        return -self.model.best_value(fresh=False)

    @property
    def gain(self) -> float:
        """What the best policy saves of the price of the better single instrument."""
        return max(1 - self.best / min(self.careful, self.plates), 0.0)

    @property
    def share(self) -> float:
        """The share of the ladder after which careful tests come first."""
        return self.model.switch_rung() / self.model.target


def case(false_positive: float, price_per_day: float = 0.0, **more: Any) -> Case:
    """Return the default ladder with other noise and another price of a day."""
    plate = (WELLS, SENSITIVITY, false_positive, 3.0, 0.02, 1.0)
    settings = {"plates": (plate,), "price_per_day": price_per_day, "horizon": FOREVER, **more}
    return Case(FidelityLadder(**settings))


def only_days(sizes: Sequence[int]) -> Case:
    """Return a ladder where only days cost, one for a plate and one for careful tests."""
    plate = (WELLS, SENSITIVITY, 0.05, 0.0, 0.0, 1.0)
    prices = {"careful_price": 0.0, "price_per_day": 1.0}
    return case(0.05, plates=(plate,), careful_sizes=sizes, **prices)


def switch(simulation: Simulation, episodes: int) -> Section:
    """Return when to go from plates to careful tests, and what that is worth."""
    figure, panels = subplots(8.2, 6.4, 2, 2)
    gain, rung, price, parallel = panels.flat
    noise = _draw_noise(gain, rung)
    wells = _draw_prices(price)
    fails = _draw_parallel(parallel)
    rows, few = _table(simulation, max(episodes // 5, 100)), case(0.05, p_scale=1e4)
    return WORDS.section(
        NAME,
        figure=figure,
        tables={NAME: rows, f"{NAME}_parallel": fails},
        files={f"{NAME}_noise": noise, f"{NAME}_price": wells},
        base=case(0.05),
        slow=case(0.05, 10.0),
        few=few,
        last=few.model.rungs.p[-1],
        star=few.model.switch(),
        serial=only_days((1,)),
        four=only_days(PARALLEL[:3]),
        sixteen=only_days(PARALLEL[:5]),
        youden=SENSITIVITY - 0.05,
        episodes=max(episodes // 5, 100),
        largest=simulation.largest(NAME),
    )


def _draw_noise(gain: Axes, rung: Axes) -> list[dict[str, Any]]:
    """Draw gain and switch against the noise, for each price of a day; return their rows."""
    rows = []
    for day, colour in DAYS.items():
        cases = [case(f, day) for f in NOISES]
        gains, switches = [one.gain for one in cases], [one.model.switch() for one in cases]
        gain.plot(NOISES, 100 * np.array(gains), color=colour, label=f"a day costs {day:g}")
        rung.plot(NOISES, switches, color=colour)
        rung.plot(NOISES, [one.share for one in cases], "o", color=colour, markersize=3.5)
        columns = {"false positives": NOISES, "gain": gains, "p*": switches}
        rows += rows_of(columns, {"price of a day": day})
    gain.set(xlabel="false positives f", ylabel="gain over the better single, %", ylim=(0, None))
    gain.set_title("What is the switch worth?")
    gain.legend(loc="upper right")
    rung.set(xlabel="false positives f", ylabel="chance of success p*", ylim=(0, None))
    rung.set_title("Where is it?")
    return rows


def _draw_prices(axes: Axes) -> list[dict[str, Any]]:
    """Draw the gain against the price of a well, for easy and hard ladders; return the rows."""
    rows = []
    for scale, colour in SCALES.items():
        plates = [((WELLS, SENSITIVITY, 0.05, 0.0, price, 1.0),) for price in PER_WELL]
        cases = [case(0.05, plates=plate, p_scale=scale) for plate in plates]
        gains = [one.gain for one in cases]
        label = f"p = (x + 1)/{scale:,.0f}"
        axes.plot(PER_WELL, 100 * np.array(gains), color=colour, label=label)
        rows += rows_of({"price of a well": PER_WELL, "gain": gains}, {"1 / p(0)": scale})
    axes.axvline(SENSITIVITY - 0.05, color=GREY, linewidth=0.9, linestyle=":")
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(plain_numbers())
    axes.set(xlabel="price of a well, in careful tests", ylabel="gain over the better single, %")
    axes.set_ylim(-1, 65)  # room for the legend
    axes.set_title("How cheap must a well be?")
    axes.legend(loc="upper left")
    return rows


def _draw_parallel(axes: Axes) -> list[dict[str, Any]]:
    """Draw gain and switch against how many careful tests a day allows; return the rows."""
    cases = [only_days(PARALLEL[: i + 1]) for i in range(len(PARALLEL))]
    gains, shares = [one.gain for one in cases], [one.share for one in cases]
    axes.plot(PARALLEL, [100 * g for g in gains], "o-", color=BLUE, label="gain, %")
    axes.plot(PARALLEL, [100 * s for s in shares], "s--", color=ORANGE, label="rung of the switch")
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_formatter(plain_numbers())
    axes.set(xlabel="careful tests at once", ylim=(0, None))
    axes.set_title("When only days count")
    axes.legend(loc="upper right")
    return rows_of(
        {
            "careful tests at once": PARALLEL,
            "days, the best": [one.best for one in cases],
            "careful tests alone": [one.careful for one in cases],
            "plates alone": [one.plates for one in cases],
            "switch at rung": [one.model.switch_rung() for one in cases],
            "gain, %": [100 * g for g in gains],
        }
    )


def _table(simulation: Simulation, episodes: int) -> list[dict[str, Any]]:
    """Return the exact values of some ladders beside a simulation of the best policy."""
    rows = []
    for day, f in TABLE:
        one = case(f, day)
        mean, error = _simulated(simulation, one.model, episodes, f"a day costs {day:g}, f={f:g}")
        rows.append(
            {
                "price of a day": day,
                "f": f,
                "the best": one.best,
                "simulated": mean,
                "standard error": error,
                "careful tests alone": one.careful,
                "plates alone": one.plates,
                "switch at rung": one.model.switch_rung(),
                "p*": one.model.switch(),
                "gain, %": 100 * one.gain,
            }
        )
    return rows


def _simulated(
    simulation: Simulation, model: FidelityLadder, episodes: int, setting: str
) -> tuple[float, float]:
    """Return the mean price of campaigns by the best policy, and its standard error."""
    settings = {"plates": model.plates, "price_per_day": model.price_per_day}
    run = simulation.run("FidelityLadder", episodes, horizon=FOREVER, **settings)
    observation, policy = run.first, run.model.optimal_policy()
    price, playing = np.zeros(episodes), np.ones(episodes, np.bool_)
    while playing.any():
        observation, reward, ended, _, _ = run.env.step(policy(observation))
        price -= reward * playing
        playing &= ~ended
    mean, error = float(price.mean()), float(price.std(ddof=1) / episodes**0.5)
    exact = -model.optimal_value()
    run.check(NAME, setting, "price of a campaign", exact, mean, error, episodes)
    return mean, error
