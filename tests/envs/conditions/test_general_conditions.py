"""Conditions under test: against recursions and enumerations written out, and by play."""

from __future__ import annotations

import math
from collections import Counter
from functools import cache
from itertools import combinations, product
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from scipy import stats
from scipy.special import betaln

from discovery_gym import InputError
from discovery_gym.envs import datasets
from discovery_gym.envs.conditions.general_conditions import GeneralConditions
from discovery_gym.envs.conditions.round_robin import named_chances, sums_law
from discovery_gym.envs.core import TruthUnknown

ID = "discovery/GeneralConditions-v0"
YIELDS = [[10.0, 90.0, 45.0], [51.0, 49.0, math.nan], [80.0, 70.0, 130.0]]
TABLE: dict[str, Any] = {"world": "table", "yields": YIELDS, "horizon": 5}


def bernoulli(resolves: float, loss: float, **more: Any) -> GeneralConditions:
    shape = {"num_conditions": 2, "horizon": 8, "objective": "yields"}
    return GeneralConditions(**(shape | {"delay": ("geometric", resolves), "loss": loss} | more))


def written_out(model: GeneralConditions, resolves: float) -> float:
    """Return the optimum by a recursion over ordered states in which every label resolves by itself."""
    a, b = model.prior

    def outcomes(arm: tuple[int, int, int]) -> Counter[tuple[int, int, int]]:
        s, f, q = arm
        found: Counter[tuple[int, int, int]] = Counter()
        for fates in product(("stays", "lost", "success", "failure"), repeat=q):
            n = Counter(fates)
            weight = (1 - resolves) ** n["stays"] * (resolves * model.loss) ** n["lost"]
            weight *= (resolves * (1 - model.loss)) ** (n["success"] + n["failure"])
            then = a + s + n["success"], b + f + n["failure"]
            weight *= math.exp(betaln(*then) - betaln(a + s, b + f))
            found[s + n["success"], f + n["failure"], n["stays"]] += weight  # type: ignore[assignment]
        return found

    @cache
    def value(arms: tuple[tuple[int, int, int], ...], left: int) -> float:
        total = 0.0
        for parts in product(*(outcomes(arm).items() for arm in arms)):
            now, weight = tuple(arm for arm, _ in parts), math.prod(w for _, w in parts)
            means = [(a + s) / (a + b + s + f) for s, f, _ in now]
            if not left:
                total += weight * max(means) * model.naming
                continue
            gains = []
            for k, (s, f, q) in enumerate(now):
                then = (*now[:k], (s, f, q + 1), *now[k + 1 :])
                gains.append(value(then, left - 1) + (0 if model.naming else means[k]))
            total += weight * max(gains)
        return total

    return value(((0, 0, 0),) * model.count, model.horizon)


class TestExactValues:
    @pytest.mark.parametrize(
        ("resolves", "loss", "best"),
        [
            (1, 0, 4.759524),
            (0.5, 0, 4.667111),
            (0.25, 0, 4.547843),
            (0.5, 0.3, 4.573392),
            (1, 0.3, 4.663787),
        ],
    )
    def test_eight_tests_of_two_conditions(self, resolves: float, loss: float, best: float) -> None:
        assert round(bernoulli(resolves, loss).optimal_value(), 6) == best

    @pytest.mark.parametrize("objective", ["regret", "yields"])
    @pytest.mark.parametrize(("resolves", "loss"), [(1.0, 0.0), (1.0, 0.4), (0.6, 0.0), (0.3, 0.2)])
    def test_a_recursion_written_out(self, resolves: float, loss: float, objective: str) -> None:
        shape = {"num_conditions": 3, "horizon": 3, "prior": (0.5, 2.0), "objective": objective}
        model = bernoulli(resolves, loss, **shape)
        x = np.linspace(0, 1, 200_001)
        most = np.trapezoid(1 - stats.beta(0.5, 2.0).cdf(x) ** 3, x)
        expected = written_out(model, resolves) - most * model.naming
        assert model.optimal_value() == pytest.approx(expected, abs=1e-6)

    def test_labels_at_once_are_those_that_surely_resolve(self) -> None:
        values = {
            GeneralConditions(horizon=6, delay=d).optimal_value() for d in (0, ["geometric", 1])
        }
        assert len({round(value, 12) for value in values}) == 1

    def test_random_values(self) -> None:
        assert GeneralConditions().random_value() == pytest.approx(1 / 2 - 3 / 4)
        assert GeneralConditions(objective="yields", prior=(1, 3)).random_value() == 20 / 4
        means = np.array([(0.1 + 0.9 + 0.45) / 3, 0.5, 2.5 / 3])
        assert GeneralConditions(**TABLE).random_value() == pytest.approx(means.mean() - means[2])
        paid = GeneralConditions(**TABLE | {"objective": "yields", "horizon": 2})
        assert paid.random_value() == pytest.approx(2 * means.mean())
        with pytest.raises(TruthUnknown, match="run out before others"):
            GeneralConditions(**TABLE | {"objective": "yields"}).random_value()

    def test_the_oracle_of_a_table_goes_on_to_the_next_condition(self) -> None:
        model = GeneralConditions(**TABLE | {"objective": "yields"})
        assert model.optimal_value() == pytest.approx(3 * 2.5 / 3 + 2 * 0.5)
        assert GeneralConditions(**TABLE).optimal_value() == 0

    def test_what_is_too_large_or_has_other_delays_is_refused_in_a_line(self) -> None:
        for kwargs, words in (
            ({"num_conditions": 5, "horizon": 60}, r"5 conditions and 60 tests .*lower horizon"),
            ({"num_conditions": 40, "horizon": 3}, r"40 conditions and 3 tests"),
            ({"delay": 2}, r'delays \("geometric", r\), not 2'),
            ({"delay": ("lognormal", 2, 1)}, r"not \('lognormal', 2.0, 1.0\)"),
            (TABLE, "oracle"),
        ):
            model = GeneralConditions(**kwargs)
            with pytest.raises(TruthUnknown, match=words):
                model.optimal_policy()


class TestRoundRobin:
    def test_sums_of_draws(self) -> None:
        yields = np.array([0, 0, 1, 3, 3])
        for tests in range(1, 6):
            sums = [sum(some) for some in combinations(yields.tolist(), tests)]
            law = np.bincount(sums) / len(sums)
            np.testing.assert_allclose(sums_law(yields, tests), law, atol=1e-12)

    @pytest.mark.parametrize("tests", [1, 2, 3])
    def test_names_by_enumeration(self, tests: int) -> None:
        rows = [np.array(row) for row in ([0, 1, 2, 2], [1, 1, 2], [0, 0, 3, 1], [1, 0, 1, 2])]
        chances, count = np.zeros(4), 0
        for each in product(*(combinations(row.tolist(), tests) for row in rows)):
            sums = np.array([sum(some) for some in each])
            chances += (sums == sums.max()) / (sums == sums.max()).sum()
            count += 1
        np.testing.assert_allclose(named_chances(rows, tests), chances / count, atol=1e-12)

    def test_a_binary_table(self) -> None:
        model = GeneralConditions(**TABLE, outcome="binary")  # 1/3, 1/2 and 1
        np.testing.assert_allclose(model.round_robin(1), [5 / 36, 8 / 36, 23 / 36])
        with pytest.raises(InputError, match="tests"):
            model.round_robin(3)
        with pytest.raises(TruthUnknown, match="table"):
            GeneralConditions().round_robin(1)


def played(actions: list[int], seed: int = 0, **kwargs: Any) -> list[Any]:
    """Return what one episode shows and pays, from the first action on."""
    env: Any = gym.make(ID, reveal=True, **kwargs)
    env.reset(seed=seed)
    return [env.step(action) for action in actions]


class TestTables:
    def test_no_substrate_is_tested_twice(self) -> None:
        for seed in range(20):
            steps = played([2, 0, 0, 2, 0, 2], seed, **TABLE | {"horizon": 8})
            means = steps[-1][0]["means"]
            np.testing.assert_allclose(means, [1.45 / 3, 0.0, 2.5 / 3], rtol=1e-6)
            np.testing.assert_allclose(steps[-1][0]["stds"][0], np.std([0.1, 0.9, 0.45]), rtol=1e-6)
            assert steps[-1][0]["action_mask"].tolist() == [0, 1, 0]

    def test_every_order_of_substrates_is_as_likely(self) -> None:
        vector = gym.make_vec(ID, num_envs=6000, **TABLE)
        vector.reset(seed=5)
        seen = [vector.step(np.zeros(6000, np.int64))[0]["means"][:, 0] for _ in range(2)]
        first, second = seen[0], 2 * seen[1] - seen[0]
        pairs = Counter(zip(first.round(3).tolist(), second.round(3).tolist(), strict=True))
        assert len(pairs) == 6
        assert stats.chisquare(list(pairs.values())).pvalue > 1e-4

    def test_a_condition_that_ran_out_may_be_named_but_not_tested(self) -> None:
        actions = [1, 1, 1, 2, 2, 1]
        *_, last, named = steps = played(actions, **TABLE)
        assert steps[1][0]["action_mask"].tolist() == [1, 0, 1]
        assert steps[2][0]["counts"].tolist() == [0, 2, 0]  # the third shows nothing, and is spent
        assert last[0]["tests_left"] == 0
        assert last[0]["action_mask"].tolist() == [1, 1, 1]
        assert not last[2]
        assert named[1] == pytest.approx(0.5 - 2.5 / 3)
        assert named[2]
        assert named[4]["regret"] == pytest.approx(2.5 / 3 - 0.5)

    def test_yields_are_paid_and_no_name_is_asked_for(self) -> None:
        steps = played([0, 0, 0, 0, 1], **TABLE | {"objective": "yields"})
        assert sum(step[1] for step in steps[:3]) == pytest.approx(1.45)
        assert steps[3][1] == 0
        assert steps[4][1] in (0.51, 0.49)
        assert [step[2] for step in steps] == [False] * 4 + [True]
        assert steps[4][4]["regret"] == pytest.approx(2.5 + 2 * 0.5 - 1.45 - 0.5)

    def test_binary_yields(self) -> None:
        model = GeneralConditions(**TABLE, outcome="binary")
        assert model.table is not None
        np.testing.assert_array_equal(model.table.labels, [[0, 1, 0], [1, 0, np.nan], [1, 1, 1]])

    def test_agents_are_given_no_yields(self) -> None:
        model = GeneralConditions(**TABLE, names=("A", "B", "C"))
        public = model.public()
        assert public is model.public() is not model
        assert not {"yields", "dataset", "world"} & set(public.parameters())
        assert public.observation_space == model.observation_space
        assert (public.action_name(1), public.name) == ("B", "GeneralConditions")


class TestDelays:
    def test_a_fixed_delay(self) -> None:
        steps = played([0, 1, 1, 0, 0], num_conditions=2, horizon=4, delay=2)
        flying = [step[0]["in_flight"].tolist() for step in steps]
        seen = [step[0]["counts"].tolist() for step in steps]
        assert flying[:4] == [[1, 0], [1, 1], [0, 2], [1, 1]]
        assert seen[:4] == [[0, 0], [0, 0], [1, 0], [1, 1]]

    def test_lost_labels_are_told_and_paid_at_the_end(self) -> None:
        prior = {"prior": (1e6, 1e-3), "objective": "yields"}  # every test succeeds
        steps = played([0, 1, 1], num_conditions=2, horizon=3, loss=1 - 1e-9, **prior)
        assert [step[1] for step in steps] == [0, 0, 3]
        assert steps[-1][0]["lost"].tolist() == [1, 2]
        assert steps[-1][0]["counts"].tolist() == [0, 0]

    @pytest.mark.parametrize("delay", [3, ("geometric", 0.4), ("lognormal", 2.0, 0.7)])
    def test_every_label_is_paid_once(self, delay: Any) -> None:
        vector = gym.make_vec(
            ID, num_envs=4000, reveal=True, objective="yields", horizon=12, delay=delay, loss=0.3
        )
        _, info = vector.reset(seed=1)
        values, paid = info["values"], np.zeros(4000)
        for t in range(12):
            observation, reward, *_ = vector.step(np.full(4000, t % 3))
            paid += reward
            tested = sum(observation[name] for name in ("counts", "in_flight", "lost"))
            assert (tested == np.bincount(np.arange(t + 1) % 3, minlength=3)).all()
        off = paid - 4 * values.sum(1)
        assert abs(off.mean()) < 4 * off.std() / 4000**0.5
        assert off.var() == pytest.approx((4 * values * (1 - values)).sum(1).mean(), rel=0.1)


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"world": "chemistry"}, "world must be one of 'bernoulli', 'table', got 'chemistry'"),
        ({"world": "table"}, "takes yields or a dataset; give one of them"),
        (TABLE | {"dataset": "cncci"}, "takes yields or a dataset; give one of them"),
        ({"yields": YIELDS}, "A Bernoulli world takes no yields; give world='table', too"),
        ({"dataset": "cncci"}, "takes no dataset"),
        (
            {"world": "table", "dataset": "diabetes"},
            "one of cncci, pndc, buchwald_hartwig, got 'dia",
        ),
        ({"world": "table", "dataset": 3}, "dataset must be"),
        ({"outcome": "yield"}, "outcome of a Bernoulli world is 'binary', got 'yield'"),
        (TABLE | {"outcome": "mass"}, "outcome must be one of 'yield', 'binary'"),
        (TABLE | {"yields": [[1.0, 2.0]]}, "two or more conditions by substrates"),
        (TABLE | {"yields": [[1.0, 2.0], [3.0]]}, "two or more conditions by substrates"),
        (TABLE | {"yields": "abc"}, "two or more conditions by substrates"),
        (TABLE | {"yields": [[1.0], [math.nan]]}, "every condition must have one"),
        (TABLE | {"yields": [[1.0], [math.inf]]}, "must be finite"),
        (TABLE | {"yields": [[0.2, 0.9], [0.4, 0.3]]}, "in percent, but the highest is 0.9"),
        (TABLE | {"horizon": 9}, "horizon must not exceed the 8 yields, got 9"),
        (TABLE | {"num_conditions": 4}, "num_conditions is that of the yields, 3, got 4"),
        (TABLE | {"names": ("A", "B")}, "names must be 3 texts"),
        ({"names": "ABC"}, "names must be 3 texts"),
        (TABLE | {"names": np.array([1, 2])}, "names must be 3 texts"),
        (TABLE | {"outcome": np.array([1, 2])}, "outcome must be one of 'yield', 'binary'"),
        (TABLE | {"num_conditions": np.array([3, 3])}, "num_conditions must be an integer"),
        ({"num_conditions": 1}, "num_conditions must be an integer of at least 2"),
        ({"horizon": 0}, "horizon must be an integer of at least 1"),
        ({"objective": "fame"}, "objective must be one of 'regret', 'yields'"),
        ({"prior": (1.0,)}, r"prior must be a pair \(a, b\)"),
        ({"prior": (0.0, 1.0)}, r"prior\[0\]"),
        ({"loss": 1.5}, "loss must be a finite number"),
        ({"delay": ("geometric", 0)}, "r of delay"),
    ],
)
def test_bad_input_is_one_clear_line(kwargs: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        gym.make(ID, **kwargs)
    assert "\n" not in str(error.value)


here = pytest.mark.skipif(
    not {"cncci", "pndc", "buchwald_hartwig"} <= set(datasets.available()),
    reason="the reaction tables are not in the folder of DISCOVERY_GYM_DATA",
)


@here
@pytest.mark.parametrize(
    ("dataset", "shape", "best", "name", "spread"),
    [
        ("cncci", (9, 330), [0.4788, 0.4445], "t-BuBrettPhos+MTBD", 0.24),
        ("buchwald_hartwig", (12, 330), [0.5131, 0.4788], "t-BuXPhos+MTBD", 0.25),
        ("pndc", (80, 11), [0.62, 0.5073], "row", 0.21),
    ],
)
def test_reaction_tables(
    dataset: str, shape: tuple[int, int], best: list[float], name: str, spread: float
) -> None:
    model = GeneralConditions(world="table", dataset=dataset)
    assert model.table is not None
    assert model.table.array.shape == shape
    order = np.argsort(-model.table.means)
    assert [round(float(mean), 4) for mean in model.table.means[order[:2]]] == best
    assert model.action_name(order[0]).startswith(name)
    assert round(float(np.nanstd(model.table.labels, axis=1).mean()), 2) == spread
    if dataset == "buchwald_hartwig":
        assert sorted(model.table.counts.tolist()) == [328, 328, 329] + [330] * 9


@here
def test_a_table_that_is_not_here_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.setenv("DISCOVERY_GYM_DATA", str(tmp_path))
    with pytest.raises(InputError, match=r"needs the file pndc_80x11.csv.*DISCOVERY_GYM_DATA"):
        GeneralConditions(world="table", dataset="pndc")
