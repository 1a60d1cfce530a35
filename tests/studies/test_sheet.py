"""What a file says that a study does not know: against a study that follows every step by itself."""

from collections import Counter
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discovery_gym.studies.sheet import News, cell, news, seen, told
from discovery_gym.studies.status import Status

HERE, FREE = Status.HERE, Status.FREE


def typed(labels, failed=()):
    return SimpleNamespace(labels={name: some for name, some in labels.items() if some}, failed=failed)


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
