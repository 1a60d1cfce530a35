"""Docstrings of public names say what ruff cannot ask for: every argument, shapes and units of arrays.

Ruff's D417 asks for what a section `Args:` leaves out, and nothing where there is no such section.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
OWN = "discovery_gym"
PAGE = (ROOT / "docs" / "reference" / "api.md").read_text("utf-8")
NAMES = re.findall(rf":: ({OWN}[\w.]+)$", PAGE, re.M)
ARRAY = re.compile(r"NDArray|\b(?:ArrayLike|Array|Items|Words)\b")
FLOATS = re.compile(r"float|\bArray\b")
SHAPE = re.compile(r"``\((?:[^()]*,[^()]*|\.\.\.)\)``|of the same shape")
"""Such as ``(B, n)``."""
UNIT = re.compile(
    r"\b(?:units?|nats|seconds|money|probabilit(?:y|ies)|chances?|shares?|correlates|indices)\b"
)
"""What numbers are counted in; a probability or a share has no unit, and an index any."""


def public() -> Iterator[tuple[str, Any]]:
    """Yield what has a public name, with the public methods and properties of classes."""
    for name in NAMES:
        module, _, last = name.rpartition(".")
        thing = getattr(importlib.import_module(module), last)
        yield name, thing
        if inspect.isclass(thing):
            yield from members(name, thing)


def members(name: str, thing: type) -> Iterator[tuple[str, Any]]:
    """Yield the public methods and properties of a class that are written in this package."""
    for key in dir(thing):
        owner = next(one for one in thing.__mro__ if key in vars(one) or one is object)
        if not key.startswith("_") and owner.__module__.startswith(OWN):
            member = vars(owner)[key]
            member = getattr(member, "__func__", member)  # of a class, or static
            if isinstance(member, property):
                member = member.fget
            elif isinstance(member, cached_property):
                member = member.func
            if inspect.isfunction(member):
                yield f"{name}.{key}", member


FUNCTIONS = {name: one for name, one in public() if inspect.isfunction(one)}
CLASSES = {name: one for name, one in public() if inspect.isclass(one)}


def arguments(doc: str) -> dict[str, str]:
    """Return the entries of `Args:`, without their line breaks."""
    section = re.search(r"^Args:\n((?:(?: .*)?\n)*)", doc + "\n", re.M)
    if not section:
        return {}
    found = re.findall(r"^    \**([\w, *]+): ((?:.*\n)(?:^(?:     .*)?\n)*)", section[1], re.M)
    return {
        one.strip("* "): " ".join(text.split()) for key, text in found for one in key.split(",")
    }


def returned(doc: str) -> str:
    """Return what a docstring says of what is returned, with its summary."""
    head, _, rest = doc.partition("\nReturns:\n")
    summary = re.split(r"^(?:Args|Raises):", head, flags=re.M)[0]
    return " ".join(f"{summary} {rest.partition('Raises:')[0]}".split())


def arrays_of_functions() -> Iterator[tuple[str, str, str]]:
    """Yield the arrays that functions take and return: name, type, and what is said of it."""
    for name, function in FUNCTIONS.items():
        doc = inspect.getdoc(function) or ""
        told = arguments(doc)
        for key, kind in inspect.get_annotations(function).items():
            if ARRAY.search(str(kind)):
                text = returned(doc) if key == "return" else told.get(key, doc)
                yield f"{name}, {key}", str(kind), text


def arrays_of_classes() -> Iterator[tuple[str, str, str]]:
    """Yield the arrays that are fields of classes, likewise."""
    for name, kind in CLASSES.items():
        if dataclasses.is_dataclass(kind):
            told = arguments(inspect.getdoc(kind) or "")
            for one in dataclasses.fields(kind):
                if ARRAY.search(str(one.type)):
                    yield f"{name}, {one.name}", str(one.type), told[one.name]


def outside(name: str) -> bool:
    """Whether another library says what the arguments of a method are."""
    path, _, method = name.rpartition(".")
    bases = CLASSES[path].__mro__ if path in CLASSES else ()
    return any(
        method in vars(one) for one in bases if not one.__module__.startswith((OWN, "builtins"))
    )


def test_every_argument_is_named() -> None:
    missing = []
    for name, function in FUNCTIONS.items():
        doc = inspect.getdoc(function) or ""
        names = {*inspect.signature(function).parameters} - {"self", "cls"}
        if not outside(name):
            missing += [f"{name}: {key}" for key in names if not re.search(rf"\b{key}\b", doc)]
    assert missing == []


def test_every_array_tells_its_shape_and_its_unit() -> None:
    wrong = []
    for name, kind, text in [*arrays_of_functions(), *arrays_of_classes()]:
        wrong += [f"{name}: no {what}" for what in left_out(kind, text)]
    assert wrong == []


def left_out(kind: str, text: str) -> list[str]:
    """Return what is not said of an array of this type."""
    what = [] if SHAPE.search(text) else ["shape"]
    return what + (["unit"] if FLOATS.search(kind) and not UNIT.search(text) else [])


@pytest.mark.parametrize(
    ("kind", "text", "wrong"),
    [
        ("NDArray[np.int64]", "The items.", ["shape"]),
        ("NDArray[np.int64]", "The items (of all, in order).", ["shape"]),
        ("NDArray[np.int64]", "The items, ``(B, m)``.", []),
        ("NDArray[np.float64]", "The labels, ``(B, m)``.", ["unit"]),
        ("NDArray[np.float64]", "The times.", ["shape", "unit"]),
        ("NDArray[np.float64]", "The times in seconds, ``(B,)``.", []),
    ],
)
def test_the_rule_finds_what_is_left_out(kind: str, text: str, wrong: list[str]) -> None:
    assert left_out(kind, text) == wrong


def test_the_rule_sees_arrays_of_every_kind() -> None:
    """An argument, what is returned, a property, and the field of a class."""
    names = {name for name, _, _ in [*arrays_of_functions(), *arrays_of_classes()]}
    assert {
        "discovery_gym.agents.best, score",
        "discovery_gym.agents.Belief.mean, return",
        "discovery_gym.agents.Decision.price, return",
        "discovery_gym.experiments.Evaluation, returns",
    } <= names
