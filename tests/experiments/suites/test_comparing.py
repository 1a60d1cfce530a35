"""The suite of compare: its file plays the same, its halves share no row, its placebo tells nothing."""

import dataclasses

import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.envs.datasets import load
from discovery_gym.envs.pools.table_pool import TablePool
from discovery_gym.experiments import evaluate
from discovery_gym.experiments.suites import comparing, files
from discovery_gym.experiments.suites.task import plan

ODD = {"a": "greedy", "bayes_ucb(belief=gp)": "bayes_ucb(belief=gp)"}


@pytest.fixture
def table(tmp_path):
    """A table that needs options: a decimal comma, a quote in a name, a column to drop."""
    random = np.random.default_rng(0)
    x = random.uniform(size=(50, 2)).round(3)
    rows = [f"r{i};{a};{b};{10 * a - b:.3f}".replace(".", ",") for i, (a, b) in enumerate(x)]
    path = tmp_path / "täble 1.csv"
    path.write_text('who;"x ""1""";T;yield\n' + "\n".join(rows), encoding="utf-8")
    reading = {"target": "yield", "drop": ["who"], "decimal": ","}
    return str(path), reading, load(str(path), **reading).conditions()


def suite(table, **other):
    path, reading, rows = table
    return comparing.suite(path, rows, reading=reading, strategies=ODD, **other)


@pytest.mark.parametrize("other", [{}, {"horizon": 9, "batch": 3, "episodes": 16}])
def test_its_file_is_read_as_the_same_suite(table, tmp_path, other):
    made = suite(table, **other)
    path = tmp_path / "suite.toml"
    path.write_text(comparing.text(made), encoding="utf-8")
    read = files.read(path)
    assert plan(read) == [
        dataclasses.replace(one, env_kwargs={**one.env_kwargs}) for one in plan(made)
    ]
    assert len(made.tasks) == 2 + 2 * comparing.SPLITS
    assert len({task.seed for task in made.tasks}) == len(made.tasks)


def test_long_lists_of_columns_fit_into_the_file(table, tmp_path):
    path, reading, rows = table
    many = {**reading, "missing": [f"a text {i:03}" for i in range(400)]}
    made = comparing.suite(path, rows, reading=many, strategies=ODD)
    file = tmp_path / "suite.toml"
    file.write_text(comparing.text(made), encoding="utf-8")
    assert plan(files.read(file)) == plan(made)


def test_sizes_are_those_of_the_rows(table):
    made = suite(table)
    kwargs = {task.name: task.env_kwargs for task in made.tasks}
    assert (kwargs["all rows"]["rows"], kwargs["all rows"]["horizon"]) == (40, 13)
    half = kwargs["split 1, half a"]
    assert (half["rows"], half["horizon"], half["half"]) == (20, 6, 0)
    plates = suite(table, batch=4).tasks
    assert [plates[i].env_kwargs["horizon"] for i in (0, 1)] == [12, 4]
    for wrong in ({"horizon": 41}, {"batch": 21}, {"horizon": 2, "batch": 3}):
        with pytest.raises(InputError):
            suite(table, **wrong)


def test_fewer_rows_are_refused(table):
    path, reading, rows = table
    few = dataclasses.replace(rows, features=rows.features[:39], labels=rows.labels[:39])
    with pytest.raises(InputError, match="has 39 measured"):
        comparing.suite(path, few, reading=reading, strategies=ODD)


def test_halves_part_the_rows(table):
    rows = table[2]
    for number in range(0, 8, 2):
        one, other = rows.half(number), rows.half(number + 1)
        both = np.concatenate([one.features, other.features])
        assert {len(one.labels), len(other.labels)} == {25}
        assert {row.tobytes() for row in both} == {row.tobytes() for row in rows.features}
    firsts = {rows.half(number).labels.tobytes() for number in range(8)}
    assert len(firsts) == 8
    path, reading, _ = table
    model = TablePool(dataset=path, half=3, **reading)
    np.testing.assert_array_equal(model.table.labels, rows.half(3).labels)
    arrays = TablePool(features=rows.features, labels=rows.labels, half=3)
    assert arrays.num_items == 25
    assert arrays.random_value() == model.random_value()


def test_no_agent_beats_random_play_on_a_placebo():
    random = np.random.default_rng(0)
    x = random.uniform(size=(40, 1))
    kwargs = {"features": x, "labels": x[:, 0], "rows": 30, "horizon": 8, "placebo": True}
    found = evaluate("TablePool", "greedy", episodes=400, env_kwargs=kwargs)
    error = found.returns.std() / 20
    assert abs(found.returns.mean() - found.random_value) < 4 * error
    real = evaluate("TablePool", "greedy", episodes=50, env_kwargs={**kwargs, "placebo": False})
    assert real.returns.mean() > found.random_value + 20 * error
    assert real.optimal_value == found.optimal_value


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [({"half": -1}, "half"), ({"half": 1.5}, "half"), ({"placebo": True}, "rows"),
     ({"placebo": "yes", "rows": 0.5}, "placebo")],
)  # fmt: skip
def test_halves_and_placebos_that_make_no_sense_are_refused(kwargs, words):
    with pytest.raises(InputError, match=words):
        TablePool(features=np.arange(9.0)[:, None], labels=np.arange(9.0), **kwargs)
