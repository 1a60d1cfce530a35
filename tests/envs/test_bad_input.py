"""Bad input: a clear error that names the offender, and nothing half-done."""

from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from generator import Hostile

from discovery_gym import InputError

BINOMIAL, STEP, LADDER, POOL, LINEAR, LOGISTIC, LOW_RANK, UNSTRUCTURED = (
    f"discovery/{name}-v0"
    for name in (
        "BinomialDiscovery", "GaussianStep", "KnowledgeLadder", "TablePool", "LinearPool",
        "LogisticPool", "LowRankPool", "UnstructuredPool",
    )
)  # fmt: skip
NAN, INF = float("nan"), float("inf")

CASES: list[tuple[str, dict[str, Any], str]] = [
    # unknown names
    (LADDER, {"p_scal": 3}, r"argument 'p_scal'; did you mean 'p_scale'\?.*It takes: "),
    (POOL, {"zzz": 3}, r"unexpected keyword argument 'zzz'\. It takes: "),
    # batches and costs, for all campaigns
    (LADDER, {"batch_sizes": ()}, r"batch_sizes must hold at least one element"),
    (STEP, {"batch_sizes": (1, 0)}, r"batch_sizes\[1\] must be an integer of at least 1, got 0"),
    (STEP, {"batch_sizes": (1.5,)}, r"batch_sizes\[0\].*got 1.5"),
    (STEP, {"batch_sizes": (True,)}, r"batch_sizes\[0\].*got True"),
    (STEP, {"batch_sizes": 96}, r"batch_sizes must be a sequence.*got 96"),
    (STEP, {"batch_sizes": "96"}, r"batch_sizes must be a sequence"),
    (BINOMIAL, {"batch_sizes": (2, 2)}, r"batch_sizes must differ.*\(2, 2\)"),
    (LADDER, {"cost_per_batch": -1.0}, r"cost_per_batch.*>= 0.*-1.0"),
    (LADDER, {"cost_per_experiment": NAN}, r"cost_per_experiment.*finite.*nan"),
    (LADDER, {"cost_per_batch": INF}, r"cost_per_batch.*finite.*inf"),
    (LADDER, {"cost_per_batch": "1"}, r"cost_per_batch.*'1'"),
    (LADDER, {"horizon": 0}, r"horizon.*at least 1, got 0"),
    (LADDER, {"horizon": INF}, r"horizon.*inf"),
    # ladder
    (LADDER, {"target": 0}, r"target must be an integer.*got 0"),
    (LADDER, {"start": 100}, r"start must be an integer in 0..99, got 100"),
    (LADDER, {"p_scale": 50.0}, r"p_scale must be at least target = 100"),
    (LADDER, {"p_scale": -1.0}, r"p_scale.*> 0.*-1.0"),
    # step
    (STEP, {"target": -5.0}, r"target.*-5.0"),
    (STEP, {"stds": ()}, r"stds must hold at least one"),
    (STEP, {"stds": (1.0, -2.0)}, r"stds\[1\].*-2.0"),
    (STEP, {"stds": (1.0, 1.0)}, r"stds must differ"),
    (STEP, {"std_costs": (1.0, 2.0)}, r"std_costs must hold one cost for each of the 1 stds"),
    # binomial
    (BINOMIAL, {"success_probs": (1.2,)}, r"success_probs\[0\].*<= 1.*1.2"),
    (BINOMIAL, {"success_probs": ()}, r"success_probs must hold at least one"),
    (BINOMIAL, {"beta_priors": ((1, 0),)}, r"beta_priors\[0\]\[1\].*> 0.*got 0"),
    (BINOMIAL, {"beta_priors": ((1, 2, 3),)}, r"beta_priors\[0\] must be a pair"),
    (BINOMIAL, {"beta_priors": ((1, 1),), "success_probs": (0.1,)}, r"not both"),
    (BINOMIAL, {"objective": "last"}, r"objective must be one of 'first', 'count', got 'last'"),
    (BINOMIAL, {"model_upgrade": (2.0, 1.0)}, r"model_upgrade must be a triple"),
    (BINOMIAL, {"model_upgrade": (0.5, 1.0, 1)}, r"factor of model_upgrade.*>= 1.*0.5"),
    (BINOMIAL, {"beta_priors": ((1, 1),), "model_upgrade": (2.0, 1.0, 1)}, r"known success_probs"),
    (BINOMIAL, {"throughput_upgrade": (1.5, 1.0, 1)}, r"factor of throughput_upgrade.*1.5"),
    # pool
    (POOL, {"dataset": "diabtes"}, r"'diabtes'; did you mean 'diabetes'\?"),
    (POOL, {"target": "yield"}, r"no target 'yield'.*progression"),
    (POOL, {"horizon": 443}, r"horizon must not exceed the 442 items"),
    (POOL, {"noise_std": -0.1}, r"noise_std.*-0.1"),
    (POOL, {"scaling": "minmax"}, r"scaling must be one of"),
    (POOL, {"rows": 0.0}, r"rows must be a share in \(0, 1\].* 1 to 442.* got 0\.0; rows=None"),
    (POOL, {"rows": 443}, r"rows must be .* got 443"),
    (POOL, {"rows": 1.5}, r"rows must be .* got 1\.5"),
    (POOL, {"rows": True}, r"rows must be .* got True"),
    (POOL, {"rows": NAN}, r"rows must be .* got nan"),
    (POOL, {"rows": "half"}, r"rows must be .* got 'half'"),
    (POOL, {"rows": 10, "horizon": 11}, r"horizon must not exceed the 10 items"),
    (POOL, {"illegal": "ignore"}, r"illegal must be one of 'penalise', 'raise'"),
    (POOL, {"illegal_reward": NAN}, r"illegal_reward.*nan"),
    (POOL, {"features": [[1.0]]}, r"features and labels belong together"),
    (POOL, {"features": [[1.0]], "labels": [1.0], "dataset": "x"}, r"dataset or the arrays"),
    (POOL, {"features": [[1.0], [NAN]], "labels": [1.0, 2.0]}, r"features must be finite.*\[1, 0\]"),
    (POOL, {"features": [["a"]], "labels": [1.0]}, r"features must hold numbers"),
    (POOL, {"features": [[1.0]], "labels": [1.0, 2.0]}, r"\(n, d\) and labels \(n,\)"),
    (POOL, {"features": [[1.0]] * 2, "labels": [1.0, -1e39]}, r"item 1 is -1e\+39\. .*larger unit"),
    (POOL, {"noise_std": 1e38}, r"noise included; .*noise_std=1e\+38"),
    (POOL, {"features": [[1.0]] * 2, "labels": [0.0, 1e-50]}, r"lowest differ by 1e-50.*smaller"),
    (POOL, {"features": [[1.0], [1e39]], "labels": [1.0, 2.0]}, r"x0 of item 1 is 1e\+39\..*larger"),
    (
        POOL,
        {"features": [[1e9], [1e9 + 1]], "labels": [1.0, 2.0]},
        r"x0 lies within 1 for all items.*scaling='l2'.*Take scaling='standard', or subtract",
    ),
    (
        POOL,
        {"features": [[1e-60], [2e-60]], "labels": [1.0, 2.0], "scaling": "none"},
        r"x0 lies within 1e-60.*scaling='none'.*change its unit",
    ),
    (POOL, {"features": np.zeros((0, 2)), "labels": []}, r"\(n, d\)"),
    (LINEAR, {"num_items": 50}, r"exceed the 50 items of the pool, got 100; give horizon=50 or less"),
    (LINEAR, {"num_items": 0}, r"num_items must be an integer of at least 1, got 0"),
    (LINEAR, {"num_features": 0}, r"num_features must be an integer of at least 1, got 0"),
    (LINEAR, {"sparsity": 21}, r"sparsity must be an integer in 1..20, got 21"),
    (LINEAR, {"prior_std": 0.0}, r"prior_std.*> 0.*0.0"),
    (LINEAR, {"feature_std": INF}, r"feature_std.*inf"),
    (LOGISTIC, {"noise_std": 0.1}, r"noise_std must be 0.*a label is 0 or 1.*got 0.1"),
    (LOGISTIC, {"noise_std": NAN}, r"noise_std.*nan"),
    (LOGISTIC, {"prior_std": -1.0}, r"prior_std.*> 0.*-1.0"),
    (LOGISTIC, {"num_items": 9, "horizon": 10}, r"horizon must not exceed the 9 items"),
    (LOW_RANK, {"rank": 31}, r"rank must not exceed 30.*num_rows=30 by num_cols=30, got 31"),
    (LOW_RANK, {"num_cols": 1}, r"rank must not exceed 1.*got 2; lower it"),
    (LOW_RANK, {"num_rows": 3}, r"horizon must not exceed the 90 items of the pool, got 100"),
    (LOW_RANK, {"num_rows": 0}, r"num_rows must be an integer of at least 1, got 0"),
    (LOW_RANK, {"factor_std": 0.0}, r"factor_std.*> 0.*0.0"),
    (UNSTRUCTURED, {"num_items": 5}, r"horizon must not exceed the 5 items"),
    # numbers of any size, and what is not a number
    (LADDER, {"horizon": 10**400}, r"horizon must be an integer in 1\.\.10000000, got 1000"),
    (LADDER, {"target_reward": 10**400}, r"target_reward must be a finite number .* got 1000"),
    (LADDER, {"target_reward": Fraction(10**400)}, r"target_reward must be a finite number"),
    (LADDER, {"cost_per_batch": np.array([1.0, 2.0])}, r"cost_per_batch.*got array\(\[1\., 2\.\]\)"),
    (LADDER, {"cost_per_batch": Decimal("sNaN")}, r"cost_per_batch.*got Decimal"),
    (LADDER, {"cost_per_batch": 1j}, r"cost_per_batch.*got 1j"),
    (LADDER, {"cost_per_batch": np.bool_(True)}, r"cost_per_batch.*got np.True_"),
    (LADDER, {"cost_per_batch": Hostile()}, r"cost_per_batch.*got <Hostile instance"),
    (LADDER, {"horizon": "9" * 9999}, r"horizon.*got '9999[9.]*9'\.$"),
    (LADDER, {"batch_sizes": itertools.count(1)}, r"at most 1,000,000 elements, got count\("),
    (LADDER, {"batch_sizes": Hostile()}, r"batch_sizes must be a sequence.*<Hostile instance"),
    (LINEAR, {"num_items": 1e300}, r"num_items must be an integer in 1\.\.10{15}, got 1e\+300"),
    (LINEAR, {"num_items": 10**12}, r"would hold 2\.4e\+13 num.*: take a lower num_items than 10{12}"),
    (LINEAR, {"num_features": 10**9}, r"would hold 5e\+11 numbers.*lower num_features than 10{9}"),
    (LOW_RANK, {"num_rows": 1e12}, r"would hold .* numbers.*lower num_rows than 10{12}"),
    (UNSTRUCTURED, {"horizon": 10**7}, r"would hold .* numbers"),
    (STEP, {"horizon": 10**18}, r"horizon must be an integer in 1\.\.10000000"),
    # units and money
    (LINEAR, {"feature_std": 1e257}, r"feature_std must be from 1e-12 to 1e\+12, got 1e\+257; choose a"),
    (LINEAR, {"noise_std": 1e91}, r"noise_std must be 0 or from 1e-12 to 1e\+12, got 1e\+91"),
    (UNSTRUCTURED, {"noise_std": 1e-13}, r"noise_std must be 0 or from 1e-12"),
    (LINEAR, {"illegal_reward": 1.7e308}, r"illegal_reward.*<= 1e\+30, got 1\.7e\+308"),
    (LINEAR, {"illegal_reward": -1e31}, r"illegal_reward.*>= -1e\+30"),
    (LADDER, {"cost_per_batch": 1e300}, r"cost_per_batch.*<= 1e\+30"),
    ("discovery/LocationFinding-v0", {"reach": 1e300}, r"reach must be from 1e-12 to 1e\+12"),
    ("discovery/SimulatorDesign-v0", {"version": Hostile()}, r"version must be a text"),
    ("discovery/SimulatorDesign-v0", {"unknown_ranges": {1: (0, 1)}}, r"must be texts, got 1"),
    # words
    (LINEAR, {"illegal": np.array(["raise", "x"])}, r"illegal must be one of.*got array"),
    (LINEAR, {"illegal": ["raise"]}, r"illegal must be one of.*got \['raise'\]"),
    # the environments
    (LADDER, {"render_mode": "gif"}, r"render_mode"),
    (LADDER, {"render_mode": np.array(["ansi", "x"])}, r"render_mode.*got array"),
    (LADDER, {"reveal": np.array([True, False])}, r"reveal must be True or False, got array"),
    (LADDER, {"reveal": "yes"}, r"reveal must be True or False, got 'yes'"),
]  # fmt: skip


@pytest.mark.parametrize(("env_id", "kwargs", "message"), CASES)
def test_parameters(env_id: str, kwargs: dict[str, Any], message: str) -> None:
    spec = gym.spec(env_id)
    for make in (gym.envs.registration.load_env_creator(str(spec.entry_point)), gym.make_vec):
        with pytest.raises(InputError, match=message):
            make(env_id, **kwargs) if make is gym.make_vec else make(**kwargs)


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"num_envs": 0}, "num_envs must be an integer of at least 1, got 0"),
        ({"num_envs": True}, "num_envs must be an integer of at least 1, got True"),
        ({"num_envs": 1e30}, r"num_envs must be an integer in 1..10{15}, got 1e\+30"),
        ({"num_envs": 10**9}, r"10{9} episodes .* would hold .* take num_envs=\d+ at most"),
        ({"autoreset_mode": ["NextStep"]}, "autoreset_mode must be one of 'NextStep'"),
        ({"autoreset_mode": Hostile()}, "autoreset_mode must be one of 'NextStep'"),
        ({"autoreset_mode": "Sometimes"}, "autoreset_mode must be one of 'NextStep'"),
    ],
)
def test_vector_parameters(kwargs: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        gym.make_vec(LADDER, **kwargs)


@pytest.mark.parametrize("action", [-1, 8, 1.5, "1", None, np.array([1, 2])])
def test_actions(action: Any) -> None:
    env = gym.make(LADDER).unwrapped
    env.reset(seed=0)
    with pytest.raises(InputError, match="is not an action of KnowledgeLadderEnv"):
        env.step(action)


@pytest.mark.parametrize(
    ("actions", "message"),
    [
        ([0, 8], r"^8, of episode 1, is not .*; it takes .* in 0\.\.7, of shape \(2,\)\.$"),
        ([-1, 0], "-1, of episode 0, is not an action"),
        ([0.0, 1.0], "an array of whole numbers"),
        ([0], r"shape \(2,\)"),
    ],
)
def test_vector_actions(actions: Any, message: str) -> None:
    vector = gym.make_vec(LADDER, num_envs=2)
    vector.reset(seed=0)
    with pytest.raises(InputError, match=message):
        vector.step(np.array(actions))


class NoArray:
    """An object whose conversion to an array fails in its own way."""

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise KeyError("no array")


ABSURD = [
    None, "1", b"1", True, [True], {}, {"a": 1}, set(), [], [[]], [[1], [2, 3]], [[[1.0]]], [None],
    ["1"], [1j], 1j, NAN, [NAN], [INF, -INF], 10**400, [10**400], -(10**400), [10**5000], object(),
    [object()], NoArray(), np.zeros((0, 3)), np.zeros(1000), np.array(["x"]), slice(3), lambda: 1,
    np.datetime64("2020-01-01"), [np.datetime64("2020-01-01")], "x" * 10_000, [0.5] * 10_000,
    np.ma.masked_array(0, True), np.ma.masked_array([0.5], [True]),
]  # fmt: skip


@pytest.mark.parametrize("action", ABSURD, ids=range(len(ABSURD)))
@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [
        (LADDER, {}),
        (POOL, {"batch_size": 2, "horizon": 4}),
        ("discovery/LinearGaussianDesign-v0", {"num_parameters": 2}),
    ],
)
def test_absurd_actions(env_id: str, kwargs: dict[str, Any], action: Any) -> None:
    """Both environments answer with one line of sensible length, and the episode goes on."""
    single, vector = gym.make(env_id, **kwargs).unwrapped, gym.make_vec(env_id, 3, **kwargs)
    for env in (single, vector):
        env.reset(seed=0)
        with pytest.raises(InputError, match=r"is not an action of .* it takes") as caught:
            env.step(action)
        assert len(str(caught.value)) < 300
        assert "\n" not in str(caught.value)
        env.step(env.action_space.sample())


def test_an_unknown_parameter_is_a_type_error_too() -> None:
    """Libraries offer a keyword and wait for Python's own words to take it back."""
    for make in (gym.make, gym.make_vec):
        with pytest.raises(TypeError, match="unexpected keyword argument 'frameskip'") as caught:
            make(LADDER, frameskip=1)
        assert isinstance(caught.value, InputError)


def test_mask_violation_raises_and_changes_nothing() -> None:
    vector = gym.make_vec(POOL, num_envs=2, illegal="raise", reveal=True)
    vector.reset(seed=0)
    vector.step(np.array([3, 4]))
    for _ in range(2):
        with pytest.raises(InputError, match="Item 4 of episode 1 was chosen already"):
            vector.step(np.array([5, 4]))
    observation, *_ = vector.step(np.array([5, 6]))
    assert observation["labelled"][:, :3].tolist() == [[3, 5, -1], [4, 6, -1]]


def test_before_reset_and_after_the_end() -> None:
    env, vector = gym.make(LADDER, horizon=1).unwrapped, gym.make_vec(LADDER, num_envs=2)
    for call in (lambda: env.step(0), env.action_masks, vector.action_masks, vector.render):
        with pytest.raises(gym.error.ResetNeeded, match=r"call reset\(\)"):
            call()
    with pytest.raises(gym.error.ResetNeeded):
        vector.step(np.zeros(2, np.int64))
    env.reset()
    env.step(0)
    with pytest.raises(gym.error.ResetNeeded, match="has ended"):
        env.step(0)
    stopped = gym.make_vec(LADDER, num_envs=2, horizon=1, autoreset_mode="Disabled")
    stopped.reset()
    stopped.step(np.zeros(2, np.int64))
    with pytest.raises(gym.error.ResetNeeded, match=r"Episodes \[0, 1\] have ended"):
        stopped.step(np.zeros(2, np.int64))


@pytest.mark.parametrize(
    "mask", [[True, False], np.array([1, 0]), np.array([True]), np.array([False, False])]
)
def test_reset_masks(mask: Any) -> None:
    vector = gym.make_vec(LADDER, num_envs=2)
    vector.reset(seed=0)
    with pytest.raises(InputError, match="reset_mask"):
        vector.reset(options={"reset_mask": mask})


@pytest.mark.parametrize("options", [5, "x", [1], itertools.count(), range(10**12), Hostile()])
def test_options(options: Any) -> None:
    vector = gym.make_vec(LADDER, num_envs=2)
    with pytest.raises(InputError, match="options must be a dict or None"):
        vector.reset(options=options)


@pytest.mark.parametrize(
    ("seed", "message"),
    [
        (1.5, "seed must be an integer of at least 0, got 1.5"),
        (True, "seed must be an integer of at least 0, got True"),
        (-1, "seed must be an integer of at least 0, got -1"),
        ("1", "seed must be an integer of at least 0, got '1'"),
        ([[1], [2]], r"seed\[0\] must be an integer of at least 0, got \[1\]"),
        (np.array(1), "seed must be a sequence"),
        (range(10**12), "seed must hold at most 1,000,000 elements"),
    ],
)
def test_seeds(seed: Any, message: str) -> None:
    vector = gym.make_vec(LADDER, num_envs=2)
    with pytest.raises(InputError, match=message):
        vector.reset(seed=seed)


def test_what_is_large_but_fits() -> None:
    assert gym.make(LINEAR, num_items=1_000_000).unwrapped.model.num_items == 1_000_000
    assert gym.make_vec(LADDER, num_envs=100_000).num_envs == 100_000
    assert gym.make_vec(LADDER, num_envs=np.int64(2), reveal=np.bool_(True)).num_envs == 2
    assert (
        gym.make(LADDER, horizon=1e3, cost_per_batch=Fraction(1, 2)).unwrapped.model.horizon == 1000
    )


def test_first_reset_is_of_all() -> None:
    vector = gym.make_vec(LADDER, num_envs=2)
    with pytest.raises(InputError, match="The first reset must reset every episode"):
        vector.reset(options={"reset_mask": np.array([True, False])})
    with pytest.raises(InputError, match="seed must be one integer or a sequence of 2"):
        vector.reset(seed=[1, 2, 3])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.mean_epochs(0), "batch_size must be an integer of at least 1, got 0"),
        (lambda m: m.success_probability(1, 100), "x must be an integer in 0..99"),
        (lambda m: m.action(batch_size=3), "batch_size must be one of 1, 2, 4"),
        (lambda m: m.action(size=3), "Unknown knob 'size'"),
    ],
)
def test_questions_about_the_truth(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(gym.make(LADDER).unwrapped.model)


@pytest.mark.parametrize(
    ("env_id", "kwargs"),
    [
        (LADDER, {"horizon": 10**7}),
        (STEP, {"horizon": 10**7}),
        (STEP, {"target": 1e9}),
        (STEP, {"stds": (1e-9, 1.0)}),
        (BINOMIAL, {"horizon": 10**6}),
        (LOW_RANK, {"num_rows": 10**6}),
    ],
)
def test_truths_that_take_too_long(env_id: str, kwargs: dict[str, Any]) -> None:
    model = gym.make(env_id, **kwargs).unwrapped.model
    with pytest.raises(InputError, match=r"[Tt]ake a"):
        model.optimal_value()


def test_plans_that_are_too_large() -> None:
    model = gym.make(BINOMIAL, beta_priors=((1, 1),) * 3, objective="count").unwrapped.model
    with pytest.raises(InputError, match="use a shorter horizon, fewer machines"):
        model.optimal_value()
