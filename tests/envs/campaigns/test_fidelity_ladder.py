"""The ladder with plates: against closed forms, recursions written out, and play."""

from __future__ import annotations

from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from scipy import stats

from discovery_gym import InputError
from discovery_gym.envs.campaigns.fidelity_ladder import FidelityLadder
from discovery_gym.envs.campaigns.knowledge_ladder import KnowledgeLadder
from discovery_gym.envs.campaigns.plates import Plate, switch_probability

LONG = {"horizon": 1_000_000}
BUDGET: dict[str, Any] = {
    "target": 20,
    "p_scale": 20.0,
    "plates": ((24, 0.8, 0.05, 4.0, 0.0, 1.0),),
    "money": 50,
    "objective": "rungs",
}
NIGHT = {"careful_price": 0.0, "price_per_day": 1.0, **LONG}  # only days cost


def noisy(f: float) -> dict[str, Any]:
    return {"plates": ((96, 0.8, f, 3.0, 0.02, 1.0),), **LONG}


def fixed_switch(model: FidelityLadder, rung: int) -> float:
    """Return the cost of plates below a rung and careful tests from it on, by the closed form."""
    (plate,) = model.plates
    p = (np.arange(model.target) + 1) / model.p_scale
    found = 1 - (1 - plate.sensitivity * p) ** plate.wells
    real = plate.sensitivity * p / (plate.sensitivity * p + plate.false_positive * (1 - p))
    careful, _, new = model.costs
    by_plate, by_tests = new / found + careful / real, careful / p
    return float(by_plate[:rung].sum() + by_tests[rung:].sum())


class TestValues:
    @pytest.mark.parametrize(
        ("day", "f", "best", "careful", "plates", "rung"),
        [
            (0, 0.0, 281.8813, 518.7378, 598.4964, 16),
            (0, 0.05, 302.0108, 518.7378, 624.6675, 16),
            (0, 0.2, 360.4341, 518.7378, 703.1809, 13),
            (0, 0.5, 465.0518, 518.7378, 860.2075, 7),
            (1, 0.05, 524.3802, 1037.4755, 852.1591, 24),
            (10, 0.05, 2322.8683, 5706.1153, 2899.5827, 40),
        ],
    )
    def test_one_plate(
        self, day: float, f: float, best: float, careful: float, plates: float, rung: int
    ) -> None:
        model = FidelityLadder(price_per_day=day, **noisy(f))
        values = (
            model.optimal_value(),
            model.best_value(plates=()),
            model.best_value(plates=[1], fresh=False),
        )
        assert [round(-value, 4) for value in values] == [best, careful, plates]
        assert model.switch_rung() == rung
        # The closed form: p(x) = (x + 1) / 100 on both sides of the switch, and all of the value.
        assert rung / 100 <= model.switch() < (rung + 1) / 100
        assert -values[0] == pytest.approx(fixed_switch(model, rung), rel=1e-12)

    def test_noise_that_reaches_the_sensitivity_is_worth_nothing(self) -> None:
        model = FidelityLadder(**noisy(0.8 - 1e-9))
        assert round(-model.optimal_value(), 4) == 518.7378
        assert round(-model.best_value(fresh=False), 4) == 1017.2342
        assert model.switch_rung() == model.switch() == 0

    def test_the_optimum_is_flat(self) -> None:
        model = FidelityLadder()
        costs = [round(fixed_switch(model, rung), 2) for rung in (8, 12, 16, 20, 30)]
        assert costs == [317.29, 304.60, 302.01, 305.10, 326.43]

    @pytest.mark.parametrize(
        ("day", "best", "rung"),
        [(0, 302.0108, 16), (1, 503.7664, 19), (10, 1765.3125, 11), (100, 12096.9499, 4)],
    )
    def test_several_careful_tests_at_once(self, day: float, best: float, rung: int) -> None:
        model = FidelityLadder(price_per_day=day, careful_sizes=(1, 2, 4, 8, 16))
        assert (round(-model.optimal_value(), 4), model.switch_rung()) == (best, rung)

    def test_only_days_cost(self) -> None:
        for days, rung, gain in ((0.1, 90, 0.004), (1.0, 48, 0.14)):
            model = FidelityLadder(plates=((96, 0.8, 0.05, 0.0, 0.0, days),), **NIGHT)
            single = max(model.best_value(plates=()), model.best_value(fresh=False))
            assert model.switch_rung() == rung
            assert 1 - model.optimal_value() / single == pytest.approx(gain, abs=0.005)
        many = FidelityLadder(
            plates=((96, 0.8, 0.05, 0.0, 0.0, 1.0),), careful_sizes=(1, 2, 4, 8, 16), **NIGHT
        )
        single = max(many.best_value(plates=()), many.best_value(fresh=False))
        assert many.switch_rung() == 3
        assert 1 - many.optimal_value() / single == pytest.approx(0.031, abs=5e-4)

    def test_the_pessimistic_ladder_has_no_switch(self) -> None:
        model = FidelityLadder(p_scale=1e4, **LONG)
        assert round(-model.optimal_value(), 4) == 6918.3257
        assert round(-model.best_value(plates=()), 4) == 51873.7752
        assert model.switch_rung() == model.target

    def test_compound_interest(self) -> None:
        model = FidelityLadder(p_scale=1000, growth=0.05, target=142, **LONG)
        assert (round(-model.optimal_value(), 4), model.switch_rung()) == (3172.8671, 105)
        p = model.rungs.p
        assert p[104] <= model.switch() < p[105]

    def test_three_instruments(self) -> None:
        model = FidelityLadder(
            p_scale=1e4,
            plates=((1536, 0.5, 0.03, 4.0, 0.004, 1.0), (96, 0.9, 0.01, 3.0, 0.03, 1.0)),
            **LONG,
        )
        values = (
            model.optimal_value(),
            model.best_value(plates=[1]),
            model.best_value(plates=[2]),
        )
        assert [round(-value, 3) for value in values] == [4357.746, 4638.399, 4517.808]
        assert round(-values[0], 4) == 4357.7456
        first = [model.action(plate=n) for n in (1, 2)]
        assert model.first_actions().tolist() == [first[0]] * 18 + [first[1]] * 82

    def test_a_free_and_perfect_plate_of_one_well_leaves_one_test_a_rung(self) -> None:
        model = FidelityLadder(plates=((1, 1.0, 0.0, 0.0, 0.0, 0.0),), careful_price=3.0)
        assert model.optimal_value() == pytest.approx(-300.0, rel=1e-13)

    def test_without_plates_it_is_the_knowledge_ladder(self) -> None:
        sizes = (1, 2, 8, 32)
        model = FidelityLadder(plates=(), careful_sizes=sizes, careful_price=0.0, price_per_day=1.0)
        ladder = KnowledgeLadder(batch_sizes=sizes)
        assert -model.optimal_value() == pytest.approx(ladder.mean_epochs(32), rel=1e-12)
        one = FidelityLadder(plates=())
        assert -one.optimal_value() == pytest.approx(KnowledgeLadder().mean_epochs(1), rel=1e-13)
        assert round(-one.optimal_value(), 4) == 518.7378
        assert one.optimal_value() == pytest.approx(one.random_value(), rel=1e-13)

    def test_budget(self) -> None:
        model = FidelityLadder(**BUDGET)
        values = (
            model.optimal_value(),
            model.best_value(plates=()),
            model.best_value(fresh=False),
            model.random_value(),
            FidelityLadder(**{**BUDGET, "objective": "target", "target_reward": 1}).optimal_value(),
        )
        expected = [15.045446, 9.187628, 8.304011, 4.401116, 0.339093]
        assert [round(value, 6) for value in values] == expected

    def test_days_count_like_money(self) -> None:
        days: dict[str, Any] = {
            **BUDGET, "plates": ((24, 0.8, 0.05, 0.0, 0.0, 2.0),), "careful_price": 0.0,
            "careful_days": 0.5, "money": None, "days": 25.3,
        }  # fmt: skip
        assert FidelityLadder(**days).optimal_value() == FidelityLadder(**BUDGET).optimal_value()

    @pytest.mark.parametrize("objective", ["price", "rungs"])
    def test_two_budgets_against_a_recursion(self, objective: str) -> None:
        """Written out with dictionaries, hits one by one, and money and days as floats."""
        plates = ((4, 0.7, 0.1, 1.0, 0.25, 2.0), (2, 0.9, 0.2, 1.0, 0.0, 0.5))
        model = FidelityLadder(
            target=3, p_scale=6.0, plates=plates, careful_sizes=(1, 2), careful_price=0.5,
            price_per_day=0.3, money=5.0, days=5.5, objective=objective, target_reward=7.0,
        )  # fmt: skip

        @cache
        def value(x: int, m: int, h: int, money: float, days: float, best: bool) -> float:
            if x == 3:
                return 0.0
            p, returns = (x + 1) / 6, []

            def climbed(*left: float) -> float:
                gain = float(objective == "rungs") + 7.0 * (x == 2)
                return gain + value(x + 1, 0, 0, *left, best)

            for k in (1, 2):
                left, cost = (money - 0.5 * k, days - 1.0), 0.5 * k + 0.3
                cost = cost if objective == "price" else 0.0
                if min(left) < -1e-9:
                    continue
                up = 1 - (1 - p) ** k
                stay = value(x, m, h, *left, best)
                returns.append(up * climbed(*left) + (1 - up) * stay - cost)
                if h >= k:
                    _, s, f, *_ = plates[m - 1]
                    up = 1 - (1 - s * p / (s * p + f * (1 - p))) ** k
                    stay = value(x, m if h > k else 0, h - k, *left, best)
                    returns.append(up * climbed(*left) + (1 - up) * stay - cost)
            for n, (wells, s, f, price, per_well, time) in enumerate(plates, 1):
                paid = price + per_well * wells
                left = money - paid, days - time
                if min(left) >= -1e-9:
                    law = stats.binom(wells, s * p + f * (1 - p))
                    mean = sum(
                        law.pmf(j) * value(x, n if j else 0, j, *left, best)
                        for j in range(wells + 1)
                    )
                    returns.append(mean - (paid + 0.3 * time) * (objective == "price"))
            if not returns:
                return 0.0
            return max(returns) if best else sum(returns) / len(returns)

        start = (0, 0, 0, 5.0, 5.5)
        assert model.optimal_value() == pytest.approx(value(*start, True), rel=1e-12)
        assert model.random_value() == pytest.approx(value(*start, False), rel=1e-12)

    def test_random_play_against_a_linear_system(self) -> None:
        """One rung: the equations of all trays at once, solved directly."""
        plates = ((3, 0.7, 0.2, 1.0, 0.0, 0.0), (2, 0.9, 0.1, 2.0, 0.0, 0.0))
        model = FidelityLadder(target=1, p_scale=5.0, plates=plates, careful_sizes=(1, 2))
        trays = [(0, 0), *((m, h) for m in (1, 2) for h in range(1, plates[m - 1][0] + 1))]
        index, p = {tray: i for i, tray in enumerate(trays)}, 0.2
        a, b = np.eye(len(trays)), np.zeros(len(trays))
        for (m, h), i in index.items():
            moves: list[tuple[float, dict[int, float]]] = []
            for k in (1, 2):
                moves.append((k, {i: (1 - p) ** k}))
                if h >= k:
                    _, s, f, *_ = plates[m - 1]
                    then = index[(m, h - k) if h > k else (0, 0)]
                    moves.append((k, {then: (1 - s * p / (s * p + f * (1 - p))) ** k}))
            for n, (wells, s, f, price, *_) in enumerate(plates, 1):
                law = stats.binom(wells, s * p + f * (1 - p))
                moves.append(
                    (price, {index[(n, j) if j else (0, 0)]: law.pmf(j) for j in range(wells + 1)})
                )
            b[i] = np.mean([price for price, _ in moves])
            for _, chances in moves:
                for j, chance in chances.items():
                    a[i, j] -= chance / len(moves)
        assert -model.random_value() == pytest.approx(np.linalg.solve(a, b)[0], rel=1e-12)


class TestSwitch:
    @pytest.mark.parametrize(
        ("ratio", "p"), [(4.92, 0.16005), (5.92 / 2, 0.24054), (14.92 / 11, 0.40870)]
    )
    def test_reference(self, ratio: float, p: float) -> None:
        assert round(switch_probability(ratio, 96, 0.8, 0.05), 5) == p

    def test_ends(self) -> None:
        assert switch_probability(96 * 0.75, 96, 0.8, 0.05) == 0.0
        assert switch_probability(0.0, 96, 0.8, 0.05) == 1.0
        assert 0 < switch_probability(96 * 0.75 * (1 - 1e-9), 96, 0.8, 0.05) < 1e-8
        many = switch_probability(5.0, 1_000_000, 0.8, 0.05)
        assert many == pytest.approx(1 / (1 + 5 * 0.8 / 0.75), rel=1e-12)

    def test_it_is_where_both_ways_cost_the_same(self) -> None:
        for n, s, f, ratio in ((3, 1.0, 0.0, 0.5), (50, 0.6, 0.3, 9.0), (1536, 0.5, 0.03, 10.0)):
            p = switch_probability(ratio, n, s, f)
            q = s * p + f * (1 - p)
            assert ratio / (1 - (1 - s * p) ** n) + q / (s * p) == pytest.approx(1 / p, rel=1e-9)


class TestPlay:
    @pytest.mark.parametrize("day", [0.0, 1.0])
    def test_the_optimum_by_simulation(self, day: float) -> None:
        vector: Any = gym.make_vec("discovery/FidelityLadder-v0", num_envs=4000, price_per_day=day)
        model = vector.unwrapped.model
        returns = played(vector, model.optimal_policy())
        error = returns.std(ddof=1) / len(returns) ** 0.5
        assert abs(returns.mean() - model.optimal_value()) < 4 * error
        assert error < 0.8

    def test_hits_follow_their_law(self) -> None:
        plates = ((7, 0.8, 0.1, 1.0, 0.0, 1.0), (40, 0.5, 0.02, 1.0, 0.0, 1.0))
        vector: Any = gym.make_vec("discovery/FidelityLadder-v0", num_envs=20_000, plates=plates)
        for n, plate in enumerate(map(Plate._make, plates), 1):
            vector.reset(seed=n)
            action = vector.unwrapped.model.action(plate=n)
            hits = vector.step(np.full(20_000, action))[0]["hits"][:, 0]
            law = stats.binom(plate.wells, plate.positive(np.array(0.01)))
            u = np.random.default_rng(n).random(len(hits))
            ranks = law.cdf(hits - 1) + u * law.pmf(hits)
            assert stats.kstest(ranks, "uniform").pvalue > 1e-4

    def test_a_forbidden_action_changes_nothing_and_is_paid_for(self) -> None:
        env: Any = gym.make("discovery/FidelityLadder-v0", **{**BUDGET, "objective": "price"})
        before, _ = env.reset(seed=0)
        model = env.unwrapped.model
        after, reward, ended, _, _ = env.step(model.action(confirm=1))
        assert before["action_mask"].tolist() == after["action_mask"].tolist() == [1, 0, 1]
        assert (reward, ended, after["money_left"], after["rung"]) == (-1, False, 50, 0)
        for _ in range(47):
            env.step(model.action(careful=1))
        observation, reward, *_ = env.step(model.action(plate=1))
        assert (reward, observation["money_left"], observation["hits"]) == (-4, 3, 0)

    def test_nothing_unaffordable_is_ever_bought(self) -> None:
        kwargs = {**BUDGET, "days": 20.0, "price_per_day": 0.5, "careful_sizes": (1, 3)}
        vector: Any = gym.make_vec("discovery/FidelityLadder-v0", num_envs=200, **kwargs)
        model = vector.unwrapped.model
        vector.action_space.seed(0)
        observation, _ = vector.reset(seed=0)
        money, days, running = np.full(200, 50.0), np.full(200, 20.0), np.ones(200, np.bool_)
        prices = {"careful": 1.0, "confirm": 1.0, "plate": 4.0}
        while running.any():
            action = vector.action_space.sample()
            bought = observation["action_mask"][np.arange(200), action] > 0
            price = sum(prices[knob] * of[action] for knob, of in model.choices.items())
            assert (price <= money)[bought & running].all()
            money, days = money - price * bought, days - bought
            observation, _, ended, _, _ = vector.step(action)
            assert (observation["money_left"][:, 0] == money)[running].all()
            assert (observation["days_left"][:, 0] == days)[running].all()
            assert (money[running] >= 0).all()
            running &= ~ended

    def test_idling_to_the_horizon_never_pays(self) -> None:
        """A free plate costs nothing, but what it leaves to climb does."""
        kwargs = {"plates": ((1, 1.0, 0.0, 0.0, 0.0, 0.0),), "target": 10, "p_scale": 10.0}
        kwargs |= {"target_reward": 3.0, "horizon": 800}
        vector: Any = gym.make_vec("discovery/FidelityLadder-v0", num_envs=3, **kwargs)
        model = vector.unwrapped.model
        returns = played(vector, lambda _: np.full(3, model.action(plate=1)))
        assert returns == pytest.approx([3 - sum(10 / n for n in range(1, 11))] * 3)
        assert returns[0] < model.optimal_value() == pytest.approx(-7.0)


def played(vector: Any, policy: Any) -> Any:
    """Return what each episode is paid."""
    observation, _ = vector.reset(seed=77)
    returns, running = np.zeros(vector.num_envs), np.ones(vector.num_envs, np.bool_)
    while running.any():
        observation, reward, ended, _, _ = vector.step(policy(observation))
        returns += reward * running
        running &= ~ended
    return returns


PLATE = (96, 0.8, 0.05, 3.0, 0.02, 1.0)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"plates": ((96, 0.8, 0.8, 3, 0.02, 1),)}, r"false_positive of plates\[0\] must be below"),
        ({"plates": ((96, 0.0, 0.0, 3, 0.02, 1),)}, r"sensitivity of plates\[0\].*> 0"),
        ({"plates": ((0, 0.8, 0.1, 3, 0.02, 1),)}, r"wells of plates\[0\].*at least 1, got 0"),
        ({"plates": ((96, 0.8),)}, r"plates\[0\] must hold six numbers \(wells, sens.*got \(96, 0.8\)"),
        ({"plates": 96}, r"plates must be a sequence.*got 96"),
        ({"plates": ((10**6, 0.8, 0.1, 3, 0.02, 1),)}, r"any hits would hold .*take fewer wells"),
        ({"target": 10**6, "p_scale": 1e7}, r"any hits would hold .*a nearer target"),
        ({"p_scale": 50.0}, r"p\(x\).*rung 99.*p_scale = 50 makes it 2"),
        ({"growth": 0.5}, r"p\(x\).*a nearer target"),
        ({"growth": -0.5}, r"growth.*>= 0.*-0.5"),
        ({"careful_sizes": (1, 1)}, r"careful_sizes must differ"),
        ({"careful_sizes": ()}, r"careful_sizes must hold at least one"),
        ({"careful_sizes": (1, 2), "careful_price": 1e30}, r"the price of careful=2.*<= 1e\+30"),
        ({"objective": "rungs"}, r"objective='rungs' needs a budget.*give money or days"),
        ({"objective": "regret"}, r"objective must be one of 'price', 'rungs', 'target'"),
        ({"money": 0.5}, r"money = 0\.5 buys nothing: give at least money = 1,"),
        ({"days": 0.5}, r"days = 0\.5 buys nothing: give at least days = 1,"),
        ({"money": 5, "days": 0.5}, r"money = 5 and days = 0\.5 buys nothing"),
        ({"money": -1}, r"money.*> 0.*-1"),
        ({"money": 9, "careful_price": 0}, r"careful=1 costs nothing of money.*give it a price"),
        ({"money": 1e5}, r"lasts for 100,000 actions, above horizon = 10,000: raise it"),
        ({"money": 9, "careful_price": 1 / 3}, r"prices in it are multiples of .* round the prices"),
    ],
)  # fmt: skip
def test_bad_input(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        gym.make("discovery/FidelityLadder-v0", **kwargs)
    assert "\n" not in str(error.value)


def test_exact_values_that_cannot_be_had_say_why() -> None:
    for kwargs, message in (
        ({"horizon": 100}, r"horizon = 100 ends episodes.*raise it to"),
        (
            {"plates": ((200_000, *PLATE[1:]),), "target": 2},
            r"The plan of this ladder.*fewer wells",
        ),
        (
            {"plates": ((2000, *PLATE[1:]),), "money": 9000},
            r"The plan of this ladder.*lower budgets",
        ),
    ):
        model = FidelityLadder(**kwargs)
        for truth in (model.optimal_value, model.random_value):
            with pytest.raises(InputError, match=message):
                truth()
    with pytest.raises(InputError, match="nothing is left to do"):
        FidelityLadder().best_value(plates=(), fresh=False)
    with pytest.raises(InputError, match="never enough hits"):
        FidelityLadder(plates=((3, *PLATE[1:]),), careful_sizes=(4,)).best_value(fresh=False)
    with pytest.raises(InputError, match=r"false_positive of the plate must be below"):
        switch_probability(5.0, 96, 0.5, 0.6)
    with pytest.raises(InputError, match=r"ratio.*>= 0"):
        switch_probability(-1.0, 96, 0.5, 0.1)
