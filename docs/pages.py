"""Write the reference pages, one for each thing that has a name, from what the package says of it.

    python docs/pages.py

Environments, agents, rules and beliefs from their docstrings, from who fits whom and from the kept
results; commands, suites, data sets, and what the command line knows, as `listed.py` says.
"""

from __future__ import annotations

import inspect
import json
import math
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium as gym
import listed

from discovery_gym.agents import available
from discovery_gym.agents.learned.policy import PolicyAgent, shipped
from discovery_gym.envs.core import registered
from discovery_gym.envs.core.files import write
from discovery_gym.experiments.cli.describing import GOOD
from discovery_gym.experiments.cli.known import short
from discovery_gym.experiments.report.words import duration
from discovery_gym.studies.schema import schema

HIDDEN = ("model", "env", "num_episodes", "seed")
"""Arguments that the text of an agent does not give."""
SHORT = 4
"""Lines of the head of a module that says no more than the docstrings of its rules."""
TOLD = tomllib.loads(Path(__file__).with_name("environments.toml").read_text("utf-8"))
"""What each environment lets an agent decide, and the truth that it knows, by name."""
SOURCES = (
    "The first three are the models of J. Schrier, *Three mathematical models for machine "
    "learning and high-throughput experimentation* (2023); the pools are adaptive sampling for "
    "discovery, Z. Xu, E. Shim, A. Tewari, P. Zimmerman, NeurIPS 2022; the last ones are Bayesian "
    "experimental design, paid in nats of information."
)
FORMULAS = tomllib.loads(Path(__file__).with_name("formulas.toml").read_text("utf-8"))
"""What each agent, rule or belief computes, in LaTeX, by name."""
SYMBOLS = """## Symbols

An agent is a plain one, or a rule with a belief: `bayes_ucb(width=2, belief=linear)`. In their formulas

- $x$ is an item that may be chosen, $f(x)$ its value, $y$ its label, $x_t$ the choice of step $t$;
- $\\mu(x)$ and $\\sigma(x)$ are mean and standard deviation of what is believed of the value, after the
  history $h_t$; $p(x)$ is the probability of a success;
- $m$ is the number of labels left, $b$ the best mean so far;
- $\\pi$ is a distribution over items, $\\Delta(x)$ the regret that a label of $x$ is expected to cost,
  $g(x)$ what it tells about the best items;
- $\\xi$ is a setting, $\\theta$ what is unknown, $I$ information, in nats;
- $k$ is a condition with $n_k$ tests, their mean $m_k$ and variance $v_k$.
"""
"""What stands below the index of agents."""
MOST = 12
"""Tasks of the kept results that are shown of one environment."""
PAPERS = tomllib.loads(Path(__file__).with_name("papers.toml").read_text("utf-8"))
"""Addresses of papers, by title and by other words for them."""


def pages() -> dict[str, str]:
    """Return the pages: path below the folder of documents -> Markdown."""
    models = {env_id: _model(env_id) for env_id in registered()}
    out = _environments(models) | _agents(models) | listed.pages()
    out = {name: _linked(text) for name, text in out.items()}
    out["own/design/problem.schema.json"] = schema()
    out["../experiments/cli/names.json"] = listed.names(models, TOLD)
    return out


def _linked(text: str) -> str:
    """Return a text with papers as links, wherever its lines break."""
    for title, address in PAPERS["titles"].items():
        text = re.sub(rf'"({_broken(title)})(,?)"', rf'["\1\2"]({address})', text)
    for words, address in PAPERS["words"].items():
        text = re.sub(rf"(?<![\w[])({_broken(words)})(?!\w)", rf"[\1]({address})", text)
    return text


def _broken(words: str) -> str:
    """Return a pattern of some words that lines may break."""
    return r"\s+".join(map(re.escape, words.split()))


def _model(env_id: str) -> Any:
    return gym.make(env_id).unwrapped.model  # type: ignore[attr-defined]


# ---- environments


def _environments(models: Mapping[str, Any]) -> dict[str, str]:
    out: dict[str, str] = {}
    for env_id, model in models.items():
        name = gym.spec(env_id).name
        page: Any = gym.envs.registration.load_env_creator(str(gym.spec(env_id).entry_point))
        idea, _, rest = _text(page).partition("\n\n")
        told, after, more = rest.partition("## Vectorized environment")
        truth = f"## Truth\n{TOLD[name]['truth'][:1].upper()}{TOLD[name]['truth'][1:]}."
        best = f"## Best in the kept results\n{_best(env_id)}"
        played = _played(env_id, model)
        parts = [f"# {env_id}", idea, played, told.strip(), truth, best, after + more]
        out[f"environments/{name}.md"] = "\n\n".join(parts) + "\n"
    rows = [(listed.link(name), one["decision"], one["truth"]) for name, one in TOLD.items()]
    index = listed.table(rows, "| | the decision | the truth it knows |")
    out["environments/README.md"] = f"# Environments\n\n{index}\n\n{SOURCES}\n"
    return out


def _played(env_id: str, model: Any) -> str:
    """Return how to make an environment, and who plays it."""
    names = available(model)
    best = next(one for one in GOOD if one in names)
    return (
        "## To play it\n```py\nimport gymnasium as gym\nimport discovery_gym\n\n"
        f'env = gym.make("{env_id}")\n'
        f'envs = gym.make_vec("{env_id}", num_envs=64)\n```\n\n'
        f"```sh\ndiscovery-gym evaluate {short(env_id)} {best}\n```\n\n"
        f"Agents that fit its defaults: {', '.join(listed.link(one, '../agents/') for one in names)}."
    )


# ---- agents, rules and beliefs


def _agents(models: Mapping[str, Any]) -> dict[str, str]:
    out: dict[str, str] = {}
    entries: list[tuple[str, str]] = []
    fits = {env_id: available(model) for env_id, model in models.items()}
    for kind, table in listed.KINDS.items():
        for name, cls in table.items():
            head = f"# {name}\n\n`{name}` is {'an' if kind == 'agent' else 'a'} {kind}"
            idea, settings, options = _text(cls).partition("Settings:\n")
            formula = f"$$\n{FORMULAS[name].strip()}\n$$\n\n[The symbols](README.md#symbols)."
            head += f": `{name}{_settings(cls)}`."
            parts = [head, idea.strip(), formula, settings + options]
            about = inspect.getdoc(sys.modules[cls.__module__]) or ""
            if kind == "belief" or (kind == "rule" and about.count("\n") > SHORT):
                parts.append(f"## About\n\n{about}")
            if kind == "belief":
                played = [one for one, model in models.items() if name in model.beliefs]
            else:
                parts += [_shipped()] if cls is PolicyAgent else []
                played = [one for one in models if name in fits[one]]
            parts += [_where(kind, played), _tried(name, kind, played), _cost(name)]
            out[f"agents/{name}.md"] = "\n\n".join(filter(None, parts)) + "\n"
            entries.append((f"[{name} ({kind})]({name}.md)", listed.first(cls)))
    index = f"# Agents, rules and beliefs\n\n{listed.table(entries)}"
    out["agents/README.md"] = f"{index}\n\n{SYMBOLS}\n"
    return out


def _where(kind: str, env_ids: list[str]) -> str:
    """Return the environments that an agent plays, or that a belief describes, with their defaults."""
    links = ", ".join(listed.link(gym.spec(one).name, "../environments/") for one in env_ids)
    verb = "Describes" if kind == "belief" else "Plays, with their defaults,"
    return links and f"{verb} {links}."


def _tried(name: str, kind: str, env_ids: list[str]) -> str:
    """Return the command that plays an agent."""
    if kind == "belief" or not env_ids:
        return ""
    return f"```sh\ndiscovery-gym evaluate {gym.spec(env_ids[0]).name} {name}\n```"


def _shipped() -> str:
    """Return where the policies of the package come from, as Markdown."""
    out = ["The policies, each with the curve of its training:"]
    for name, policy in shipped().items():
        about, file = policy.about, f"../../agents/learned/weights/{name}.csv"
        made = "".join(f", {key} {value}" for key, value in about.get("versions", {}).items())
        minutes = f"{about['cpu_seconds'] / 60:.1f} CPU minutes"
        command = command_of_today(about["command"])
        out.append(f"[{name}]({file}), {minutes}{made}:\n\n```sh\n{command}\n```")
    out.append(
        "The heads of the files name the commands as they were. What version 0.1.0 trained by "
        "`python -m discovery_gym.experiments.training_designs ENV FOLDER --name value` is trained "
        "today by `discovery-gym train ENV --out FOLDER --algo dad --hyper name=value`."
    )
    return "\n\n".join(out)


def command_of_today(command: str) -> str:
    """Return the command that trains what a command of version 0.1.0 trained."""
    if found := re.match(r"python -m discovery_gym\.\S+\.training_designs (\S+) FOLDER", command):
        options = command[found.end() :].replace(" --horizon 0", "")  # that of the environment
        options = re.sub(r"--(?!seed|episodes)(\w+) (\S+)", r"--hyper \1=\2", options)
        return f"discovery-gym train {found[1]} --out FOLDER --algo dad{options}"
    return command


def _text(cls: Any) -> str:
    """Return the docstring of a class, its arguments as a list."""
    head, _, arguments = inspect.cleandoc(cls.__doc__ or "").partition("\nArgs:\n")
    items = re.sub(r"^    (\S+): ", r"- `\1`: ", arguments, flags=re.M)
    items = re.sub(r"^        ", "  ", items, flags=re.M)
    hidden = "|".join(HIDDEN)
    items = re.sub(rf"^- `(?:{hidden})`: .*\n?(?:  .*\n?)*", "", items, flags=re.M)
    return f"{head}\nSettings:\n\n{items}".strip() if items else head.strip()


def _settings(cls: Any) -> str:
    """Return the settings of an agent, rule or belief with their defaults, as in a call."""
    named = [
        str(p.replace(annotation=p.empty))
        for p in inspect.signature(cls).parameters.values()
        if p.name not in HIDDEN and p.kind is not p.VAR_KEYWORD
    ]
    return f"({', '.join(named)})" if named else ""


# ---- what the kept results say


@cache
def _tasks() -> list[dict[str, Any]]:
    """Return the tasks of the kept results, with their agents."""
    kept = json.loads((Path(__file__).parent / "results" / "leaderboard.json").read_text("utf-8"))
    return [task | {"suite": suite["suite"]} for suite in kept["suites"] for task in suite["tasks"]]


def _best(env_id: str) -> str:
    """Return who is best at an environment, as a table, or that it is not played."""
    tasks = [task for task in _tasks() if task["env"] == env_id]
    if not tasks:
        return "No suite whose results are kept plays it."
    suites = [f"[`{one}`](../suites/{one}.md)" for one in dict.fromkeys(t["suite"] for t in tasks)]
    head = (
        f"In {', '.join(suites)}; [the board](../results/LEADERBOARD.md) has all of it. Behind the best "
        "stand those that cannot be told apart from it."
    )
    rows = listed.table(
        map(_cells, tasks[:MOST]), "| task | best | score | return | optimum | random |"
    )
    more = f"\n\nAnd {len(tasks) - MOST} more of the same kind." if len(tasks) > MOST else ""
    return f"{head}\n\n{rows}{more}"


def _cells(task: dict[str, Any]) -> list[str]:
    agents = {one["agent"]: one for one in task["agents"]}
    names = [name for name in agents if name in task["may_be_best"]] or [*agents][:1]
    first, *others = (agents[name] for name in names)
    best = "; ".join([f"{first['agent']} (`{first['text']}`)", *(one["agent"] for one in others)])
    optimum, chance = task["optimal_value"], task["random_value"]
    told = None in (optimum, chance) or abs(optimum - chance) > 1e-9  # else all agents are equal
    values = [first["score"] if told else None, first["return"], optimum, chance]
    return [task["task"], best, *map(_number, values)]


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        return "–"
    value = value if abs(value) > 1e-9 else 0.0
    return (f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}").replace("-", "−")


def _decisions(name: str) -> Iterator[tuple[float, str]]:
    """Yield seconds per decision and the task, of all runs of an agent by any of its settings."""
    for task in _tasks():
        for one in task["agents"]:
            seconds = one["seconds_per_decision"]
            if str(one["text"]).partition("(")[0] == name and seconds is not None:
                yield seconds, task["task"]


def _cost(name: str) -> str:
    """Return how long a decision takes, from where it is quickest to where it is slowest."""
    runs = sorted(_decisions(name))
    if not runs:
        return ""
    (low, quick), (high, slow) = runs[0], runs[-1]
    if low == high:
        return f"In the kept results a decision took {duration(low)} ({quick})."
    times = f"from {duration(low)} ({quick}) to {duration(high)} ({slow})"
    return f"In the kept results a decision took {times}."


def main() -> None:
    """Write the pages beside this file."""
    for name, text in pages().items():
        path = Path(__file__).parent / name
        path.parent.mkdir(exist_ok=True)
        write(path, text)


if __name__ == "__main__":
    main()
