"""Learned agents: training them through stable-baselines3, and playing what was trained.

Training needs the extra ``learn`` (torch, stable-baselines3, sb3-contrib). Nothing of it is imported
before a module that is made of it, such as `sb3_env`, is; playing needs none of it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ...envs.core import InputError


@contextlib.contextmanager
def learn_extra() -> Iterator[None]:
    """Turn a library of the extra ``learn`` that is not installed into an `InputError`."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise InputError(
            f"{str(error.name).partition('.')[0]} is not installed: training needs the extra "
            "'learn'; in a checkout: pip install -c constraints.txt -e '.[learn]'."
        ) from None
