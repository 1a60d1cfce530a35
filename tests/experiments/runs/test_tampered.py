"""What is no record is named and left out: of the board, of a resume, and never believed."""

import dataclasses
import json
import os
import re
import shutil
import time
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tiny import execute, missing_specs
from typer.testing import CliRunner

import discovery_gym
from discovery_gym.experiments import cli
from discovery_gym.experiments.report.leaderboard import write_leaderboard
from discovery_gym.experiments.report.standings import overviews
from discovery_gym.experiments.runs import pages, record, record_file, sharing
from discovery_gym.experiments.runs import records as rec
from discovery_gym.experiments.runs.fingerprints import hashed
from discovery_gym.experiments.runs.records import (
    open_folder,
    read_folder,
    read_record,
    record_path,
)
from discovery_gym.experiments.runs.trace import Ragged
from discovery_gym.experiments.suites.task import plan

PLACE = 1
"""The run that is tampered with: the optimum on the ladder, first of its board."""


class Forgery:
    """A record whose parts may be changed, and which is then written as our own would be."""

    def __init__(self, path):
        self.path, table = path, pq.read_table(path)
        self.about = json.loads(table.schema.metadata[record_file.KEY])
        self.columns = record_file.from_table(table)

    @property
    def spec(self):
        return self.about["spec"]

    def write(self, *, named=False, signed=True, types=None, text=None):
        """Write it: under the name of its new spec or its old one, with its new digest or the old.

        Args:
            named: Whether the file gets the name that fits what was changed.
            signed: Whether the digest is made anew.
            types: Types of the columns that are not ours.
            text: What stands about the table, in place of `about`.
        """
        text = json.dumps(self.about) if text is None else text
        before = self.path.read_bytes()
        arrays = {}
        for name, column in self.columns.items():
            if isinstance(column, list) or name in (types or {}):
                arrays[name] = pa.array(column, (types or {}).get(name))
            else:
                arrays[name] = record_file.to_table({name: column})[name]
        self.path.unlink()
        if named:
            spec = json.dumps({**self.spec, "about": None}, sort_keys=True)
            run_id = hashed(spec, self.about["fingerprint"])
            self.path = record_path(self.path.parent, run_id)
        content = record_file.to_bytes(pa.table(arrays), text)
        if not signed:
            at, old = record_file.place_of_digest(content), record_file.place_of_digest(before)
            content = content[: at.start] + before[old] + content[at.stop :]
        self.path.write_bytes(content)
        return self.path


def column(name, row, value, **how):
    """Change one number of a column."""

    def change(path):
        one = Forgery(path)
        one.columns[name] = one.columns[name].copy()
        one.columns[name][row] = value
        return one.write(**how)

    return change


def about(**changes):
    """Change what stands about the run; the digest is made anew."""

    def change(path):
        one = Forgery(path)
        one.about |= changes
        return one.write()

    return change


def spec(**changes):
    """Change the spec; name and digest are made anew."""

    def change(path):
        one = Forgery(path)
        one.spec.update(changes)
        return one.write(named=True)

    return change


def rows(pick):
    def change(path):
        one = Forgery(path)
        table = record_file.to_table(one.columns).take(np.arange(40)[pick])
        one.columns = record_file.from_table(table)
        return one.write()

    return change


def columns(changes, types=None):
    def change(path):
        one = Forgery(path)
        one.columns = {k: v for k, v in (one.columns | changes).items() if v is not None}
        return one.write(types=types)

    return change


def without(key):
    def change(path):
        one = Forgery(path)
        del one.about[key]
        return one.write()

    return change


def text(words):
    def change(path):
        one = Forgery(path)
        return one.write(text=words)

    return change


def content(make):
    def change(path):
        path.write_bytes(make(path.read_bytes()))
        return path

    return change


def place(make):
    """Put something else in the place of the file."""

    def change(path):
        path.unlink()
        make(path)
        return path

    return change


def rename(name):
    def change(path):
        return path.rename(path.with_name(name))

    return change


def copy(path):
    return shutil.copy(path, path.with_name("0123456789abcdef.parquet"))


def many_numbers(path):
    """Actions by the million, all the same: some kilobytes."""
    one = Forgery(path)
    lengths = np.zeros(40, np.int64)
    lengths[0] = count = 51_000_000
    one.columns["a0"] = Ragged(values=np.zeros(count, np.int8), lengths=lengths)
    return one.write()


def lists(name, change):
    """Change the lists of a column."""

    def made(path):
        one = Forgery(path)
        rows = np.split(one.columns[name].values, one.columns[name].lengths.cumsum()[:-1])
        rows = change([row.copy() for row in rows])
        lengths = np.array([len(row) for row in rows])
        one.columns[name] = Ragged(values=np.concatenate(rows), lengths=lengths)
        return one.write()

    return made


def edited(row, place, value):
    """Return what changes one number of one list."""

    def change(rows):
        rows[row][place] = value
        return rows

    return change


def shorter(rows):
    rows[3] = rows[3][:-1]
    return rows


def longer(rows):
    rows[3] = np.append(rows[3], rows[3][-1:])
    return rows


def seconds(**changes):
    """Change the times of a decision; None leaves one out."""

    def change(path):
        one = Forgery(path)
        found = one.about["decision_seconds"] | changes
        one.about["decision_seconds"] = {k: v for k, v in found.items() if v is not None}
        return one.write()

    return change


ENTRY = {"name": "mine", "digest": "0" * 64, "status": "verified", "flags": [], "card": {}}


def entry(**changes):
    return about(entry=ENTRY | changes)


def huge(path):
    with path.open("wb") as file:
        file.truncate(2**40)
    return path


def foreign(path):
    pq.write_table(pa.table({"return": [1.0], "seed": [3]}), path)
    return path


def deep(depth, before):
    return before + "[" * depth + "]" * depth


def thrift(number):
    """Return an integer as Thrift's compact protocol has it, before zigzag."""
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + thrift(rest) if rest else bytes([low])


def many_columns(count):
    """Metadata that lists so many columns, three bytes each, in a file without any."""

    def change(old):
        name = b"\x18" + thrift(len(record_file.DIGEST)) + record_file.DIGEST
        text = name + b"\x18\x40" + b"0" * 64 + b"\0"
        groups = b"\x19\x1c\x19\xfc" + thrift(count) + b"\x26\0\0" * count + b"\x16\0\x16\0\0"
        whole = b"\x15\x02\x19\x0c\x16\0" + groups + b"\x19\x1c" + text + b"\0"
        made = b"PAR1" + whole + len(whole).to_bytes(4, "little") + b"PAR1"
        at = record_file.place_of_digest(made)
        return made[: at.start] + record_file.digest_of(made, at) + made[at.stop :]

    return content(change)


FORTY = np.zeros(40)
TAMPERED = {
    # numbers
    "NaN return": (column("return", 3, np.nan), "return of 1 of 40 .* not finite"),
    "infinite return": (column("return", 3, np.inf), "return of 1 of 40 .* not finite"),
    "absurd return": (column("return", 3, 1e200), "beyond 1e\\+100"),
    "edited return": (column("return", 3, 1e6, signed=False), "digest"),
    "edited length": (column("length", 3, 2, signed=False), "digest"),
    "no decision": (column("length", 3, 0), "no decision"),
    "negative length": (column("length", 3, -5), "no decision"),
    "other seed": (column("seed", 3, 7), "seeds are not 1000000 to 1000039"),
    "seeds in another order": (rows(slice(None, None, -1)), "seeds are not"),
    "NaN regret": (lambda path: regrets(path, np.where(np.arange(40) < 1, np.nan, 0)),
                   "regret of 1 of"),
    # rows and columns
    "half the rows": (rows(slice(20)), "20 rows for 40 episodes"),
    "rows twice": (rows(np.tile(np.arange(40), 2)), "80 rows for 40 episodes"),
    "no rows": (rows(slice(0)), "0 rows for 40 episodes"),
    "no returns": (columns({"return": None}), "its columns are"),
    "a column too many": (columns({"winner": FORTY}), "its columns are"),
    "a curve": (columns({"curve": np.zeros((40, 2))}), "its columns are"),
    "regrets after decisions without a regret": (
        lambda path: renamed_column(path, "return_after", "regret_after"), "its columns are"),
    "spent at points only": (columns({"spent": None}), "its columns are"),
    "a second action without the first": (
        lambda path: renamed_column(path, "a0", "a1"), "its columns are"),
    "bounds not asked for": (columns({"bounds": np.zeros((40, 2))}), "its columns are"),
    "words for returns": (columns({"return": ["1"] * 40}, {"return": pa.string()}), "holds string"),
    "single precision": (columns({}, {"return": pa.float32()}), "holds float"),
    "holes": (columns({"return": [None] * 40}, {"return": pa.float64()}), "holes"),
    "numbers by the million": (many_numbers, "51,000,[0-9]{3} numbers are more than the 50,000,000"),
    "columns by the million": (many_columns(400_000), "its metadata has more parts"),
    # lists
    "an action less": (lists("a0", shorter), "actions a0 of an episode are not as many"),
    "an action more": (lists("a0", longer), "actions a0 of an episode are not as many"),
    "actions that are NaN": (
        lists("a0", lambda rows: [row * np.nan for row in rows]), "action of a0 is not finite"),
    "actions in words": (columns({"a0": [["b"]] * 40}), "its column a0 holds list"),
    "actions that are no lists": (columns({"a0": FORTY}), "its column a0 holds double"),
    "a hole in an action": (columns({"a0": [[None, 1]] * 40}, {"a0": pa.list_(pa.int64())}), "holes"),
    "a point less": (lists("return_after", shorter), "return_after of an episode does not end with"),
    "a point more": (lists("spent_after", longer), "spent_after of an episode does not end with"),
    "NaN after a decision": (lists("return_after", edited(3, 0, np.nan)), "return_after .* not finite"),
    "absurd after a decision": (lists("spent_after", edited(3, 0, 1e200)), "spent_after .* beyond"),
    "another end": (lists("return_after", edited(3, -1, 7.0)), "does not end in its value at the end"),
    "another money spent": (lists("spent_after", edited(3, -1, 0.5)), "does not end in its value"),
    "points that fall": (about(points=[2, 1]), "points are not .* increasing numbers"),
    "point 0": (about(points=[0, 1]), "points are not .* increasing numbers"),
    "points in words": (about(points=["1"]), "points are not .* increasing numbers"),
    "points: null": (about(points=None), "points are not .* increasing numbers"),
    "many points": (about(points=[*range(1, 42)]), "points are not at most 40"),
    "endless points": (about(points=[10**400]), "a point is too large|too large"),
    "other points": (about(points=[1, 2, 3]), "does not end with it"),
    # about the run
    "created: null": (about(created=None), "no time of the past: None"),
    "created: NaN": (about(created=float("nan")), "no time of the past: nan"),
    "created: in the future": (about(created=time.time() + 1e6), "no time of the past"),
    "created: before 1970": (about(created=-1.0), "no time of the past"),
    "created: endless": (about(created=10**400), "no time of the past"),
    "created: a word": (about(created="today"), "no time of the past: 'today'"),
    "status": (about(status="won"), "status is 'won'"),
    "failed with rows": (about(status="failed", error="boom"), "its columns are"),
    "finished with an error": (about(error="boom"), "its error 'boom'"),
    "infinite optimum": (about(optimal_value=float("inf")), "optimal_value is no finite number: inf"),
    "edited optimum": (lambda path: edited_optimum(path), "digest"),
    "optimum in words": (about(optimal_value="high"), "optimal_value is no finite number: 'high'"),
    "seconds: null": (about(decision_seconds=None), "decision_seconds are not mean, q50"),
    "no median": (seconds(q50=None), "decision_seconds are not mean, q50"),
    "negative seconds": (seconds(q99=-1.0), "q99 of decision_seconds is no finite number"),
    "seconds in words": (seconds(mean="1"), "mean of decision_seconds is no finite number"),
    "format 4": (about(format=4), "its format is 4"),
    "format 2 with what is new": (about(format=2), "its format is 2"),
    "platform: a list": (about(platform=["1"]), "its platform are not names"),
    "endless platform": (about(platform={"blas": "x" * 2000}), "platform must be a text of 1 to"),
    "entry: a word": (about(entry="mine"), "its entry is not card, digest"),
    "entry: a word too many": (entry(winner=True), "its entry is not card, digest"),
    "entry: no name": (entry(name=" "), "the name of its entry must be a text"),
    "entry: no digest": (entry(digest="0" * 63 + "x"), "64 hexadecimal"),
    "entry: status": (entry(status="won"), "status of its entry is 'won'"),
    "entry: endless flag": (entry(flags=["x" * 10**4]), "a flag of its entry must be a text"),
    "entry: many flags": (entry(flags=["x"] * 99), "flags of its entry are"),
    "entry: card in words": (entry(card="me"), "card of its entry is 'me'"),
    "entry: endless card": (entry(card={"who": "x" * 10**5}), "card of its entry must be a text of"),
    "forged fingerprint": (about(fingerprint="0" * 16), "those of the run [0-9a-f]{16}: renamed"),
    "fingerprint of another kind": (about(fingerprint="x" * 16), "16 hexadecimal"),
    "fingerprint: a number": (about(fingerprint=3), "fingerprint must be a text"),
    "versions: a list": (about(versions=["1"]), "versions"),
    "versions: numbers": (about(versions={"numpy": 2}), "versions must be a text"),
    "endless machine": (about(machine="x" * 10**6), "machine must be a text of 1 to 200"),
    "half of it": (without("machine"), "what it says of itself must be"),
    "a word too many": (about(winner=True), "what it says of itself must be"),
    "no JSON": (text("{"), "JSONDecodeError|Expecting"),
    "a list": (text("[]"), "what it says of itself must be"),
    "deep": (text(deep(100_000, "")), "RecursionError"),
    "empty text": (text(""), "Expecting value"),
    # the spec
    "renamed": (rename("0123456789abcdef.parquet"), "those of the run [0-9a-f]{16}: renamed"),
    "copied": (copy, "those of the run [0-9a-f]{16}: renamed"),
    "another agent": (lambda path: other_spec(path, agent="greedy"), "renamed, or edited"),
    "episodes: 0": (spec(episodes=0), "episodes must be an integer of at least 1"),
    "episodes: 40.0": (spec(episodes=40.0), "episodes must be an integer"),
    "episodes: True": (spec(episodes=True), "episodes must be an integer"),
    "seed: -1": (spec(seed=-1), "seed must be an integer of at least 0"),
    "name: a number": (spec(name=3), "name must be a text"),
    "name: empty": (spec(name=" "), "name must be a text"),
    "environment: no id": (spec(env_id="<script>"), "env_id must be one such as .*, got '<script>'"),
    "parameters: a list": (spec(env_kwargs=[1]), "env_kwargs must be a JSON object"),
    "agent: endless": (spec(agent="x" * 10**5), "agent must be a text"),
    "chunk: 0": (spec(chunk=0), "chunk must be an integer of at least 1"),
    "curves": (spec(curves=False), "curves"),
    "unknown setting": (spec(colour="red"), "colour"),
    # the file
    "zero bytes": (content(lambda old: b""), "not a Parquet file"),
    "text": (content(lambda old: b"a,b\n1,2\n"), "not a Parquet file"),
    "cut off": (content(lambda old: old[: len(old) // 2]), "not a Parquet file"),
    "only its end": (content(lambda old: old[-200:]), "digest"),
    "the end of a Parquet file alone": (content(lambda old: b"\xff\xff\xff\x7fPAR1"), "longer than"),
    "turned bits": (content(lambda old: old[:60] + bytes(b ^ 255 for b in old[60:90]) + old[90:]),
                    "digest"),
    "foreign table": (foreign, "digest"),
    "endless metadata": (text("x" * 2**24), "longer than 16,777,216 bytes"),
    "folder": (place(lambda path: path.mkdir()), "it is not a file"),
    "pipe": (place(os.mkfifo), "it is not a file"),
    "device": (place(lambda path: path.symlink_to("/dev/zero")), "it is not a file"),
    "link to itself": (place(lambda path: path.symlink_to(path)), "symbolic links"),
    "link to nothing": (place(lambda path: path.symlink_to("nowhere")), "No such file"),
    "huge file": (huge, "bytes are more"),
}  # fmt: skip


def edited_optimum(path):
    one = Forgery(path)
    one.about["optimal_value"] *= 1.5
    return one.write(signed=False)


def regrets(path, values):
    one = Forgery(path)
    one.columns["regret"] = values
    one.columns["regret_after"] = one.columns.pop("return_after")
    return one.write()


def renamed_column(path, old, new):
    one = Forgery(path)
    one.columns[new] = one.columns.pop(old)
    return one.write()


def other_spec(path, **changes):
    one = Forgery(path)
    one.spec.update(changes)
    return one.write()


@pytest.fixture
def results(played, tmp_path):
    folder = tmp_path / "results"
    shutil.copytree(played, folder)
    return folder


@pytest.mark.parametrize("kind", TAMPERED)
def test_a_tampered_record_is_named_left_out_and_played_again(
    kind, results, tiny, monkeypatch, caplog
):
    change, reason = TAMPERED[kind]
    run = plan(tiny)[PLACE]
    whole = len(read_folder(results).records)
    bad = change(record_path(results / "records", run.id))
    with monkeypatch.context() as patch:
        if "more than" in reason or "longer than" in reason:
            patch.setattr(pq.ParquetFile, "read", lambda self: pytest.fail("it was loaded"))
        with pytest.raises(discovery_gym.InputError, match=reason) as error:
            read_record(bad)
        assert len(str(error.value).replace(str(bad), "")) < 500
        assert str(error.value).isprintable()

    found = read_folder(results)
    assert list(found.left_out) == [bad.name]
    assert re.search(reason, found.left_out[bad.name])
    assert len(found.records) == whole - (kind != "copied")

    left = [bad] if bad == record_path(results / "records", run.id) else []
    todo = missing_specs(plan(tiny), results)  # the fourth run has failed
    assert todo == [plan(tiny)[i] for i in ([3] if kind == "copied" else [PLACE, 3])]
    for path in left:
        aside = path.with_name(f"{path.name}.invalid")
        assert not os.path.lexists(path)
        assert os.path.lexists(aside)
        assert f"It is kept as {aside.name}, and the run is played again." in caplog.text
    assert not execute(run, results / "records")
    assert read_record(record_path(results / "records", run.id)).error is None


@pytest.mark.parametrize("kind", [*[*TAMPERED][::8], "copied"])
def test_the_board_names_what_it_leaves_out(kind, results, tiny):
    """Some of the above; for all, the name and the reason are those of `read_folder`."""
    bad = TAMPERED[kind][0](record_path(results / "records", plan(tiny)[PLACE].id))
    done = CliRunner().invoke(cli.app, ["leaderboard", str(results)])
    assert done.exit_code == 0, done.output
    assert f"Left out: {bad.name} is not a record" in done.stderr.replace("\n", "")
    for name in ("LEADERBOARD.md", "index.html"):
        page = (results / name).read_text("utf-8")
        assert f"{bad.name} is not a record" in page
        assert "nan" not in re.sub(r"[a-z]nan|nan[a-z]|past: nan", "", page.lower())
    assert ("| optimal | " in (results / "LEADERBOARD.md").read_text("utf-8")) == (kind == "copied")


def test_sixty_kinds_are_refused():
    assert len(TAMPERED) + len(FOLDERS) + len(MIXED) >= 60


def test_a_file_that_may_not_be_read_is_left_out(results, tiny, monkeypatch):
    path = record_path(results / "records", plan(tiny)[PLACE].id)
    opened = type(path).open

    def refuse(self, *words, **options):
        if self == path:
            raise PermissionError(13, "Permission denied")
        return opened(self, *words, **options)

    monkeypatch.setattr(type(path), "open", refuse)
    assert read_folder(results).left_out == {path.name: "Permission denied"}


def test_no_change_of_bytes_is_read_or_parsed(results, tiny, monkeypatch):
    """Bits turned, bytes cut out or overwritten: Arrow ends the process for some such files."""
    path, random = record_path(results / "records", plan(tiny)[PLACE].id), np.random.default_rng(0)
    whole = path.read_bytes()
    assert read_record(path)
    monkeypatch.setattr(pq, "ParquetFile", lambda *_: pytest.fail("it was parsed"))
    for kind in range(600):
        changed, at = bytearray(whole), random.integers(len(whole) - 8)
        if kind % 3 == 0:
            changed[at] ^= 1 << random.integers(8)
        elif kind % 3 == 1:
            del changed[at : at + random.integers(1, 50)]
        else:
            changed[at : at + 8] = random.bytes(8)
        path.write_bytes(changed)
        with pytest.raises(
            discovery_gym.InputError, match=r"is not a record: (its digest|it is not|what)"
        ):
            read_record(path)


def test_lists_are_not_filled_beyond_the_bound(results, tiny, monkeypatch):
    """Of episodes of one decision each list has one number, and forty when it is read."""
    spec, path = plan(tiny)[PLACE], record_path(results / "records", plan(tiny)[PLACE].id)
    about = {**Forgery(path).about, "points": [*range(1, 41)]}
    ones = np.ones(40, np.int64)
    columns = {"seed": spec.seed + np.arange(40), "return": ones / 1, "length": ones,
               "return_after": Ragged(values=ones / 1, lengths=ones)}  # fmt: skip
    record.check(spec, columns, about)
    monkeypatch.setattr(record, "MOST_NUMBERS", 1599)
    with pytest.raises(ValueError, match="1,600 numbers are more than"):
        record.check(spec, columns, about)


def test_pages_that_are_listed_again_and_again_are_not_followed(results, tiny):
    """A million row groups in one place would take hours; each page belongs to one of them."""
    path = record_path(results / "records", plan(tiny)[PLACE].id)
    group = pq.ParquetFile(path).metadata.row_group(0)
    found = SimpleNamespace(created_by=pages.WRITER, num_row_groups=10**9,
                            num_columns=group.num_columns, row_group=lambda _: group)  # fmt: skip
    with pytest.raises(ValueError, match="its columns lie over one another"):
        pages.unpacked(path.read_bytes(), found)


def test_what_is_set_aside_twice_keeps_both(results, tiny):
    path = record_path(results / "records", plan(tiny)[PLACE].id)
    for words in ("one", "two"):
        path.write_text(words)
        assert plan(tiny)[PLACE] in missing_specs(plan(tiny), results)
    kept = sorted(path.parent.glob("*.invalid*"))
    assert [one.read_text() for one in kept] == ["one", "two"]


def test_no_record_at_all_is_an_error(results):
    for path in (results / "records").iterdir():
        path.write_text("no")
    with pytest.raises(
        discovery_gym.InputError, match=r"There is no record in .*, and 5 more files"
    ):
        write_leaderboard(results)
    assert not (results / "index.html").exists()


def test_of_very_many_files_the_rest_is_counted(results):
    for i in range(103):
        (results / "records" / f"foreign {i}.parquet").write_text("no")
    _, left_out = write_leaderboard(results)
    assert len(left_out) == 101
    assert left_out[-1] == "3 more files are no records."


# ---- folders


def mark(words):
    return lambda folder: (folder / rec.MARK).write_text(words)


def unmarked(folder):
    (folder / rec.MARK).unlink()


def folder_for_mark(folder):
    unmarked(folder)
    (folder / rec.MARK).mkdir()


def pipe_for_mark(folder):
    unmarked(folder)
    os.mkfifo(folder / rec.MARK)


def file_for_records(folder):
    shutil.rmtree(folder / "records")
    (folder / "records").write_text("no")


def loop_for_records(folder):
    shutil.rmtree(folder / "records")
    (folder / "records").symlink_to("records")


FOLDERS = {
    "no mark": (unmarked, "is not a results folder"),
    "empty mark": (mark(""), "is not the mark of this version"),
    "half a mark": (mark('{"what": "results'), "is not the mark of this version"),
    "mark of another format": (
        mark('{"what": "results of discovery-gym", "format": 2}'),
        "is not the mark of this version",
    ),
    "mark of something else": (mark('{"what": "a training"}'), "is not the mark of this version"),
    "deep mark": (mark("[" * 100_000), "is not the mark of this version"),
    "a folder for the mark": (folder_for_mark, "is not a results folder"),
    "a pipe for the mark": (pipe_for_mark, "is not a results folder"),
    "a file for the records": (file_for_records, "Not a directory|File exists"),
    "a loop for the records": (loop_for_records, "symbolic links|File exists"),
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_tampered_folder_is_refused(kind, results):
    change, reason = FOLDERS[kind]
    change(results)
    for use in (read_folder, open_folder, write_leaderboard):
        with pytest.raises(discovery_gym.InputError, match=reason):
            use(results)
    assert not (results / "index.html").exists()


# ---- what may not be compared


MIXED = {
    "fewer episodes": {"episodes": 20},
    "other seeds": {"seed": 5},
    "other parameters": {"env_kwargs": {"dataset": "diabetes", "horizon": 2}},
    "another environment": {
        "env_id": "discovery/LinearPool-v0",
        "env_kwargs": {"num_items": 20, "horizon": 3},
    },
}


@pytest.mark.parametrize("kind", MIXED)
def test_what_played_other_episodes_is_not_compared(kind, results, tiny):
    other = dataclasses.replace(plan(tiny)[4], name="stranger", **MIXED[kind])
    assert not execute(other, results / "records")
    before = overviews(read_folder(results).records)[0].boards[1]
    assert [row.name for row in before.rows] == ["greedy", "random"]
    assert [record.spec.name for record in before.others] == ["stranger"]
    _, left_out = write_leaderboard(results)
    (line,) = left_out
    assert line.startswith("1 runs of Tiny pool (stranger) differ from most in environment")
    for name in ("LEADERBOARD.md", "index.html"):
        page = (results / name).read_text("utf-8")
        assert other.id not in page
        assert "(stranger)" in page


def test_one_name_has_one_run_the_newest(results, tiny):
    """An agent whose settings have changed is not entered twice."""
    run = dataclasses.replace(plan(tiny)[5], agent="epsilon_greedy(epsilon=1)")
    assert run.name == "greedy"
    assert not execute(run, results / "records")
    board = overviews(read_folder(results).records)[0].boards[1]
    assert [row.record.spec.agent for row in board.rows if row.name == "greedy"] == [run.agent]
    assert board.others == ()


@pytest.mark.parametrize("lacks", ["regret", "optimal_value"])
def test_what_lacks_regrets_or_scores_stands_outside(lacks, results, tiny):
    path = record_path(results / "records", plan(tiny)[5].id)
    one = Forgery(shutil.copy(path, path.with_name("copy.parquet")))
    one.spec.update(name="blind", agent="thompson")
    if lacks == "regret":
        after = one.columns.pop("regret_after")
        values = after.values.copy()
        values[after.lengths.cumsum() - 1] = one.columns["return"]
        one.columns["return_after"] = Ragged(values=values, lengths=after.lengths)
        del one.columns["regret"]
    else:
        one.about[lacks] = None
    one.write(named=True)
    board = overviews(read_folder(results).records)[0].boards[1]
    assert [record.spec.name for record in board.others] == ["blind"]
    _, left_out = write_leaderboard(results)
    assert "(blind)" in left_out[0]


def test_runs_on_a_table_that_has_changed_are_not_compared(results, tiny):
    path = record_path(results / "records", plan(tiny)[5].id)
    one = Forgery(shutil.copy(path, path.with_name("copy.parquet")))
    one.spec.update(name="later", agent="thompson")
    one.about["optimal_value"] += 0.5
    one.write(named=True)
    board = overviews(read_folder(results).records)[0].boards[1]
    assert [record.spec.name for record in board.others] == ["later"]


def test_a_clock_may_be_ahead_a_little(results, tiny):
    one = Forgery(record_path(results / "records", plan(tiny)[PLACE].id))
    one.about["created"] = time.time() + record.AHEAD / 2
    assert read_record(one.write()).error is None


# ---- results that are no numbers


@pytest.mark.parametrize(
    ("part", "value"),
    [("returns", np.nan), ("returns", 1e200), ("regret", np.inf), ("optimal_value", np.inf)],
)
def test_a_result_that_is_not_finite_is_a_failed_run(
    part, value, results, tiny, monkeypatch, tmp_path
):
    joined = sharing.joined

    def broken(*words, **options):
        result = joined(*words, **options)
        whole = getattr(result, part)
        return dataclasses.replace(
            result, **{part: value if np.ndim(whole) == 0 else np.full_like(whole, value)}
        )

    monkeypatch.setattr(sharing, "joined", broken)
    run = plan(tiny)[5]
    assert execute(run, results / "records")
    record = read_record(record_path(results / "records", run.id))
    assert re.search(r"is not finite, or beyond|is no finite number", record.error)
    assert len(record.error.splitlines()) == 1
    write_leaderboard(results)
    (row,) = (
        line
        for line in (results / "LEADERBOARD.md").read_text("utf-8").splitlines()
        if run.id in line
    )
    assert "**failed**" in row


@pytest.mark.parametrize("std", [1e50, 1e200, 1e300])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_an_absurd_parameter_does_not_take_the_board_down(std, results, tiny):
    pool = {"num_items": 20, "horizon": 3, "feature_std": std}
    for name in ("random", "greedy"):
        run = dataclasses.replace(
            plan(tiny)[5],
            task="absurd",
            name=name,
            agent=name,
            env_id="discovery/LinearPool-v0",
            env_kwargs=pool,
        )
        assert execute(run, results / "records")
    _, left_out = write_leaderboard(results)
    assert left_out == []
    assert (results / "LEADERBOARD.md").read_text("utf-8").count("**failed**") == 3


@pytest.mark.parametrize("scale", [1e-90, 1e-40, 1e40, 1e99])
def test_extreme_units_leave_the_board_as_it_is(scale, results, tiny, monkeypatch):
    """The same episodes in another unit: the same scores, and nothing overflows."""
    joined = sharing.joined
    scores = [row.score for row in overviews(read_folder(results).records)[0].boards[1].rows]

    def scaled(*words, **options):
        result = joined(*words, **options)
        parts = ("returns", "regret", "after", "random_value", "optimal_value")
        return dataclasses.replace(
            result, **{part: getattr(result, part) * (scale / 1e5) for part in parts}
        )

    monkeypatch.setattr(sharing, "joined", scaled)
    for run in plan(tiny)[4:]:
        assert not execute(run, results / "records")
    for row, score in zip(
        overviews(read_folder(results).records)[0].boards[1].rows, scores, strict=True
    ):
        assert row.score.value == pytest.approx(score.value)
        assert row.score.low == pytest.approx(score.low)
    write_leaderboard(results)
