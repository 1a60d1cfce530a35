"""What a file says that a study does not know: against a study that follows every step by itself."""

import json
from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from discovery_gym.envs import datasets
from discovery_gym.envs.core import InputError
from discovery_gym.envs.datasets import Reading
from discovery_gym.studies import Status
from discovery_gym.studies import sheet as sheet_module
from discovery_gym.studies.sheet import News, Sheet, cell, going_on, news, seen, told

HERE, FREE = Status.HERE, Status.FREE


def typed(labels, failed=()):
    return SimpleNamespace(
        labels={name: some for name, some in labels.items() if some}, failed=failed
    )


@pytest.mark.parametrize(
    ("here", "before", "known", "expected"),
    [
        # typed into an empty cell
        ({"1": [5.0]}, {}, {}, News(labels={"1": [5.0]}, file={"1": [5.0]})),
        # nothing new
        ({"1": [5.0]}, {"1": [5.0]}, {"1": [5.0]}, News()),
        # told by the command before, and then typed in, too
        ({"1": [5.0]}, {}, {"1": [5.0]}, News(file={"1": [5.0]})),
        # told by the command, and another value typed in: a replicate
        ({"1": [6.0]}, {}, {"1": [5.0]}, News(labels={"1": [6.0]}, file={"1": [6.0]})),
        # changed in the file
        (
            {"1": [6.0]},
            {"1": [5.0]},
            {"1": [5.0]},
            News(corrected={"1": [(5.0, 6.0)]}, file={"1": [6.0]}),
        ),
        # changed in the file after it was corrected by the command to the same
        ({"1": [6.0]}, {"1": [5.0]}, {"1": [6.0]}, News(file={"1": [6.0]})),
        # emptied: the study keeps it
        ({}, {"1": [5.0]}, {"1": [5.0]}, News(emptied={"1": [5.0]}, file={"1": []})),
        # emptied after it was withdrawn
        ({}, {"1": [5.0]}, {}, News(file={"1": []})),
        # withdrawn by the command, and the file as it was
        ({"1": [5.0]}, {"1": [5.0]}, {}, News()),
        # a second row with the same value is a replicate
        (
            {"1": [5.0, 5.0]},
            {"1": [5.0]},
            {"1": [5.0]},
            News(labels={"1": [5.0]}, file={"1": [5.0, 5.0]}),
        ),
        # one of two replicates changed, and a third was added
        (
            {"1": [5.0, 7.0, 8.0]},
            {"1": [5.0, 6.0]},
            {"1": [5.0, 6.0]},
            News(corrected={"1": [(6.0, 7.0)]}, labels={"1": [8.0]}, file={"1": [5.0, 7.0, 8.0]}),
        ),
    ],
)
def test_what_was_typed_is_told_corrected_or_kept(here, before, known, expected):
    events = [{"do": "tell", "labels": {}, "file": {"1": [1.0]}}, {"do": "tell", "file": before}]
    status = {"1": HERE if known else FREE, "2": FREE}
    if "1" not in before:
        events = events[:0]
    assert news(typed(here), events, known, status) == expected
    assert bool(expected) == (here != before)


def test_failed_rows():
    status = {"1": FREE, "2": Status.FLYING, "3": Status.FAILED, "4": HERE}
    found = news(typed({}, ["1", "2", "3", "4"]), [], {"4": [1.0]}, status)
    assert found.failed == ["1", "2"]


labels = st.lists(st.sampled_from([1.0, 2.0, 3.0]), max_size=3)
files = st.lists(st.fixed_dictionaries({"1": labels, "2": labels}), min_size=1, max_size=6)


@given(files)
def test_a_study_that_is_told_by_its_file_alone_knows_what_stood_in_it(versions):
    """Whatever is typed, the study holds all labels of the file, and of what was emptied the last."""
    events, known = [], {"1": Counter(), "2": Counter()}
    for version in versions:
        lists = {name: list(count.elements()) for name, count in known.items()}
        found = news(typed(version), events, lists, {"1": FREE, "2": FREE})
        for name, pairs in found.corrected.items():
            for old, new in pairs:
                assert known[name][old] > 0
                known[name] = known[name] - Counter([old]) + Counter([new])
        for name, new in found.labels.items():
            known[name] += Counter(new)
        events.append({"do": "tell", "file": found.file})
        for name, here in version.items():
            assert not Counter(here) - known[name]
            assert sorted(seen(events).get(name, [])) == sorted(here)
        again = {name: list(count.elements()) for name, count in known.items()}
        assert not news(typed(version), events, again, {"1": FREE, "2": FREE})


def test_words():
    assert told({"ligand": "a", "T": 60.0, "x": 0.1}) == "ligand=a, T=60, x=0.1"
    assert told({str(i): 1.0 for i in range(9)}).endswith("7=1, ...")
    assert cell(1e-7) == "1e-07"


# ---- which row is which item

ROWS = ["SPhos,60,1.5", "XPhos,60,", "SPhos,80,2.5", "XPhos,80,", "SPhos,60,1.7"]


@pytest.fixture
def sheet(tmp_path):
    """Return a function that reads rows as a sheet, as it was known before or for the first time."""

    def read(rows, known=None, head="ligand,T,yield", **options):
        path = tmp_path / "my.csv"
        path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
        reading = Reading(**{"target": "yield", **options})
        reading = reading if known is None else going_on(reading, known)
        chosen = {name: getattr(reading, name) for name in Reading.options()}
        return Sheet.of(datasets.load(path, **chosen), known)

    return read


def contents(one):
    """Return what is set in each item by its id."""
    return dict(zip(one.ids, map(told, one.values(range(len(one.ids)))), strict=True))


def kept(one):
    """Return the record as a journal gives it back."""
    return json.loads(json.dumps(one.record()))


def test_items_are_conditions_in_the_order_in_which_they_are_first_seen(sheet):
    one = sheet(ROWS)
    assert contents(one) == {
        "1": "ligand=SPhos, T=60",
        "2": "ligand=XPhos, T=60",
        "3": "ligand=SPhos, T=80",
        "4": "ligand=XPhos, T=80",
    }
    assert one.labels == {"1": [1.5, 1.7], "3": [2.5]}
    assert sheet(ROWS, minimise=True).labels == one.labels  # the sign that the user sees


@given(rows=st.permutations([*ROWS, "SPhos,70,", "AAA,60,3"]))
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_sorted_and_extended_file_changes_no_id(sheet, rows):
    first = sheet(ROWS)
    one = sheet(rows, kept(first))
    assert {name: contents(one)[name] for name in first.ids} == contents(first)
    new = [row.rpartition(",")[0] for row in rows if row.startswith("AAA") or ",70," in row]
    assert [",".join(map(cell, values.values())) for values in one.values([4, 5])] == new
    assert one.ids == ("1", "2", "3", "4", "5", "6")
    # And once more, from what is known now.
    assert contents(sheet(sorted(rows), kept(one))) == contents(one)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["SPhos,60,1.5", "XPhos,60,", "SPhos,85,2.5", "XPhos,80,"],
         "my: 3, column 'T': 80 has become 85. What an item of a study is cannot change"),
        (["SPhos,60,1.5", "XPhos,60,", "SPhos,80,2.5", "RuPhos,80,"],
         "4, column 'ligand': XPhos has become RuPhos"),
        (["SPhos,60,1.5", "XPhos,60,", "SPhos,80,2.5"], r"4 \(ligand=XPhos, T=80\) is gone"),
    ],
)  # fmt: skip
def test_what_was_changed_is_named(sheet, rows, message):
    known = kept(sheet(ROWS))
    with pytest.raises(InputError, match=message):
        sheet(rows, known)


def test_an_index_names_the_items(sheet):
    head, rows = "run,ligand,T,yield", ["a,SPhos,60,", "b,XPhos,60,", "c,SPhos,60,4"]
    one = sheet(rows, head=head, index="run")
    assert contents(one) == {"a": "ligand=SPhos, T=60", "b": "ligand=XPhos, T=60"}
    assert one.labels == {"a": [4.0]}
    known = kept(one)
    more = sheet([*reversed(rows), "d,SPhos,70,"], known, head=head, index="run")
    assert contents(more) == {**contents(one), "d": "ligand=SPhos, T=70"}
    with pytest.raises(InputError, match="b, column 'T': 60 has become 61"):
        sheet(["a,SPhos,60,", "b,XPhos,61,", "z,XPhos,80,"], known, head=head, index="run")
    with pytest.raises(InputError, match="Two conditions are called 'a' in the index column"):
        sheet([*rows, "a,SPhos,99,"], known, head=head, index="run")
    with pytest.raises(InputError, match="the row with ligand=SPhos, T=99 has no name"):
        sheet([*rows, ",SPhos,99,"], known, head=head, index="run")


@pytest.mark.parametrize(
    ("rows", "message"),
    [  # names that were exchanged, that moved on by a row, that are those of a replicate and of an item
        (["b,SPhos,60,", "a,XPhos,60,", "c,XPhos,80,"], "T=60, which is item 'a', is called 'b'"),
        (["z,RuPhos,60,", "a,SPhos,60,", "b,XPhos,60,", "a,XPhos,80,"], "item 'c', is called 'a'"),
        (["a,SPhos,60,", "b,XPhos,60,", "c,XPhos,80,", "b,SPhos,60,"], "item 'a', is called 'b'"),
    ],
)  # fmt: skip
def test_a_name_stands_for_one_item(sheet, rows, message):
    head = "run,ligand,T,yield"
    first = ["a,SPhos,60,", "b,XPhos,60,", "c,XPhos,80,"]
    known = kept(sheet(first, head=head, index="run"))
    with pytest.raises(InputError, match=message):
        sheet(rows, known, head=head, index="run")


def test_a_name_of_a_replicate_is_not_that_of_another_item(sheet):
    rows = ["1,SPhos,60,", "2,SPhos,60,", "2,XPhos,60,"]
    with pytest.raises(InputError, match="is called '2' in column 'run', and so is item '2'"):
        sheet(rows, head="run,ligand,T,yield", index="run")


def test_a_change_of_the_last_digits_can_be_seen(sheet):
    known = kept(sheet(ROWS))
    changed = [row.replace("80", "80.00000000000003") for row in ROWS]
    with pytest.raises(InputError, match=r"80\.0 has become 80\.00000000000003"):
        sheet(changed, known)


def test_a_column_that_numbers_the_rows_names_the_items(sheet):
    """Else 5 would be another one in the file than for us."""
    head, rows = "id,ligand,T,yield", ["3,SPhos,60,", "0,XPhos,60,", "1,SPhos,60,4", "2,SPhos,80,"]
    one = sheet(rows, head=head)
    assert contents(one) == {
        "3": "ligand=SPhos, T=60", "0": "ligand=XPhos, T=60", "2": "ligand=SPhos, T=80",
    }  # fmt: skip
    assert one.ids[one.number["1"]] == "3"  # another row of the same condition
    more = sheet(["7,XPhos,90,", *sorted(rows)], kept(one), head)  # that does not count any more
    assert contents(more) == {**contents(one), "7": "ligand=XPhos, T=90"}
    with pytest.raises(InputError, match="the row with ligand=XPhos, T=90 has no name"):
        sheet([*rows, ",XPhos,90,"], kept(one), head)


def test_a_column_that_was_added_is_left_out_and_one_that_is_gone_is_named(sheet):
    first = sheet(ROWS)
    more = sheet([f"x{i},{row}" for i, row in enumerate(ROWS)], kept(first), "note,ligand,T,yield")
    assert contents(more) == contents(first)
    with pytest.raises(InputError, match="has no column 'T'"):
        sheet(["SPhos,1", "XPhos,2"], kept(first), "ligand,yield")


def test_a_level_that_is_a_number_stays_a_level(sheet):
    first = sheet(ROWS)
    more = sheet([*ROWS, "12,60,"], kept(first))
    assert contents(more)["5"] == "ligand=12, T=60"


def test_levels_described_alike_are_items_of_their_own(sheet, tmp_path):
    (tmp_path / "ligands.csv").write_text("ligand,angle\nSPhos,1\nXPhos,1\n", encoding="utf-8")
    one = sheet(ROWS, descriptors="ligands.csv")
    assert len(one.ids) == 4
    assert contents(one)["2"] == "ligand=XPhos, T=60"
    assert contents(sheet(ROWS[::-1], kept(one), descriptors="ligands.csv")) == contents(one)


def test_of_a_large_table_the_journal_keeps_a_digest(sheet, monkeypatch):
    monkeypatch.setattr(sheet_module, "MOST_CELLS", 7)
    first = sheet(ROWS)
    known = kept(first)
    assert "items" not in known
    assert len(json.dumps(known)) < 300
    new = {"5": "ligand=AAA, T=70"}
    assert contents(sheet([*ROWS, "AAA,70,"], known)) == {**contents(first), **new}
    for rows in (ROWS[::-1], ROWS[:2], ["SPhos,61,", *ROWS[1:4]], ["SPhis,60,", *ROWS[1:4]]):
        with pytest.raises(InputError, match="The first 4 conditions of my are not those"):
            sheet(rows, known)


def test_of_a_large_table_of_numbers_too(sheet, monkeypatch):
    monkeypatch.setattr(sheet_module, "MOST_CELLS", 3)
    head, rows = "x,T,yield", ["1,60,1", "2,60,", "-0,80,"]
    first = sheet(rows, head=head)
    known = kept(first)
    assert "items" not in known
    assert first.ids == ("1", "2", "3")
    more = sheet([*rows[:2], "0,80,7", "3,60,"], known, head)  # -0 is 0
    assert contents(more) == {**contents(first), "4": "x=3, T=60"}
    assert [more.number.get(name) for name in ("1", "4", "5", "04")] == [0, 3, None, None]
    for other in (rows[::-1], rows[:2], ["1,61,1", *rows[1:]]):
        with pytest.raises(InputError, match="The first 3 conditions of my are not those"):
            sheet(other, known, head)
    with pytest.raises(InputError, match="The first 3 conditions of my are not those"):
        sheet(["60,1,", "60,2,", "80,0,"], known, "x,T,yield")


def test_truth_values_are_shown_as_they_are_written(sheet):
    one = sheet(["TRUE,1,2", "FALSE,1,3"], head="dry,T,yield")
    assert contents(one) == {"1": "dry=TRUE, T=1", "2": "dry=FALSE, T=1"}


def test_failed_cells_are_failed(sheet):
    one = sheet(["a,60,failed", "b,60,", "a,80,1", "b,80,FAILED", "a,80,failed"])
    assert one.failed == ["1", "4"]
    assert one.labels == {"3": [1.0]}
