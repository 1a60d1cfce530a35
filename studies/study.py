"""How a study begins, or is found again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..envs.core import InputError, shown
from .journal import Journal, first, path_of
from .kept import FORMAT

if TYPE_CHECKING:
    from .design_study import DesignStudy
    from .pool_study import PoolStudy


class Study:
    """A campaign of your own: what to measure next, and what has been found.

    Whatever is asked or told stands in a journal before a method returns, so that a study that was
    killed, or closed for weeks, goes on with the choices that it would have made.
    """

    @staticmethod
    def pool(source: Any, **options: Any) -> PoolStudy:
        """Begin a study of a pool, or go on with it.

        Args:
            source: The file of a table, a table, or factors: "base=KOtBu,K2CO3", "T=60,80".
            **options: See `PoolStudy.begin`.
        """
        from .pool_study import PoolStudy  # it imports the agents, and with them SciPy

        return PoolStudy.begin(source, **options)

    @staticmethod
    def design(problem: Any, **options: Any) -> DesignStudy:
        """Begin a study of a design problem, or go on with it.

        Args:
            problem: The file of a problem, or a model of experimental design.
            **options: See `DesignStudy.begin`.
        """
        from .design_study import DesignStudy  # as above

        return DesignStudy.begin(problem, **options)

    @staticmethod
    def open(journal: str | Path) -> PoolStudy | DesignStudy:
        """Go on with the study of a journal.

        Raises:
            InputError: There is no such journal, or what it is about is not there any more.
        """
        path = path_of(journal)
        if not path.exists():
            raise InputError(f"There is no journal {path}; begin a study by ask, or by Study.pool.")
        found = Journal(path)
        kind = first(found.events, path, FORMAT).get("kind")
        if kind == "pool":
            from .pool_study import PoolStudy

            return PoolStudy(found)
        if kind == "design":
            from .design_study import DesignStudy

            return DesignStudy(found)
        raise InputError(
            f"{path} is the journal of a {shown(kind)}, which this version does not know."
        )
