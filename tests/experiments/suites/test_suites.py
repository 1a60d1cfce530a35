"""The suites: what they promise about themselves."""

import json
import re

import gymnasium as gym
import numpy as np
import pytest
from families import CAMPAIGNS, DESIGNS, POOLS

from discovery_gym.agents import available, make
from discovery_gym.agents.learned.policy import fitting
from discovery_gym.envs.core import registered
from discovery_gym.experiments import evaluate
from discovery_gym.experiments.report import stats
from discovery_gym.experiments.reproduce.adaptive_sampling import columns, kinds
from discovery_gym.experiments.reproduce.experimental_design import robot_physicist
from discovery_gym.experiments.runs.evaluation import EVALUATION_SEED
from discovery_gym.experiments.runs.scores import scores
from discovery_gym.experiments.suites.catalogue import SUITES, suite
from discovery_gym.experiments.suites.task import plan

TASKS = [task for one in SUITES.values() for task in one.tasks]


PROMISES = {
    "every environment": set(registered()),
    "every campaign": set(CAMPAIGNS),
    "every pool with structure": set(POOLS)
    - {"discovery/UnstructuredPool-v0", "discovery/ScreeningPool-v0"},
}


@pytest.mark.parametrize("name", SUITES)
def test_a_suite_plays_what_it_promises_on_evaluation_seeds(name):
    """What `about` calls every environment of some kind is every one that is registered."""
    one = suite(name)
    played = {task.env_id for task in one.tasks}
    for promise in re.findall(r"every [\w ]+", one.about):
        (kind,) = (kind for kind in PROMISES if promise.startswith(kind))
        assert PROMISES[kind] <= played, promise
    specs = plan(one)
    assert all(spec.seed >= EVALUATION_SEED for spec in specs)
    assert len({spec.id for spec in specs}) == len(specs)


def test_the_promises_of_suites_are_those_that_are_held_here():
    held = {kind for kind in PROMISES if any(kind in one.about for one in SUITES.values())}
    assert held == set(PROMISES)
    assert {task.env_id for task in suite("design").tasks} <= set(DESIGNS)
    assert sorted(task.env_id for task in suite("smoke").tasks) == sorted(registered())


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_every_agent_fits_its_task(task):
    if task.missing:
        pytest.skip(task.missing)
    env = gym.make(task.env_id, **task.env_kwargs)
    for text in task.agents.values():
        make(text, env)


def test_tables_are_played_as_pools_drawn_from_them():
    """A whole table is one instance, on which an agent without chance has one score."""
    suites = [one for one in SUITES.values() if one.name != "paper"]
    kinds = [task for one in suites for task in one.tasks if task.kind == "table"]
    tables = [task for task in kinds if task.env_id == "discovery/TablePool-v0"]
    assert len(tables) == 10
    for task in tables:
        assert task.env_kwargs["rows"] == 0.5
        assert "pools drawn from this table" in task.about
        if task.missing is None:
            model = gym.make(task.env_id, **task.env_kwargs).unwrapped.model
            if model.budget is not None:
                assert f"{model.budget:g} of money" in task.about
                continue
            assert f"{model.num_items} of {len(model.table.labels)}" in task.name + task.about
            assert f"{model.horizon} " in task.about
            assert model.table.target == model.target or len(model.table.targets) == 1


def test_the_paper_plays_whole_tables_as_its_source_does():
    """Table 1: twenty columns, each with the labels and the agents of the source."""
    tables = [task for task in suite("paper").tasks if task.kind == "table"]
    assert {task.env_kwargs["target"] for task in tables} == {
        f"yield[{column.real}]" for column in columns.TABLE
    }
    for task in tables:
        assert "the whole table (real data), as the source plays it" in task.about
        assert "rows" not in task.env_kwargs
        assert task.episodes == 10
        noise = columns.NOISE[task.env_kwargs["dataset"]]
        assert set(task.agents.values()) == set(columns.agents_of(noise).values())
        if task.missing is None:
            model, theirs = (
                gym.make(task.env_id, **kwargs).unwrapped.model
                for kwargs in (task.env_kwargs, {**task.env_kwargs, "horizon": None})
            )
            assert model.horizon == theirs.horizon


def _played(env_id, env_kwargs, agents):
    kwargs = {key: value for key, value in env_kwargs.items() if key != "horizon"}
    return env_id, json.dumps(kwargs, sort_keys=True), tuple(sorted(agents))


def test_the_paper_plays_figure_1_as_its_report_does():
    ours = {
        _played(task.env_id, task.env_kwargs, task.agents.values()) for task in suite("paper").tasks
    }
    tasks = [task for kind in kinds.KINDS for task in kind.suite(2, 0).tasks]
    assert len(tasks) == 18
    for task in tasks:
        assert _played(task.env_id, task.env_kwargs, task.agents.values()) in ours, task.name
        (same,) = (one for one in suite("paper").tasks if one.name == task.name)
        assert same.env_kwargs["horizon"] == task.env_kwargs["horizon"]


def test_the_paper_plays_the_rounds_of_the_robot():
    rounds = {
        _played(task.env_id, task.env_kwargs, task.agents.values())
        for task in suite("paper").tasks
        if task.env_kwargs.get("horizon") == robot_physicist.ROUNDS and task.kind == "design"
    }
    agents = robot_physicist.AGENTS.values()
    for one in (
        {"num_events": 20},
        {"num_events": 1000},
    ):
        assert _played("discovery/WeinbergToy-v0", one, agents) in rounds
    for one in ({"num_events": 1000}, {"luminosity": robot_physicist.LUMINOSITY}):
        kwargs = {**one, **robot_physicist.POLARISED}
        assert _played("discovery/Weinberg-v0", kwargs, agents) in rounds


def test_all_agents_that_fit_play_in_full():
    """But those that the file names; where `pools` has tuned an agent, it plays so."""
    tuned = {task.name: task for task in suite("pools").tasks}
    left_out = set()
    for task in suite("full").tasks:
        if task.missing is not None:
            continue
        names = {text.partition("(")[0] for text in task.agents.values()}
        names |= {"meta_ucb"} if "learned" in names else set()
        fit = set(available(gym.make(task.env_id, **task.env_kwargs)))
        left_out |= {(task.name, name) for name in fit - names}
        if task.name in tuned:
            agents = tuned[task.name].agents
            assert {name: task.agents[name] for name in agents} == agents
    assert left_out == {
        ("Constant elasticity", "look_ahead_eig"),
        ("Logistic, 10 features", "cheap_then_greedy"),
    }


def test_who_is_ahead_on_a_whole_table_may_be_behind_on_its_halves():
    """Why tables are played so: LinUCB against Bayes-UCB, of which neither is tuned here.

    Bayes-UCB has a prior in the unit of the label, as LinUCB has: free of units it is behind on both.
    """
    ahead = {}
    for rows, horizon, episodes in ((None, 60, 2), (0.5, 30, 300)):
        kwargs = {"rows": rows, "horizon": horizon}
        linucb, bayes = (
            scores(evaluate("TablePool", text, episodes=episodes, env_kwargs=kwargs))
            for text in ("linucb", "bayes_ucb(width=1, belief=linear(prior_std=1))")
        )
        ahead[rows] = stats.paired_difference(linucb, bayes)
    assert ahead[None].how == "no variation"
    assert ahead[None].value == pytest.approx(0.077, abs=5e-4)
    assert ahead[0.5].high < 0


def test_a_missing_data_set_is_a_reason_to_skip(monkeypatch, tmp_path):
    monkeypatch.setenv("DISCOVERY_GYM_DATA", str(tmp_path))
    (task,) = (task for task in suite("quick").tasks if task.needs == "cncci")
    assert "cncci" in task.missing
    assert task.name not in {spec.task for spec in plan(suite("quick"))}


TUNED = [
    task
    for one in SUITES.values()
    if one.name != "full"  # it has those of quick
    for task in one.tasks
    if "tuned batch" in task.agents
]


@pytest.mark.parametrize("task", TUNED, ids=lambda task: task.name)
def test_the_tuned_batch_is_the_best_fixed_one(task):
    """On 40 of the 1000 tuning seeds, up to what chance allows."""
    model = gym.make(task.env_id, **task.env_kwargs).unwrapped.model

    def play(text):
        return evaluate(
            task.env_id, text, episodes=40, seed=0, env_kwargs=task.env_kwargs, truth=False
        ).returns

    tuned = play(task.agents["tuned batch"])
    for action, size in enumerate(model.choices["batch_size"]):
        if size > 0:  # else an upgrade
            knobs = ", ".join(
                f"{knob}={values[action]:g}" for knob, values in model.choices.items()
            )
            ahead = play(f"fixed({knobs})") - tuned
            assert ahead.mean() < 4 * ahead.std() / np.sqrt(ahead.size) + 1e-9, knobs


def test_learned_is_what_it_was_before_parameters_counted() -> None:
    """The rule where a belief fits, else the first policy of the package, by name."""
    for one in SUITES.values():
        for task in one.tasks:
            texts = [text for text in task.agents.values() if text.split("(")[0] == "learned"]
            if task.missing is None and texts:
                env = gym.make(task.env_id, **task.env_kwargs)
                rule = "meta_ucb" in available(env)
                first = "" if rule else fitting(env.unwrapped.model)[0]  # type: ignore[attr-defined]
                for text in texts:
                    now = text.replace("learned", "meta_ucb") if rule else f"policy({first!r})"
                    assert make(text, env).text == now, (one.name, task.name)
