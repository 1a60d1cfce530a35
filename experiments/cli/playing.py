"""The commands that play: run, tune, evaluate."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.text import Text
from typer import Argument, Option

from ...envs.core import InputError, spec_of, told
from ..runs.parameters import parameters as parameters_of
from ..runs.terminal import out, progress, say, show
from . import shared
from .formats import Form
from .known import typed
from .shared import complain, note, resumable, say_notes

if TYPE_CHECKING:
    from ..report.boards import Board
    from ..runs.evaluation import Evaluation
    from ..runs.spec import RunSpec
    from ..suites.task import Suite


# ---- run


def run(
    suite: Annotated[str, Argument(help="A suite, see `discovery-gym list`, or mine.toml.")],
    folder: shared.Out,
    workers: shared.Workers = None,
    agent: shared.Agents = None,
    task: shared.Tasks = None,
    trust: shared.Trust = False,
    slurm: shared.Slurm = None,
    slurm_option: shared.SlurmOptions = None,
    ray: shared.Ray = None,
    shard: shared.Shard = None,
) -> None:
    """Run a suite; what is finished already is not run again."""
    from ..suites.entering import chosen as chosen_suite
    from ..suites.task import plan

    chosen = chosen_suite(suite, agents=agent or (), tasks=task or (), trusted=trust, say=note)
    specs = plan(chosen)
    if slurm is not None:
        _submit(chosen.name, folder, slurm, slurm_option or [])
        return
    play_missing(chosen, specs, folder, workers, ray)
    _show(specs, folder)


def _show(specs: Sequence[RunSpec], folder: Path) -> None:
    """Show what came of some runs; leave with 1 if one has failed."""
    from ..report.boards import board
    from ..runs.records import read_record, record_path

    records = [read_record(record_path(folder / "records", spec.id)) for spec in specs]
    for task in dict.fromkeys(spec.task for spec in specs):
        _show_results(board([one for one in records if one.spec.task == task], ""))
    say(f"Now: {typed('leaderboard', folder)}")
    failed = [record.spec for record in records if record.error is not None]
    if failed:
        names = ", ".join(f"{spec.name} on {spec.task}" for spec in failed)
        complain(f"{len(failed)} runs failed and are recorded as failed: {names}.")
        raise typer.Exit(1)


def play_missing(
    suite: Suite,
    specs: Sequence[RunSpec],
    folder: Path,
    workers: int | None,
    ray: str | None = None,
) -> None:
    """Play those runs that have no record yet; say what is left out, and leave if that fails."""
    from ..runs.board import missing
    from ..runs.engine import play, play_on_ray

    todo = missing(list(specs), folder)
    for task in suite.tasks:
        if task.missing is not None:
            say(f"skipped {task.name}: {task.missing}", "yellow")
    if len(todo) < len(specs):
        say(f"{len(specs) - len(todo)} of {len(specs)} runs are finished already.")
    with resumable():
        if ray is not None and todo:
            play_on_ray(todo, folder, ray)
        elif todo:
            play(todo, folder, workers)


def _submit(name: str, folder: Path, tasks: int, options: Sequence[str]) -> None:
    """Let the tasks of a Slurm job array give this command, without what it says of Slurm."""
    from ..runs.records import open_folder
    from ..runs.slurm import submit

    words, given = list[str](), iter(sys.argv[1:])
    for word in given:
        if word.partition("=")[0] not in ("--slurm", "--slurm-option", "--workers"):
            words.append(word)
        elif "=" not in word:
            next(given)  # its value
    open_folder(folder)
    command = [sys.executable, "-m", "discovery_gym.experiments", *words, "--workers", "1"]
    path, answer = submit(command, folder, f"discovery-gym-{name}", tasks, options)
    say(answer)
    out.print(str(path), soft_wrap=True)


def _show_results(board: Board) -> None:
    from ..report.words import microseconds, plus_minus, span

    regrets = ["regret"] if board.has_regret else []
    rows: list[list[str | Text]] = []
    for row in board.rows:
        if row.played is None:
            rows.append([row.name, Text("failed", "red")])
            say(told(f"{row.name} on {board.spec.task} failed: {row.error_line}"), "red")
            continue
        regret = [plus_minus(row.regret)] if row.regret is not None else []
        time = microseconds(row.played.seconds_per_decision)
        rows.append([row.name, span(row.score), plus_minus(row.played.returns), *regret, time])
    show(["agent", "score (95 %)", "return", *regrets, "µs/decision"], rows, board.spec.task)


# ---- tune


def tune(
    suite: Annotated[str, Argument(help="A suite whose tasks name candidates, or mine.toml.")],
    folder: shared.Out,
    workers: shared.Workers = None,
    trust: shared.Trust = False,
) -> None:
    """Choose the settings of a suite's agents, on tuning seeds."""
    from ..suites import tuning
    from ..suites.entering import chosen as chosen_suite

    chosen = chosen_suite(suite, trusted=trust, say=note)
    specs = tuning.plan(chosen)
    if not specs:
        raise InputError(f"The suite {suite!r} has nothing to tune here.")
    play_missing(chosen, specs, folder, workers)
    settings = tuning.choose(chosen, folder)
    for task, agents in settings["tasks"].items():
        out.print(f"\n{task}", style="bold")
        for name, entry in agents.items():
            mean, error = entry["scores"].get(entry["agent"]) or (float("nan"), float("nan"))
            found = f"{mean:.4g} ± {error:.2g}, best of {len(entry['scores'])}"
            out.print(f"  {name}: {entry['agent']}  ({found})", soft_wrap=True)
    path = tuning.write(settings, tuning.path(chosen, folder))
    out.print(str(path), soft_wrap=True)


# ---- evaluate


def evaluate(
    env: shared.Environment,
    agent: shared.Player,
    episodes: Annotated[int, Option(help="Number of episodes.")] = 100,
    seed: Annotated[
        int | None, Option(help="Seed of the first episode; by default above all tuning.")
    ] = None,
    kwargs: shared.Kwargs = "{}",
    settings: shared.Settings = None,
    metric: shared.Metrics = None,
    form: Form = None,
) -> None:
    """Play one agent on one environment; show what it achieves."""
    from ..runs import evaluation

    metrics = metric or []
    parameters = parameters_of(kwargs, settings or [])
    first = evaluation.EVALUATION_SEED if seed is None else seed
    say_notes(env, parameters)
    with progress(episodes, "episodes") as update:
        how: dict[str, Any] = {"env_kwargs": parameters, "metrics": metrics, "progress": update}
        result = evaluation.evaluate(env, agent, episodes=episodes, seed=first, **how)
    if form is not None:
        from . import documents, formats

        formats.write("evaluation", documents.evaluation(result, metrics))
    else:
        show(["agent", result.agent], about_evaluation(result, metrics), result.env_id)
    _say_wasted(result)


def _say_wasted(result: Evaluation) -> None:
    """Say how many choices named an item of a pool anew, which tells nothing; with money it may."""
    pool = ".envs.pools." in str(spec_of(result.env_id).entry_point)
    if not pool or result.actions is None or result.spent is not None:
        return
    items = np.stack(result.actions.parts, 1)
    episode = np.arange(len(result.lengths)).repeat(result.lengths)[:, None]
    wasted = items.size - len(np.unique(episode * (items.max() + 1) + items))
    if wasted:
        note(
            f"{wasted:,} of {items.size:,} choices were wasted on items that had been chosen before; "
            "choose where the observation's action_mask is 1."
        )


def about_evaluation(result: Evaluation, metrics: Sequence[str]) -> list[list[str]]:
    """Return what an agent achieved, a line for each thing that is known, also by some metrics."""
    from ..report.findings import findings
    from ..report.stats import mean
    from ..report.words import number, plus_minus, span
    from ..runs.scores import regrets, scores

    rows = [["return", plus_minus(result.returns)]]
    normalised = scores(result)
    if normalised is not None:
        rows.append(["score (0 random, 1 optimum)", span(mean(normalised))])
    rows.append(["exact return of random play", number(result.random_value)])
    rows.append(["exact optimum", number(result.optimal_value)])
    if (regret := regrets(result)) is not None:
        rows.append(["regret", plus_minus(regret)])
    rows += [[one.name, one.line] for one in findings(result, metrics)]
    return rows + _how_played(result)


def _how_played(result: Evaluation) -> list[list[str]]:
    """Return what an agent spent, and what it played, a line for each."""
    from ..report.words import microseconds, plus_minus

    rows = []
    if result.spent is not None:
        rows.append(["money spent", plus_minus(result.spent)])
    rows.append(["decisions per episode", plus_minus(result.lengths)])
    times = {key: microseconds(one) for key, one in result.decision_seconds.items()}
    quantiles = ", ".join(f"{key} {time}" for key, time in times.items() if key != "mean")
    ends = f" ({quantiles})" if quantiles else ""
    rows.append(["µs per decision", f"{microseconds(result.seconds_per_decision)}{ends}"])
    last = result.seed + len(result.returns) - 1
    rows.append(["episodes, seeds", f"{len(result.returns)}, {result.seed} to {last}"])
    if result.env_kwargs:
        given = ", ".join(f"{name}={value!r}" for name, value in result.env_kwargs.items())
        rows.append(["parameters", given])
    return rows
