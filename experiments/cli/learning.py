"""The commands that take a while: train, reproduce."""

from __future__ import annotations

import shlex
from typing import Annotated

from typer import Argument, Option

from ..runs.parameters import parameters as parameters_of
from ..runs.terminal import out, say
from .known import known
from .shared import Kwargs, Out, Settings, Workers, resumable

NAMES = ". ".join(f"{algo}: {', '.join(names)}" for algo, names in known()["algorithms"].items())
"""What may be set of each algorithm, in words."""


def train(
    folder: Out,
    env: Annotated[
        str, Argument(help="An environment, such as KnowledgeLadder; es needs none.")
    ] = "",
    algo: Annotated[
        str, Option(help="maskable-ppo, ppo, dqn, sac, td3, dad or es.")
    ] = "maskable-ppo",
    steps: Annotated[
        int | None, Option(help="Steps of all episodes together; by default 1,000,000.")
    ] = None,
    envs: Annotated[int | None, Option(help="Episodes at once; by default 256.")] = None,
    seed: Annotated[int, Option(help="Seed of the training.")] = 0,
    kwargs: Kwargs = "{}",
    settings: Settings = None,
    hyper: Annotated[
        list[str] | None,
        Option(help=f"One setting of the algorithm as name=value, once for each. {NAMES}"),
    ] = None,
    parts: Annotated[
        str | None,
        Option(help="Parts of the observation that are used, as key,key; by default all."),
    ] = None,
    evaluations: Annotated[
        int | None, Option(help="Points of the learning curve, each a checkpoint; by default 20.")
    ] = None,
    episodes: Annotated[
        int | None, Option(help="Episodes of each point; by default the algorithm's.")
    ] = None,
) -> None:
    """Train a policy; the same command resumes a training."""
    from .. import training as lessons
    from ..runs.evaluation import EVALUATION_SEED, rerun_command
    from ..training.base import kept

    options = {
        "env_id": env,
        "env_kwargs": parameters_of(kwargs, settings or []),
        "seed": seed,
        "steps": steps,
        "envs": envs,
        "evaluations": evaluations,
        "episodes": episodes,
        "parts": [part.strip() for part in parts.split(",") if part.strip()] if parts else None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    training = lessons.training(
        algo, given, parameters_of("{}", hyper or [], "--hyper", "gamma=0.99")
    )
    with resumable():
        curve = lessons.train(training, folder)
    out.print(kept(curve), soft_wrap=True)
    env_id, agent, parameters = training.player(folder)
    words = rerun_command(env_id, agent, 1000, EVALUATION_SEED, parameters)
    say(f"Now: {shlex.join(words)}")


def reproduce(
    name: Annotated[str, Argument(help="What to reproduce, such as high-throughput.")],
    folder: Out,
    episodes: Annotated[
        int | None, Option(help="Episodes for each number; by default enough of them.")
    ] = None,
    seed: Annotated[int | None, Option(help="Seed of the first episode.")] = None,
    workers: Workers = None,
) -> None:
    """Compute the figures and tables of a source, and write them."""
    from ..reproduce import reproduce as write_report

    options = {"episodes": episodes, "seed": seed, "workers": workers}
    given = {key: value for key, value in options.items() if value is not None}
    with resumable():
        files = write_report(name, folder, **given)
    for path in files:
        out.print(str(path), soft_wrap=True)
