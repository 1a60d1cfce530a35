"""Checks of environments, beliefs and rules of your own.

    from discovery_gym.testing import check_belief, check_model, check_rule

    check_model("lab/Squares-v0", num_items=30)
    check_belief("./belief.py:ByGroup", "lab/Groups-v0")
    check_rule("./rule.py:Optimist(width=2)", "discovery/LinearPool-v0")

A check returns nothing where all is well. Otherwise it raises `CheckFailed`, which says what was found
and what was expected. Seeds are fixed, so that a check always says the same.
"""

from __future__ import annotations

import copy
import gc
import pickle
import types
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from operator import itemgetter
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env, data_equivalence
from gymnasium.vector import AutoresetMode, SyncVectorEnv, VectorEnv
from numpy.typing import NDArray
from scipy import stats

from .agents import Arrivals, Belief, Rule, available, make
from .agents.outside import reference_of
from .envs.core import InputError, Knowledge, Streams, TruthUnknown
from .envs.pools import Pool

Array = NDArray[np.float64]
B = 5
TABLE = "discovery/TablePool-v0"
ERRORS = 5.0
"""Standard errors by which a mean may be off."""
RARE = 1e-6
"""Counts that are rarer than this under a law do not follow it."""


class CheckFailed(AssertionError):
    """What a check found, and what it expected."""


def _hold(holds: Any, what: str, found: object, expected: object) -> None:
    if not holds:
        raise CheckFailed(f"{what}: found {found}, expected {expected}.")


def _hold_same(what: str, found: Any, expected: Any) -> None:
    """Hold that two nested structures are equal bit for bit, types and shapes included."""
    _hold(data_equivalence(found, expected, exact=True), what, found, expected)


# ---- environments


def check_model(
    env_id: str, /, *, episodes: int = 2000, agents: Iterable[str] | None = None, **parameters: Any
) -> None:
    """Hold that an environment keeps every contract, and that what its model declares is true.

    It keeps Gymnasium's contract and can be copied, pickled and written as JSON. A vector environment
    is so many single ones, bit for bit, in all autoreset modes. Random play is paid the random value;
    the optimal policy, in pools the oracle, is paid the optimal value; regret is never negative. Agents
    can reach nothing that is hidden.

    Args:
        env_id: The id of a registered environment, also of one of your own.
        episodes: Number of episodes by which truths are judged.
        agents: The agents that are looked at, by default all that can play it.
        **parameters: The parameters of the environment.

    Raises:
        CheckFailed: If something does not hold.
    """
    new = partial(gym.make, env_id, **parameters)
    vectors = partial(gym.make_vec, env_id, **parameters)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            check_env(new().unwrapped)
    except Exception as error:
        raise CheckFailed(f"Gymnasium's checker: found {error!r}, expected nothing.") from error
    _check_steps(vectors(num_envs=B))
    for env, remake in ((new(), gym.make), (vectors(num_envs=B), gym.make_vec)):
        _check_copies(env, remake)
    for mode in AutoresetMode:
        for reveal in (False, True):
            single = [partial(new, reveal=reveal)] * B
            many = vectors(num_envs=B, autoreset_mode=mode, reveal=reveal)
            _check_same_play(many, SyncVectorEnv(single, autoreset_mode=mode), mode.value)
    _check_truth(vectors(num_envs=episodes, reveal=True))
    _check_hidden(vectors(num_envs=2), vectors(num_envs=2), agents)


def _check_steps(vector: Any) -> None:
    """Hold that all that a vector environment returns is of the kind that it declares."""
    observation, info = vector.reset(seed=0)
    agent, hidden = make("random", vector), set(vector.unwrapped.hidden())
    kinds = ("float64", (B,)), ("bool", (B,)), ("bool", (B,))
    for _ in range(60):
        _hold(not hidden & set(info), "info", sorted(hidden & set(info)), "nothing hidden")
        space = vector.observation_space
        _hold(space.contains(observation), "an observation", observation, f"one in {space}")
        mask = info.get("action_mask", np.ones((B, 1), np.int8))
        _hold(mask.dtype == np.int8 and mask.any(1).all(), "the mask", mask, "a legal action")
        seen = observation.get("action_mask", mask) if isinstance(observation, dict) else mask
        _hold_same("the mask of the observation and that of info", seen, mask)
        observation, *signals, info = vector.step(agent.predict(observation)[0])
        found = tuple((str(part.dtype), part.shape) for part in signals)
        _hold(found == kinds, "reward, terminated, truncated", found, kinds)


def _check_copies(env: Any, remake: Any) -> None:
    """Hold that a seed and a spec tell an episode, and that copies and pickles go on as it does."""
    episode, written = env.reset(seed=3), env.spec.to_json()
    _hold_same("two resets with the same seed", env.reset(seed=3), episode)
    again = remake(EnvSpec.from_json(written))
    _hold_same(f"an environment made of the JSON {written}", again.reset(seed=3), episode)
    env.action_space.seed(0)
    first, second = (env.action_space.sample() for _ in range(2))
    if not np.any(env.step(first)[2]):
        try:
            twins = [copy.deepcopy(env.unwrapped), pickle.loads(pickle.dumps(env.unwrapped))]
        except Exception as error:
            raise CheckFailed(f"pickle: found {error!r}, expected none.") from error
        step = env.unwrapped.step(second)
        for twin in twins:
            _hold_same("a copy in the middle of an episode", twin.step(second), step)


def _check_same_play(vector: Any, singles: Any, mode: str) -> None:
    """Hold that two vector environments show the same, seed by seed.

    Actions are drawn without the mask, so that illegal ones are among them.
    """

    def both(method: str, *args: Any, **kwargs: Any) -> Any:
        ours, theirs = (getattr(env, method)(*args, **kwargs) for env in (vector, singles))
        _hold_same(f"{B} episodes at once and one by one, {mode}, {method}", ours, theirs)
        return ours

    for name in ("single_observation_space", "action_space"):
        _hold_same(f"{name} of many", getattr(vector, name), getattr(singles, name))
    both("reset", seed=7)
    vector.action_space.seed(3)
    random = np.random.default_rng(5)
    for _ in range(330):  # many blocks of noise, many restarts
        ended = both("step", vector.action_space.sample())[2]
        if mode == AutoresetMode.DISABLED.value and ended.any():
            # Some episodes that still run are reset along with those that ended.
            both("reset", options={"reset_mask": ended | (random.random(B) < 0.2)})
    both("reset", seed=[11, None, 13, None, 15])  # those without a seed go on with their stream
    for _ in range(5):
        if both("step", vector.action_space.sample())[2].any():
            break


def _check_truth(vector: Any) -> None:
    """Hold that what a model declares of itself is true, by simulation."""
    model: Any = vector.unwrapped.model
    value, best = _known(model.random_value), _known(model.optimal_value)
    if value is None and best is None and "regret" not in vector.reset(seed=0)[1]:
        return
    returns = _returns(vector, make("random", vector))
    if value is not None:
        _check_mean(returns, value, "random_value()")
    if best is not None:
        _check_mean(returns, best, "the return of random play", most=True)
        pool = isinstance(model, Pool)
        if pool or _known(model.optimal_policy):
            agent = make("oracle" if pool else "optimal", vector)
            _check_mean(_returns(vector, agent, 1e-5 if pool else np.inf), best, "optimal_value()")


def _known(truth: Callable[[], Any]) -> Any:
    """Return a truth; None: the model does not know it."""
    try:
        return truth()
    except TruthUnknown:
        return None


def _returns(vector: Any, agent: Any, most: float = np.inf) -> Array:
    """Play an episode in each row; return what they are paid. Regret lies between 0 and the most."""
    observation, info = vector.reset(seed=1000)
    returns, running = np.zeros(vector.num_envs), np.ones(vector.num_envs, np.bool_)
    while running.any():
        observation, reward, ended, _, info = vector.step(agent.predict(observation)[0])
        returns += reward * running
        regret = info.get("regret", returns * 0)[running]
        # Values are shown in single precision: probabilities near 1 that differ by less look equal.
        allowed = (regret > -1e-5) & (regret < most)
        _hold(allowed.all(), f"regret of {agent.text}", regret[~allowed], f"0 to {most}")
        running &= ~ended
    return returns


def _check_mean(sample: Array, truth: float, what: str, most: bool = False) -> None:
    """Hold that the mean of a sample is the truth, or that at most, within some standard errors."""
    error = ERRORS * sample.std(ddof=1) / len(sample) ** 0.5 + 1e-9 * abs(truth)
    off = sample.mean() - truth
    found = f"{truth} declared and {sample.mean()} +- {error} played"
    _hold(off <= error and (most or off >= -error), what, found, "no more" if most else "the same")


# ---- what is hidden


def _check_hidden(vector: Any, other: Any, agents: Iterable[str] | None) -> None:
    """Hold that agents can reach nothing that an environment hides, after some decisions."""
    played("random", other, 99)
    for text in available(vector) if agents is None else agents:
        found = leaks(played(text, vector, 7), vector, other)
        _hold(not found, f"what {text} can reach", found, "nothing hidden")


def played(agent: str, vector: Any, seed: int) -> tuple[Any, Any]:
    """Return an agent that has played three decisions in a vector environment, and its memory."""
    player, state, observation = make(agent, vector), None, vector.reset(seed=seed)[0]
    for _ in range(3):
        action, state = player.predict(observation, state)
        observation = vector.step(action)[0]
    return player, state


def leaks(thing: Any, env: Any, other: Any) -> list[str]:
    """Return what an object can reach of the hidden side of a vector environment, in words.

    Another environment has played other episodes with the same parameters.
    """
    state, hidden = env.unwrapped._state, dict(env.unwrapped.hidden())
    hidden.pop("regret", None)
    # Parameters that the user has given are known, and a grid holds all that they may be: what
    # stands in the model of other episodes tells nothing about these. But values are never known.
    public = list(reachable(other.unwrapped.model))
    for name in hidden.keys() - {"values"}:
        hidden[name] = [row for row in hidden[name] if not any(_holds(one, row) for one in public)]
    found = []
    for one in reachable(thing):
        if isinstance(one, gym.Env | VectorEnv | Streams | type(state)):
            found.append(f"a {type(one).__name__}")
        for name, rows in hidden.items():
            if any(_holds(one, row) for row in rows):
                found.append(f"{name} in a {type(one).__name__}")
    return found


def _holds(one: Any, row: Any) -> bool:
    """Return whether all numbers of an episode stand in an array, or in a list or tuple of numbers."""
    if isinstance(one, list | tuple) and one and all(isinstance(x, float) for x in one):
        one = np.array(one)
    if isinstance(one, float):
        one = np.array([one])
    if not isinstance(one, np.ndarray) or one.dtype.kind != "f" or one.size < np.size(row):
        return False
    with np.errstate(over="ignore"):
        return bool(np.isin(np.float32(row), np.float32(one)).all())


def reachable(thing: Any) -> Iterator[Any]:
    """Yield an object and all that it refers to: attributes, slots, items, closures, array bases."""
    seen: dict[int, Any] = {}
    stack = [thing]
    while stack:
        one = stack.pop()
        program = isinstance(one, type | types.ModuleType | types.CodeType | types.FrameType)
        if id(one) in seen or program:  # what belongs to the program is nobody's secret
            continue
        seen[id(one)] = one  # kept, so that no other object takes its number
        yield one
        if isinstance(one, types.FunctionType):  # but not the module that it stands in
            stack += [one.__closure__, one.__defaults__, one.__kwdefaults__, one.__dict__]
        elif isinstance(one, np.ndarray):
            stack += [one.base, *(one.tolist() if one.dtype == object else ())]
        elif isinstance(one, memoryview):
            stack.append(one.obj)
        else:
            stack += gc.get_referents(one)


# ---- beliefs


def check_belief(
    belief: str | Callable[[Knowledge, int], Belief],
    env_id: str,
    /,
    *,
    within: float = 1e-5,
    **parameters: Any,
) -> None:
    """Hold that a belief is a function of the labels that have come, and that it is consistent.

    What it learns label by label it learns from the history, in any order, for many episodes as for
    one, and anew where an episode starts. Its draws have its mean and standard deviation. Looking ahead
    leaves it as it is, and makes nothing less certain.

    Args:
        belief: A text such as ``"linear(noise_std=0.1)"`` or ``"./mine.py:Mine"``, or a class, or what
            makes one from the model and a number of episodes.
        env_id: The id of an environment that it is about.
        within: How far moments of the same labels may be apart, in units of the largest standard
            deviation before the first label. Beliefs that are made of draws need more.
        **parameters: The parameters of the environment.

    Raises:
        CheckFailed: If something does not hold.
    """
    vector: Any = gym.make_vec(env_id, num_envs=3, **parameters)
    new = partial(belief, vector.unwrapped.model.public()) if callable(belief) else None
    learnt = partial(_learnt, new or make(f"greedy(belief={belief})", vector).new_belief)  # type: ignore[attr-defined]
    history, (*_, other) = _played(vector, 3), _played(vector, 33)
    prior, last = learnt(history[0]), learnt(history[-1])
    near = within * float(prior.std().max())
    change = np.abs(last.mean() - prior.mean()).max()
    _hold(change > near, "labels", f"that they change the mean by {change}", f"more than {near}")
    grown = learnt(history[0])
    for observation in history[1:]:
        grown.update(observation, np.zeros(3, np.bool_))
    _hold_near("label by label against all at once", grown, _moments(last), near)
    for i in range(3):
        row = slice(i, i + 1)
        alone = learnt(_each(itemgetter(row), history[-1]), i)
        _hold_near("one episode alone", alone, [part[row] for part in _moments(last)], near)
    start = np.array([True, False, False])
    grown.update(_each(_first_of, other, history[-1]), start)
    anew = map(_first_of, _moments(learnt(other)), _moments(last))
    _hold_near("an episode that starts beside others", grown, anew, near)
    for seed in range(2 if isinstance(vector.unwrapped.model, Pool) else 0):
        shuffled = learnt(_shuffled(history[-1], np.random.default_rng(seed)))
        _hold_near("labels in another order", shuffled, _moments(last), near)
    for one in (prior, last):
        _check_draws(one, near)
        _check_look_ahead(one, near)


def _played(vector: Any, seed: int) -> list[Any]:
    """Return the observations of some decisions at random."""
    agent, history, ended = make("random", vector), [vector.reset(seed=seed)[0]], np.zeros(1)
    while len(history) < 7 and not ended.any():
        observation, _, ended, _, _ = vector.step(agent.predict(history[-1])[0])
        history.append(observation)
    return history


def _learnt(new: Callable[[int], Belief], observation: Any, first: int = 0) -> Belief:
    """Return a new belief that has taken in one observation of each episode, numbered from the first."""
    count = len(next(iter(observation.values())) if isinstance(observation, dict) else observation)
    belief = new(count)
    belief.take_keys(np.arange(first, first + count, dtype=np.uint64) << np.uint64(40))
    belief.update(observation, np.ones(count, np.bool_))
    return belief


def _each(function: Callable[..., Any], *observations: Any) -> Any:
    """Apply a function to the parts of observations."""
    if not isinstance(observations[0], dict):
        return function(*observations)
    return {key: function(*(one[key] for one in observations)) for key in observations[0]}


def _first_of(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """Return the first row of one array and the others of another."""
    return np.concatenate([one[:1], other[1:]])


def _shuffled(observation: Any, random: np.random.Generator) -> Any:
    """Return the labels that have come as if they had come in another order."""
    order = np.tile(np.arange(observation["labelled"].shape[1]), (len(observation["labelled"]), 1))
    for row, count in zip(order, Arrivals.of(observation).count, strict=True):
        row[:count] = random.permutation(count)
    moved = {key: np.take_along_axis(observation[key], order, 1) for key in ("labelled", "labels")}
    return {**observation, **moved}


def _moments(belief: Belief) -> tuple[Array, Array]:
    return belief.mean().copy(), belief.std().copy()


def _hold_near(what: str, belief: Belief, expected: Iterable[Any], near: float) -> None:
    """Hold that the moments of a belief are the expected ones, up to rounding."""
    for name, one, two in zip(("means", "deviations"), _moments(belief), expected, strict=True):
        apart = np.abs(one - two).max()
        _hold(apart <= near, what, f"{name} that are {apart} apart", f"{near} at most")


def _check_draws(belief: Belief, near: float) -> None:
    """Hold that draws have the mean and the standard deviation, within some standard errors."""
    (mean, std), random = _moments(belief), np.random.default_rng(1)
    draws = np.concatenate([belief.sample(100, random) for _ in range(40)], 1).astype(np.float64)
    expected = (len(mean), 4000, mean.shape[1])
    _hold(draws.shape == expected, "the shape of draws", draws.shape, expected)
    squares = (draws - mean[:, None]) ** 2
    # Draws of one call may share an approximation, and tails may be too rare to be drawn.
    unit = np.maximum(std, 0.2 * std.max(1, keepdims=True)) / 20
    for what, sample, truth, slack in (
        ("mean", draws, mean, unit),
        ("variance", squares, std**2, 2 * unit * std),
    ):
        allowed = ERRORS * sample.std(1) / 4000**0.5 + slack + near
        off = (np.abs(sample.mean(1) - truth) / allowed).max()
        _hold(off <= 1, f"the {what} of draws", f"an error {off} times what is allowed", 1)


def _check_look_ahead(belief: Belief, near: float) -> None:
    """Hold that looking ahead changes nothing here, and leaves less uncertainty there."""
    before, draws = _moments(belief), belief.sample(3, np.random.default_rng(2)).copy()
    items = np.tile([0, 1, -1], (len(draws), 1))
    ahead = belief.look_ahead(items)
    ahead.look_ahead(items + 2)
    _hold_near("a belief that has looked ahead", belief, before, 0.0)
    same = (belief.sample(3, np.random.default_rng(2)) == draws).all()
    _hold(same, "draws of a belief that has looked ahead", "others", "the same")
    more = (ahead.std() - before[1]).max()
    _hold(more <= near, "looking ahead", f"deviations that grow by {more}", f"{near} at most")


# ---- agents and rules


def check_rule(
    rule: str | type[Rule[Any]],
    env_id: str,
    /,
    *,
    belief: str | None = None,
    rows: int = 300,
    **parameters: Any,
) -> None:
    """Hold that a rule chooses by what is believed, and not by how items are numbered.

    Its choices are those of `check_agent`, in pools also in batches and with late labels. Of equal rows
    of a table, if it plays tables, it chooses each as often, and of rows in another order the same.

    Args:
        rule: A text such as ``"bayes_ucb(width=2)"`` or ``"./mine.py:Mine"``, or a class.
        env_id: The id of an environment that it plays.
        belief: The text of its belief, by default the first that fits.
        rows: Number of choices by which a law is judged.
        **parameters: The parameters of the environment.

    Raises:
        CheckFailed: If it does not.
    """
    rule = text = rule if isinstance(rule, str) else reference_of(rule)
    if belief is not None:
        text = f"{rule[:-1]}, " if rule.endswith(")") else f"{rule}("
        text += f"belief={belief})"
    model = gym.make(env_id, **parameters).unwrapped.model  # type: ignore[attr-defined]
    if not isinstance(model, Pool):
        return check_agent(text, env_id, **parameters)
    for late in ({}, {"batch_size": 4}, {"delay": 2}, {"batch_size": 4, "delay": 2}):
        check_agent(text, env_id, **{**parameters, **late})
    random = np.random.default_rng(0)
    features, two = random.standard_normal((9, 2)), np.arange(9) % 2.0
    for labels in (two, two + random.standard_normal(9)):
        table = gym.make(TABLE, features=features, labels=labels)
        for one in (text, rule):  # the belief may be about other things than tables
            try:
                make(one, table)
            except InputError:
                continue
            _check_law(one, features, labels, rows)
            break
    return None


def _check_law(text: str, features: NDArray[Any], labels: NDArray[Any], rows: int) -> None:
    """Hold that equal rows of a table are chosen as often, and rows in another order the same."""
    n = len(labels)

    def chosen(index: NDArray[np.int64], first: int) -> NDArray[np.int64]:
        table: Any = {"features": features[index], "labels": labels[index], "horizon": 4}
        vector = gym.make_vec(TABLE, num_envs=rows, **table)
        # Before the first label, and after some.
        return np.array(choices(text, vector, first))[:, [0, 3]]

    copies, order = np.tile(np.arange(n), 3), np.random.default_rng(1).permutation(n)
    for some in (chosen(copies, 0) // n).T:
        counts = np.bincount(some, minlength=3)
        p = stats.chisquare(counts).pvalue
        _hold(p > RARE, f"three equal rows: {text} chooses them", counts, "each as often")
    for one, two in zip(chosen(np.arange(n), 0).T, order[chosen(order, rows)].T, strict=True):
        counts = np.stack([np.bincount(some, minlength=n) for some in (one, two)])
        p = stats.chi2_contingency(counts[:, counts.any(0)]).pvalue
        _hold(p > RARE, f"rows in another order: {text} chooses them", counts[1], counts[0])


def check_agent(agent: str, env_id: str, /, **parameters: Any) -> None:
    """Hold that choices are legal, and depend on the seed, the episode and its history alone.

    Args:
        agent: The text of an agent.
        env_id: The id of an environment that it plays.
        **parameters: The parameters of the environment.

    Raises:
        CheckFailed: If one is not, or does not.
    """
    first = 1_000_003

    def play(first: int, count: int, anew: bool = False) -> list[list[Any]]:
        return choices(agent, gym.make_vec(env_id, count, **parameters), first, anew=anew)

    five = play(first, 5)
    for check, found, expected in (
        ("the same seed again", play(first, 5), five),
        ("other episodes beside it", play(first + 1, 3), five[1:4]),
        ("one episode alone", play(first + 2, 1), five[2:3]),
        # Rows whose episode is over play others, which an agent made anew cannot know.
        ("an agent made anew for each decision", play(first, 5, anew=True), five),
    ):
        for one, other in zip(found, expected, strict=True):
            _hold(one == other[: len(one)], f"{check}: choices of {agent}", one, other)


def choices(agent: str, vector: Any, first: int, *, anew: bool = False) -> list[list[Any]]:
    """Return what an agent chooses, for each row of a vector environment; what is illegal fails.

    Args:
        agent: The text of an agent.
        vector: The environment; each of its rows plays an episode.
        first: The seed and the number of the first episode.
        anew: Whether every decision is that of a new agent, until the first episode ends.
    """
    chosen: list[list[Any]] = [[] for _ in range(vector.num_envs)]
    observation, info = vector.reset(seed=first)
    player, state = make(agent, vector, seed=4, episode=first), None
    start = running = np.ones(len(chosen), np.bool_)
    while running.any() and (running.all() or not anew):
        if anew:
            player, state = make(agent, vector, seed=4, episode=first), None
        action, state = player.predict(observation, state, start)
        _check_choice(agent, np.asarray(action), vector, info.get("action_mask"), running)
        observation, _, start, _, info = vector.step(action)
        for i in running.nonzero()[0].tolist():
            chosen[i].append(np.asarray(action[i]).tolist())
        running = running & ~start
    vector.close()
    return chosen


def _check_choice(agent: str, action: Any, vector: Any, mask: Any, running: Any) -> None:
    """Hold that actions are of the space, legal, and each once in a batch."""
    space = vector.action_space
    whole = action.shape == space.shape and action.dtype.kind == np.dtype(space.dtype).kind
    _hold(whole, f"choices of {agent}", action, f"some of {space}")
    if mask is None:
        return
    for batch, legal in zip(action.reshape(len(mask), -1)[running], mask[running], strict=True):
        inside = ((batch >= 0) & (batch < len(legal))).all() and legal[batch].all()
        _hold(inside, f"choices of {agent}", batch, f"some of {legal.nonzero()[0]}")
        _hold(len({*batch.tolist()}) == len(batch), f"a batch of {agent}", batch, "each item once")
