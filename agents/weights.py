"""Files of weights: plain numbers and a JSON head in the safetensors format.

Reading such a file executes nothing of it, and needs NumPy alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as serialize

KEY = "discovery_gym"
DAMAGE = (SafetensorError, OSError, LookupError, TypeError, ValueError, AttributeError,
          ArithmeticError, RecursionError, MemoryError)  # fmt: skip
"""What a file that is not as it should be may raise while it is read."""
MOST_BYTES, MOST_HEAD = 2**30, 2**20
"""Bounds of a file, and of the JSON in it."""


def save(tensors: Mapping[str, NDArray[Any]], head: Mapping[str, Any]) -> bytes:
    """Return the content of a file that `load` reads.

    Args:
        tensors: Arrays by name.
        head: What else there is to know, as JSON; ``"format"`` is the version of the file.
    """
    arrays = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    return bytes(serialize(arrays, {KEY: json.dumps(head, sort_keys=True)}))


def exists(path: str | Path) -> bool:
    """Return whether there is a file of this name, which may be no name of a file at all."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):  # too long, or with a character that no name has
        return False


def load(path: Path, version: int) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the tensors and the head of a file; one that is damaged raises one of `DAMAGE`.

    Args:
        path: The file.
        version: The format that it must have.
    """
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES:,} bytes")
    with safe_open(path, framework="numpy") as file:
        text = (file.metadata() or {})[KEY]
        if len(text) > MOST_HEAD:
            raise ValueError(f"its head is longer than {MOST_HEAD:,} letters")
        head = json.loads(text)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if head["format"] != version:
        raise ValueError(f"its format is {head['format']!r}, this version reads {version}")
    for name, tensor in tensors.items():
        if tensor.dtype not in (np.float32, np.float64) or not np.isfinite(tensor).all():
            raise ValueError(f"{name!r} does not hold finite numbers of 32 or 64 bits")
    return tensors, head


def reason(error: BaseException) -> str:
    """Return in some words of one line why a file is not as it should be."""
    words = " ".join(f"{type(error).__name__}: {error}".split())
    words = words if words.isprintable() else ascii(words)[1:-1]
    return words if len(words) <= 200 else f"{words[:198]} …"
