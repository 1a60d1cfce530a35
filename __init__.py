"""Environments, agents and a leaderboard for deciding which experiment to run next.

Importing this package registers its environments with Gymnasium under ``discovery/``.
"""

from .envs.core import InputError, registered

__version__ = "0.2.0"
__all__ = ["InputError", "__version__", "registered"]
