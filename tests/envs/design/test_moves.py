"""Steps, budgets and prices of designs, against accounts that are kept apart from them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from families import DESIGNS
from problems import VARIANTS

from discovery_gym import InputError
from discovery_gym.agents import available, make
from discovery_gym.envs.design.constant_elasticity import ConstantElasticity
from discovery_gym.envs.design.information import sequential_bounds
from discovery_gym.envs.design.linear_gaussian import LinearGaussianDesign
from discovery_gym.envs.design.location_finding import LocationFinding
from discovery_gym.envs.design.prices import hill
from discovery_gym.experiments import evaluate

LINEAR, SOURCES, ELASTIC, TOY, DEATH, PHYSICS = (
    f"discovery/{name}-v0"
    for name in (
        "LinearGaussianDesign", "LocationFinding", "ConstantElasticity", "WeinbergToy", "DeathProcess",
        "Weinberg",
    )
)  # fmt: skip
QUICK = {"num_particles": 10, "num_moves": 1}
ROUGH = 3e-6
"""Rounding: designs are seen in single precision."""

CASES: list[tuple[str, dict[str, Any]]] = [
    *(
        (env_id, kwargs)
        for env_id in DESIGNS
        for kwargs in VARIANTS[env_id].values()
        if {"max_step", "move_budget", "budget", "start"} & set(kwargs)
    ),
    (LINEAR, {"max_step": 0.3}),
    (LINEAR, {"max_step": 0.4, "step_norm": "l2", "move_budget": 0.7, "start": "random"}),
    (LINEAR, {"move_budget": 1.5, "price": "hill", "budget": 2.0, "start": (0.5, -0.5)}),
    (LINEAR, {"price": "hill", "budget": 1.3}),
    (LINEAR, {"price": lambda x: 0.1 + x[0] ** 2, "budget": 1.0, "max_step": 0.5}),
    (LINEAR, {"price": 0.1, "budget": 0.3, "settings": 3, "horizon": 9}),
    (LINEAR, {"settings": 4, "move_budget": 2.0, "max_step": 0.7}),
    (LINEAR, {"settings": 4, "move_budget": 2.0, "overdraft": True, "start": "random"}),
    (LINEAR, {"price": "hill", "budget": 1.3, "overdraft": True, "max_step": 1.0}),
    (
        PHYSICS,
        {"max_step": (5.0, None, 0.1), "move_budget": 30.0, "num_events": 50, "grid_size": 20},
    ),
]


class Account:
    """What was done in B episodes, by formulas of its own."""

    def __init__(self, env: Any) -> None:
        self.model, self.env = env.unwrapped.model, env
        low, high = self.model.ranges
        self.rough = ROUGH * np.abs([low, high]).max()

    def lengths(self, first: Any, path: Any) -> tuple[Any, Any]:
        """Return the moves ``(t, d)`` and their lengths ``(t,)`` along designs, the oldest first."""
        start = self.model.start
        before = path[:1] if start is None or start == "random" else np.array([start])
        moves = np.diff(np.concatenate([before, path]), axis=0)
        return moves, np.sqrt((moves**2).sum(1))

    def check(self, first: Any, path: Any) -> None:
        """Fail unless the designs of an episode, the oldest first, are within all limits."""
        model = self.model
        moves, lengths = self.lengths(first, path)
        if model.max_step is not None:
            step = np.broadcast_to(model.max_step, moves.shape[1:])
            step = np.array([np.inf if one is None else one for one in step])
            if model.step_norm == "box":
                assert (np.abs(moves) <= step + self.rough).all()
            else:
                assert (((moves / step) ** 2).sum(1) <= 1 + 1e-3 * self.rough + 2e-5).all()
        drawn = model.start == "random"
        if drawn:
            np.testing.assert_array_equal(path[0], first)
        cost = np.zeros(len(path)) if model.price is None else model.costs(path)
        paid = ((model.move_budget, lengths), (model.budget, cost[1 if drawn else 0 :]))
        for limit, spent in paid:
            if limit is not None:
                counted = spent[:-1] if model.overdraft else spent
                assert counted.sum() <= limit + len(spent) * self.rough + 2e-6 * limit


@pytest.mark.parametrize(("env_id", "kwargs"), CASES)
def test_nothing_unaffordable_is_ever_bought(env_id: str, kwargs: dict[str, Any]) -> None:
    """Whatever actions are taken, at random or at the ends; the balance shown is the account's."""
    few = 8
    vector: Any = gym.make_vec(env_id, num_envs=few, autoreset_mode="Disabled", **kwargs)
    account, model = Account(vector), vector.unwrapped.model
    d, random = len(model.knobs), np.random.default_rng(3)
    observation, info = vector.reset(seed=5)
    first, running = observation["last"].astype(np.float64), np.ones(few, np.bool_)
    assert not info["projected"].any()
    paths: list[list[Any]] = [[] for _ in range(few)]
    while running.any():
        vector.action_space.seed(int(random.integers(1000)))
        action = vector.action_space.sample()
        if model.settings is None and random.random() < 0.5:
            action = np.sign(action)  # corners
        before = observation
        left = before["rounds_left"][:, 0]
        ended = ~running
        if ended.any():
            vector.reset(options={"reset_mask": ended})
        observation, reward, over, _, info = vector.step(action)
        for i in running.nonzero()[0]:
            made = observation["rounds_left"][i, 0] < left[i]
            setting = observation["settings"][i, :d].astype(np.float64)
            if made:
                paths[i].append(setting)
                asked = model.setting(action[i : i + 1])[0]
                assert info["projected"][i] == (setting != asked).any()
                np.testing.assert_array_equal(
                    observation["last"][i], observation["settings"][i, :d]
                )
            else:
                assert over[i]
                assert reward[i] == 0
            path = np.array(paths[i]).reshape(-1, d)
            account.check(first[i], path)
            _, lengths = account.lengths(first[i], path)
            if model.move_budget is not None:
                shown = float(observation["moves_left"][i, 0])
                slack = len(path) * account.rough + 1e-5 * model.move_budget
                assert shown == pytest.approx(model.move_budget - lengths.sum(), abs=slack)
        running &= ~over
    assert max(map(len, paths)) <= model.horizon


@pytest.mark.parametrize("norm", ["box", "l2"])
@pytest.mark.parametrize("budget", [None, 0.35])
def test_projection_is_the_farthest_feasible_point_of_the_segment(norm: str, budget: Any) -> None:
    """By bisection with the definition alone."""
    step = np.array([0.3, 0.5])
    model = LinearGaussianDesign(
        max_step=tuple(step), step_norm=norm, move_budget=budget, start=(0.2, -0.1)
    )
    moves, random = model.moves, np.random.default_rng(0)
    assert moves is not None
    walk = moves.new(1)
    moves.reset(walk, np.zeros(1, np.int64), np.zeros((1, 0)))
    here = np.array([0.2, -0.1])
    asked = model.setting(random.uniform(-1, 1, (60, 2)).astype(np.float32))
    found, paid = moves.within(walk, asked[None])
    assert paid.all()

    def feasible(x: Any) -> bool:
        apart = (x - here) / step
        far = np.abs(apart).max() if norm == "box" else (apart**2).sum() ** 0.5
        return bool(far <= 1 and (budget is None or ((x - here) ** 2).sum() ** 0.5 <= budget))

    inside = 0
    for x, y in zip(asked, found[0], strict=True):
        if feasible(x):
            inside += 1
            np.testing.assert_array_equal(x, y)
            continue
        low, high = 0.0, 1.0
        for _ in range(40):
            middle = (low + high) / 2
            low, high = (middle, high) if feasible(here + middle * (x - here)) else (low, middle)
        np.testing.assert_allclose(y, here + low * (x - here), atol=1e-6)
    assert 3 < inside < 57


def test_masks_are_what_the_definition_says() -> None:
    """Steps, moves and prices of listed settings, one by one."""
    prices = [1.0, 0.2, 0.4, 2.0, 0.7]
    rows = [[-1, -1], [-0.5, -1], [0, 0.5], [0.25, 0], [1, 1]]
    kwargs = {"settings": rows, "price": prices, "budget": 2.0, "move_budget": 3.0, "max_step": 1.2}
    env: Any = gym.make(LINEAR, **kwargs)
    rows_, random = np.array(rows), np.random.default_rng(1)
    seen = 0
    for seed in range(20):
        observation, info = env.reset(seed=seed)
        last, money, far, over = None, 2.0, 3.0, False
        while not over:
            apart = np.zeros((5, 2)) if last is None else rows_ - rows_[last]
            length = np.sqrt((apart**2).sum(1))
            legal = (
                (np.abs(apart) <= 1.2).all(1)
                & (length <= far + 1e-6)
                & (np.array(prices) <= money + 1e-6)
            )
            np.testing.assert_array_equal(info["action_mask"], legal)
            np.testing.assert_array_equal(observation["action_mask"], legal)
            last = int(random.choice(legal.nonzero()[0]))
            money, far = money - prices[last], far - length[last]
            observation, _, over, _, info = env.step(last)
            assert not info["projected"]
            seen += 1
    assert seen > 40


def test_an_overdraft_counts_and_ends() -> None:
    """The move that makes the balance negative is made, and is the last."""
    kwargs = {"move_budget": 3.0, "overdraft": True, "start": (-1.0, -1.0), "horizon": 9}
    env: Any = gym.make(LINEAR, **kwargs)
    env.reset(seed=0)
    corner = np.ones(2, np.float32)
    for sign, left, over in ((1, 3 - 8**0.5, False), (-1, 3 - 2 * 8**0.5, True)):
        observation, reward, ended, _, info = env.step(sign * corner)
        assert observation["moves_left"][0] == pytest.approx(left, abs=1e-5)
        assert reward > 0
        assert ended == over
        assert not info["projected"]
    strict: Any = gym.make(LINEAR, **kwargs | {"overdraft": False})
    strict.reset(seed=0)
    strict.step(corner)
    observation, _, ended, _, info = strict.step(-corner)
    assert ended
    assert info["projected"]
    assert observation["moves_left"][0] == 0


def test_the_first_design_is_drawn_free_and_counted() -> None:
    """Uniform over the ranges, whatever the first action is; one round less is left after it."""
    vector = gym.make_vec(LINEAR, num_envs=4000, max_step=0.1, start="random", horizon=3)
    first = vector.reset(seed=0)[0]["last"]
    np.testing.assert_allclose(first.mean(0), 0, atol=0.05)
    np.testing.assert_allclose(first.std(0), 3**-0.5, atol=0.02)
    observation = vector.step(np.ones((4000, 2), np.float32))[0]
    np.testing.assert_array_equal(observation["settings"][:, :2], first)
    assert (observation["rounds_left"] == 2).all()


# ---- agents


AGENTS = {
    "bayes_opt_eig": "bayes_opt_eig(start=2, calls=4, outer=16, inner=16, candidates=16)",
    "look_ahead_eig": "look_ahead_eig(first=2, draws=2, candidates=8)",
    "greedy_eig": "greedy_eig(candidates=16)",
    "thompson_eig": "thompson_eig(candidates=16)",
}


@pytest.mark.parametrize(("env_id", "kwargs"), CASES)
def test_agents_choose_what_is_feasible(env_id: str, kwargs: dict[str, Any]) -> None:
    """Nothing that they ask for is replaced, but for rounding; alone or beside others."""
    kwargs = kwargs | {"horizon": min(kwargs.get("horizon", 3), 3)}
    vector: Any = gym.make_vec(env_id, num_envs=3, autoreset_mode="Disabled", **kwargs)
    model = vector.unwrapped.model
    width = model.ranges[1] - model.ranges[0]
    texts = [text for text in available(vector) if text not in ("fixed", "optimal", "learned")]
    assert {"random", "greedy_eig", "thompson_eig", "look_ahead_eig", "bayes_opt_eig"} <= set(texts)
    if model.move_budget is not None:
        texts.append("greedy_eig(ration=True, candidates=16)")
    if model.price is not None:
        texts.append("greedy_eig(per_price=True, candidates=16)")
    for text in texts:
        agent, observation, state = (
            make(AGENTS.get(text, text), vector),
            vector.reset(seed=2)[0],
            None,
        )
        over = np.zeros(3, np.bool_)
        for _ in range(kwargs["horizon"]):
            action, state = agent.predict(observation, state)
            assert vector.action_space.contains(action)
            observation, _, over, _, info = vector.step(action)
            if model.settings is not None:
                assert not info["projected"].any()
            asked = model.setting(action) - observation["last"]
            made = observation["rounds_left"][:, 0] == observation["rounds_left"][0, 0]
            assert (np.abs(asked[made & ~over]) <= 1e-5 * width).all(), text
            if over.any():
                break


def test_a_ration_lasts_and_tells_more() -> None:
    """Shares of what is left in every round; at once, the budget is gone after a move or two."""
    kwargs = {"move_budget": 0.8, "start": (0.0, 0.0), "horizon": 4, "reward": "entropy"}
    found = {
        text: evaluate(LINEAR, f"greedy_eig({text}candidates=64)", episodes=6, env_kwargs=kwargs)
        for text in ("", "ration=True, ")
    }
    whole, ration = found.values()
    assert (whole.lengths < 4).all()
    assert (ration.lengths == 4).all()
    for one in (whole, ration):
        assert one.spent is not None
        np.testing.assert_allclose(one.spent, 0.8, atol=1e-4)
    assert ration.returns.mean() > whole.returns.mean()
    walk = evaluate(LINEAR, "random_walk", episodes=6, env_kwargs=kwargs)
    assert (walk.lengths == 4).all()
    np.testing.assert_allclose(walk.spent, 0.8, atol=1e-4)


def test_a_ration_that_reaches_nothing_is_given_up() -> None:
    """The start is too dear to stay, and the next setting lies beyond a fifth of the moves."""
    kwargs = {
        "settings": 5,
        "start": (0.0, 0.0),
        "move_budget": 0.5,
        "price": "hill",
        "budget": 1.0,
    }
    env = gym.make(LINEAR, horizon=5, **kwargs)
    observation, _ = env.reset(seed=0)
    action, _ = make("greedy_eig(ration=True, candidates=8)", env).predict(observation)
    assert observation["action_mask"][action]
    assert not env.step(action)[4]["projected"]


def test_records_count_what_was_paid() -> None:
    """Prices of a hill, added up from the settings of the last observation."""
    kwargs = {"price": "hill", "budget": 2.0, "max_step": 0.7, "horizon": 8}
    record = evaluate(LINEAR, "random", episodes=5, env_kwargs=kwargs)
    vector: Any = gym.make_vec(LINEAR, num_envs=5, autoreset_mode="Disabled", **kwargs)
    agent, observation, spent = (
        make("random", vector),
        vector.reset(seed=record.seed)[0],
        np.zeros(5),
    )
    agent.episode, state, over = record.seed, None, np.zeros(5, np.bool_)
    while not over.all():
        action, state = agent.predict(observation, state)
        before = observation["rounds_left"][:, 0]
        if over.any():
            break
        observation, _, over, _, _ = vector.step(action)
        made = observation["rounds_left"][:, 0] < before
        x = observation["settings"][:, :2].astype(np.float64)
        spent += made * (0.05 + np.exp(-(x**2).sum(1) / 4.5))
    assert record.spent is not None
    ended = over if over.any() else ~over
    np.testing.assert_allclose(record.spent[ended], spent[ended], atol=1e-5)
    assert (record.spent <= 2.0 + 1e-5).all()
    np.testing.assert_allclose(hill(np.array([3.0, 4.0])), 0.05 + np.exp(-25 / 4.5))


@pytest.mark.parametrize(
    "kwargs",
    [
        {"move_budget": 2.5, "start": "random"},
        {"move_budget": 2.5, "start": "random", "max_step": 0.4, "overdraft": True},
        {"move_budget": 2.5, "start": "random", "settings": 9},
        {"move_budget": 2.5, "start": (0.5, 0.5)},
        {"price": "hill", "budget": 1.5, "start": "random", "max_step": 0.4},
        {"price": "hill", "start": "random", "max_step": 0.4},
        {"price": "hill", "max_step": 0.4},
    ],
)
def test_what_was_spent_follows_from_the_actions(kwargs: dict[str, Any]) -> None:
    """By actions that ignore where they stand: the steps of the budgets, or prices of what was tried."""
    vector: Any = gym.make_vec(LINEAR, num_envs=6, autoreset_mode="Disabled", horizon=6, **kwargs)
    random, model = np.random.default_rng(3), vector.unwrapped.model
    first, _ = vector.reset(seed=4)
    key, whole = ("moves_left", 2.5) if "move_budget" in kwargs else ("budget_left", 1.5)
    actions, spent, over, before = [], [], np.zeros(6, np.bool_), first
    for t in range(6):
        listed = model.settings is not None
        action = random.integers(9, size=6) if listed else random.uniform(-1, 1, (6, 2))
        observation, _, ended, *_ = vector.step(action)
        if key in observation:
            paid = before[key][:, 0] - observation[key][:, 0]
        else:
            paid = hill(observation["settings"][:, :2].astype(np.float64))
            paid = paid * (t > 0 or "start" not in kwargs)
        actions.append(action)
        spent.append(np.where(over, 0.0, paid))
        over, before = over | ended, observation
        if over.any():
            break
    found = model.prices(np.stack(actions, 1), first)
    np.testing.assert_allclose(found, np.stack(spent, 1), atol=1e-5)
    assert (found.sum(1) > 0).any()
    record = evaluate(LINEAR, "random", episodes=6, env_kwargs={"horizon": 6, **kwargs})
    assert record.spent is not None
    if key in first and not kwargs.get("overdraft"):
        assert (record.spent <= whole + 1e-5).all()


# ---- problems and bounds of the published tables


def test_the_squashed_prior_has_its_density() -> None:
    """Differences of log densities against the Jacobian of the map by finite differences."""
    model, random = ConstantElasticity(squashed=True), np.random.default_rng(0)
    plain = ConstantElasticity()
    for uniform in random.uniform(0.1, 0.9, (20, 2, 4)):
        values = []
        for u in uniform:
            theta, jacobian = plain.prior(u), np.empty((4, 4))
            step = 1e-5

            def squash(x: Any) -> Any:
                return model._squashed(x.copy())

            for i in range(4):
                e = step * np.eye(4)[i]
                jacobian[:, i] = (squash(theta + e) - squash(theta - e)) / (2 * step)
            log = plain.log_prior(theta) - np.log(abs(np.linalg.det(jacobian)))
            values.append((log, model.log_prior(squash(theta))))
        (a, b), (c, d) = values
        assert a - c == pytest.approx(float(b - d), abs=1e-4)
    draws = model.sample_prior(20_000, random)
    assert 0.5 < draws[:, 0].min() < draws[:, 0].max() < 0.74
    assert 0.2 < draws[:, 1:3].min() < draws[:, 1:3].max() < 0.58
    assert np.isfinite(model.log_prior(draws)).all()


def test_bounds_leave_out_rounds_that_were_not_played() -> None:
    model, random = LinearGaussianDesign(horizon=4), np.random.default_rng(1)
    theta, settings = random.normal(size=(3, 2)), random.uniform(-1, 1, (3, 4, 2))
    outcomes = (theta[:, None] * settings).sum(2, keepdims=True) + random.normal(size=(3, 4, 1))
    rounds = np.array([4, 2, 1])
    some = sequential_bounds(
        model, theta, settings, outcomes, 500, np.random.default_rng(0), rounds=rounds
    )
    for i, n in enumerate(rounds):
        alone = sequential_bounds(
            model, theta[i : i + 1], settings[i : i + 1, :n], outcomes[i : i + 1, :n], 500,
            np.random.default_rng(0),
        )  # fmt: skip
        np.testing.assert_allclose(np.array(some)[:, i], np.array(alone)[:, 0])


def test_random_steps_in_the_unit_square_tell_what_the_reference_says() -> None:
    """A program of its own found 3.51 +- .14 nats with steps of .05, 4.72 +- .14 with steps of .2."""
    for step, expected in ((0.05, 3.51), (0.2, 4.72)):
        kwargs = {
            "num_sources": 1, "source_range": 0.5, "reach": 0.5, "start": "random", "max_step": step,
            **QUICK,
        }  # fmt: skip
        record = evaluate(
            SOURCES, "random", episodes=24, env_kwargs=kwargs,
            metrics=["information_bounds(contrasts=2000)"],
        )  # fmt: skip
        low = record.metrics["information_bounds"][:, 0]
        assert abs(low.mean() - expected) < 3 * np.hypot(low.std() / 24**0.5, 0.14)


def test_sources_may_be_uniform() -> None:
    model = LocationFinding(source_range=0.5, num_sources=1)
    draws = model.sample_prior(4000, np.random.default_rng(0))
    assert np.abs(draws).max() <= 0.5
    np.testing.assert_allclose(draws.std(0), 12**-0.5, atol=0.01)
    scores = np.random.default_rng(1).normal(size=(4000, 2))
    np.testing.assert_allclose(model.from_scores(scores).std(0), 12**-0.5, atol=0.01)
    assert model.log_prior(np.array([[0.6, 0.0], [0.1, 0.2]])).tolist() == [-np.inf, 0.0]


# ---- bad input


BAD: list[tuple[str, dict[str, Any], str]] = [
    (LINEAR, {"max_step": 0}, r"max_step.*> 0.*got 0"),
    (LINEAR, {"max_step": -1.0}, r"max_step.*> 0.*-1.0"),
    (LINEAR, {"max_step": "far"}, r"max_step"),
    (LINEAR, {"max_step": 1e-9}, r"max_step.*excludes every design but the last one"),
    (
        LINEAR,
        {"max_step": (0.1,)},
        r"max_step must be one number or one for each knob \(xi_0, xi_1\)",
    ),
    (LINEAR, {"max_step": (None, None)}, r"max_step must be one number or one for each knob"),
    (
        LINEAR,
        {"max_step": 0.3, "settings": 3},
        r"max_step.*excludes every setting but the last one",
    ),
    (LINEAR, {"move_budget": 0.3, "settings": 3}, r"move_budget = 0.3 buys no move.*1 apart"),
    (LINEAR, {"move_budget": 0}, r"move_budget.*> 0.*got 0"),
    (LINEAR, {"step_norm": "l3", "max_step": 1}, r"step_norm must be one of 'box', 'l2', got 'l3'"),
    (LINEAR, {"step_norm": "l2"}, r"step_norm = 'l2' needs steps: give max_step"),
    (LINEAR, {"budget": 1.0}, r"budget needs what it pays for: give price"),
    (LINEAR, {"budget": 0.5, "price": 1.0}, r"budget = 0.5 buys nothing.*costs 1; give at least"),
    (LINEAR, {"budget": 0.5, "price": "hill"}, r"budget = 0.5 buys nothing.*costs 0.69"),
    (LINEAR, {"budget": 3.0, "price": "hil"}, "price must be a number, .*did you mean .hill."),
    (LINEAR, {"price": "valley"}, r"price"),
    (
        LINEAR,
        {"price": [1.0, 2.0]},
        r"price must be one number or a function where settings are cont",
    ),
    (LINEAR, {"price": lambda x: 1 / 0, "budget": 1}, r"price = .*raised ZeroDivisionError"),
    (LINEAR, {"price": -1.0}, r"price.*> 0.*-1.0"),
    (
        LINEAR,
        {"price": [1.0], "settings": 3},
        r"price must hold a number for each of the 9 settings",
    ),
    (LINEAR, {"overdraft": True}, r"overdraft=True needs a budget"),
    (LINEAR, {"start": "left"}, r"start must be one of 'random', got 'left'"),
    (LINEAR, {"start": (0.0,)}, r"start must be None, \"random\", or a number for each knob"),
    (LINEAR, {"start": (0.0, 7.0)}, r"start: xi_1.*<= 1, got 7.0"),
    (
        LINEAR,
        {"start": (0.0, 0.0), "settings": [[1, 1], [1, 0.9]], "max_step": 0.2},
        r"start = .*farther",
    ),
    (SOURCES, {"source_range": 0}, r"source_range.*got 0"),
    (ELASTIC, {"squashed": "yes"}, r"squashed must be True or False"),
]


@pytest.mark.parametrize(("env_id", "kwargs", "message"), BAD)
def test_bad_options_are_one_clear_line(env_id: str, kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        gym.make(env_id, **kwargs)
    assert "\n" not in str(caught.value)


def test_agents_say_what_they_need() -> None:
    env = gym.make(LINEAR)
    with pytest.raises(InputError, match="ration=True shares out a budget of moves"):
        make("greedy_eig(ration=True)", env)
    with pytest.raises(InputError, match="random_walk"):
        make("random_walk", env)
