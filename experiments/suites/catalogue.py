"""The suites: which agents meet which environments, as data.

A suite is changed by raising its version; records of different versions are never mixed. Whoever
tunes an agent for a suite may look at every seed below `EVALUATION_SEED`, and at none above.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from importlib import resources
from typing import Any

from ...envs.core import InputError, closest, shown, told
from ...envs.datasets import available
from ..runs.evaluation import EVALUATION_SEED


@dataclass(frozen=True, kw_only=True)
class Task:
    """One environment and the agents that meet it.

    Args:
        name: Short readable name.
        about: The decision, in one line; the page shows it.
        env_id: The environment.
        env_kwargs: Its parameters, where they differ from the defaults.
        agents: Name on the leaderboard -> the agent as text.
        search: Name on the leaderboard -> candidates, of which `tuning` has chosen one.
        tuned_on: Parameters of the problems on which it has, each in the place of `env_kwargs`; empty:
            its own. A table is one instance, whose other seeds hold the same labels: its agents are
            tuned on other columns or tables.
        contrasts: Contrastive draws behind bounds of the total information, which records of
            experimental design keep beside the returns; 0: none.
        needs: Named data set without which the task is skipped; ``None``: none.
    """

    name: str
    about: str
    env_id: str
    env_kwargs: Mapping[str, Any] = field(default_factory=dict)
    agents: Mapping[str, str]
    search: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tuned_on: Sequence[Mapping[str, Any]] = ()
    contrasts: int = 0
    needs: str | None = None

    @property
    def missing(self) -> str | None:
        """Why the task cannot be played here; ``None`` if it can."""
        if self.needs is None or self.needs in available():
            return None
        return f"data set {self.needs!r} is not here (name its folder in DISCOVERY_GYM_DATA)"


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A set of tasks, each played by all its agents on the same seeds.

    Args:
        name: Name on the command line.
        version: Raised by every change below.
        about: One line.
        episodes: Episodes per task and agent.
        tasks: The tasks.
        seed: Seed of the first episode.
        curves: Whether records keep the regret after every decision, not only the last one.
    """

    name: str
    version: int
    about: str
    episodes: int
    tasks: tuple[Task, ...]
    seed: int = EVALUATION_SEED
    curves: bool = False


def suite(name: str) -> Suite:
    """Return a suite by its name; an unknown one raises `InputError`."""
    if name not in SUITES:
        raise InputError(
            f"There is no suite {name!r}{closest(name, SUITES)} Known are {', '.join(SUITES)}."
        )
    return SUITES[name]


@lru_cache
def tuned(name: str) -> dict[str, Any]:
    """Return the tuned settings of a suite that the package brings; there may be none.

    A file that `discovery-gym tune` has not written so raises `InputError`.
    """
    file = resources.files(__package__) / "tuned" / f"{name}.json"
    if not file.is_file():
        return {"tasks": {}}
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
        entries = [one for agents in settings["tasks"].values() for one in agents.values()]
        if not all(isinstance(entry["agent"], str | None) for entry in entries):
            raise TypeError("an agent is a text")
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{file} is not what `discovery-gym tune {name}` writes ({type(error).__name__}: "
            f"{told(error)}); make it anew."
        ) from None
    return settings


def _with_tuned(name: str, version: int, task: Task) -> Task:
    """Return a task with the chosen candidate of each agent, or the first if none was chosen.

    What was tuned for another version of the suite is not taken: it may have seen other problems.
    """
    settings = tuned(name)
    chosen = settings["tasks"].get(task.name, {}) if settings.get("version") == version else {}
    best = {
        agent: chosen.get(agent, {}).get("agent") or texts[0]
        for agent, texts in task.search.items()
    }
    for agent, text in best.items():
        if text not in task.search[agent]:
            raise InputError(
                f"tuned/{name}.json has {shown(text)} for {agent} on {task.name}, which is no "
                f"candidate; `discovery-gym tune {name}` makes the file anew."
            )
    return replace(task, agents={**task.agents, **best})


# ---- agents

BOUNDS = {"random": "random", "optimal": "optimal"}
LEARNERS = {
    "greedy": "greedy",
    "Bayes-UCB, 1 sd": "bayes_ucb(width=1)",
    "Thompson": "thompson",
}
# A policy that the package brings, for tasks with the parameters that it was trained for.
LEARNED = {"learned": "learned"}
# A pool's optimum is an oracle, which no agent can play.
POOL = {"random": "random"} | LEARNERS
FEATURES = POOL | {"IDS": "ids(lam=2, samples=100, deterministic=True)", "LinUCB": "linucb"}


def _campaign(smallest: str, tuned: str, largest: str) -> dict[str, str]:
    """Return agents that know the optimum, know nothing, or repeat one batch.

    The tuned batch is the best of all fixed actions on the tuning seeds 0 to 999.
    """
    batches = {"smallest batch": smallest, "tuned batch": tuned, "largest batch": largest}
    return BOUNDS | {name: f"fixed({setting})" for name, setting in batches.items()}


# ---- tasks

LADDER: dict[str, Any] = {
    "target": 99,
    "p_scale": 1000.0,
    "cost_per_batch": 20.0,
    "cost_per_experiment": 1.0,
}

PRICED_LADDER = Task(
    name="Ladder, priced",
    about="Climb 99 rungs. A batch costs 20, each experiment in it 1: how large should batches be, "
    "and when should they shrink?",
    env_id="discovery/KnowledgeLadder-v0",
    env_kwargs=LADDER | {"horizon": 2000},
    agents=_campaign("batch_size=1", "batch_size=32", "batch_size=128") | LEARNED,
)

LADDER_DEADLINE = Task(
    name="Ladder, deadline",
    about="The same ladder with 300 batches at most and a prize of 10,000 at the top: haste costs, "
    "and being late costs more.",
    env_id="discovery/KnowledgeLadder-v0",
    env_kwargs=LADDER | {"target_reward": 10_000.0, "horizon": 300},
    agents=_campaign("batch_size=1", "batch_size=32", "batch_size=128"),
)

PRICED_STEP = Task(
    name="Gaussian step, priced",
    about="Improve by 100 units. Batches, experiments and boldness all cost: many experiments, or "
    "few bold ones?",
    env_id="discovery/GaussianStep-v0",
    env_kwargs={
        "target": 100.0,
        "batch_sizes": [1, 8, 96],
        "stds": [1.0, 2.0, 4.0],
        "std_costs": [0.0, 4.0, 20.0],
        "cost_per_batch": 10.0,
        "cost_per_experiment": 0.25,
        "horizon": 300,
    },
    agents=_campaign("batch_size=1, std=1", "batch_size=96, std=4", "batch_size=96, std=4")
    | LEARNED,
)

STEP_DEADLINE = Task(
    name="Gaussian step, deadline",
    about="Improve by 20 units within 15 batches for a prize of 60.",
    env_id="discovery/GaussianStep-v0",
    env_kwargs={
        "target": 20.0,
        "batch_sizes": [1, 8, 96],
        "stds": [0.5, 1.0, 2.0],
        "std_costs": [0.0, 0.5, 2.0],
        "cost_per_batch": 1.0,
        "cost_per_experiment": 0.025,
        "target_reward": 60.0,
        "horizon": 15,
    },
    agents=_campaign("batch_size=1, std=0.5", "batch_size=8, std=2", "batch_size=96, std=2"),
)

INVESTMENT = Task(
    name="Binomial, invest",
    about="Successes are rare and pay 5 each, 30 epochs are left: buy a better model, more "
    "throughput, or neither?",
    env_id="discovery/BinomialDiscovery-v0",
    env_kwargs={
        "success_probs": [0.02],
        "objective": "count",
        "success_reward": 5.0,
        "cost_per_batch": 1.0,
        "cost_per_experiment": 0.05,
        "model_upgrade": [1.5, 8.0, 3],
        "throughput_upgrade": [2, 6.0, 2],
        "batch_sizes": [1, 4, 16],
        "horizon": 30,
    },
    agents=_campaign("batch_size=1", "batch_size=16", "batch_size=16"),
)

UNKNOWN_MACHINES = Task(
    name="Binomial, unknown machines",
    about="Two machines of unknown quality, ten epochs: which one to trust, and with how much?",
    env_id="discovery/BinomialDiscovery-v0",
    env_kwargs={
        "beta_priors": [[1, 4], [3, 12]],
        "objective": "count",
        "cost_per_batch": 0.2,
        "cost_per_experiment": 0.15,
        "batch_sizes": [1, 4],
        "horizon": 10,
    },
    agents=_campaign("batch_size=1", "batch_size=4, machine=0", "batch_size=4") | LEARNERS,
)

LINEAR_POOL = Task(
    name="Linear pool, 200 items",
    about="Find the items with the largest labels, which are linear in 20 features, 40 noisy labels.",
    env_id="discovery/LinearPool-v0",
    env_kwargs={"num_items": 200, "num_features": 20, "noise_std": 1.0, "horizon": 40},
    agents=FEATURES,
)

STAR_POOL = Task(
    name="Star graph, 300 nodes",
    about="Labelling a node also shows its neighbours; a third of the nodes are hubs that see all.",
    env_id="discovery/GraphPool-v0",
    env_kwargs={"topology": "star", "num_items": 300, "edge_prob": 0.01, "horizon": 30},
    agents=POOL | {"IDS": "ids(lam=3, samples=100)", "one hub, then greedy": "one_hub"},
)


def _half(dataset: str, horizon: int, target: str | None = None) -> dict[str, Any]:
    """Return the parameters of pools drawn from a table: half of its rows in each episode.

    On a whole table every episode would be the same pool, and a ranking one of that pool alone.
    """
    column = {} if target is None else {"target": f"yield[{target}]"}
    return {"dataset": dataset, **column, "rows": 0.5, "horizon": horizon}


DRAWN = "pools drawn from this table (real data), half of its rows in each episode."

DIABETES = Task(
    name="Diabetes, 221 of 442 patients",
    about=f"Find the patients whose disease progresses most, 25 examinations: {DRAWN}",
    env_id="discovery/TablePool-v0",
    env_kwargs=_half("diabetes", 25),
    agents=FEATURES,
)

COUPLINGS = Task(
    name="C-N couplings, 165 of 330 reactions",
    about=f"Find the couplings with the highest yields, 34 reactions: {DRAWN}",
    env_id="discovery/TablePool-v0",
    env_kwargs=_half("cncci", 34, "XPhos+P2Et"),
    agents=FEATURES,
    needs="cncci",
)

# ---- pools, tuned


def _calls(rule: str, *settings: str, beliefs: Sequence[str] = ("",)) -> tuple[str, ...]:
    """Return the texts of a rule with each of some settings and each of some beliefs."""
    texts = []
    for belief in beliefs:
        for setting in settings or ("",):
            inside = ", ".join(part for part in (setting, belief and f"belief={belief}") if part)
            texts.append(f"{rule}({inside})" if inside else rule)
    return tuple(texts)


def _search(*beliefs: str, more: Mapping[str, Sequence[str]] | None = None) -> dict[str, Any]:
    """Return the candidates of the agents that play every pool; without beliefs, of the default."""
    some = beliefs or ("",)
    return {
        "greedy": _calls("greedy", beliefs=some),
        "epsilon-greedy": _calls("epsilon_greedy", "epsilon=0.01", "epsilon=0.03", beliefs=some),
        "Bayes-UCB": _calls("bayes_ucb", "width=0.1", "width=0.3", "width=1", beliefs=some),
        "Thompson": _calls("thompson", beliefs=some),
        "IDS": tuple(
            text
            for lam in (("3", "8") if beliefs else ("2", "4", "8", "16"))
            for text in _calls("ids", f"lam={lam}, samples=100, deterministic=True", beliefs=some)
        ),
        "expected improvement": _calls("expected_improvement", beliefs=some),
        "learned": _calls("learned", beliefs=some),
        **(more or {}),
    }


KNOWLEDGE = {"knowledge gradient": _calls("knowledge_gradient")}
LINUCB = {"LinUCB": _calls("linucb", "alpha=0.03", "alpha=0.1", "alpha=0.3", "alpha=1")}
DEFAULTS = {
    "greedy": "greedy",
    "epsilon-greedy": "epsilon_greedy",
    "Bayes-UCB": "bayes_ucb",
    "Thompson": "thompson",
    "IDS": "ids",
    "expected improvement": "expected_improvement",
    "learned": "learned",
    "LinUCB": "linucb",
}
TABLE = ("linear(noise_std=0.1)", "linear(noise_std=0.5)", "gp", "gp(kernel='matern')")
# The columns next to those that are judged; the ones behind them are neither tuned on nor judged.
OTHER_PAIRS = (
    "t-BuXPhos+P2Et",
    "t-BuBrettPhos+P2Et",
    "AdBrettPhos+P2Et",
    "XPhos+BTMG",
    "AdBrettPhos+BTMG",
)
OTHER_MOLECULES = ("X3", "X4", "X5", "X6", "X8")

POOLS = (
    Task(
        name="Linear, 20 features",
        about="Find the items with the largest labels among 500, linear in 20 features, with 100 "
        "noisy labels.",
        env_id="discovery/LinearPool-v0",
        env_kwargs={"num_items": 500, "num_features": 20, "noise_std": 1.0, "horizon": 100},
        agents={"random": "random"},
        search=_search(more=KNOWLEDGE | LINUCB),
    ),
    Task(
        name="Linear, plates of 12",
        about="The same pool, 12 items at a time; the labels of a plate come when the next one is "
        "chosen already.",
        env_id="discovery/LinearPool-v0",
        env_kwargs={
            "num_items": 500,
            "num_features": 20,
            "noise_std": 1.0,
            "horizon": 96,
            "batch_size": 12,
            "delay": 1,
        },
        agents={"random": "random"},
        search=_search(more=LINUCB),
    ),
    Task(
        name="Sparse, 4 of 40 features",
        about="Labels depend on 4 of 40 features, it is not known on which: 300 items, 40 labels.",
        env_id="discovery/LinearPool-v0",
        env_kwargs={
            "num_items": 300,
            "num_features": 40,
            "sparsity": 4,
            "noise_std": 1.0,
            "horizon": 40,
        },
        agents={"random": "random"},
        search=_search("sparse(chains=128)", "linear", more=LINUCB),
    ),
    Task(
        name="Logistic, 10 features",
        about="Labels are success or failure, with log odds linear in 10 features: 300 items, 100 "
        "labels.",
        env_id="discovery/LogisticPool-v0",
        env_kwargs={"num_items": 300, "num_features": 10, "horizon": 100},
        agents={"random": "random"},
        search=_search(
            more={
                "GLM-UCB": _calls("glm_ucb", "alpha=0.03", "alpha=0.1", "alpha=1"),
                "two-step search": _calls("active_search", "candidates=10", "candidates=50"),
                "ENS": _calls("ens", "candidates=3", "candidates=10"),
            }
        ),
    ),
    Task(
        name="Star graph, 900 nodes",
        about="Labelling a node also shows its neighbours; a third of the nodes are hubs that see "
        "all. 50 labels.",
        env_id="discovery/GraphPool-v0",
        env_kwargs={"topology": "star", "num_items": 900, "edge_prob": 0.01, "horizon": 50},
        agents={"random": "random", "one hub, then greedy": "one_hub"},
        search=_search(),
    ),
    Task(
        name="Random graph, 300 nodes",
        about="Labelling a node also shows its neighbours, six on average. 60 labels.",
        env_id="discovery/GraphPool-v0",
        env_kwargs={"num_items": 300, "edge_prob": 0.02, "horizon": 60},
        agents={"random": "random", "one hub, then greedy": "one_hub"},
        search=_search(),
    ),
    Task(
        name="Low rank, 20 by 20",
        about="Labels are the entries of a matrix of rank 2, such as substrates by catalysts. 60 "
        "labels.",
        env_id="discovery/LowRankPool-v0",
        env_kwargs={"num_rows": 20, "num_cols": 20, "noise_std": 0.3, "horizon": 60},
        agents={"random": "random"},
        search=_search("low_rank(chains=128)"),
    ),
    Task(
        name="Diabetes, 221 of 442 patients",
        about="Find the patients whose disease progresses most, 45 examinations, by agents with their "
        f"default settings, for the table has no second column to tune on: {DRAWN}",
        env_id="discovery/TablePool-v0",
        env_kwargs=_half("diabetes", 45),
        agents={"random": "random", **DEFAULTS},
    ),
    Task(
        name="C-N couplings, 165 of 330 reactions",
        about="Find the couplings with the highest yields, 34 reactions, by agents tuned on five other "
        f"pairs of ligand and base: {DRAWN}",
        env_id="discovery/TablePool-v0",
        env_kwargs=_half("cncci", 34, "XPhos+P2Et"),
        agents={"random": "random"},
        search=_search(*TABLE, more=LINUCB),
        tuned_on=tuple(_half("cncci", 34, pair) for pair in OTHER_PAIRS),
        needs="cncci",
    ),
    Task(
        name="Photoredox, 40 of 80 conditions",
        about="Find the conditions with the highest yields, 9 reactions, by agents tuned on five other "
        f"molecules: {DRAWN}",
        env_id="discovery/TablePool-v0",
        env_kwargs=_half("pndc", 9, "X2"),
        agents={"random": "random"},
        search=_search(*TABLE, more=LINUCB),
        tuned_on=tuple(_half("pndc", 9, molecule) for molecule in OTHER_MOLECULES),
        needs="pndc",
    ),
)

# ---- design


def _design(fixed: str, *, greedy: str = "greedy_eig", ahead: str | None = None) -> dict[str, str]:
    """Return the agents of experimental design.

    Args:
        fixed: The setting that is best if it is repeated, on the tuning seeds 0 to 299.
        greedy: The greedy agent.
        ahead: The agent that looks two steps ahead; ``None``: it would take too long.
    """
    return {
        "random": "random",
        "fixed setting": f"fixed({fixed})",
        "greedy": greedy,
        "Thompson": greedy.replace("greedy_eig", "thompson_eig"),
        "Bayesian optimisation": "bayes_opt_eig",
    } | ({} if ahead is None else {"two steps ahead": ahead})


DESIGN = (
    Task(
        name="Linear, 2 parameters",
        about="Estimate two parameters from six noisy projections.",
        env_id="discovery/LinearGaussianDesign-v0",
        env_kwargs={"horizon": 6},
        agents=_design("xi_0=1, xi_1=1", ahead="look_ahead_eig") | {"optimal": "optimal"},
    ),
    Task(
        name="Toy of the robot physicist",
        about="At which energy to take 20 events, five times.",
        env_id="discovery/WeinbergToy-v0",
        env_kwargs={"horizon": 5},
        agents=_design("phi=40", ahead="look_ahead_eig"),
    ),
    Task(
        name="Weak mixing, 1000 events",
        about="Energy and polarisations of an e+ e- collider, five times 1000 events.",
        env_id="discovery/Weinberg-v0",
        env_kwargs={"horizon": 5},
        agents=_design("sqrt_s=90, P_minus=0.8, P_plus=-0.3", ahead="look_ahead_eig"),
    ),
    Task(
        name="Weak mixing, 0.5 pb^-1",
        about="The same with a fixed luminosity, so that the number of events informs, too, and "
        "a list of settings, among them the narrow peak.",
        env_id="discovery/Weinberg-v0",
        env_kwargs={
            "horizon": 5,
            "luminosity": 0.5,
            "settings": [
                [energy, minus, plus]
                for energy in (34.0, 60.0, 80.0, 88.0, 90.0, 91.19, 92.5, 94.0, 100.0, 150.0, 200.0)
                for minus, plus in ((-0.8, 0.3), (0.0, 0.0), (0.8, -0.3))
            ],
        },
        agents=_design("sqrt_s=91.19, P_minus=-0.8, P_plus=0.3"),
    ),
    Task(
        name="Death process",
        about="When to count the infected, four times.",
        env_id="discovery/DeathProcess-v0",
        env_kwargs={"horizon": 4},
        agents=_design("time=1.2", ahead="look_ahead_eig"),
    ),
    Task(
        name="Prey population",
        about="With how many prey to begin, five times, to learn how a predator hunts.",
        env_id="discovery/PreyPopulation-v0",
        env_kwargs={"horizon": 5, "settings": 60, "grid_size": (20, 240)},
        agents=_design("prey=300"),
    ),
    Task(
        name="Temporal discounting",
        about="Which of two offers, ten times, to learn how someone discounts the future.",
        env_id="discovery/TemporalDiscounting-v0",
        env_kwargs={"horizon": 10},
        agents=_design("reward_now=30, log_delay=4.25", ahead="look_ahead_eig(candidates=64)"),
    ),
    Task(
        name="Location finding",
        about="Where to measure, eight times, to find two hidden sources in the plane.",
        env_id="discovery/LocationFinding-v0",
        env_kwargs={"horizon": 8, "num_particles": 500},
        agents=_design("xi_0=0, xi_1=0", greedy="greedy_eig(candidates=50)"),
    ),
)

# ---- smoke, the kinds of pools and designs that it adds

DESIGNERS = {"random": "random", "greedy": "greedy_eig", "Thompson": "thompson_eig"}

SMALL_POOLS = (
    Task(
        name="Small logistic pool",
        about="Labels are success or failure, with log odds linear in 3 features.",
        env_id="discovery/LogisticPool-v0",
        env_kwargs={"num_items": 40, "num_features": 3, "horizon": 10},
        agents=POOL,
    ),
    Task(
        name="Small matrix of low rank",
        about="Labels are the entries of a 6 by 6 matrix of low rank.",
        env_id="discovery/LowRankPool-v0",
        env_kwargs={"num_rows": 6, "num_cols": 6, "horizon": 8},
        agents=POOL,
    ),
)

SMALL_DESIGN = (
    Task(
        name="Linear, 2 measurements",
        about="Estimate two parameters from two noisy projections.",
        env_id="discovery/LinearGaussianDesign-v0",
        env_kwargs={"horizon": 2},
        agents=DESIGNERS | {"optimal": "optimal"},
    ),
    Task(
        name="Toy of the robot physicist, 2 energies",
        about="At which energy to take 20 events, twice.",
        env_id="discovery/WeinbergToy-v0",
        env_kwargs={"horizon": 2},
        agents=DESIGNERS,
    ),
    Task(
        name="Weak mixing, 27 settings",
        about="Energy and polarisations of an e+ e- collider, twice.",
        env_id="discovery/Weinberg-v0",
        env_kwargs={"horizon": 2, "settings": 3},
        agents=DESIGNERS,
    ),
    Task(
        name="Simulator, 11 settings",
        about="The toy of the robot physicist as a black box, twice.",
        env_id="discovery/SimulatorDesign-v0",
        env_kwargs={"horizon": 2},
        agents=DESIGNERS,
    ),
    Task(
        name="Death process, 2 counts",
        about="When to count the infected, twice.",
        env_id="discovery/DeathProcess-v0",
        env_kwargs={"horizon": 2, "settings": 20},
        agents=DESIGNERS,
    ),
    Task(
        name="Prey population, 10 settings",
        about="With how many prey to begin, twice, to learn how a predator hunts.",
        env_id="discovery/PreyPopulation-v0",
        env_kwargs={"horizon": 2, "settings": 10, "grid_size": (10, 20)},
        agents=DESIGNERS,
    ),
    Task(
        name="Temporal discounting, 36 offers",
        about="Which of two offers, twice, to learn how someone discounts the future.",
        env_id="discovery/TemporalDiscounting-v0",
        env_kwargs={"horizon": 2, "settings": 6, "grid_size": (32, 8)},
        agents=DESIGNERS,
    ),
    Task(
        name="Location finding, 36 places",
        about="Where to measure, twice, to find two hidden sources in the plane.",
        env_id="discovery/LocationFinding-v0",
        env_kwargs={"horizon": 2, "settings": 6, "num_particles": 100},
        agents=DESIGNERS,
    ),
    Task(
        name="Constant elasticity, 64 pairs",
        about="Which baskets of goods to compare, twice, to learn what someone prefers.",
        env_id="discovery/ConstantElasticity-v0",
        env_kwargs={"horizon": 2, "settings": 2, "num_particles": 100},
        agents=DESIGNERS,
    ),
)

# ---- suites

SUITES = {
    one.name: one
    for one in (
        Suite(
            name="smoke",
            version=2,
            about="one small task of every environment; shows in seconds that all works",
            episodes=64,
            tasks=(
                Task(
                    name="Small ladder",
                    about="Climb 10 rungs with batches that cost.",
                    env_id="discovery/KnowledgeLadder-v0",
                    env_kwargs={
                        "target": 10,
                        "batch_sizes": [1, 8],
                        "cost_per_experiment": 0.2,
                        "horizon": 100,
                    },
                    agents=_campaign("batch_size=1", "batch_size=8", "batch_size=8"),
                ),
                Task(
                    name="Small step",
                    about="Improve by 10 units with batches that cost.",
                    env_id="discovery/GaussianStep-v0",
                    env_kwargs={"target": 10.0, "cost_per_experiment": 0.02, "horizon": 40},
                    agents=_campaign("batch_size=1", "batch_size=96", "batch_size=96"),
                ),
                Task(
                    name="Two unknown machines",
                    about="Five epochs on two machines of unknown quality.",
                    env_id="discovery/BinomialDiscovery-v0",
                    env_kwargs={
                        "beta_priors": [[1, 4], [3, 12]],
                        "objective": "count",
                        "cost_per_batch": 0.2,
                        "batch_sizes": [1, 4],
                        "horizon": 5,
                    },
                    agents=BOUNDS | LEARNERS,
                ),
                Task(
                    name="Diabetes, 5 examinations",
                    about="Find the patients whose disease progresses most, among 221 of 442, with 5 "
                    f"examinations: {DRAWN}",
                    env_id="discovery/TablePool-v0",
                    env_kwargs=_half("diabetes", 5),
                    agents=FEATURES,
                ),
                Task(
                    name="Small linear pool",
                    about="Find the items with the largest labels, which are linear in 3 features.",
                    env_id="discovery/LinearPool-v0",
                    env_kwargs={"num_items": 40, "num_features": 3, "horizon": 10},
                    agents=FEATURES,
                ),
                Task(
                    name="Small graph",
                    about="Labelling a node also shows its neighbours.",
                    env_id="discovery/GraphPool-v0",
                    env_kwargs={"num_items": 40, "horizon": 10},
                    agents=POOL | {"IDS": "ids(lam=3, samples=100)"},
                ),
                Task(
                    name="Small pool without structure",
                    about="Label items that tell nothing about each other: nobody beats chance.",
                    env_id="discovery/UnstructuredPool-v0",
                    env_kwargs={"horizon": 5},
                    agents={"random": "random"},
                ),
                *SMALL_POOLS,
                *SMALL_DESIGN,
            ),
        ),
        Suite(
            name="quick",
            version=3,
            about="every campaign, with prices and deadlines; pools, real ones too; under two minutes",
            episodes=1000,
            tasks=(
                PRICED_LADDER,
                LADDER_DEADLINE,
                PRICED_STEP,
                STEP_DEADLINE,
                INVESTMENT,
                UNKNOWN_MACHINES,
                LINEAR_POOL,
                STAR_POOL,
                DIABETES,
                COUPLINGS,
            ),
        ),
        Suite(
            name="pools",
            version=3,
            about="every pool with structure; agents tuned with equal budgets, never on what they are "
            "judged on",
            episodes=128,
            tasks=tuple(_with_tuned("pools", 3, task) for task in POOLS),
        ),
        Suite(
            name="design",
            version=2,
            about="experimental design: which setting tells most; returns are nats of information",
            episodes=64,
            tasks=DESIGN,
        ),
    )
}
