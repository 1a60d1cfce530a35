"""Animated pictures of the environments, each with an agent that plays it well, made by the build."""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from sphinx.application import Sphinx

from discovery_gym.agents import make
from discovery_gym.agents.thoughts import with_thoughts
from discovery_gym.envs.core import registered
from discovery_gym.envs.rendering import draw
from discovery_gym.experiments.runs import moving

DOCS = Path(__file__).parents[1]
FOLDER = "_pictures"
FRAMES = int(os.environ.get("SITE_FRAMES", moving.FRAMES))
"""Frames of a picture; a few are enough to see that all can be made, of as many first steps."""
BRIEF = FRAMES < 8


@dataclass(frozen=True)
class Play:
    """An episode to be shown: who plays, and with which parameters of the environment."""

    agent: str
    kwargs: dict[str, Any] = field(default_factory=dict)
    rival: str = ""
    """An agent to be shown beside: its curve in the first panel, or on the left of the start page."""


INVEST = {
    "success_probs": (0.02,),
    "objective": "count",
    "success_reward": 5.0,
    "cost_per_experiment": 0.05,
    "model_upgrade": (1.5, 8.0, 3),
    "throughput_upgrade": (2, 6.0, 2),
    "batch_sizes": (1, 4, 16),
    "horizon": 30,
}
LADDER = {"target": 99, "p_scale": 1000.0, "cost_per_batch": 20.0, "cost_per_experiment": 1.0}
STEPS = {"target": 50.0, "batch_sizes": (1, 8, 96), "cost_per_experiment": 0.02}
MATRIX = {"num_rows": 20, "num_cols": 15, "rank": 1, "horizon": 80}
PLAYS = {
    "BinomialDiscovery": Play("optimal", INVEST, rival="random"),
    "GaussianStep": Play("optimal", STEPS),
    "KnowledgeLadder": Play("optimal", LADDER | {"horizon": 2000}, rival="random"),
    "FidelityLadder": Play("optimal", {"price_per_day": 1.0}, rival="random"),
    "GeneralConditions": Play("ucb1"),
    "LinearPool": Play("bayes_ucb", {"num_items": 300, "num_features": 5, "horizon": 60}),
    "LogisticPool": Play("bayes_ucb", {"num_items": 300, "num_features": 5, "horizon": 60}),
    "GraphPool": Play("bayes_ucb"),
    "LowRankPool": Play("bayes_ucb", MATRIX),
    "UnstructuredPool": Play("random"),
    "ScreeningPool": Play("optimal", {"hit_chance": 0.3}),
    "TablePool": Play("bayes_ucb(belief=gp)"),
    "SimulatorDesign": Play("greedy_eig", rival="random"),
    "DeathProcess": Play("greedy_eig", {"horizon": 8}),
    "PreyPopulation": Play("greedy_eig", rival="random"),
    "TemporalDiscounting": Play("greedy_eig", rival="random"),
    "LocationFinding": Play("greedy_eig", {"horizon": 20}, rival="random"),
    "ConstantElasticity": Play("greedy_eig", rival="random"),
    "LinearGaussianDesign": Play("greedy_eig"),
    "Weinberg": Play("greedy_eig", rival="random"),
    "WeinbergToy": Play("greedy_eig", rival="random"),
}
"""What is shown of each environment, by its name."""
HERO = "start"
POOL = {"num_items": 400, "num_features": 4, "horizon": 48}
SEEN = {
    "campaigns": "Grey is how the optimum goes: its mean, and eight in ten of its episodes.",
    "conditions": "A curve for each condition.",
    "pools": "The dashed line is what an oracle has, in the mean, the grey one chance.",
    "map": "A dot of the map is an item, in the colour of what is believed of it, grey where nothing "
    "is; those with a rim are labelled.",
    "design": "On the right is what each setting would tell, as far as is known by then, and the last "
    "one chosen.",
}
"""What is to be seen in the picture of a family."""
TOLD = {
    "ScreeningPool": "What the tests have found, and the money left; the dashed line is how many hits "
    "the optimum finds, in the mean.",
    "UnstructuredPool": SEEN["pools"],
    "ConstantElasticity": "What was learned so far, and the first number of the settings chosen.",
}
"""The same of those that look different."""
SHOWN = PLAYS | {HERO: Play("bayes_ucb", POOL, rival="random")}
FAMILIES = {
    "campaigns": "Campaigns\n\nHow many experiments at once, and of which kind?",
    "conditions": "Conditions\n\nWhich one works for most, of a few that are tested again and again?",
    "pools": "Pools\n\nWhich candidate next, each of them once?",
    "design": "Experimental design\n\nWhich settings tell most about what is unknown?",
}
"""The families of environments: heading and question."""


# ---- what is drawn


def frames(env: str, play: Play, count: int) -> Iterator[NDArray[np.uint8]]:
    """Yield pictures of an episode, at most so many and evenly over it, ``(480, W, 3)``."""
    world: Any = gym.make(f"discovery/{env}-v0", **play.kwargs).unwrapped
    names = [*filter(None, (play.agent, play.rival))]
    agents = {name: make(name, world) for name in names}
    traces = {name: _played(world, agents[name], count) for name in names}
    side_by_side = play == SHOWN[HERO]
    last = max(len(traces[name]) for name in (names if side_by_side else names[:1])) - 1
    for end in moving.ends(last, count):
        now = {name: trace[: end + 1] for name, trace in traces.items()}
        seen = {name: world.model.picture(trace) for name, trace in now.items()}
        drawn = {}
        for name in reversed(names) if side_by_side else names[:1]:
            shown = with_thoughts(seen[name], agents[name], now[name])
            if play.rival and not side_by_side:
                shown = _beside(shown, seen[play.rival], play)
            drawn[name] = draw(world.model, now[name], "rgb_array", compact=True, picture=shown)
        named = (_named(one, name) if side_by_side else one for name, one in drawn.items())
        yield np.concatenate([*named], axis=1)


def _played(world: Any, agent: Any, count: int) -> list[tuple[Any, float, Any]]:
    """Return the moments of an episode of seed 1; of a site in brief, only the first."""
    observation, _ = world.reset(seed=1)
    trace, state, ended = [(None, 0.0, observation)], None, False
    while not ended and not (BRIEF and len(trace) > count):
        action, state = agent.predict(observation, state)
        observation, reward, terminated, truncated, _ = world.step(action)
        trace.append((action, float(reward), observation))
        ended = terminated or truncated
    return trace


def _beside(picture: Any, other: Any, play: Play) -> Any:
    """Return a picture with the curve of a rival in its first panel, as far as the player's goes."""
    first, rest = picture.panels[0], picture.panels[1:]
    mine, values = first.series[0], np.asarray(other.panels[0].series[0].values, float)
    values = np.pad(values, (0, max(len(mine.values) - len(values), 0)), "edge")
    both = (replace(mine, name=play.agent), replace(mine, name=play.rival, values=values, colour=3))
    return replace(picture, panels=(replace(first, series=both), *rest))


def _named(picture: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """Write a name over a picture."""
    sheet = Image.new("RGB", (picture.shape[1], picture.shape[0] + 44), "white")
    sheet.paste(Image.fromarray(picture), (0, 44))
    draw = ImageDraw.Draw(sheet)
    draw.text((picture.shape[1] // 2, 6), name, "#222222", ImageFont.load_default(30), anchor="ma")
    return np.asarray(sheet)


def animate(name: str, play: Play, folder: Path, count: int = FRAMES) -> None:
    """Write an episode as NAME.gif and its end as NAME.png."""
    env = "LinearPool" if name == HERO else name
    made = [*frames(env, play, count)]
    for ending in ("gif", "png"):
        (folder / f"{name}.{ending}").write_bytes(moving.encoded(made, f".{ending}"))


# ---- when it is drawn


def draw_all(app: Sphinx) -> None:
    """Make the pictures whose sources have changed since they were made."""
    folder = Path(app.outdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    stamp, now = folder / "made.json", {name: _digest(play) for name, play in SHOWN.items()}
    made = json.loads(stamp.read_text()) if stamp.exists() else {}
    todo = [name for name in SHOWN if made.get(name) != now[name]]
    with ProcessPoolExecutor() as pool:
        list(pool.map(animate, todo, [SHOWN[name] for name in todo], [folder] * len(todo)))
    stamp.write_text(json.dumps(now))


def _digest(play: Play) -> str:
    recipe = inspect.getsource(moving)
    return hashlib.sha256(f"{play}{FRAMES}{recipe}{sources('envs', 'agents')}".encode()).hexdigest()


@cache
def sources(*storeys: str) -> str:
    """Return a digest of the code of some storeys, and of this one."""
    folders = [*(DOCS.parent / one for one in storeys), Path(__file__).parent]
    digest = hashlib.sha256()
    for file in sorted(file for folder in folders for file in folder.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


# ---- what stands on the pages


def picture(name: str, about: str, root: str) -> str:
    """Return a picture as HTML; still for whoever wants less motion."""
    file = f"{root}{FOLDER}/{name}"
    still = f'<source srcset="{file}.png" media="(prefers-reduced-motion: reduce), print">'
    image = f'<img src="{file}.gif" alt="{about}" loading="lazy">'
    return f'<picture class="episode">{still}{image}</picture>'


def figure(name: str) -> str:
    """Return the picture of an environment for its page."""
    if name not in PLAYS:
        return ""
    play = PLAYS[name]
    kwargs = "".join(f" {key}={value!r}" for key, value in play.kwargs.items())
    rival = f", beside `{play.rival}`" * bool(play.rival)
    about = f"An episode played by {play.agent}."
    given = f", with `{kwargs[1:]}`" * bool(kwargs)
    note = f"An episode of seed 1, played by `{play.agent}`{rival}{given}."
    family = _family(name)
    seen = SEEN[family] if name not in TOLD else TOLD[name]
    seen += f" {SEEN['map']}" if family == "pools" and name not in TOLD else ""
    return f"{picture(name, about, '../')}\n\n{{.caption}}\n{note} {seen}\n"


def gallery() -> str:
    """Return the environments by family, as cards."""
    families: dict[str, list[str]] = {family: [] for family in FAMILIES}
    for env_id in registered():
        name = gym.spec(env_id).name
        families[_family(name)].append(name)
    return "\n\n".join(f"## {FAMILIES[one]}\n\n{_cards(names)}" for one, names in families.items())


def _family(name: str) -> str:
    """Return the family of an environment."""
    spec: Any = gym.spec(f"discovery/{name}-v0")
    return str(spec.entry_point).split(".envs.")[1].partition(".")[0]


def _cards(names: Sequence[str]) -> str:
    cards = []
    for name in names:
        about = (DOCS / "environments" / f"{name}.md").read_text().split("\n")[2]
        shown = picture(name, f"An episode of {name}.", "../") if name in PLAYS else ""
        cards.append(
            f":::{{grid-item-card}} {name}\n:link: /environments/{name}\n:link-type: doc\n\n"
            f"{shown}\n\n{about}\n:::"
        )
    return "\n".join(["::::{grid} 1 2 2 3", ":gutter: 3", "", *cards, "::::"])


if __name__ == "__main__":  # one picture, to look at: python docs/site/pictures.py NAME FOLDER
    import sys

    Path(sys.argv[2]).mkdir(exist_ok=True)
    animate(sys.argv[1], SHOWN[sys.argv[1]], Path(sys.argv[2]))
