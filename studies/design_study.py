"""A study of a design: which setting of an experiment tells most about unknown parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..agents import make
from ..agents.making import full_text
from ..envs.core import InputError, closest, shown
from ..envs.core.checks import integer, real
from ..envs.design.design import DesignModel
from ..envs.design.simulator_design import SimulatorDesign
from ..envs.pools.status import Status
from .course import Course, Experiment
from .episode import Episode, Parameter
from .journal import Event, Journal, path_of
from .kept import KeptStudy, agree, start_of
from .measured import DataFile, Measured, outcome_of
from .problem import DesignProblem, changes, seen_from

AGENT = "greedy_eig"
"""Who chooses by default: the setting whose data are expected to tell most, one round ahead."""
SAME = 1e-6
"""Part of a knob's range below which two settings are the same."""


@dataclass(frozen=True)
class Suggestion:
    """The next experiment.

    Args:
        id: Its id.
        values: The value of every knob.
        information: What it is expected to tell of the parameters, in nats; None where the agent was
            given the setting by the user (`DesignStudy.retry`).
    """

    id: str
    values: Mapping[str, float]
    information: float | None


class DesignStudy(KeptStudy):
    """A study of a design: settings are asked for, and data told, one experiment after the other.

    The next setting is a function of the journal and the problem: the agent is made anew for every
    question. It sees an episode whose rounds are the experiments that have data, in the order of their
    ids, and that ends with the budget; a failed experiment is a round less. Data may come from other
    settings than those that were asked for, and from other numbers of events: the likelihood takes
    them as they are.

    Args:
        journal: The journal, which has its first event.
        problem: The problem, if it was read already; None reads the file that the journal names.
    """

    kind = "design"
    most = 100_000

    def __init__(self, journal: Journal, problem: DesignProblem | None = None) -> None:
        super().__init__(journal)
        self.course = self._stand = Course()
        self.notes: list[str] = []
        """What a reader should know."""
        self.problem = self._read() if problem is None else problem
        self.episode = Episode(self.problem.model, self.start, self.course)
        """What the agent sees and believes."""
        self._follow()

    @classmethod
    def begin(
        cls,
        problem: Any,
        *,
        agent: str | None = None,
        budget: int | None = None,
        seed: int | None = None,
        journal: str | Path | None = None,
        episode: int | None = None,
    ) -> DesignStudy:
        """Begin a study of a design problem, or go on with it.

        Args:
            problem: A file, see `studies.problem`, or a `DesignModel`.
            agent: Who chooses, as in `agents.make`; None: "greedy_eig".
            budget: Number of experiments; None: the horizon of the model. It may be raised later.
            seed: Seed of what is random in choices; None: 0.
            journal: The journal; None: beside ``my.toml`` it is ``my.study.jsonl``, and without a file
                there is none, but in memory.
            episode: Number of the episode that the choices are those of, see `Agent.episode`.

        Raises:
            InputError: An option contradicts the journal, or data no longer mean what they meant.
        """
        found = DesignProblem.of(problem)
        log = Journal(found.journal if journal is None else path_of(journal))
        if not log.events:
            text = full_text(AGENT if agent is None else agent)
            start = start_of(
                "design",
                agent=text,
                seed=integer("seed", 0 if seed is None else seed, low=0),
                budget=integer("budget", budget or found.model.horizon, low=1, high=cls.most),
                options={"episode": integer("episode", episode or 0, low=0)},
                problem=found.record(),
                form=found.form(),
                file=seen_from(found.path, log.path),
            )
            make(text, found.model)  # complain about the agent before anything is written
            with log.writing():
                if not log.events:
                    log.append(start)
        study = cls(log, found)
        agree("agent", None if agent is None else full_text(agent), study.start["agent"])
        agree("seed", seed, study.start["seed"])
        agree("episode", episode, study.start["options"]["episode"])
        study._check_problem()
        if budget is not None:
            study.budget = budget
        return study

    def _read(self) -> DesignProblem:
        """Return the problem that the journal names."""
        path = self.journal.path
        file = self.start.get("file")
        if not isinstance(file, str) or path is None:
            raise InputError(
                "This study is about a model that was at hand in Python: go on with it by "
                "Study.design(model, journal=...)."
            )
        return DesignProblem.of(path.parent / file)

    def _check_problem(self) -> None:
        """Refuse a problem in which the data mean something else; keep any other change."""
        form, now = self.start["form"], self.problem.form()
        for name, before in form.items():
            if now[name] != before:
                raise InputError(
                    f"The study began with {name} = {shown(before)}, and now it is {shown(now[name])}: "
                    "its data would mean something else. Put it back, or begin another study with "
                    "--journal."
                )
        record = self.problem.record()
        with self.journal.writing():
            self._follow()
            before = [e["problem"] for e in self.journal.events if "problem" in e][-1]
            if record != before:
                self._write({"do": "problem", "problem": record})
                self.notes += changes(before, record)

    # ---- what is here

    @property
    def rounds(self) -> list[Experiment]:
        """The experiments that have data, by id."""
        return self.course.of(Status.HERE)

    @property
    def in_flight(self) -> list[Experiment]:
        """The experiments whose data are still to come, by id."""
        return self.course.of(Status.FLYING)

    @property
    def status(self) -> dict[str, Status]:
        """The status of every experiment, by id."""
        return {name: one.status for name, one in self.course.experiments.items()}

    def values(self, name: str) -> dict[str, float]:
        """Return the setting of an experiment, by the names of the knobs."""
        return self.episode.named(self._experiment(name).setting)

    # ---- asking

    def ask(self, n: int = 1, more: bool = False) -> list[Suggestion]:
        """Return the next experiment, as a list of one; it is in the journal before this returns.

        What is in flight is returned again, and nothing is written.

        Args:
            n: 1: what the next setting should be depends on the data of this one.
            more: False, likewise.

        Raises:
            InputError: The budget is spent; or more than one is asked for.
        """
        if n != 1 or more:
            raise InputError(
                "A design is decided one experiment after the other, for the next setting depends on "
                "the data of this one. Ask for one; data of settings of your own can be told at any "
                "time."
            )
        self.journal.refresh()
        self._follow()
        self.episode.prepare()  # may take long; others may write meanwhile
        with self.journal.writing():
            self._follow()
            if flying := self.in_flight:
                return [self._suggestion(one) for one in flying]
            self._check_left()
            name, (setting, information) = self.course.next_id(), self.episode.choice()
            told = {"settings": {name: setting}, "information": {name: information}}
            self._write({"do": "ask", "ids": [name], "decisions": 1, **told})
            return [self._suggestion(self.course.experiments[name])]

    def _check_left(self) -> None:
        if self.left < 1:
            raise InputError(
                f"The budget of {self.budget} experiments is spent; raise it to {self.spent + 1}: "
                f"study.budget = {self.spent + 1}, or --budget {self.spent + 1}."
            )

    def _suggestion(self, one: Experiment) -> Suggestion:
        return Suggestion(one.id, self.episode.named(one.setting), one.information)

    # ---- telling

    def tell(self, which: Any, data: Any = None, *, counts: bool = False) -> list[str]:
        """Tell the data of experiments; when this returns, they are in the journal.

        Args:
            which: The id of an experiment, or a setting of your own, ``{"phi": 42}``; or several at
                once, ``{id: data}``.
            data: Where data are histograms, the events, as many as there are; else the numbers of one
                experiment.
            counts: Whether the data are counts of bins rather than events.

        Returns:
            The ids of the experiments.

        Raises:
            InputError: An unknown id, one that has data, a setting out of range, impossible data.
        """
        several = which if data is None and isinstance(which, Mapping) else None
        pairs = [(which, data)] if several is None else list(several.items())
        told = [(one, outcome_of(self.model, value, counts=counts)) for one, value in pairs]
        return self._tell(told)

    def tell_file(self, path: str | Path, *, again: bool = False) -> list[str]:
        """Tell the data of a file: columns of settings, and of data; see `DataFile.read`.

        A file that begins with rows that were told before goes on from there.

        Args:
            path: The file.
            again: Take all of its rows as new, whatever was told before.

        Returns:
            The ids of the experiments that are new.
        """
        file = DataFile.read(Path(path), self.model)
        rows = len(file.data)
        self.journal.refresh()
        self._follow()
        heads = [(n, digest) for n, digest in self.course.heads if n <= rows and not again]
        start = max((n for n, digest in heads if file.digest(n) == digest), default=0)
        measured = file.after(start, self.model)
        if not measured:
            raise InputError(
                f"All {rows} rows of {path} were told before; --again tells them as new data."
            )
        head = {"rows": rows, "digest": file.digest(rows)}
        return self._tell([(self._target(one), one.outcome) for one in measured], head)

    def data_of(self, path: str | Path) -> tuple[float, ...]:
        """Return the data in a file of one experiment, as counts where they are histograms."""
        found = DataFile.read(Path(path), self.model).after(0, self.model)
        if len(found) != 1:
            raise InputError(
                f"{path} tells of {len(found)} experiments; tell it without an id, with the columns "
                f"{', '.join(self.model.knobs)}."
            )
        return found[0].outcome

    def _target(self, one: Measured) -> Any:
        """Return what data are of: a setting, or the experiment in flight."""
        if one.setting is not None:
            return self.episode.named(one.setting)
        flying = self.in_flight
        if len(flying) != 1:
            raise InputError(
                f"The file has no columns of settings ({', '.join(self.model.knobs)}), and "
                f"{len(flying)} experiments are in flight; add the columns, or tell ID=FILE."
            )
        return flying[0].id

    def _tell(
        self, told: Sequence[tuple[Any, tuple[float, ...]]], head: Event | None = None
    ) -> list[str]:
        with self.journal.writing():
            self._follow()
            outcomes: dict[str, Any] = {}
            own: list[tuple[float, ...]] = []
            for which, outcome in told:
                if isinstance(which, Mapping):
                    setting = self._setting(which)
                    name = self._in_flight(setting, outcomes)
                    if name is None:
                        name = self.course.next_id(len(own))
                        own.append(setting)
                else:
                    name = self._without_data(which, outcomes)
                    setting = self.course.experiments[name].setting
                outcomes[name] = {"setting": list(setting), "data": list(outcome)}
            self._write({"do": "tell", "outcomes": outcomes, **(head or {})})
        return list(outcomes)

    def _in_flight(self, setting: tuple[float, ...], told: Mapping[str, Any]) -> str | None:
        """Return the id of the experiment in flight with a setting."""
        same = (one.id for one in self.in_flight if one.id not in told and one.setting == setting)
        return next(same, None)

    def _without_data(self, which: Any, told: Mapping[str, Any]) -> str:
        one = self._experiment(which)
        if one.status == Status.HERE or which in told:
            raise InputError(
                f"Experiment {which} has data already. Another run at its setting is an experiment of "
                f"its own: tell it with its setting. To replace the data: correct({which!r}, data), or "
                f"tell {which}=FILE --correct."
            )
        if one.status == Status.WITHDRAWN:
            raise InputError(
                f"Experiment {which} is withdrawn; retry({which!r}), or tell {which}=retry, "
                "takes it back."
            )
        return one.id

    def failed(self, name: str, why: str = "") -> None:
        """Tell that an experiment gave no data; its setting may be asked for again.

        Where failing is an outcome of the simulator, it tells something, and is kept as data.
        """
        with self.journal.writing():
            self._follow()
            one = self._experiment(name)
            if one.status != Status.FLYING:
                raise InputError(f"Experiment {name} is {one.status.word}, not in flight.")
            told: dict[str, Any] = {"failed": {name: str(why)}}
            if isinstance(self.model, SimulatorDesign) and self.model.on_failure == "outcome":
                failed = self.model.data(None).tolist()
                told = {"outcomes": {name: {"setting": list(one.setting), "data": failed}}}
            self._write({"do": "tell", **told})

    def correct(self, name: str, data: Any, *, counts: bool = False) -> None:
        """Replace the data of an experiment."""
        outcome = outcome_of(self.model, data, counts=counts)
        with self.journal.writing():
            self._follow()
            if self._experiment(name).status != Status.HERE:
                raise InputError(
                    f"Experiment {name} has no data to correct: it is {self.status[name].word}."
                )
            self._write({"do": "correct", "outcomes": {name: {"data": list(outcome)}}})

    # ---- what is believed

    @property
    def model(self) -> DesignModel[Any]:
        """The problem with the rounds that there can be and all settings that were tried."""
        return self.episode.model

    def posterior(self) -> dict[str, Parameter]:
        """Return what is believed of every parameter after all data, by name."""
        return self.episode.posterior()

    def misfit(self) -> float | None:
        """Return the p-value of the predictive check, None without data.

        It is how often data of the model fit it no better: below 0.01 they do not look alike.
        """
        return self.episode.misfit()

    # ---- checks, and the journal

    def _experiment(self, name: Any) -> Experiment:
        found = self.course.experiments.get(name) if isinstance(name, str) else None
        if found is None:
            known = list(self.course.experiments)
            near = closest(name, known) if isinstance(name, str) else "; ids are texts."
            raise InputError(
                f"There is no experiment {shown(name)}{near} There are {', '.join(known) or 'none yet'}."
            )
        return found

    def _setting(self, given: Mapping[Any, Any]) -> tuple[float, ...]:
        """Return a setting as observations hold it, or that in flight if it is the same."""
        knobs = self.model.knobs
        for name in given:
            if name not in knobs:
                near = closest(name, knobs) if isinstance(name, str) else "."
                raise InputError(f"{shown(name)} is no setting{near} They are {', '.join(knobs)}.")
        if missing := [name for name in knobs if name not in given]:
            raise InputError(f"A setting needs all of {', '.join(knobs)}; {missing[0]} is missing.")
        exact = [real(name, given[name], low=low, high=high) for name, (low, high) in knobs.items()]
        width = np.array([high - low for low, high in knobs.values()])
        for one in self.in_flight:
            if (np.abs(np.array(one.setting) - exact) <= SAME * width).all():
                return one.setting
        return tuple(np.array(exact, np.float32).tolist())

    def _state(self, name: Any) -> Status:
        return self._experiment(name).status
