"""A generator of what strangers hand in: constructions, steps and texts of agents, odd and extreme.

Case i is a function of a seed and of i, so that ``case(seed, i)`` repeats a failure. A case fails if
it raises anything but our errors and Gymnasium's, or a warning, or shows a number that is not finite
or an observation that its space does not contain.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import fields
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

from discovery_gym import InputError
from discovery_gym.agents import available, make
from discovery_gym.envs.core import Model, TruthUnknown
from discovery_gym.experiments.runs.evaluation import evaluate

OURS = (InputError, gym.error.Error)
LONGEST = 1000
"""Characters of an error message."""
STEPS = 6
LITTLE = 100_000
"""Numbers of an episode in which every agent decides quickly."""
SLOWEST = ("optimal", "look_ahead_eig")
QUICK = {
    "greedy_eig": "greedy_eig(candidates=4)",
    "thompson_eig": "thompson_eig(candidates=4)",
    "bayes_opt_eig": "bayes_opt_eig(start=2, calls=3, outer=4, inner=8, candidates=4)",
}

SMALL: dict[str, dict[str, Any]] = {
    "BinomialDiscovery": {"horizon": 5, "batch_sizes": (1, 4)},
    "ConstantElasticity": {"horizon": 3, "num_particles": 10, "num_moves": 1},
    "DeathProcess": {"grid_size": 16},
    "FidelityLadder": {"target": 4, "plates": ((5, 0.8, 0.1, 2.0, 0.1, 1.0),), "horizon": 3000},
    "GaussianStep": {"horizon": 5, "target": 5.0},
    "GeneralConditions": {"num_conditions": 2, "horizon": 4},
    "GraphPool": {"num_items": 12},
    "KnowledgeLadder": {"horizon": 5, "target": 6},
    "LinearGaussianDesign": {"horizon": 4},
    "LinearPool": {"num_items": 12, "num_features": 3, "horizon": 5},
    "LocationFinding": {"horizon": 3, "num_particles": 10, "num_moves": 1},
    "LogisticPool": {"num_items": 12, "num_features": 3, "horizon": 5},
    "LowRankPool": {"num_rows": 4, "num_cols": 5, "horizon": 5},
    "PreyPopulation": {"horizon": 3, "grid_size": (4, 8), "most_prey": 20},
    "ScreeningPool": {"num_items": 6, "budget": 12.0},
    "SimulatorDesign": {"horizon": 3, "grid_size": 3, "simulated_events": 50, "settings": 2},
    "TablePool": {"features": [[0.0], [1.0], [3.0], [4.0]], "labels": [1.0, 2.0, 0.5, 3.0]},
    "TemporalDiscounting": {"horizon": 3, "grid_size": (8, 4)},
    "UnstructuredPool": {"horizon": 3},
    "Weinberg": {"horizon": 3, "grid_size": 16, "num_events": 20},
    "WeinbergToy": {"horizon": 3, "grid_size": 16},
}
SHARED = ("render_mode", "reveal", "copy", "num_envs", "autoreset_mode")
TEXTS = (
    *(
        "fixed",
        "oracle",
        "optimal",
        "sb3",
        "policy",
        "learned",
        "meta_ucb",
        "random",
        "greedy",
        "nobody",
        "",
    ),
    *("epsilon_greedy", "bayes_ucb", "thompson", "ids", "expected_improvement", "linucb"),
    *("knowledge_gradient", "glm_ucb", "active_search", "ens", "one_hub", "greedy_eig"),
    *("thompson_eig", "look_ahead_eig", "bayes_opt_eig"),
)
BELIEFS = ("beta", "logistic", "sparse", "linear", "gp", "nodes", "low_rank", "normal", "nothing")
SETTINGS = (
    *("std", "path", "weights", "candidates", "draws", "first", "start", "calls", "outer", "inner"),
    *("epsilon", "width", "lam", "samples", "about", "deterministic", "alpha", "ridge", "steps"),
    *("prior_std", "noise_std", "chains", "sweeps", "kernel", "refit", "seed", "model", "belief"),
    *("batch_size", "theta", "phi", "nothing"),
)
OWN = ("simulator", "cache", "workers", "simulated_events")
"""What a simulator does, and how long, is its owner's affair."""
SLOW = {"draws": 9, "samples": 40, "chains": 9, "sweeps": 3, "candidates": 9, "steps": 3}

ARGUMENTS = (
    *("agent", "episodes", "seed", "env_kwargs", "deterministic", "points", "truth", "metrics"),
    *("agent_seed", "chunk"),
)


class Word(str):
    """A text of another type."""


class Hostile:
    """Raises whatever is asked of it."""

    def _no(self, *_: Any) -> Any:
        raise RuntimeError("no")

    __repr__ = __str__ = __eq__ = __lt__ = __le__ = __gt__ = __ge__ = __float__ = __index__ = _no
    __bool__ = __len__ = __iter__ = __array__ = __fspath__ = _no
    __hash__ = None  # type: ignore[assignment]


class Whole:
    """Says that it is an index."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __index__(self) -> Any:
        return self.value


class Fake(float):
    """A number whose comparisons and repr are odd."""

    def __repr__(self) -> str:
        return "x" * 1_000_000

    def __le__(self, other: Any) -> Any:
        return np.array([True, False])

    __ge__ = __lt__ = __gt__ = __le__
    __hash__ = float.__hash__


def _itself() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def _deep() -> Any:
    value: Any = 1
    for _ in range(2000):
        value = [value]
    return value


WHOLE = (
    *(-1, 0, 1, 2, 3, 7, 100, 10**5, 10**6, 10**7, 10**9, 10**12, 10**18, -(10**18)),
    *(2**31 - 1, 2**31, 2**32, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 2**80, 10**400, -(10**400)),
)
REAL = (
    *(math.nan, math.inf, -math.inf, 0.0, -0.0, 0.5, 1.0, 1.5, 2.0, 5e-324, 1e-310, 1e-300, 1e-200),
    *(1e-160, 1e-91, 1e-40, 1e-38, 1e25, 1e30, 1e38, 3.4e38, 1e91, 1e153, 1e155, 1e257, 1e300),
    *(1.7e308, -1e300, -1.7e308, 1 - 2**-53, 1 + 2**-52),
)
ODD: tuple[Callable[[], Any], ...] = (
    *(lambda v=v: v for v in (None, True, False, "", "abc", "1", "kl", b"x", bytearray(b"1"))),
    *(lambda v=v: v for v in (1 + 2j, (), [], {}, set(), ..., NotImplemented, int, len, "\0", "\ud800")),
    lambda: Word("first"), lambda: Word("ansi"), lambda: "x" * 1_000_000, lambda: "9" * 5000,
    lambda: Decimal("1.5"), lambda: Decimal("NaN"), lambda: Decimal("sNaN"), lambda: Decimal("1e999999"),
    lambda: Fraction(1, 3), lambda: Fraction(10**400), lambda: Fraction(1, 10**400),
    lambda: [[1, 2], [3]], lambda: [1, "a"], lambda: {"a": 1}, lambda: {1, 2}, lambda: {"theta": (0, 1)},
    lambda: range(3), lambda: range(10**12), itertools.count, lambda: itertools.repeat(1.0),
    lambda: itertools.cycle([0.1, 0.2]), lambda: (x for x in (1, 2)), lambda: iter(int, 1),
    lambda: [None] * 9, object, Hostile, lambda: [Hostile()], lambda: Fake(1.0), lambda: Whole(1),
    lambda: Whole(10**30),
    lambda: Whole("x"), lambda: Path("x"), lambda: Path("/"), lambda: (lambda *_: 1), _itself, _deep,
    lambda: np.float32(1e38), lambda: np.float16(1.5), lambda: np.longdouble(1.5), lambda: np.int64(3),
    lambda: np.int8(-1), lambda: np.uint64(2**64 - 1), lambda: np.bool_(True), lambda: np.str_("kl"),
    lambda: np.array([1, 2]), lambda: np.array(3), lambda: np.array(2.5), lambda: np.array([]),
    lambda: np.array([[1.0], [2.0]]), lambda: np.array([True, False]), lambda: np.array("kl"),
    lambda: np.array([1, "a"], object), lambda: np.array(["a", "b"]), lambda: np.array([np.nan]),
    lambda: np.ma.masked, lambda: np.ma.array([1.0, 2.0], mask=[0, 1]), lambda: np.complex128(1j),
    lambda: np.datetime64("2020-01-01"), lambda: np.timedelta64(1), lambda: np.datetime64("NaT"),
    lambda: np.zeros(()), lambda: np.zeros((0, 3)), lambda: np.zeros(1000), lambda: np.void(b"x"),
    lambda: memoryview(b"ab"), lambda: InputError("x"), lambda: np.random.default_rng(0), lambda: [True],
)  # fmt: skip


class Draw:
    """Draws values from a generator.

    Args:
        random: The generator.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self.random = random

    def chance(self, probability: float) -> bool:
        """Return True with a probability."""
        return bool(self.random.random() < probability)

    def one(self, values: Any) -> Any:
        """Return one of some values."""
        return values[int(self.random.integers(len(values)))]

    def whole(self) -> Any:
        """Return an integer of any size."""
        return self.one(WHOLE)

    def real(self) -> float:
        """Return a float, of any size."""
        if self.chance(0.3):
            return float(self.one(REAL))
        spread = self.one((3, 12, 12, 40, 300))
        sign = -1 if self.chance(0.1) else 1
        return float(sign * 10 ** self.random.uniform(-spread, spread))

    def value(self, depth: int = 0) -> Any:
        """Return anything."""
        kind = self.random.random()
        if kind < 0.35:
            return self.real()
        if kind < 0.5:
            return self.whole()
        if kind < 0.65 and depth < 2:
            inside = [self.value(depth + 1) for _ in range(self.random.integers(1, 4))]
            return self.one((tuple, list))(inside)
        return self.one(ODD)()

    def like(self, default: Any, annotation: str) -> Any:
        """Return a value that often is of the kind that a parameter takes."""
        if self.chance(0.35):
            return self.value()
        if "Mapping" in annotation:
            return {self.one(("theta", "phi", "x", "", 1)): self.like((0.0, 1.0), "tuple[float")}
        if "tuple[tuple" in annotation:
            return tuple(
                (abs(self.real()), abs(self.real())) for _ in range(self.random.integers(1, 3))
            )
        if "tuple[float, float, int]" in annotation or "tuple[int, float, int]" in annotation:
            return (
                self.one((2, 3, self.real())),
                abs(self.real()),
                self.one((1, 2, 30, self.whole())),
            )
        if "tuple[float" in annotation or (isinstance(default, tuple) and "float" in annotation):
            count = int(self.random.integers(1, 4))
            if isinstance(default, tuple) and self.chance(0.8):
                count = len(default)
            values = [self.real() for _ in range(count)]
            return tuple(sorted(values) if self.chance(0.7) else values)
        if "tuple[int" in annotation and self.chance(0.5):
            return tuple(self.whole() for _ in range(self.random.integers(1, 4)))
        if "int" in annotation and "float" not in annotation:
            few = int(self.random.integers(1, 30))
            return self.one((self.whole(), few, float(few)))
        if "float" in annotation:
            return self.real() if self.chance(0.2) else abs(self.real())
        return self.value()


def environment(name: str, vector: bool) -> Any:
    """Return the class of an environment, such as that of "LinearPool"."""
    spec = gym.spec(f"discovery/{name}-v0")
    point = spec.vector_entry_point if vector else spec.entry_point
    return gym.envs.registration.load_env_creator(str(point))


def check(condition: Any, words: str) -> None:
    """Fail if a condition does not hold."""
    if not condition:
        raise AssertionError(words)


def finite(observation: Any) -> bool:
    """Return whether all numbers are finite."""
    parts = observation.values() if isinstance(observation, dict) else [observation]
    return all(np.isfinite(part).all() for part in parts)


def legal(env: Any, draw: Draw) -> Any:
    """Return a legal action drawn at random."""
    env.action_space.seed(int(draw.random.integers(2**31)))
    return env.action_space.sample()


def play(env: Any, draw: Draw, steps: int = STEPS, choose: Any = None) -> None:
    """Play some steps and look at all numbers."""
    observation, _ = env.reset(seed=int(draw.random.integers(2**31)))
    state, start = None, True
    for _ in range(steps):
        check(env.observation_space.contains(observation), "an observation outside its space")
        check(finite(observation), "an observation that is not finite")
        if choose is None:
            action = legal(env, draw)
        else:
            action, state = choose(observation, state, episode_start=np.array([start]))
            check(np.isfinite(action).all(), "an action that is not finite")
        observation, reward, ended, _, _ = env.step(action)
        check(np.isfinite(reward).all(), f"a reward that is not finite: {reward}")
        start = False
        if np.all(ended):
            break
    check(
        env.observation_space.contains(observation), "an observation outside its space at the end"
    )
    check(finite(observation), "an observation that is not finite at the end")
    check(
        all(finite(value) for value in env.hidden().values()), "hidden numbers that are not finite"
    )


def truths(model: Model[Any]) -> None:
    """Ask for the declared truths."""
    for name in ("random_value", "optimal_value"):
        try:
            value = getattr(model, name)()
        except (TruthUnknown, InputError):
            continue
        check(math.isfinite(value), f"{name} {value}")


def parameters(draw: Draw, name: str, count: int) -> dict[str, Any]:
    """Return parameters of which some are odd."""
    known = {field.name: field for field in fields(environment(name, False).model_class)}
    chosen = {draw.one([key for key in known if key not in OWN]) for _ in range(count)}
    given = dict(SMALL[name])
    for key in chosen:
        given[key] = draw.like(given.get(key, known[key].default), str(known[key].type))
    return given


def construction(draw: Draw) -> tuple[str, Callable[[], None]]:
    """Make an environment of odd parameters, and play it."""
    name, vector = draw.one(list(SMALL)), draw.chance(0.4)
    given = parameters(draw, name, int(draw.random.integers(1, 4)))
    if draw.chance(0.1):
        given[draw.one((*SHARED, "nothing"))] = draw.value()
    if vector:
        given.setdefault("num_envs", 2)
    reveal, ask = draw.chance(0.3), draw.chance(0.3)
    agent = draw.chance(0.25)

    def run() -> None:
        env = environment(name, vector)(**{"reveal": reveal, **given})
        if vector and env.num_envs * (env.model.size + LITTLE) > 1000 * LITTLE:
            return  # it is made, which is enough
        choose = None
        model = env.unwrapped.model
        size = model.size + getattr(model.action_space, "n", 0)
        if agent and size < LITTLE:
            text = draw.one([text for text in available(env) if text not in SLOWEST])
            choose = make(QUICK.get(text, text), env).predict
        steps = STEPS if size < 100 * LITTLE else 1
        if name == "SimulatorDesign" and size > LITTLE / 100:
            steps = 0  # a simulation for every node of its grid
        play(env, draw, steps, choose)
        if ask:
            truths(env.unwrapped.model)

    return f"{'vector ' * vector}{name} {show(given)} agent={agent}", run


def extreme(draw: Draw) -> tuple[str, Callable[[], None]]:
    """Make an environment of numbers of any size, all of which may be legal, and play an episode."""
    name, vector = draw.one(list(SMALL)), draw.chance(0.3)
    given, spread = dict(SMALL[name]), float(draw.one((1, 3, 12, 12, 40)))
    for field in fields(environment(name, False).model_class):
        annotation, default = str(field.type), given.get(field.name, field.default)
        if draw.chance(0.3):
            continue
        values = 10 ** draw.random.uniform(-spread, spread, 3)
        if annotation.startswith("float"):
            given[field.name] = values[0]
        elif annotation.startswith("tuple[float, ...]"):
            given[field.name] = tuple(values[: draw.random.integers(1, 4)])
        elif annotation.startswith("tuple[float, float]") and isinstance(default, tuple):
            given[field.name] = tuple(np.sort(values[:2]))
        elif annotation.startswith("tuple[tuple"):
            given[field.name] = (tuple(values[:2]),)
    if name == "BinomialDiscovery":
        given.pop(draw.one(("success_probs", "beta_priors")), None)
    if vector:
        given["num_envs"] = 2
    text, ask = draw.one(("random", "any")), draw.chance(0.2)

    def run() -> None:
        env = environment(name, vector)(reveal=True, **given)
        choose = None
        if text == "any":
            name_of = draw.one([text for text in available(env) if text not in SLOWEST])
            choose = make(QUICK.get(name_of, name_of), env).predict
        play(env, draw, 30, choose)
        if ask:
            truths(env.unwrapped.model)

    return f"extreme {'vector ' * vector}{name} {show(given)} {text}", run


_made: dict[tuple[str, bool], Any] = {}


def stepping(draw: Draw) -> tuple[str, Callable[[], None]]:
    """Hand odd things to the calls of an environment."""
    name, vector = draw.one(list(SMALL)), draw.chance(0.5)
    call = draw.one(("step", "step", "step", "reset", "options", "mask"))
    value: Any = draw.value()
    if call == "step" and draw.chance(0.5):
        number = draw.real()
        single = float(np.clip(number, -3e38, 3e38))
        value = draw.one(
            (
                [draw.whole() for _ in range(2)], [draw.real() for _ in range(2)], [[0], [1, 2]],
                np.array([number, 0.0]), np.full(2, single, np.float32), [value, 0],
                np.array([single], np.float32), {"a": 0}, np.zeros((2, 2), np.int64),
            )
        )  # fmt: skip

    def run() -> None:
        key = name, vector
        if key not in _made:
            _made[key] = environment(name, vector)(
                **SMALL[name], **({"num_envs": 2} if vector else {})
            )
        env = _made[key]
        env.reset(seed=0)
        if call == "step":
            observation, reward, *_ = env.step(value)
            check(np.isfinite(reward).all() and finite(observation), "a number that is not finite")
            check(env.observation_space.contains(observation), "an observation outside its space")
        elif call == "reset":
            env.reset(seed=value)
        elif call == "options":
            env.reset(options=value)
        else:
            env.reset(options={"reset_mask": value})

    return f"{'vector ' * vector}{name} {call} {show(value)}", run


def expression(draw: Draw, depth: int = 0) -> str:
    """Return the text of an agent, or of something like it."""
    kind = draw.random.random()
    if kind < 0.05:
        return draw.one(
            (
                "-" * 5000 + "1", "(" * 500, "[" * 300 + "]" * 300, "a" * 5000, "greedy" + "()" * 900,
                "\0", "greedy\0", "greedy(", ")", "a.b", "a[0]", "lambda: 1", "1 + 1", "greedy()()",
                "greedy(*a)", "greedy(**a)", "f'{x}'", "é", "\ud800", "greedy;greedy", "a:=1", "not a",
                "+".join(["a"] * 3000), "sb3('" + "x/" * 3000 + "')", "greedy(belief=" * 90 + ")" * 90,
                "nowhere.py:X", "json:nothing", "greedy(belief=json:loads)", ":", "a:", "x.py:",
                "./x.py:Y(", "a:b:c",
                "x" * 10**6, "greedy\n(\n)", "yield", "await x", "sb3(b'x')", "sb3('\\0')", "1e999",
                "9" * 6000, "bayes_ucb(width=" + "9" * 6000 + ")", "bayes_ucb(width=" + "9" * 900 + ")",
            )
        )  # fmt: skip
    name = draw.one(TEXTS if depth == 0 else BELIEFS)
    if draw.chance(0.15):
        return str(name)
    parts = []
    for _ in range(draw.random.integers(0, 3)):
        setting = draw.one(SETTINGS)
        parts.append(f"{setting}={literal(draw, depth, setting)}")
    if draw.chance(0.05):
        parts.insert(0, literal(draw, depth))
    return f"{name}({', '.join(parts)})"


def literal(draw: Draw, depth: int, setting: str = "") -> str:
    """Return the text of a value."""
    kind = draw.random.random()
    if (kind < 0.3 and depth < 2) or (setting == "belief" and kind < 0.8):
        return expression(draw, depth + 1)
    if kind < 0.6:
        return draw.one((repr(draw.real()), str(draw.one((1, 2, 3, 9, SLOW.get(setting, 5))))))
    if kind < 0.7:
        return draw.one([str(n) for n in WHOLE if abs(n) < 10**300])
    return str(
        draw.one(
            (
                "None", "True", "''", "'rbf'", "b'x'", "...", "[]", "{}", "()", "(1, 2)", "[1, [2]]",
                "{[]: 1}", "{1: 2}", "{{}}", "{1, 2}", "1j", "-True", "--1", "-'a'", "1 + 2j", "'a' 'b'",
                "nan", "inf", "1e999", "-1e999", "x.y", "not 1", "1 if 1 else 2", "[x for x in y]", "*a",
                "'linear'", "'best'", "'/'", "'/dev/null'", "'\\0'", "'x' * 10", "(" * 40 + ")" * 40,
                "''.x", "0x10", "1_000", "1e-400", "('linear', {})", "('a', 1)", "['linear', 3]",
                "('linear', 3, 4)",
            )
        )
    )  # fmt: skip


PLAYED = (
    *("BinomialDiscovery", "LinearPool", "LogisticPool", "LowRankPool", "GraphPool", "TablePool"),
    *("GaussianStep", "LinearGaussianDesign", "WeinbergToy", "DeathProcess", "SimulatorDesign"),
)


def agent(draw: Draw) -> tuple[str, Callable[[], None]]:
    """Make an agent of a text, and let it play."""
    name = draw.one(PLAYED)
    text: Any = draw.value() if draw.chance(0.03) else expression(draw)
    seed: Any = draw.value() if draw.chance(0.05) else 0
    episode: Any = draw.value() if draw.chance(0.05) else 0

    def run() -> None:
        env = environment(name, False)(**SMALL[name])
        made = make(text, env, seed=seed, episode=episode)
        if any(word in str(text) for word in ("optimal", "_eig")):
            return
        play(env, draw, 3, made.predict)

    return f"{name} {show(text)} seed={show(seed)} episode={show(episode)}", run


def evaluation(draw: Draw) -> tuple[str, Callable[[], None]]:
    """Evaluate an agent with an odd argument."""
    name = draw.one(PLAYED)
    given: dict[str, Any] = {"episodes": 2, "env_kwargs": SMALL[name]}
    given[draw.one(ARGUMENTS)] = draw.value()
    env_id = draw.value() if draw.chance(0.1) else name
    words = f"evaluate {show(env_id)} {show(given)}"

    def run() -> None:
        if type(given["episodes"]) is int and 100 < given["episodes"] <= 10**8:
            return  # right, but long
        result = evaluate(env_id, given.pop("agent", "random"), **given)
        check(np.isfinite(result.returns).all(), "a return that is not finite")

    return words, run


def show(value: Any) -> str:
    """Return a value in at most 200 characters."""
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}: {type(error).__name__}>"
    return text if len(text) < 200 else f"{text[:200]}..."


KINDS = (construction, extreme, stepping, construction, agent)


def case(seed: int, number: int) -> tuple[str, Callable[[], None]]:
    """Return case ``number``: in words, and a function that runs it and raises if it fails."""
    draw = Draw(np.random.default_rng([seed, number]))
    kind = evaluation if number % 101 == 0 else KINDS[number % len(KINDS)]
    words, run = kind(draw)

    def checked() -> None:
        try:
            run()
        except OURS as error:
            message = str(error)
            check(message.strip(), "an error without a message")
            check(
                len(message) <= LONGEST, f"a message of {len(message)} characters: {message[:200]}"
            )
            check("\n" not in message, f"a message of several lines: {message[:200]!r}")

    return words, checked


def cases(seed: int, count: int) -> Iterator[tuple[int, str, Callable[[], None]]]:
    """Return the first cases of a seed."""
    for number in range(count):
        yield number, *case(seed, number)
