"""Which column of a table is the label and which are features."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..core import InputError, closest
from .cells import Conversion, Problems
from .columns import Columns, listed
from .options import Reading

OUTCOME = re.compile(
    r"yields?|conversion|selectivity|ee|er|dr|purity|impurity|impurities|cost|ton|tof|productivity"
    r"|ausbeute|umsatz|selektivität|reinheit|kosten|rendement|sélectivité|pureté|rendimiento|resa"
)
"""Words that name what an experiment yields, which is not known before it."""

BOOKKEEPING = re.compile(
    r"priority|.*_predicted_(mean|variance)|.*_expected_improvement"
    r"|trial_index|arm_name|trial_status|generation_(node|method)|batchnr|fitnr"
)
"""Columns that planners (EDBO+, Ax, BayBE) write for themselves."""

NAMELESS = re.compile(r"|Unnamed: \d+|__index_level_\d+__")
COUNTER = re.compile(
    r"index|idx|id|run|no|nr|number|row|sample|entry|experiment|trial|versuch|probe|lauf|essai"
)
"""Names of a column that may count the rows."""

LEFT_OUT = {
    "nameless": "no name of its own, so left out as an index",
    "planner": "bookkeeping of a planner, left out",
    "counter": "numbers the rows, so left out as an index; features= keeps it",
    "pending": "holds PENDING: an outcome, left out",
}
"""Why a column is left out that no option names."""


class Roles:
    """Which column is the label and which are features, as the options and the names tell."""

    def __init__(self, columns: Columns, reading: Reading) -> None:
        self.columns, self.reading = columns, reading
        single = [name for name in (reading.target, reading.index) if name is not None]
        for name in [*single, *(reading.features or ()), *reading.drop, *reading.categories]:
            if name not in columns.cells:
                hint = " For labels that are still to come, add an empty column."
                raise InputError(
                    f"{columns.file} has no column {listed([name])}{closest(name, columns.cells)} "
                    f"Its columns are {listed(columns.cells)}.{hint * (name == reading.target)}"
                )
        self.aside = {name for name in columns.cells if self._is_aside(name)}
        self.pending = {name for name in columns.cells if self._is_pending(name)}
        self.outcomes = {name for name in columns.cells if self._is_outcome(name)}
        self.guessed = False
        """Whether the label is the last column only because nothing says which it is."""
        self.target = self._target()
        self.index = reading.index
        """The column that names the rows."""
        self._one_each()

    def _is_aside(self, name: str) -> bool:
        known = NAMELESS.fullmatch(name) or BOOKKEEPING.fullmatch(name.lower())
        return bool(known) or name in self.columns.index

    def _is_pending(self, name: str) -> bool:
        """Return whether a cell of a column is pending."""
        if name in self.columns.numbers:
            return False
        column = self.columns.cells[name]
        if column is None or not pa.types.is_string(column.type):
            return False
        return bool(pc.any(pc.match_substring_regex(column, r"^\s*PENDING\s*$")).as_py())

    def _is_outcome(self, name: str) -> bool:
        """Return whether a column is named like an outcome or its error, or has a pending cell."""
        if name in self.aside:
            return False
        spaced = re.sub(r"(?<=[a-zß-ÿ])(?=[A-Z])", " ", name)  # productYield
        words = [word.lower() for word in re.findall(r"[^\W\d_]+", spaced)]
        spread = len(words) > 1 and words[-1] in ("std", "sd", "sem", "stderr")
        return spread or any(map(OUTCOME.fullmatch, words)) or name in self.pending

    def _target(self) -> str:
        """Return the label column: the one named, that of a config.json, an outcome, or the last."""
        columns, reading = self.columns, self.reading
        if reading.target is not None:
            return reading.target
        taken = {*reading.drop, *(reading.features or ()), *reading.categories, reading.index}
        left = [name for name in columns.cells if name not in taken and name not in self.aside]
        if columns.goal is not None and columns.goal[0] in left:
            return columns.goal[0]
        if not left:
            raise InputError(
                f"{columns.file} has no column left for the label; name it as target=."
            )
        outcomes = [name for name in left if name in self.outcomes]
        if len(outcomes) > 1:
            raise InputError(
                f"{columns.file} has several outcomes: {listed(outcomes)}. Name one as target=, and "
                "the others in drop=."
            )
        target = outcomes[0] if outcomes else left[-1]
        self.guessed = not outcomes
        columns.notes.append(f"no target was named: it is {listed([target])}")
        return target

    def _one_each(self) -> None:
        """Refuse a column that is named twice, or in two roles that exclude each other."""
        reading = self.reading
        taken: dict[str, str] = {}
        for role, names in (
            ("target", (self.target,)),
            ("features", reading.features or ()),
            ("drop", reading.drop),
            ("index", () if reading.index is None else (reading.index,)),
        ):
            for name in names:
                if name in taken:
                    raise InputError(
                        f"Column {listed([name])} is named as {taken[name]}= and as {role}=."
                    )
                taken[name] = role
        for name in reading.categories:
            if taken.get(name, "features") != "features":
                raise InputError(
                    f"Column {listed([name])} is named as categories= and as {taken[name]}=."
                )
            if reading.features is not None and name not in reading.features:
                raise InputError(
                    f"Column {listed([name])} is named as categories= but not in features=."
                )

    def features(self, problems: Problems) -> list[str]:
        """Return the feature columns, and note which columns are none."""
        columns, reading = self.columns, self.reading
        known = {self.target, *reading.drop, reading.index}
        left = [name for name in columns.cells if name not in known]
        if reading.features is not None:
            if others := [name for name in left if name not in reading.features]:
                columns.notes.append(f"not named as features, so left out: {listed(others)}")
            return list(reading.features)
        kinds = {name: self._kind(name) for name in left}
        for kind, why in LEFT_OUT.items():
            if names := [name for name in left if kinds[name] == kind]:
                columns.notes.append(f"{listed(names)}: {why}")
            if self.index is None and kind in ("nameless", "counter"):
                self.index = next(filter(self._tells_rows_apart, names), None)
        if outcomes := [name for name in left if kinds[name] == "outcome"]:
            why = "named like an outcome, which is not known beforehand"
            problems.columns(outcomes, why, "features")
        return [name for name in left if kinds[name] == "feature"]

    def _kind(self, name: str) -> str:
        """Return what a column is if no option names it: a feature, an outcome, or left out."""
        if name in self.reading.categories:
            return "feature"
        if name in self.aside:
            return "planner" if BOOKKEEPING.fullmatch(name.lower()) else "nameless"
        if name in self.pending:
            return "pending"
        if name in self.outcomes:
            return "outcome"
        return "counter" if self._counts_rows(name) else "feature"

    def _tells_rows_apart(self, name: str) -> bool:
        """Return whether the cells of a column are numbers, and no two the same."""
        values, bad, _ = Conversion(self.columns, ".", None, Problems()).numbers(name, ())
        return not (bad.any() or np.isnan(values).any()) and len(np.unique(values)) == len(values)

    def _counts_rows(self, name: str) -> bool:
        """Return whether a column is named like a row number and counts the rows."""
        if not COUNTER.fullmatch(name.strip("# ._").lower()) or len(self.columns.rows) < 2:
            return False
        values, bad, _ = Conversion(self.columns, ".", None, Problems()).numbers(name, ())
        if bad.any() or np.isnan(values).any():
            return False
        ordered = np.sort(values)
        return bool(ordered[0] in (0, 1) and (np.diff(ordered) == 1).all())
