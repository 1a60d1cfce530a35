"""A study of a pool: which conditions to measure next, of those that could be."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..envs.core import InputError, closest, shown
from ..envs.core.arrays import Single
from ..envs.core.checks import integer
from ..envs.datasets import Reading, Table
from ..envs.pools.status import Status
from .answers import Found, Posterior, Question
from .beginning import Options
from .choosing import Pool
from .journal import Event, Journal, path_of
from .kept import KeptStudy
from .progress import Progress
from .sheet import Cell, News, Sheet, going_on, news, written
from .source import Source
from .telling import check_failed, label_of, labels_of, place_of, reason


class PoolStudy(KeptStudy):
    """A study of a pool.

    Args:
        journal: The journal, which has its first event.
        table: The table, if it was read already; None reads it again.
        source: Where the table is; None: where it was when the journal last named it.
        reading: How the file is written, where that has changed.
        pool: The pool that the first event makes, if it was made already.
    """

    kind = "pool"

    def __init__(
        self,
        journal: Journal,
        table: Table | None = None,
        source: Source | None = None,
        reading: Reading | None = None,
        pool: Pool | None = None,
    ) -> None:
        super().__init__(journal)
        self.news = News()
        """What stood in the file that was new when it was looked at last."""
        self.added: tuple[str, ...] = ()
        """The items that were new in it, by their ids."""
        self._table, self._given, self._written = table, source, reading
        self._progress = self._stand = Progress(lambda name: self.sheet.number[name])
        self._follow(pool)

    @classmethod
    def begin(
        cls,
        source: Any,
        *,
        target: str | None = None,
        agent: str | None = None,
        budget: int | None = None,
        seed: int | None = None,
        journal: str | Path | None = None,
        plate: int = 1,
        **options: Any,
    ) -> PoolStudy:
        """Begin a study of a pool, or go on with it, and take in what the file tells.

        Args:
            source: A file, the name of a data set, a `Table`, or factors: a dict from names to levels,
                or texts such as ``["ligand=a,b", "T=40,60"]``; all combinations are then conditions.
            target: The label column.
            agent: Who chooses, as in `agents.make`; None: "bayes_ucb".
            budget: Number of labels; None: those in the file and int(0.2 n) + 1, or the first plate.
            seed: Seed of what is random in choices; None: 0.
            journal: The journal; None: beside ``my.csv`` it is ``my.study.jsonl``, and without a file
                there is none, but in memory.
            plate: Size of the first plate.
            **options: ``same``, a column whose value all items of one question share, such as the
                temperature of a plate; ``outcomes``, the two values that labels may have, if they are
                failures and successes; ``failed_value="worst"``, if an experiment that failed counts
                as one with the worst label so far, rather than as one that tells nothing; ``scaling``
                of the features, as in `TablePool` ("l2"); ``episode``, see `Agent.episode` (0); and how
                a file is read, as in `datasets.load`.

        Raises:
            InputError: An option contradicts the journal, or the conditions have changed.
        """
        asked = Options.of(source, agent, budget, seed, plate, {"target": target, **options})
        path = asked.source.journal if journal is None else path_of(journal)
        log = Journal(path)
        if not log.events:
            start, pool = asked.start(path)
            with log.writing():
                if not log.events:
                    log.append(start)
                    study = cls(log, None, asked.source, pool=pool)
                    study._read(asked.source, pool.sheet.table)
                    return study
        study = cls(log, None, asked.source, asked.reading)
        asked.check(study.start, study.budget)
        study.extend(asked.source)
        return study

    # ---- what it is about

    @property
    def agent(self) -> str:
        """Who chooses."""
        return str(self.start["agent"])

    @property
    def target(self) -> str:
        """The name of the label."""
        return self.sheet.table.target

    @property
    def unit(self) -> str:
        """The unit of the label, where it is known."""
        return self.sheet.table.unit

    @property
    def minimise(self) -> bool:
        """Whether less is better."""
        return self.sheet.table.minimise

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of what is set in an item."""
        return tuple(one.name for one in self.sheet.table.settings)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know: what was decided in reading the file, another version."""
        return (*self.sheet.table.notes, *self.other_version)

    @property
    def features(self) -> Single:
        """The features of all items as the agent sees them, ``(n, d)``, read-only."""
        return self._pool.features

    # ---- what is here

    @property
    def ids(self) -> Sequence[str]:
        """The ids of all items."""
        return self.sheet.ids[: len(self._progress.status)]

    @property
    def status(self) -> dict[str, Status]:
        """The status of every item, by id."""
        states = map([*Status].__getitem__, self._progress.status.tolist())
        return dict(zip(self.ids, states, strict=True))

    @property
    def arrived(self) -> list[tuple[str, float]]:
        """The labels that count, each with the id of its item, in the order in which they came."""
        return [(self.sheet.ids[item], label) for item, label in self._progress.arrived]

    @property
    def labels(self) -> dict[str, list[float]]:
        """The same by id."""
        found: dict[str, list[float]] = {}
        for name, label in self.arrived:
            found.setdefault(name, []).append(label)
        return found

    @property
    def failures(self) -> dict[str, str]:
        """The items whose experiments failed, by id, and why."""
        return {self.sheet.ids[item]: why for item, why in self._progress.failed.items()}

    def values(self, ids: Sequence[str]) -> list[dict[str, Cell]]:
        """Return what is set in some items, by the names of the columns."""
        return self.sheet.values([self._item(name) for name in ids])

    def posterior(self) -> Posterior:
        """Return what is believed about all items, given the labels that are here."""
        belief, sign = self._pool.belief(self._progress), self._pool.sign
        return Posterior(self.ids, sign * belief.mean()[0], belief.std()[0].copy())

    def best(self, k: int = 1) -> list[Found]:
        """Return the k items of the best mean labels, the best first; fewer if there are not so many."""
        k, labels = integer("k", k, low=1), self.labels
        means = {name: float(np.mean(several)) for name, several in labels.items()}
        names = sorted(means, key=lambda name: -self._pool.sign * means[name])[:k]
        if not names:
            return []
        items, believed = [self._item(name) for name in names], self.posterior()
        return [
            Found(
                id=name,
                values=values,
                label=means[name],
                count=len(labels[name]),
                mean=float(believed.mean[item]),
                std=float(believed.std[item]),
            )
            for name, item, values in zip(names, items, self.sheet.values(items), strict=True)
        ]

    # ---- asking

    def ask(self, n: int = 1, more: bool = False) -> list[Question]:
        """Return the next conditions to measure; they are in the journal before this returns.

        Args:
            n: How many.
            more: Choose further ones while some are in flight; otherwise these are returned again.

        Raises:
            InputError: Not so many labels are left, or not so many items.
        """
        n = integer("n", n, low=1)
        with self.journal.writing():
            self._follow()
            if self._progress.flying and not more:
                return self.flying()
            self._progress.check_left(n)
            items, decisions = self._pool.choose(n, self._progress)
            questions = self._questions(items)
            ids = [question.id for question in questions]
            self._write({"do": "ask", "ids": ids, "decisions": decisions})
            return questions

    def flying(self) -> list[Question]:
        """Return what is in flight, in the order in which it was chosen."""
        return self._questions(self._progress.flying)

    def _questions(self, chosen: Sequence[int]) -> list[Question]:
        if not chosen:
            return []
        items, pool, progress = np.array(chosen), self._pool, self._progress
        belief = pool.belief(progress)
        parts = (
            [self.sheet.ids[item] for item in chosen],
            self.sheet.values(chosen),
            (pool.sign * belief.mean()[0, items]).tolist(),
            belief.std()[0, items].tolist(),
            pool.chances(items, progress).tolist(),
            pool.reasons(items, progress),
        )
        return [Question(*row) for row in zip(*parts, strict=True)]

    # ---- telling

    def tell(
        self,
        labels: str | Mapping[str, float | Sequence[float]],
        value: float | Sequence[float] | None = None,
        *,
        failed: Mapping[str, str] | None = None,
    ) -> None:
        """Tell a label, or many at once: all of them are taken, or none.

        An item that has labels already has one more. Items that were not asked may be told, too.

        Args:
            labels: The id of an item; or labels by id, a number or several each.
            value: The label of that item.
            failed: Items whose experiments gave no label, by id, and why.

        Raises:
            InputError: There is no such item, or a label is no finite number.
        """
        told: Any = {labels: value} if isinstance(labels, str) else labels
        for one in (told, failed or {}):
            if not isinstance(one, Mapping):
                raise InputError(
                    f"Tell an id and what came of it, or a dict of them; got {shown(one)}."
                )
        with self.journal.writing():
            self._follow()
            outcomes = self._outcomes
            values = {self._known(name): labels_of(name, told[name], outcomes) for name in told}
            whys = {self._known(name): reason(name, why) for name, why in (failed or {}).items()}
            for name in whys:
                check_failed(name, self._progress.labels(self._item(name)), name in values)
            if values or whys:
                self._write({"do": "tell", "labels": values, "failed": whys})

    def failed(self, name: str, why: str = "") -> None:
        """Tell that an experiment gave no label. The item is not offered again until `retry`."""
        self.tell({}, failed={name: why})

    def correct(
        self,
        labels: str | Mapping[str, float],
        value: float | None = None,
        which: int | None = None,
    ) -> None:
        """Replace a label that was wrong, or several.

        Args:
            labels: The id of an item; or what is right by id.
            value: What is right for that item.
            which: Which of its labels, counted from 1; None where there is one.
        """
        told: Mapping[str, Any] = {labels: value} if isinstance(labels, str) else labels
        with self.journal.writing():
            self._follow()
            here = {name: self._progress.labels(self._item(name)) for name in told}
            places = {name: place_of(name, labels, which) for name, labels in here.items()}
            right = {name: label_of(name, told[name], self._outcomes) for name in told}
            for name, place in places.items():
                self._write({"do": "correct", "id": name, "value": right[name], "which": place})

    def extend(self, source: Any) -> tuple[News, tuple[str, ...]]:
        """Take in what is new in a table: conditions, and labels that stand in it.

        Args:
            source: The whole table, with the old conditions and new ones, as in `begin`.

        Returns:
            The labels that were new, and the new items by their ids.

        Raises:
            InputError: An item is gone, or was changed.
        """
        found = Source.of(source)
        table = found.read(self._reading)
        with self.journal.writing():
            self._follow()
            self._read(found, table)
        return self.news, self.added

    def _read(self, source: Source, table: Table) -> None:
        """Take in what is new in a table. Only inside `Journal.writing`."""
        before, sheet = len(self._progress.status), self.sheet
        if table is not sheet.table:
            sheet = Sheet.of(table, self._record)
        self.added = tuple(sheet.ids[before:])
        if self.added or self._how != self._stored:
            count = len(sheet.ids)
            pool = Pool(self.start, sheet, count)  # what cannot be played is refused here
            found = {"reading": self._how, "source": source.to_json(self.journal.path)}
            self.journal.append({"do": "extend", "count": count, "table": sheet.record(), **found})
            self._follow(pool)
        states = {name: self._state(name) for name in sheet.failed}
        self.news = new = news(sheet, self.journal.events, self.labels, states)
        if new:
            outcomes = self._outcomes
            labels = {name: labels_of(name, found, outcomes) for name, found in new.labels.items()}
            corrected = {
                name: [[old, label_of(name, now, outcomes)] for old, now in pairs]
                for name, pairs in new.corrected.items()
            }
            event = {"do": "tell", "file": new.file, "labels": labels, "corrected": corrected}
            self._write({**event, "failed": dict.fromkeys(new.failed, "")})

    # ---- checks of what is told

    @property
    def _outcomes(self) -> Sequence[float] | None:
        return self.start["options"]["outcomes"]  # type: ignore[no-any-return]

    def _item(self, name: Any) -> int:
        """Return the number of an item by its id."""
        item = self.sheet.number.get(name) if isinstance(name, str) else None
        if item is None or item >= len(self._progress.status):
            known = self.ids
            near = closest(name, known[:10_000]) if isinstance(name, str) else "."
            raise InputError(
                f"There is no item {shown(name)}{near} Items are called by texts, from {known[0]!r} to "
                f"{known[-1]!r}."
            )
        return item

    def _state(self, name: Any) -> Status:
        return Status(self._progress.status[self._item(name)])

    def _known(self, name: Any) -> str:
        return self.sheet.ids[self._item(name)]

    # ---- from the journal

    def _follow(self, pool: Pool | None = None) -> None:
        """Take in new events; the pool is that of the last items, if it was made already."""
        events = self.journal.events
        items = [i for i, one in enumerate(events) if one["do"] in ("start", "extend")][-1]
        if items >= self._taken:
            with self._at_line(items):
                self._take_items(events[items], pool)
        super()._follow()

    def _take_items(self, event: Event, pool: Pool | None) -> None:
        """Find the items of the study in its table, which is read where they are not at hand."""
        self._record = event["table"]
        self._source = self._given or Source.from_json(event["source"], self.journal.path)
        self._stored = event.get("reading", self.start["options"]["reading"])
        self._how = {**self._stored, **written(self._written)}
        self._reading = going_on(Reading(**self._how), self._record)
        self._pool = pool or Pool(self.start, self._found(), event["count"])
        self.sheet = self._pool.sheet
        self._table = self.sheet.table

    def _found(self) -> Sheet:
        with contextlib.suppress(InputError):  # another process may have extended it
            if self._table is not None:
                return Sheet.of(self._table, self._record)
        return Sheet.of(self._source.read(self._reading), self._record)
