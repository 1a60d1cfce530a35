"""Experiments: who compares. Play episodes, run suites, write the leaderboard."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .runs.evaluation import Evaluation, evaluate

__all__ = ["Evaluation", "evaluate"]


def __getattr__(name: str) -> Any:
    """Import what plays episodes when it is asked for: the command line's help must not wait."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .runs import evaluation

    return getattr(evaluation, name)


def __dir__() -> list[str]:
    """Name also what is imported only when it is asked for."""
    return sorted({*globals(), *__all__})
