"""The commands that show what there is: list, table."""

from __future__ import annotations

from typing import Annotated, Any

from typer import Argument, Option

from ...envs.core import spelt
from ..runs.terminal import out, say, show
from .formats import Form, write
from .known import known
from .shared import ReadAs, reading


def list_all(form: Form = None) -> None:
    """List environments, agents that fit, suites and data sets."""
    found = {
        "environments": _environments(),
        "suites": [{"name": name, **one} for name, one in known()["suites"].items()],
        "datasets": _datasets(),
    }
    if form is not None:
        write("list", found)
        return
    _show(found)
    say(
        "Agents fit an environment by its parameters, and those above fit the defaults; of others: "
        "discovery-gym show ENV --set name=value"
    )


def _show(found: dict[str, list[dict[str, Any]]]) -> None:
    rows = [[one["id"], one["about"], ", ".join(one["agents"])] for one in found["environments"]]
    show(["environment", "what it is", "agents that fit its defaults"], rows)
    rows = []
    for one in found["suites"]:
        counts = (str(one[count]) for count in ("tasks", "runs", "episodes"))
        rows.append([one["name"], f"{one['about']} (version {one['version']})", *counts])
    show(["suite", "what it is", "tasks", "runs", "episodes per run"], rows)
    rows = []
    for one in found["datasets"]:
        here = "yes" if one["here"] else f"needs {one['file']}"
        rows.append([one["name"], one["about"], one["licence"], here])
    show(["data set", "what it is", "licence", "here"], rows)


def _environments() -> list[dict[str, Any]]:
    """Return the environments; those of other packages, if some have been registered, are made."""
    from ...envs.core import registered

    found = []
    for env_id in registered():
        one = known()["environments"].get(env_id) or _made(env_id)
        found.append({"id": env_id, "about": one["about"], "agents": one["agents"]})
    return found


def _made(env_id: str) -> dict[str, Any]:
    import gymnasium as gym

    from ...agents import available

    model = gym.make(env_id).unwrapped.model  # type: ignore[attr-defined]
    about = (type(model).__doc__ or "").strip().splitlines()[0]
    return {"about": about, "agents": available(model)}


def _datasets() -> list[dict[str, Any]]:
    from ...envs import datasets

    here, named = datasets.available(), datasets.catalogue()
    found: list[dict[str, Any]] = []
    for name, source in named.items():
        told = {"name": name, "about": source.about, "licence": source.licence}
        found.append({**told, "here": name in here, "file": source.file})
    own = {"about": "a table of your own", "licence": "", "here": True, "file": None}
    return found + [{"name": name, **own} for name in here if name not in named]


def table(
    dataset: Annotated[str, Argument(help="A data set, or a CSV or Parquet file.")],
    target: Annotated[str | None, Option(help="The label column.")] = None,
    settings: ReadAs = None,
) -> None:
    """Show how a table is read: rows, label, features."""
    from ...envs import datasets

    for line in str(datasets.load(dataset, **reading(target, settings))).splitlines():
        out.print(spelt(line), soft_wrap=True)
