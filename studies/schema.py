"""The schema of `problem.toml`, for editors: which keys there are, and what they mean."""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

from ..envs.design.simulator_design import SimulatorDesign
from .problem import designs

TYPES: dict[str, Any] = {
    "int": "integer", "float": "number", "str": "string", "bool": "boolean",
    "int | str": ["integer", "string"], "str | Path | None": "string",
    "int | tuple[int, ...]": ["integer", "array"], "Sequence[int]": "array", "Ranges": "object",
}  # fmt: skip
"""Types of TOML by those of the parameters; any other may be anything."""
OWN = {
    "simulator": "A function in a file beside this one, ./sim.py:function, or of a module, "
    "module:function; or a command line, a text or a list of words.",
    "cache": "Folder of finished runs, seen from this file; by default its name with .runs.",
    "workers": "Processes that run the simulator; by default one for each core.",
    "horizon": "Number of experiments that the study begins with.",
}
"""What holds in a file, in place of the words of the environment."""


def schema() -> str:
    """Return the schema as JSON."""
    keys = {one.name: _key(one) for one in fields(SimulatorDesign)}
    env = {
        "type": "string",
        "description": "An analytic model; the other keys are its parameters. None for a simulator.",
        "examples": [name for name in designs() if name != SimulatorDesign.__name__],
    }
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A problem of experimental design, for `discovery-gym ask problem.toml`",
        "type": "object",
        "required": ["problem"],
        "additionalProperties": False,
        "properties": {
            "problem": {
                "type": "object",
                "properties": {"env": env, **keys},
                "anyOf": [
                    {"required": ["env"]},
                    {"required": ["simulator"], "additionalProperties": False,
                     "properties": dict.fromkeys(keys, True)},
                ],
            }
        },
    }  # fmt: skip
    return json.dumps(whole, indent=1) + "\n"


def _key(field: Any) -> dict[str, Any]:
    """Return what a schema says of a parameter."""
    found: dict[str, Any] = {"description": OWN.get(field.name) or _words(field.name)}
    kind = TYPES.get(str(field.type))
    if kind is not None:
        found["type"] = kind
    default = field.default if field.default is not MISSING else None
    if field.name not in OWN and default is not None and not isinstance(default, Path):
        found["default"] = default
    return found


def _words(name: str) -> str:
    """Return what the page of the environment says of an argument."""
    text = inspect.getdoc(SimulatorDesign) or ""
    arguments = text.partition("## Arguments\n")[2].partition("\n## ")[0]
    for entry in re.split(r"^(?=- `)", arguments, flags=re.M):
        found = re.match(r"- ((?:`\w+`(?: \(.*?\)(?=[:,]))?,?\s*)+): (.*)", entry, flags=re.S)
        if found and f"`{name}`" in found[1]:
            return " ".join(found[2].split())
    return ""
