"""The command ``discovery-gym``: list, table, run, tune, leaderboard, evaluate, train, reproduce.

What a user got wrong is told in one line, with exit status 2; a run that failed or a worker that
was lost gives 1, an interrupt 130.
"""

from __future__ import annotations

import contextlib
import errno
import shlex
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from ..envs.core import InputError, spelt, told
from .runs.parameters import parameters as _parameters
from .runs.terminal import any_encoding, out, progress, say, show

if TYPE_CHECKING:
    from .report.boards import Board
    from .runs.evaluation import Evaluation
    from .runs.spec import RunSpec
    from .suites.task import Suite

app = typer.Typer(
    help="Environments, agents and a leaderboard for deciding which experiment to run next.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Out = Annotated[
    Path, typer.Option("--out", help="Folder for the results; made if it is not there.")
]
Kwargs = Annotated[str, typer.Option(help="Parameters of the environment, as JSON.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="One parameter as name=value, once for each; lists as '[1, 2]'."),
]

Workers = Annotated[int | None, typer.Option(min=1, help="Processes; by default one per core.")]


def main() -> None:
    """Run the command line."""
    any_encoding()
    sys.path.append(str(Path.cwd()))  # last: what a text names, `mine:Name`, may lie in this folder
    warnings.showwarning = _warn
    try:
        app()
    except InputError as error:
        _complain(str(error))
        sys.exit(2)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        _complain(f"What was found cannot be written: {error.strerror}.")
        sys.exit(1)
    except KeyboardInterrupt:  # between two commands of ours, as in closing a bar
        sys.exit(130)


def _warn(message: Warning | str, *place: Any, **more: Any) -> None:
    """Say a warning in one line, once; where in the code it came up is of no use here."""
    line = told(message, 1000)
    if line not in _WARNED:
        _WARNED.add(line)
        say(line, "yellow")


_WARNED: set[str] = set()


def _complain(message: str) -> None:
    say(told(message, 4000), "red")


def _version(asked: bool) -> None:
    if asked:
        from .. import __version__

        out.print(f"discovery-gym {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


# ---- list


@app.command("list")
def list_all() -> None:
    """List the environments with the agents that fit, the suites and the data sets."""
    _list_environments()
    _list_suites()
    _list_datasets()
    say("Agents fit an environment by its parameters: those above fit the defaults.")


def _list_environments() -> None:
    import gymnasium as gym

    from ..agents import available
    from ..envs.core import registered

    rows = []
    for env_id in registered():
        model = gym.make(env_id).unwrapped.model  # type: ignore[attr-defined]
        about = (type(model).__doc__ or "").strip().splitlines()[0]
        rows.append([env_id, about, ", ".join(available(model))])
    show(["environment", "what it is", "agents that fit"], rows)


def _list_suites() -> None:
    from .suites.catalogue import SUITES

    rows = []
    for suite in SUITES.values():
        runs = sum(len(task.agents) for task in suite.tasks)
        about = f"{suite.about} (version {suite.version})"
        rows.append([suite.name, about, str(len(suite.tasks)), str(runs), str(suite.episodes)])
    show(["suite", "what it is", "tasks", "runs", "episodes per run"], rows)


def _list_datasets() -> None:
    from ..envs import datasets

    rows = []
    here = datasets.available()
    for name, source in datasets.catalogue().items():
        found = "yes" if name in here else f"needs {source.file}"
        rows.append([name, source.about, source.licence, found])
    own = [name for name in here if name not in datasets.catalogue()]
    rows += [[name, "a table of your own", "", "yes"] for name in own]
    show(["data set", "what it is", "licence", "here"], rows)


@app.command()
def table(
    dataset: Annotated[str, typer.Argument(help="A data set, or a CSV or Parquet file.")],
    target: Annotated[str | None, typer.Option(help="The label column.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help='How it is read: drop=run, drop=\'["a", "b"]\', header=false.'),
    ] = None,
) -> None:
    """Show how a table is read: its rows, its label, its features, and what was decided."""
    from ..envs import datasets

    given = {} if target is None else {"target": target}
    options = _parameters("{}", settings or [], example="drop=run")
    for line in str(datasets.load(dataset, **options | given)).splitlines():
        out.print(spelt(line), soft_wrap=True)


def _say_notes(env: str, parameters: Mapping[str, Any]) -> None:
    """Say what was decided in reading the table that an environment is made of."""
    from ..envs import datasets

    if "TablePool" in env and "dataset" in parameters:
        names = {"dataset", *datasets.Reading.options()} & set(parameters)
        for note in datasets.load(**{name: parameters[name] for name in names}).notes:
            say(f"note: {note}")


# ---- run


@app.command()
def run(
    suite: Annotated[str, typer.Argument(help="A suite: see `discovery-gym list`.")],
    folder: Out,
    workers: Workers = None,
    shard: Annotated[
        str | None, typer.Option(help="Play only every n-th run, the i-th of them: i/n.")
    ] = None,
) -> None:
    """Run a suite; what is finished already is not run again."""
    from .report.boards import overviews
    from .runs.records import read_record, record_path
    from .suites import catalogue as suites
    from .suites.task import Shard, plan

    chosen = suites.suite(suite)
    specs = plan(chosen, Shard.parse(shard) if shard is not None else None)
    _play_missing(chosen, specs, folder, workers)
    records = [read_record(record_path(folder / "records", spec.id)) for spec in specs]
    for overview in overviews(records):
        for board in overview.boards:
            _show_results(board)
    say(f"Now: {shlex.join(['discovery-gym', 'leaderboard', str(folder)])}")
    failed = [record.spec for record in records if record.error is not None]
    if failed:
        names = ", ".join(f"{spec.name} on {spec.task}" for spec in failed)
        _complain(f"{len(failed)} runs failed and are recorded as failed: {names}.")
        raise typer.Exit(1)


def _play_missing(
    suite: Suite, specs: Sequence[RunSpec], folder: Path, workers: int | None
) -> None:
    """Play those runs that have no record yet; say what is left out, and leave if that fails."""
    from .runs.runner import missing, play_all

    todo = missing(list(specs), folder)
    for task in suite.tasks:
        if task.missing is not None:
            say(f"skipped {task.name}: {task.missing}", "yellow")
    if len(todo) < len(specs):
        say(f"{len(specs) - len(todo)} of {len(specs)} runs are finished already.")
    with _resumable():
        play_all(todo, folder, workers)


@contextlib.contextmanager
def _resumable() -> Iterator[None]:
    """Turn the end of runs from outside into an exit status."""
    from .runs.runner import WorkerLost

    try:
        yield
    except WorkerLost as error:
        _complain(str(error))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        _complain("Interrupted. Finished runs are kept; the same command plays the rest.")
        raise typer.Exit(130) from None


def _show_results(board: Board) -> None:
    from .report.words import microseconds, plus_minus, span

    regrets = ["regret"] if board.has_regret else []
    rows: list[list[str | Text]] = []
    for row in board.rows:
        if row.played is None:
            rows.append([row.name, Text("failed", "red")])
            say(told(f"{row.name} on {board.spec.task} failed: {row.error_line}"), "red")
            continue
        regret = [plus_minus(row.played.regret)] if row.played.regret is not None else []
        time = microseconds(row.played.seconds_per_decision)
        rows.append([row.name, span(row.score), plus_minus(row.played.returns), *regret, time])
    show(["agent", "score (95 %)", "return", *regrets, "µs/decision"], rows, board.spec.task)


# ---- tune


@app.command()
def tune(
    suite: Annotated[str, typer.Argument(help="A suite whose tasks name candidates.")],
    folder: Out,
    workers: Workers = None,
) -> None:
    """Choose the settings of a suite's agents on tuning seeds, with equal budgets."""
    from .suites import catalogue as suites
    from .suites import tuning

    chosen = suites.suite(suite)
    specs = tuning.plan(chosen)
    if not specs:
        raise InputError(f"The suite {suite!r} has nothing to tune here.")
    _play_missing(chosen, specs, folder, workers)
    settings = tuning.choose(chosen, folder)
    for task, agents in settings["tasks"].items():
        out.print(f"\n{task}", style="bold")
        for name, entry in agents.items():
            mean, error = entry["scores"].get(entry["agent"]) or (float("nan"), float("nan"))
            found = f"{mean:.4g} ± {error:.2g}, best of {len(entry['scores'])}"
            out.print(f"  {name}: {entry['agent']}  ({found})", soft_wrap=True)
    path = tuning.write(settings, folder / f"{suite}.json")
    out.print(str(path), soft_wrap=True)


# ---- leaderboard, evaluate, train, reproduce


@app.command()
def leaderboard(
    folder: Annotated[Path, typer.Argument(help="A results folder that `run` has written.")],
) -> None:
    """Write LEADERBOARD.md and index.html from the records in a results folder."""
    from .report.leaderboard import write_leaderboard

    paths, left_out = write_leaderboard(folder)
    for path in paths:
        out.print(str(path), soft_wrap=True)
    for line in left_out:
        _complain(f"Left out: {line}")


@app.command()
def evaluate(
    env: Annotated[str, typer.Argument(help="An environment: GaussianStep, module:lab/Mine-v0.")],
    agent: Annotated[str, typer.Argument(help="An agent: 'bayes_ucb(width=2)', ./mine.py:Name.")],
    episodes: Annotated[int, typer.Option(help="Number of episodes.")] = 100,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the first episode; by default above all tuning.")
    ] = None,
    kwargs: Kwargs = "{}",
    settings: Settings = None,
) -> None:
    """Play one agent on one environment and show what it achieves."""
    from .runs.evaluation import EVALUATION_SEED
    from .runs.evaluation import evaluate as play

    parameters = _parameters(kwargs, settings or [])
    first = EVALUATION_SEED if seed is None else seed
    _say_notes(env, parameters)
    with progress(episodes, "episodes") as update:
        result = play(
            env, agent, episodes=episodes, seed=first, env_kwargs=parameters, progress=update
        )
    show(["agent", result.agent], _rows(result), result.env_id)


def _rows(result: Evaluation) -> list[list[str]]:
    from .report.stats import mean
    from .report.words import microseconds, number, plus_minus, span
    from .runs.scores import scores

    rows = [["return", plus_minus(result.returns)]]
    normalised = scores(result)
    if normalised is not None:
        rows.append(["score (0 random, 1 optimum)", span(mean(normalised))])
    rows.append(["exact return of random play", number(result.random_value)])
    rows.append(["exact optimum", number(result.optimal_value)])
    if result.regret is not None:
        rows.append(["regret", plus_minus(result.regret)])
    rows.append(["decisions per episode", plus_minus(result.lengths)])
    rows.append(["µs per decision", microseconds(result.seconds_per_decision)])
    last = result.seed + len(result.returns) - 1
    rows.append(["episodes, seeds", f"{len(result.returns)}, {result.seed} to {last}"])
    if result.env_kwargs:
        given = ", ".join(f"{name}={value!r}" for name, value in result.env_kwargs.items())
        rows.append(["parameters", given])
    return rows


@app.command()
def train(
    folder: Out,
    env: Annotated[
        str, typer.Argument(help="An environment, such as KnowledgeLadder; es needs none.")
    ] = "",
    algo: Annotated[
        str, typer.Option(help="maskable-ppo, ppo, dqn, sac, td3, dad or es.")
    ] = "maskable-ppo",
    steps: Annotated[
        int | None, typer.Option(help="Steps of all episodes together; by default 1,000,000.")
    ] = None,
    envs: Annotated[int | None, typer.Option(help="Episodes at once; by default 256.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the training.")] = 0,
    kwargs: Kwargs = "{}",
    settings: Settings = None,
    hyper: Annotated[
        list[str] | None,
        typer.Option(help="One setting of the algorithm as name=value; may be repeated."),
    ] = None,
    parts: Annotated[
        str | None,
        typer.Option(help="Parts of the observation that are used, as key,key; by default all."),
    ] = None,
    evaluations: Annotated[
        int | None,
        typer.Option(help="Points of the learning curve, each a checkpoint; by default 20."),
    ] = None,
    episodes: Annotated[
        int | None, typer.Option(help="Episodes of each point; by default the algorithm's.")
    ] = None,
) -> None:
    """Train a policy; the same command resumes a training that was stopped."""
    from . import training as lessons
    from .runs.evaluation import EVALUATION_SEED, rerun_command
    from .training.base import kept

    options = {
        "env_id": env,
        "env_kwargs": _parameters(kwargs, settings or []),
        "seed": seed,
        "steps": steps,
        "envs": envs,
        "evaluations": evaluations,
        "episodes": episodes,
        "parts": [part.strip() for part in parts.split(",") if part.strip()] if parts else None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    training = lessons.training(
        algo, given, _parameters("{}", hyper or [], "--hyper", "gamma=0.99")
    )
    with _resumable():
        curve = lessons.train(training, folder)
    out.print(kept(curve), soft_wrap=True)
    env_id, agent, parameters = training.player(folder)
    words = rerun_command(env_id, agent, 1000, EVALUATION_SEED, parameters)
    say(f"Now: {shlex.join(words)}")


@app.command()
def reproduce(
    name: Annotated[str, typer.Argument(help="What to reproduce, such as high-throughput.")],
    folder: Out,
    episodes: Annotated[
        int | None, typer.Option(help="Episodes for each number; by default enough of them.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the first episode.")] = None,
    workers: Workers = None,
) -> None:
    """Compute the figures and tables of a source, and write them."""
    from .reproduce import reproduce as write_report

    options = {"episodes": episodes, "seed": seed, "workers": workers}
    given = {key: value for key, value in options.items() if value is not None}
    with _resumable():
        files = write_report(name, folder, **given)
    for path in files:
        out.print(str(path), soft_wrap=True)
