"""How often honest agents are flagged for foresight, and which readers of labels are.

    python tests/support/foresight_power.py honest [1000]
    python tests/support/foresight_power.py power

The first plays so many honest runs of 64 episodes: every task with an exact law, many agents, and other
seeds each time. The second prints z against the share of steps in which labels are read.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from discovery_gym.agents import make
from discovery_gym.experiments.entries.foresight import FLAG, Foresight, foresight
from discovery_gym.experiments.runs.chunks import stage
from discovery_gym.experiments.runs.evaluation import EVALUATION_SEED, Evaluation, joined, played

LEARNERS = ("random", "greedy", "bayes_ucb(width=1)", "thompson")
IDS = "ids(lam=2, samples=50, deterministic=True)"
STAR = {"topology": "star", "num_items": 100, "edge_prob": 0.01, "horizon": 15}
PLATES = {"num_items": 100, "num_features": 6, "horizon": 24, "batch_size": 6, "delay": 1}
STEP = {"target": 20.0, "batch_sizes": [1, 8, 96], "stds": [0.5, 1.0, 2.0], "horizon": 40,
        "std_costs": [0.0, 0.5, 2.0], "cost_per_experiment": 0.025}  # fmt: skip
MACHINES = {"beta_priors": [[1, 4], [3, 12]], "objective": "count", "cost_per_batch": 0.2,
            "cost_per_experiment": 0.15, "batch_sizes": [1, 4], "horizon": 10}  # fmt: skip
INVEST = {"success_probs": [0.02], "objective": "count", "success_reward": 5.0,
          "cost_per_experiment": 0.05, "model_upgrade": [1.5, 8.0, 3],
          "throughput_upgrade": [2, 6.0, 2], "batch_sizes": [1, 4, 16], "horizon": 30}  # fmt: skip

HONEST: dict[str, tuple[str, dict[str, Any], tuple[str, ...]]] = {
    "linear": ("LinearPool", {"num_items": 60, "num_features": 8, "noise_std": 1.0, "horizon": 15},
               (*LEARNERS, IDS, "adaptive")),
    "linear, no noise": ("LinearPool", {"num_items": 40, "num_features": 4, "noise_std": 0.0,
                                        "horizon": 10}, (*LEARNERS, "adaptive")),
    "plates": ("LinearPool", PLATES, (*LEARNERS, "adaptive")),
    "lost": ("LinearPool", {"num_items": 60, "num_features": 8, "noise_std": 1.0, "horizon": 16,
                            "batch_size": 2, "delay": ["geometric", 0.4], "loss": 0.3},
             (*LEARNERS, "adaptive")),
    "star": ("GraphPool", STAR, (*LEARNERS, IDS, "adaptive")),
    "graph, late": ("GraphPool", {"num_items": 60, "edge_prob": 0.1, "horizon": 12,
                                  "batch_size": 3, "delay": 2}, (*LEARNERS, "adaptive")),
    "unstructured": ("UnstructuredPool", {"horizon": 10}, ("random", "adaptive")),
    "ladder": ("KnowledgeLadder", {"target": 20, "p_scale": 60.0, "cost_per_experiment": 0.2,
                                   "horizon": 100},
               ("random", "optimal", "fixed(batch_size=1)", "fixed(batch_size=8)", "adaptive")),
    "step": ("GaussianStep", STEP, ("random", "optimal", "fixed(batch_size=96)", "adaptive")),
    "invest": ("BinomialDiscovery", INVEST, ("random", "optimal", "adaptive")),
    "first": ("BinomialDiscovery", {"success_probs": [0.02, 0.01], "batch_sizes": [1, 8],
                                    "cost_per_experiment": 0.02}, ("random", "optimal", "adaptive")),
    "machines": ("BinomialDiscovery", MACHINES, (*LEARNERS, "optimal", "adaptive")),
    "normal design": ("LinearGaussianDesign", {"horizon": 6}, ("random", "optimal")),
    "death": ("DeathProcess", {"horizon": 3, "population": 20}, ("random",)),
    "discounting": ("TemporalDiscounting", {"horizon": 5, "grid_size": [64, 8]}, ("random",)),
}  # fmt: skip
"""Name -> environment, parameters and honest agents."""

READ: dict[str, tuple[str, dict[str, Any], str, float]] = {
    "linear": ("LinearPool", {"num_items": 200, "num_features": 20, "noise_std": 1.0,
                              "horizon": 40}, "greedy", 0.0),
    "plates of 12, late": ("LinearPool", {"num_items": 500, "num_features": 20, "noise_std": 1.0,
                                          "horizon": 96, "batch_size": 12, "delay": 1}, "greedy", 0.0),
    "star graph": ("GraphPool", {"topology": "star", "num_items": 300, "edge_prob": 0.01,
                                 "horizon": 30}, "greedy", 0.0),
    "unstructured": ("UnstructuredPool", {}, "random", 0.0),
    "ladder": ("KnowledgeLadder", {"target": 99, "p_scale": 1000.0, "cost_per_batch": 20.0,
                                   "cost_per_experiment": 1.0, "horizon": 2000}, "optimal", 104.0),
    "Gaussian step": ("GaussianStep", {
        "target": 100.0, "batch_sizes": [1, 8, 96], "stds": [1.0, 2.0, 4.0],
        "std_costs": [0.0, 4.0, 20.0], "cost_per_batch": 10.0, "cost_per_experiment": 0.25,
        "horizon": 300}, "optimal", 5.5),
    "binomial, known": ("BinomialDiscovery", INVEST, "optimal", 0.0),
    "binomial, unknown": ("BinomialDiscovery", MACHINES, "optimal", 0.0),
}  # fmt: skip
"""Name -> environment, parameters, what plays where nothing is read, and the worth of progress."""


class Adaptive:
    """Honest, but plays for the test: cautious after good luck, bold after bad."""

    def __init__(self, model: Any, seed: int) -> None:
        self.model, self.random = model, np.random.default_rng(seed)

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = False,
    ) -> tuple[Any, Any]:
        """Choose for B episodes."""
        if isinstance(observation, dict):  # a pool: the hubs or long features, or the first ones
            free = observation["action_mask"] > 0
            seen = observation["labels"]
            bold = observation.get("features", free)
            width = np.abs(bold.reshape(*free.shape, -1)).sum(2)
            width = np.where(seen.sum(1, keepdims=True) > 0, -width, width)
            order = np.argsort(-np.where(free, width, -np.inf), axis=1)
            size = self.model.batch_size
            return (order[:, 0] if size == 1 else order[:, :size]), None
        count, last = len(observation), int(self.model.action_space.n) - 1
        before = np.zeros(count) if state is None else state[1]
        now = self.model.achieved(observation)
        best = np.zeros(count) if state is None else np.where(episode_start, 0.0, state[0])
        lucky = now - before > best
        best = np.maximum(best, now - before)
        return np.where(lucky, 0, np.where(now > before, last // 2, last)), (best, now)


class Reader:
    """Reads what is hidden in a share of its steps, and plays by a rule in the others.

    Args:
        env: The environment that it is going to play.
        base: What plays in the others.
        share: The share.
        worth: What a unit of progress counts as, in campaigns, besides the reward.
        seed: Seed of when it reads.
    """

    def __init__(self, env: Any, base: Any, share: float, worth: float, seed: int) -> None:
        self.env, self.base, self.share, self.worth = env, base, share, worth
        self.random = np.random.default_rng(seed)

    def predict(self, observation: Any, state: Any = None, episode_start: Any = None,
                deterministic: bool = False) -> tuple[Any, Any]:  # fmt: skip
        """Choose for B episodes."""
        action, state = self.base.predict(observation, state=state, episode_start=episode_start)
        read = self.random.random(len(action)) < self.share
        if read.any():
            best = self._best(observation, action)
            action = np.where(read if action.ndim == 1 else read[:, None], best, action)
        return action, state

    def _best(self, observation: Any, action: Any) -> Any:
        if isinstance(observation, dict):
            hidden = np.where(observation["action_mask"] > 0, self.env.hidden()["values"], -np.inf)
            best = np.argsort(-hidden, axis=1)
            return best[:, 0] if action.ndim == 1 else best[:, : action.shape[1]]
        model, gains = self.env.model, []
        for one in range(int(model.action_space.n)):
            after, reward = self.env.would(np.full(len(action), one))
            progress = model.achieved(after) - model.achieved(observation)
            gains.append(reward + self.worth * progress)
        return np.argmax(gains, axis=0)


def test(
    env: str, kwargs: Mapping[str, Any], new_player: Callable[[Any, int], Any], episodes: int,
    seed: int,
) -> Foresight:  # fmt: skip
    """Play episodes, and test the actions that were taken."""
    env_id, parts, seeds = f"discovery/{env}-v0", list[Evaluation](), range(seed, seed + episodes)
    for first in range(0, episodes, 1000):
        some = seeds[first : first + 1000]
        with stage(env_id, kwargs, len(some)) as venv:
            parts.append(played(venv, new_player(venv, some[0]), some))
    actions = joined(parts).actions
    assert actions is not None
    return foresight(env_id, kwargs, seeds, actions)


def honest(env: str, kwargs: Mapping[str, Any], agent: str, seed: int, episodes: int) -> Foresight:
    """Return what is found of an agent that reads nothing."""

    def player(venv: Any, first: int) -> Any:
        if agent == "adaptive":
            return Adaptive(venv.unwrapped.model, seed)
        return make(agent, venv, seed=seed, episode=first)

    return test(env, kwargs, player, episodes, seed)


def reading(name: str, share: float, episodes: int) -> Foresight:
    """Return what is found of an agent that reads in a share of its steps."""
    env, kwargs, base, worth = READ[name]

    def player(venv: Any, first: int) -> Reader:
        inner = make(base, venv, seed=0, episode=first)
        return Reader(venv.unwrapped, inner, share, worth, first)

    return test(env, kwargs, player, episodes, EVALUATION_SEED)


def main() -> None:
    """Print one of the two tables."""
    if sys.argv[1:2] == ["power"]:
        for name in READ:
            for episodes in (256, 1000, 4000):
                shares = (0.0, 0.01, 0.05, 0.2, 1.0)
                found = [reading(name, share, episodes).z for share in shares]
                print(f"{name:20} {episodes:5}", *(f"{z:7.1f}" for z in found), flush=True)
        return
    count, zs = int(sys.argv[2]) if len(sys.argv) > 2 else 1000, list[float]()
    cases = [(name, agent) for name, (_, _, agents) in HONEST.items() for agent in agents]
    for i in range(count):
        name, agent = cases[i % len(cases)]
        env, kwargs, _ = HONEST[name]
        found = honest(env, kwargs, agent, EVALUATION_SEED + 1000 * i, 64)
        zs.append(found.z)
        if found.z > 3:
            print(
                f"{name}, {agent}, seed {EVALUATION_SEED + 1000 * i}: z = {found.z:.2f}", flush=True
            )
    flagged = sum(z > FLAG for z in zs)
    share = np.mean(np.array(zs) > 2)
    print(f"{flagged} of {count} honest runs flagged; largest z {max(zs):.2f}, {share:.1%} above 2")


if __name__ == "__main__":
    main()
