"""Studies of pools, told late, in part, wrong, as failed, and what nobody asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from discovery_gym import InputError
from discovery_gym.envs.datasets import load
from discovery_gym.studies import Status, Study
from discovery_gym.studies.journal import Journal
from discovery_gym.studies.pool_study import PoolStudy

ROWS = [
    "A,0,20",
    "A,1,20",
    "A,2,40",
    "B,0,20",
    "B,1,40",
    "B,2,40",
    "C,0,20",
    "C,1,40",
    "C,2,60",
    "C,3,60",
]


def written(path: Path, rows: list[str], labels: dict[int, str] | None = None) -> Path:
    """Write conditions, most of them without a label."""
    found = labels or {}
    lines = [f"{row},{found.get(i, '')}" for i, row in enumerate(rows)]
    path.write_text("\n".join(["base,eq,T,yield", *lines, ""]))
    return path


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A file of ten conditions without labels."""
    return written(tmp_path / "my.csv", ROWS)


def begun(table: Path, **options: Any) -> PoolStudy:
    return Study.pool(table, **{"budget": 8} | options)


def asked(study: PoolStudy, n: int = 1, more: bool = False) -> list[str]:
    return [question.id for question in study.ask(n, more)]


def same_as(one: PoolStudy, other: PoolStudy) -> None:
    """Hold one posterior to another, number by number."""
    assert one.posterior().mean.tolist() == other.posterior().mean.tolist()
    assert one.posterior().std.tolist() == other.posterior().std.tolist()


def test_first_question(table: Path) -> None:
    """It is in the journal before it is returned, and names what to set."""
    study = begun(table)
    (question,) = study.ask()
    assert study.journal.path == table.with_name("my.study.jsonl")
    assert Journal(study.journal.path).events[-1]["ids"] == [question.id]
    assert question.values == dict(
        zip(
            ("base", "eq", "T"), load(table).values([int(question.id) - 1])[0].values(), strict=True
        )
    )
    assert 0 <= question.chance <= 1
    assert question.why.startswith("explore")
    assert study.status[question.id] == Status.FLYING
    assert (study.spent, study.left, study.budget) == (1, 7, 8)


def test_an_open_plate_is_asked_again(table: Path) -> None:
    """Nothing is written, and it says the same; `more` asks on."""
    study = begun(table)
    plate, head = study.ask(3), study.journal.head
    assert study.ask(3) == study.ask() == plate == begun(table).ask(2)
    assert study.journal.head == head
    more = study.ask(2, more=True)
    assert not {one.id for one in plate} & {one.id for one in more}
    assert study.ask() == [*begun(table).ask()]
    assert [one.id for one in study.ask()] == [one.id for one in (*plate, *more)]


def test_in_flight_conditions_the_covariance(table: Path) -> None:
    """What is chosen beside an item in flight is what a batch of both would have been."""
    one_by_one, together = begun(table), begun(table, journal=table.with_name("b.jsonl"))
    found = [asked(one_by_one, more=True)[0] for _ in range(4)]
    assert found == asked(together, 4)  # bayes_ucb draws nothing
    before = one_by_one.posterior()
    assert (
        before.mean.tolist()
        == begun(table, journal=table.with_name("c.jsonl")).posterior().mean.tolist()
    )


def test_late_out_of_order_partial(table: Path) -> None:
    """The order in which labels come decides nothing but the last digits."""
    studies = [begun(table, journal=table.with_name(f"{i}.jsonl")) for i in range(3)]
    plates = [asked(study, 3) for study in studies]
    assert plates[0] == plates[1] == plates[2]
    labels = {name: 10.0 * i for i, name in enumerate(plates[0])}
    studies[0].tell(labels)
    for name in plates[0]:
        studies[1].tell(name, labels[name])
    for name in reversed(plates[0]):
        studies[2].tell(name, labels[name])
        assert studies[2].status[name] == Status.HERE
        if name != plates[0][0]:
            assert asked(studies[2], 3) == plates[0][: plates[0].index(name)]
    same_as(studies[0], studies[1])
    for study in studies[1:]:
        np.testing.assert_allclose(study.posterior().mean, studies[0].posterior().mean, atol=1e-5)
    assert len({tuple(asked(study, 2)) for study in studies}) == 1


def test_own_choices_and_replicates(table: Path) -> None:
    """They condition the belief, and an item that was told is not offered."""
    study = begun(table)
    study.tell({"1": [61.0, 63.0], "9": 80.0})
    study.tell("1", 65.0)
    assert study.labels == {"1": [61.0, 63.0, 65.0], "9": [80.0]}
    assert study.spent == 4
    found = study.best(5)
    assert [(one.id, one.label, one.count) for one in found] == [("9", 80.0, 1), ("1", 63.0, 3)]
    std = dict(zip(study.posterior().ids, study.posterior().std, strict=True))
    assert std["1"] < std["9"]
    offered = set(asked(study, 4))
    assert not offered & {"1", "9"}


@pytest.mark.parametrize("less", [False, True])
def test_failed_as_the_worst(table: Path, less: bool) -> None:
    """It is believed what is believed of a study in which the failed item was told the worst label."""
    options: dict[str, Any] = {"minimise": less, "budget": 9}
    study = begun(table, failed_value="worst", **options)
    plain = begun(table, journal=table.with_name("other.jsonl"), **options)
    first = asked(study, 3)
    assert first == asked(plain, 3)
    study.failed(first[0])  # no label yet: it tells nothing
    assert (
        study.posterior().std.tolist()
        == begun(table, journal=table.with_name("none.jsonl"), **options).posterior().std.tolist()
    )
    labels = {first[1]: 3.0, first[2]: 5.0}
    study.tell(labels)
    plain.tell(labels)
    plain.tell(first[0], 5.0 if less else 3.0)
    np.testing.assert_allclose(study.posterior().mean, plain.posterior().mean, atol=1e-12)
    assert asked(study, 2) == asked(plain, 2)
    assert study.status[first[0]] == Status.FAILED
    assert study.spent == plain.spent
    again = PoolStudy(Journal(study.journal.path))
    same_as(study, again)
    with pytest.raises(InputError, match="must be one of 'worst', got 'mean'"):
        begun(table, failed_value="mean", **options)


def test_a_journal_is_a_path(table: Path) -> None:
    """Anything else is named."""
    for call in (lambda: begun(table, journal=3), lambda: Study.open(3)):  # type: ignore[arg-type]
        with pytest.raises(InputError, match=r"A journal is the path of a file, .* got 3"):
            call()


def test_failed_is_never_offered(table: Path) -> None:
    """Until it is tried again; it counts as spent, and no label is made of it."""
    study = begun(table, budget=9)
    plate = asked(study, 3)
    before = study.posterior()
    study.failed(plate[0], "no conversion")
    study.tell(plate[1], 3.0)
    assert study.failures == {plate[0]: "no conversion"}
    assert study.spent == 3
    for _ in range(3):
        (name,) = asked(study, more=True)
        assert name != plate[0]
        study.tell(name, 5.0)
    assert study.status[plate[0]] == Status.FAILED
    study.retry(plate[0])
    assert study.status[plate[0]] == Status.FREE
    assert len(before.mean) == 10
    study.failed(plate[0])
    study.tell(plate[0], 7.0)  # it came after all
    assert study.failures == {}


def test_correct_is_as_if_it_had_been_told(table: Path) -> None:
    """The posterior is that of a study that was told the right label, bit for bit."""
    wrong, right = begun(table), begun(table, journal=table.with_name("b.jsonl"))
    for study, label in ((wrong, 16.2), (right, 61.2)):
        plate = asked(study, 3)
        study.tell({plate[0]: 30.0, plate[1]: label, plate[2]: 50.0})
        study.tell(plate[0], 31.0)
    wrong.correct(plate[1], 61.2)
    same_as(wrong, right)
    assert asked(wrong, 2) == asked(right, 2)
    with pytest.raises(InputError, match=r"2 labels \(30, 31\)"):
        wrong.correct(plate[0], 5.0)
    wrong.correct(plate[0], 32.0, which=2)
    assert wrong.labels[plate[0]] == [30.0, 32.0]
    same_as(wrong, begun(table))


def test_withdraw_is_as_if_it_had_not_been_told(table: Path) -> None:
    """And the item is not offered until it is tried again."""
    study, other = begun(table), begun(table, journal=table.with_name("b.jsonl"))
    for one in (study, other):
        one.tell({"1": 30.0, "5": 45.0})
    study.tell("8", 1000.0)
    study.withdraw("8")
    same_as(study, other)
    (flying,) = asked(study)
    study.withdraw(flying)  # a suggestion that the laboratory rejects
    assert study.status[flying] == Status.WITHDRAWN
    rest = asked(study, 6)
    assert not {flying, "8"} & set(rest)
    study.retry("8")
    assert study.status["8"] == Status.FREE
    with pytest.raises(InputError, match="failed or withdrawn; 8 is not asked"):
        study.retry("8")


def test_extend(table: Path) -> None:
    """Ids stay when a file is sorted and grows; labels typed into it are told."""
    study = begun(table)
    (first,) = study.ask()
    rows = [*ROWS, "D,1,20"]
    order = [10, 3, 9, 0, 1, 2, 8, 7, 6, 5, 4]
    place = order.index(int(first.id) - 1)
    written(table, [rows[i] for i in order], {place: "12.5", 0: "99"})
    again = begun(table)
    assert again.added == ("11",)
    assert again.ids == tuple(map(str, range(1, 12)))
    assert again.values(["11"])[0] == {"base": "D", "eq": 1.0, "T": 20.0}
    assert again.values([first.id])[0] == first.values
    assert again.labels == {first.id: [12.5], "11": [99.0]}
    assert study.ask(2) == again.ask(2)  # the other one reads it again
    same_as(study, again)
    head = again.journal.head
    assert begun(table).journal.head == head  # there is nothing new


@pytest.mark.parametrize(
    ("rows", "named"),
    [
        ([*ROWS[:3], "B,0,30", *ROWS[4:]], "4, column 'T': 20 has become 30"),
        ([*ROWS[:3], *ROWS[4:]], r"4 \(base=B, eq=0, T=20\) is gone"),
    ],
)
def test_changed_and_lost_rows_are_refused(table: Path, rows: list[str], named: str) -> None:
    """By the id of the item, and nothing is written."""
    head = begun(table).journal.head
    written(table, rows)
    with pytest.raises(InputError, match=named):
        begun(table)
    assert Journal(table.with_name("my.study.jsonl")).head == head


def test_budget(table: Path) -> None:
    """A question beyond it is refused and says how to go on; it can be raised."""
    study = Study.pool(table)
    assert study.budget == 3
    study.tell("1", 5.0)
    with pytest.raises(InputError, match=r"3 asked for, but only 2 .* study.budget = 4"):
        study.ask(3)
    study.ask(2)
    with pytest.raises(InputError, match="but only 0 of the budget"):
        study.ask(more=True)
    study.budget = 10
    assert Study.open(table.with_name("my.study.jsonl")).budget == 10  # type: ignore[union-attr]
    with pytest.raises(InputError, match="8 asked for, but only 7 of the budget"):
        study.ask(8, more=True)
    study.budget = 20
    with pytest.raises(InputError, match="8 asked for, but only 7 of the 10 items"):
        study.ask(8, more=True)
    assert len(study.ask(7, more=True)) == 7


MINE = """
import numpy as np

def mine(observation):
    left, decisions = int(observation["left"][0]), int(observation["decisions"][0])
    assert observation["action_mask"].sum() == 10 - (observation["labelled"] >= 0).sum()
    return np.array([left - 1, max(9 - decisions, 8)])
"""


def test_an_agent_of_your_own_knows_what_is_left(table: Path) -> None:
    """It is a function in a file, and its observation counts labels and decisions."""
    code = table.with_name("mine.py")
    code.write_text(MINE)
    study = begun(table, agent=f"{code}:mine", budget=5)
    assert asked(study, 2) == ["5", "10"]
    study.tell("5", 1.0)
    study.failed("10")
    study.budget = 8
    assert asked(study, 2) == ["6", "9"]
    with pytest.raises(InputError, match=r"mine.py:mine chose item 8 .9..*may not be chosen"):
        study.ask(2, more=True)


def test_one_value_per_plate(table: Path) -> None:
    """All items of a plate share it, and where no value has enough items it says so."""
    study = begun(table, same="T", agent="thompson", budget=10)
    seen = set()
    for n in (3, 3, 2):
        plate = study.ask(n)
        assert len({question.values["T"] for question in plate}) == 1
        assert not seen & {question.id for question in plate}
        seen |= {question.id for question in plate}
        study.tell({question.id: float(question.id) for question in plate})
    with pytest.raises(InputError, match="no value of 'T' has so many left"):
        study.ask(2)
    assert begun(table, same="T", agent="thompson", budget=10).ask(1) == study.ask(1)
    assert [event["decisions"] for event in study.journal.events if event["do"] == "ask"] == [
        2,
        2,
        2,
        1,
    ]
    with pytest.raises(InputError, match=r"same='t' is no column .* base, eq, T"):
        Study.pool(load(table), same="t")


def test_two_processes_ask_at_once(table: Path) -> None:
    """One waits for the other, and both get the same plate."""
    begun(table, agent="thompson")
    code = (
        "import sys; from discovery_gym.studies import Study; study = Study.pool(sys.argv[1]);"
        "sys.stdin.read(1); print(*[one.id for one in study.ask(3)])"
    )
    many = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(table)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for one in many:
        assert one.stdin is not None
        one.stdin.write("x")
        one.stdin.flush()
    found = {one.communicate(timeout=120)[0] for one in many}
    assert len(found) == 1
    assert len(found.pop().split()) == 3
    events = [event["do"] for event in Journal(table.with_name("my.study.jsonl")).events]
    assert events == ["start", "ask"]


@pytest.mark.parametrize(
    "given", [{"agent": "greedy"}, {"seed": 1}, {"budget": 9}, {"target": "eq"}]
)
def test_options_that_contradict_the_journal(table: Path, given: dict[str, Any]) -> None:
    """Both values are named."""
    study = begun(table, agent="thompson", seed=5)
    (name,) = given
    old = {"agent": "thompson", "seed": 5, "budget": 8, "target": "yield"}[name]
    with pytest.raises(InputError, match=f"{name}={old!r}.*{name}={given[name]!r}"):
        Study.pool(table, **given)
    assert Study.pool(table, **{name: old}).journal.head == study.journal.head  # type: ignore[arg-type]


BAD: list[tuple[Any, str]] = [
    (lambda study: study.tell("77", 1.0), "no item '77'"),
    (lambda study: study.tell({77: 1.0}), "no item 77"),
    (lambda study: study.tell("1", float("nan")), "failed\\('1'\\)"),
    (lambda study: study.tell("1", float("inf")), "label of 1"),
    (lambda study: study.tell("1", "61"), "label of 1"),
    (lambda study: study.tell("1", 1e39), "label of 1"),
    (lambda study: study.tell({"2": 5.0, "1": None}), "label of 1"),
    (lambda study: study.tell({"2": []}), "labels of 2"),
    (lambda study: study.tell({"2": 1.0}, failed={"2": ""}), "with a label and as failed"),
    (lambda study: study.failed("3"), r"3 has a label \(5\)"),
    (lambda study: study.correct("1", 5.0), "no label to correct"),
    (lambda study: study.correct("3", float("nan")), "label of 3"),
    (lambda study: study.correct("3", 5.0, which=2), "which"),
    (lambda study: study.retry("1"), "failed or withdrawn; 1 is not asked"),
    (lambda study: study.ask(0), "n must be"),
    (lambda study: study.ask(2.5), "n must be"),
    (lambda study: study.best(0), "k must be"),
    (lambda study: setattr(study, "budget", 0), "budget"),
]


@pytest.mark.parametrize(("wrong", "words"), BAD)
def test_what_is_wrong_is_refused_as_a_whole(table: Path, wrong: Any, words: str) -> None:
    """Nothing of it is written."""
    study = begun(table)
    study.tell("3", 5.0)
    before = table.with_name("my.study.jsonl").read_bytes()
    with pytest.raises(InputError, match=words):
        wrong(study)
    assert table.with_name("my.study.jsonl").read_bytes() == before
    assert study.labels == {"3": [5.0]}


@pytest.mark.parametrize(
    "agent", ["oracle", "optimal", "fixed", "nobody", "bayes_ucb(width=-1)", 5]
)
def test_agents_that_cannot_play(table: Path, agent: Any) -> None:
    """They are refused before anything is written, with those that can."""
    with pytest.raises(InputError) as error:
        begun(table, agent=agent)
    if agent in ("oracle", "optimal", "fixed"):
        assert "bayes_ucb" in str(error.value)
    assert not table.with_name("my.study.jsonl").exists()


def test_less_is_better(table: Path) -> None:
    """Labels and beliefs are in the unit of the user, and the lowest is the best."""
    less = Study.pool(load(table), minimise=True, budget=8)
    more = Study.pool(load(table), budget=8)
    for study, sign in ((less, -1.0), (more, 1.0)):
        for i, name in enumerate(asked(study, 3)):
            study.tell(name, sign * (10.0 + i))
    assert [one.label for one in less.best(3)] == [-12.0, -11.0, -10.0]
    np.testing.assert_array_equal(less.posterior().mean, -more.posterior().mean)
    assert asked(less, 3) == asked(more, 3)
    assert [one.mean for one in less.ask()] == [-one.mean for one in more.ask()]
    assert [one.chance for one in less.ask()] == [one.chance for one in more.ask()]


def test_a_journal_of_another_version(table: Path) -> None:
    """It goes on, with a note."""
    study = begun(table)
    other = Journal(table.with_name("other.jsonl"))
    with other.writing():
        other.append({**study.start, "version": "0.0.1"})
    found = Study.pool(table, journal=other.path)
    assert "'0.0.1'" in found.notes[-1]
    assert asked(found, 3) == asked(study, 3)


@pytest.mark.parametrize("seed", range(4))
def test_whatever_is_done_is_in_the_journal(table: Path, seed: int) -> None:
    """After any events a study that is opened again is the same, and counts as one counts by hand."""
    random = np.random.default_rng(seed)
    study = begun(table, agent="thompson", budget=60, same="T" if seed % 2 else None)
    for _ in range(60):
        done(study, random)
        again = Study.open(table.with_name("my.study.jsonl"))
        assert isinstance(again, PoolStudy)
        for name in ("status", "labels", "failures", "spent", "left", "budget", "arrived", "added"):
            assert getattr(again, name) == getattr(study, name), name
        states = study.status
        assert {name for name, state in states.items() if state == Status.HERE} == {*study.labels}
        assert {name for name, state in states.items() if state == Status.FAILED} == {
            *study.failures
        }
        flying = [question.id for question in study.flying()]
        assert sorted(flying) == sorted(n for n, state in states.items() if state == Status.FLYING)
        assert study.spent == sum(map(len, study.labels.values())) + len(study.failures) + len(
            flying
        )
    same_as(study, again)


def done(study: PoolStudy, random: np.random.Generator) -> None:
    """Do something that is allowed, or is refused in words."""
    name, value = str(random.choice(study.ids)), float(random.normal())
    other = str(random.choice(study.ids))
    what = [
        lambda: study.ask(int(random.integers(1, 3)), more=bool(random.integers(2))),
        lambda: study.tell(name, value),
        lambda: study.tell({name: [value, 1.0]}, failed={other: "dropped"}),
        lambda: study.tell({one.id: value for one in study.flying()}),
        lambda: study.failed(name),
        lambda: study.correct(name, value),
        lambda: study.withdraw(name),
        lambda: study.retry(name),
        lambda: setattr(study, "budget", int(random.integers(20, 90))),
    ]
    before = study.journal.head
    try:
        what[random.integers(len(what))]()
    except InputError:
        assert study.journal.head == before


ODD: list[dict[str, Any]] = [
    {"do": "tell", "labels": {"99": 1.0}, "failed": {}},
    {"do": "tell", "labels": {}, "failed": {}, "file": 3},
    {"do": "tell", "labels": {}, "failed": {}, "file": {"1": 3}},
    {"do": "tell", "labels": {"1": "x"}},
    {"do": "tell", "labels": 5},
    {"do": "ask", "ids": ["1"]},
    {"do": "ask", "ids": 5, "decisions": 1},
    {"do": "correct", "id": "1", "value": 1.0, "which": 1},
    {"do": "nothing"},
    {"do": "extend"},
    {"do": "budget"},
]


@pytest.mark.parametrize("event", ODD)
def test_events_that_are_none(table: Path, event: dict[str, Any]) -> None:
    """A journal whose lines are whole, and mean nothing, is refused by the line."""
    log = begun(table).journal
    with log.writing():
        log.append(event)
    with pytest.raises(InputError, match=r"Line 2 of .*my.study.jsonl"):
        begun(table)


def test_random_has_the_default_belief(table: Path) -> None:
    """What it is shown is what bayes_ucb believes."""
    one = Study.pool(load(table), agent="random", budget=8)
    other = Study.pool(load(table), budget=8)
    for study in (one, other):
        study.tell({"1": 5.0, "4": 9.0})
    same_as(one, other)
    assert {question.why for question in one.ask(3)} == {"explore: at random"}


def test_an_agent_that_writes_into_what_it_sees_allows_nothing(table: Path) -> None:
    code = table.with_name("writes.py")
    code.write_text("def one(seen):\n    seen['action_mask'][:] = 1\n    return 0\n")
    study = begun(table, agent=f"{code}:one")
    study.tell("1", 1.0)
    with pytest.raises(InputError, match=r"chose item 0 .1., counted from 0"):
        study.ask()
    assert study.status["1"] == Status.HERE


# ---- files that move or are written otherwise


def test_a_study_goes_on_where_its_files_are_now(table: Path) -> None:
    study = begun(table)
    first = asked(study, 2)
    now = table.rename(table.with_name("final.csv"))
    assert study.journal.path is not None
    journal = study.journal.path.rename(table.with_name("final.study.jsonl"))
    with pytest.raises(InputError, match=r"my\.csv, which is not there\. If it has moved, name it"):
        Study.open(journal)
    moved = Study.pool(now)
    assert asked(moved, 2) == first
    written(now, [*ROWS, "D,1,20"])
    assert Study.pool(now).ids[-1] == "11"
    assert Study.open(journal).status == Study.pool(now).status


def test_how_a_file_is_written_may_change(table: Path) -> None:
    study = begun(table)
    written(table, ROWS, {1: "n.d.", 2: "4"})
    with pytest.raises(InputError, match=r"'n\.d\.' is not a number; name it in missing="):
        Study.pool(table)
    told = Study.pool(table, missing="n.d.")
    assert told.labels == {"3": [4.0]}
    again = Study.pool(table)
    assert again.labels == told.labels
    assert again.journal.head == told.journal.head
    assert again.ids == study.ids
    with pytest.raises(InputError, match="The study has index=None, and index='T' is given"):
        Study.pool(table, index="T")


def test_a_journal_that_is_gone_is_not_begun_anew(table: Path) -> None:
    study = begun(table)
    asked(study)
    assert study.journal.path is not None
    study.journal.path.unlink()
    with pytest.raises(InputError, match=r"my\.study\.jsonl is gone; put it back"):
        study.tell("1", 2.0)
    assert not study.journal.path.exists()


# ---- what cannot be told


@pytest.mark.parametrize("label", [2e-39, -1e-300, 5e-324])
def test_a_label_too_small_to_reckon_with_is_refused(table: Path, label: float) -> None:
    study = begun(table)
    with pytest.raises(InputError, match="too small to reckon with"):
        study.tell("1", label)
    study.tell({"1": 3e-39, "2": 4e-39, "3": 0.0})
    assert np.isfinite(study.posterior().mean).all()
    assert study.best()[0].id == "2"
    assert len(asked(study)) == 1


def test_several_corrections_are_made_or_none(table: Path) -> None:
    study = begun(table)
    study.tell({"1": 1.0, "2": [2.0, 3.0], "4": 4.0})
    head = study.journal.head
    with pytest.raises(InputError, match="2 has 2 labels"):
        study.correct({"1": 5.0, "2": 6.0})
    with pytest.raises(InputError, match="The label of 4 must be a finite number"):
        study.correct({"1": 5.0, "4": 1e99})
    assert study.journal.head == head
    study.correct({"1": 5.0, "4": 6.0})
    assert study.labels == {"1": [5.0], "2": [2.0, 3.0], "4": [6.0]}


def test_what_is_no_dict_is_refused(table: Path) -> None:
    with pytest.raises(InputError, match=r"Tell an id and what came of it.*got '1'"):
        begun(table).tell({}, failed="1")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="same is the name of a column, got ''"):
        Study.pool(table, same="")
