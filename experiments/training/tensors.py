"""What torch holds as plain numbers: states, which it reads without running anything, and layers."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from typing import Any

from ...agents.learned import learn_extra
from ...agents.learned.policy import Layer

with learn_extra():
    import torch


def packed(state: Mapping[str, Any]) -> bytes:
    """Return a state as bytes."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    return buffer.getvalue()


def unpacked(state: bytes) -> dict[str, Any]:
    """Return the state; what is damaged raises whatever torch raises."""
    found: dict[str, Any] = torch.load(io.BytesIO(state), map_location="cpu", weights_only=True)
    return found


def layers(modules: Iterable[torch.nn.Module]) -> tuple[Layer, ...]:
    """Return weights and biases of those modules that are linear."""
    return tuple(
        (m.weight.detach().numpy().copy(), m.bias.detach().numpy().copy())
        for m in modules
        if isinstance(m, torch.nn.Linear)
    )
