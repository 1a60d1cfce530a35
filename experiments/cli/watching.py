"""The command that plays an episode before your eyes: watch."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from typer import Option

from ...envs.core import InputError, shown
from ..runs.parameters import parameters as parameters_of
from ..runs.terminal import out, progress, say, stream
from .shared import Environment, Kwargs, Player, Settings, say_notes

if TYPE_CHECKING:
    from ...envs.rendering.picture import Trace
    from ..runs.evaluation import Evaluation
    from ..runs.walk import Moment

PACE, LONGEST = 0.25, 20.0
"""Seconds between two decisions, and of an episode: of a long one they follow faster."""
ENDINGS = (".gif", ".png")
WIDTHS = {"decision": -8, "action": 28, "reward": -10, "regret": -10, "best": -10, "spent": -10}
"""Letters of the columns on a terminal, less than 0 for numbers; longer cells push the others on."""


Seed = Annotated[
    int | None, Option(min=0, help="Seed of the episode; by default evaluate's first.")
]
Frames = Annotated[
    bool | None,
    Option(
        "--frames/--lines",
        help="Show the course of the episode, or a line for each decision; by default frames that move "
        "on a terminal, lines elsewhere.",
    ),
]
Pace = Annotated[
    float | None,
    Option(min=0, max=60, help="Seconds between two decisions on a terminal; elsewhere none pass."),
]
Picture = Annotated[
    Path | None, Option(help="Then write a picture: FILE.gif, which moves, or FILE.png, its end.")
]


def watch(
    env: Environment,
    agent: Player,
    seed: Seed = None,
    kwargs: Kwargs = "{}",
    settings: Settings = None,
    frames: Frames = None,
    pace: Pace = None,
    picture: Picture = None,
) -> None:
    """Watch an agent play one episode."""
    from ..runs.evaluation import EVALUATION_SEED, evaluate

    parameters = parameters_of(kwargs, settings or [])
    drawable = _drawable(env, frames, picture)
    say_notes(env, parameters)
    with progress(1, "episodes") as update:
        how: dict[str, Any] = {"env_kwargs": parameters, "truth": False, "progress": update}
        first = EVALUATION_SEED if seed is None else seed
        result = evaluate(env, agent, episodes=1, seed=first, **how)
    if result.actions is None:
        raise InputError(f"The actions of {result.env_id} are no numbers, and cannot be shown.")
    world, trace = _show(result, frames if drawable else False, pace)
    _tell(result)
    if picture is not None:
        _write(picture, world, result, trace)


def _show(result: Evaluation, frames: bool | None, pace: float | None) -> tuple[Any, Trace]:
    """Play an episode again, for all to see; return its environment, and what was played."""
    from ..runs.walk import replaying

    moves = out.is_terminal and not out.is_dumb_terminal and not os.environ.get("NO_COLOR")
    drawn = moves if frames is None else frames
    wait = min(PACE, LONGEST / max(1, int(result.lengths[0]))) if pace is None else pace
    with replaying(result, 0, "ansi" if drawn else None) as (world, steps, trace):
        paced = _paced(steps, wait) if out.is_terminal else steps
        _show_frames(world, paced, moves) if drawn else _show_lines(paced)
        return world, trace


def _drawable(env: str, frames: bool | None, picture: Path | None) -> bool:
    """Return whether an environment can be drawn; refuse to draw one that cannot."""
    from ...envs.core import is_ours, spec_of

    if picture is not None and picture.suffix.lower() not in ENDINGS:
        raise InputError(f"--picture must end in .gif or .png, got {shown(str(picture))}.")
    if picture is not None and picture.is_dir():
        raise InputError(f"--picture must be a file, and {picture} is a folder.")
    if picture is not None and not picture.parent.is_dir():
        raise InputError(f"Cannot write a picture to {picture.parent}: there is no such folder.")
    ours = is_ours(spec_of(env))
    if not ours and (frames or picture is not None):
        option = "--frames" if frames else "--picture"
        raise InputError(
            f"{env} is not built on this package, which cannot draw it; leave {option} out."
        )
    return ours


def _paced(moments: Iterator[Moment], wait: float) -> Iterator[Moment]:
    """Go through an episode, with a pause after each decision."""
    for moment in moments:
        yield moment
        time.sleep(wait)


def _show_lines(moments: Iterator[Moment]) -> None:
    """Print a line for each decision, when it is there."""
    from .showing import cells, columns

    for i, moment in enumerate(moments, 1):
        names = columns(moment)
        if i == 1:
            stream(names, [WIDTHS.get(name, 0) for name in names])
        stream(cells(i, moment, names), [WIDTHS.get(name, 0) for name in names])


def _show_frames(world: Any, moments: Iterator[Moment], moves: bool) -> None:
    """Print the course of an episode after each decision; in its place, where that can be done."""
    if not moves:
        for _ in moments:
            print(world.render(), end="\n\n", file=out.file, flush=True)
        return
    from rich.live import Live
    from rich.text import Text

    with Live(console=out, auto_refresh=False) as live:
        for _ in moments:
            live.update(Text(world.render()), refresh=True)


def _tell(result: Evaluation) -> None:
    """Say what it came to, and how to play more."""
    from ..report.words import number
    from ..runs.evaluation import rerun_command

    regret = "" if result.regret is None else f", regret {number(float(result.regret[0]))}"
    say(f"seed {result.seed}: return {number(float(result.returns[0]))}{regret}")
    words = rerun_command(result.env_id, result.agent, 100, result.seed, result.env_kwargs)
    say(f"Now: {shlex.join(words)}")


def _write(path: Path, world: Any, result: Evaluation, trace: Trace) -> None:
    """Write the picture of an episode, with what its player believes."""
    from ...agents import make
    from ...envs.core.files import deliver
    from ..runs import moving

    ending = path.suffix.lower()
    count = 1 if ending == ".png" else moving.FRAMES
    agent = make(result.agent, world, episode=result.seed)
    pictures = [*moving.frames(world.unwrapped.model, agent, trace, count)]
    deliver(path, moving.encoded(pictures, ending), "a picture")
    say(f"picture: {path}")
