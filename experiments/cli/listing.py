"""The commands that show what there is: list, table."""

from __future__ import annotations

from typing import Annotated

import typer

from ...envs.core import spelt
from ..runs.parameters import parameters as parameters_of
from ..runs.terminal import out, say, show


def list_all() -> None:
    """List environments, agents that fit, suites and data sets."""
    _list_environments()
    _list_suites()
    _list_datasets()
    say("Agents fit an environment by its parameters: those above fit the defaults.")


def _list_environments() -> None:
    import gymnasium as gym

    from ...agents import available
    from ...envs.core import registered

    rows = []
    for env_id in registered():
        model = gym.make(env_id).unwrapped.model  # type: ignore[attr-defined]
        about = (type(model).__doc__ or "").strip().splitlines()[0]
        rows.append([env_id, about, ", ".join(available(model))])
    show(["environment", "what it is", "agents that fit"], rows)


def _list_suites() -> None:
    from ..suites.catalogue import SUITES

    rows = []
    for suite in SUITES.values():
        runs = sum(len(task.agents) for task in suite.tasks)
        about = f"{suite.about} (version {suite.version})"
        rows.append([suite.name, about, str(len(suite.tasks)), str(runs), str(suite.episodes)])
    show(["suite", "what it is", "tasks", "runs", "episodes per run"], rows)


def _list_datasets() -> None:
    from ...envs import datasets

    rows = []
    here = datasets.available()
    for name, source in datasets.catalogue().items():
        found = "yes" if name in here else f"needs {source.file}"
        rows.append([name, source.about, source.licence, found])
    own = [name for name in here if name not in datasets.catalogue()]
    rows += [[name, "a table of your own", "", "yes"] for name in own]
    show(["data set", "what it is", "licence", "here"], rows)


def table(
    dataset: Annotated[str, typer.Argument(help="A data set, or a CSV or Parquet file.")],
    target: Annotated[str | None, typer.Option(help="The label column.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help='How it is read: drop=run, drop=\'["a", "b"]\', header=false.'),
    ] = None,
) -> None:
    """Show how a table is read: rows, label, features."""
    from ...envs import datasets

    given = {} if target is None else {"target": target}
    options = parameters_of("{}", settings or [], example="drop=run")
    for line in str(datasets.load(dataset, **options | given)).splitlines():
        out.print(spelt(line), soft_wrap=True)
