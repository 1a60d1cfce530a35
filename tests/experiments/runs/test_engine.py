"""Runs: complete or not there, resumed by content, shared by whoever helps, whatever happens to them."""

import dataclasses
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import kill_runs
import pyarrow.parquet as pq
import pytest
from kill_runs import SUITE, children, contents, left_over, start
from tiny import execute, missing_specs

import discovery_gym
from discovery_gym.envs.core import files
from discovery_gym.envs.core.leases import Leases
from discovery_gym.experiments.runs import records as rec
from discovery_gym.experiments.runs import sharing
from discovery_gym.experiments.runs.board import CHUNKS, GROUP, ROUNDS, Board, chunks, missing
from discovery_gym.experiments.runs.chunks import play_chunk
from discovery_gym.experiments.runs.engine import play
from discovery_gym.experiments.runs.records import (
    content_of,
    open_folder,
    read_folder,
    read_record,
    record_path,
)
from discovery_gym.experiments.runs.sharing import WorkerLost, here, play_here, work
from discovery_gym.experiments.suites.task import plan

SUPPORT = Path(kill_runs.__file__).parent

# ---- one run


def test_a_record_holds_the_run(played, tiny):
    records = read_folder(played).records
    spec = plan(tiny)[4]
    record = read_record(record_path(played / "records", spec.id))
    assert record.id in {one.id for one in records}
    assert record.spec == spec
    assert record.evaluation.regret.shape == record.evaluation.returns.shape == (40,)
    assert record.evaluation.random_value < record.evaluation.optimal_value
    assert {"python", "numpy", "discovery-gym"} <= record.versions.keys()
    table = pq.read_table(record_path(played / "records", spec.id))
    assert table["seed"].to_pylist() == list(range(spec.seed, spec.seed + 40))


def test_a_failed_run_is_recorded_with_its_error(played, tiny):
    (record,) = (record for record in read_folder(played).records if record.error)
    assert record.spec == plan(tiny)[3]
    assert "Traceback" in record.error
    assert "batch_size must be one of" in record.error
    assert record.evaluation is None


def test_a_run_is_a_pure_function_of_its_spec(played, tiny, tmp_path):
    records = open_folder(tmp_path / "again")
    for spec in reversed(plan(tiny)):
        execute(spec, records)
    assert contents(tmp_path / "again") == contents(played)


def test_the_id_depends_on_everything_that_decides_the_result(tiny, monkeypatch, tmp_path):
    spec = plan(tiny)[4]
    changes = {
        "suite": "other",
        "version": 2,
        "task": "other",
        "name": "other",
        "env_id": "discovery/KnowledgeLadder-v0",
        "env_kwargs": {"dataset": "diabetes", "horizon": 4},
        "agent": "greedy",
        "episodes": 41,
        "seed": 3,
    }
    others = [dataclasses.replace(spec, **{key: value}) for key, value in changes.items()]
    assert len({spec.id, *(other.id for other in others)}) == 10
    assert dataclasses.replace(spec, about="prose").id == spec.id


def test_the_id_depends_on_the_data(tiny, tmp_path):
    path = tmp_path / "mine.csv"
    kwargs = {"dataset": str(path), "horizon": 2}
    spec = dataclasses.replace(plan(tiny)[4], env_kwargs=kwargs)
    ids = []
    for label in (3, 4):
        path.write_text(f"x,y\n1,2\n2,{label}\n3,5\n", encoding="utf-8")
        ids.append(spec.id)
    assert ids[0] != ids[1]


# ---- the folder


def test_finished_runs_are_skipped_and_failed_ones_tried_again(played, tiny):
    specs = plan(tiny)
    assert missing_specs(specs, played) == [specs[3]]


def test_a_folder_that_is_not_ours_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    for use in (open_folder, read_folder):
        with pytest.raises(discovery_gym.InputError, match="not a results folder"):
            use(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    place = tmp_path / "place"
    place.write_text("mine", encoding="utf-8")
    with pytest.raises(discovery_gym.InputError, match="is a file"):
        open_folder(place)
    with pytest.raises(discovery_gym.InputError, match="Cannot write"):
        open_folder(place / "below")
    assert place.read_text(encoding="utf-8") == "mine"


def test_rests_of_a_killed_run_do_not_hinder_and_are_swept(tmp_path):
    rest = tmp_path / f".{rec.MARK}.abc{files.SUFFIX}"
    rest.write_text("{", encoding="utf-8")
    records = open_folder(tmp_path)
    old, new = (records / f".{name}.parquet.abc{files.SUFFIX}" for name in ("old", "new"))
    for path in (old, new):
        path.write_text("half", encoding="utf-8")
    os.utime(old, (0, 0))
    open_folder(tmp_path)
    assert [path for path in (old, new) if path.exists()] == [new]  # another run may be writing it
    assert read_folder(tmp_path).records == []


def test_a_folder_is_not_foreign_for_what_another_run_has_just_put_there(tmp_path, monkeypatch):
    """Two runs start in a new folder: the other one is ahead while this one looks."""
    listed = Path.iterdir

    def meanwhile(self):
        monkeypatch.setattr(Path, "iterdir", listed)
        files.write(open_folder(tmp_path) / "abc.parquet", "x")
        files.write(tmp_path / "LEADERBOARD.md", "x")
        return listed(self)

    monkeypatch.setattr(Path, "iterdir", meanwhile)
    assert open_folder(tmp_path) == tmp_path / "records"


@pytest.mark.skipif(sys.platform == "win32", reason="processes are forked")
def test_many_processes_open_one_folder():
    """Without a refusal: three rounds of what `open_together.py` does by the thousand."""
    words = [sys.executable, str(SUPPORT / "open_together.py"), "--new", "60", "--beside", "300"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert "new folders: 0 refusals in 60 tries" in done.stdout, done.stdout
    assert "beside writers: 0 refusals in 300 tries" in done.stdout, done.stdout


def test_writing_leaves_the_whole_file_or_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / "file"
    files.write(path, "old")

    def fail(handle):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        files.write(path, "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


# ---- chunks, and who plays them


def in_chunks(tiny, **other):
    """Return the runs of the tiny suite that do not fail, in chunks of 16: two whole ones and a half."""
    return plan(dataclasses.replace(tiny, chunk=16, tasks=tiny.tasks[1:], **other))


def rows(folder):
    return {name: columns for name, (columns, _) in contents(folder).items()}


def test_chunks_are_played_in_any_order_by_anyone(tiny, tmp_path):
    """Two that take turns, a chunk each, and one that does all: the same records."""
    specs = in_chunks(tiny)
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    play_here(missing(specs, alone), alone)

    def one_by_one(claim):
        for group, found in here(claim):
            assert len(group) == 1
            yield group, found
            if others:
                others.pop()()

    todo = missing(specs, shared)
    others = [lambda: play_here(missing(specs[1:], shared), shared)]  # while the first one plays
    with Leases(shared / CHUNKS) as leases:
        work(todo, shared, leases, one_by_one)
    assert not others
    assert rows(shared) == rows(alone)
    assert left_over(shared) == set()
    for folder in (alone, shared):
        assert all(
            record.evaluation.lengths.shape == (40,) for record in read_folder(folder).records
        )


def test_what_is_costly_comes_first_and_what_is_cheap_comes_in_groups(tiny, tmp_path):
    specs = in_chunks(tiny, episodes=16 * 40)
    todo = missing(specs, tmp_path)
    board = Board(todo, tmp_path)
    first, second = board.runs.values()
    board.refresh()
    wanted = [chunk for chunk, _ in board.wanted()]
    assert wanted[:2] == [first.left[0], second.left[0]]  # nobody knows what they cost
    assert {one.id for one in wanted} == {one.id for one in first.chunks + second.chunks}
    assert len(wanted) == 80
    first.cost, second.cost = 0.5, 0.6
    first.left, second.left = first.left[10:], second.left[20:]
    wanted = [chunk for chunk, _ in board.wanted()]
    assert wanted == first.left + second.left  # 15 s before 12 s
    assert board.at_once == pytest.approx(27 / ROUNDS)
    first.cost = 50.0
    assert board.at_once == GROUP


def test_a_process_stays_with_its_task_and_then_begins_one_that_nobody_plays(tiny, tmp_path):
    specs = [run for run in plan(dataclasses.replace(tiny, chunk=16)) if run.name == "random"]
    specs += [dataclasses.replace(specs[0], task=f"Ladder {i}") for i in range(3)]
    todo = missing(specs, tmp_path)
    board = Board(todo, tmp_path)
    ladder, pool, *more = board.runs.values()
    with Leases(tmp_path / CHUNKS) as other:
        for run in (ladder, pool, more[0]):
            assert other.claim(run.chunks[0].id)
        board.refresh()
        pool.cost = 9.0  # longer than what nobody knows
        wanted = [chunk.run for chunk, _ in board.wanted(more[0].missing.spec.task)]
        runs = [run.missing for run in (more[0], more[1], more[2], pool, ladder)]
        assert list(dict.fromkeys(chunk.id for chunk in wanted)) == [run.id for run in runs]


def test_costs_are_learned_from_what_others_have_played(tiny, tmp_path, monkeypatch):
    specs = in_chunks(tiny)[:1]
    todo = missing(specs, tmp_path)
    (whole,) = todo
    monkeypatch.setattr(sharing._Sharer, "_join", lambda *_: None)

    def interrupted(claim):
        yield next(here(claim))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play_here(todo, tmp_path, interrupted)
    board = Board(todo, tmp_path)
    board.refresh()
    board.learn()
    assert len(board.runs[whole.id].left) == 2
    assert 0 < board.runs[whole.id].cost < 60
    assert board.played == 16


def test_a_damaged_chunk_is_played_again(tiny, tmp_path, played):
    spec = dataclasses.replace(in_chunks(tiny)[0], chunk=128)
    (run,) = todo = missing([spec], tmp_path)
    (chunk,) = chunks(run)
    path = record_path(tmp_path / CHUNKS, chunk.id)
    odd = dataclasses.replace(chunk.spec, about="soon")  # in place of the seconds
    timeless = content_of(odd, play_chunk(spec, 0), None, run.fingerprint)
    for damage in (b"", b"PAR1" + b"x" * 1000 + b"PAR1", timeless):
        path.write_bytes(damage)
        record_path(tmp_path / "records", spec.id).unlink(missing_ok=True)
        play_here(todo, tmp_path)
        assert rows(tmp_path).items() <= rows(played).items()
        assert left_over(tmp_path) == set()


def test_a_chunk_that_two_find_differently_is_a_loud_failure(tiny, tmp_path, monkeypatch):
    """A code that is random by itself, and an owner that was taken for dead: it must be heard of."""
    (run,) = todo = missing(in_chunks(tiny)[:1], tmp_path)
    chunk = chunks(run)[0]
    whole, played = sharing.play_chunk(run.spec, 0), []

    def other(spec, number):
        played.append(number)
        content = content_of(chunk.spec, whole, None, run.fingerprint)
        files.write(record_path(tmp_path / CHUNKS, chunk.id), content)
        return dataclasses.replace(whole, returns=whole.returns + 1)

    monkeypatch.setattr(sharing, "play_chunk", other)
    with pytest.raises(
        discovery_gym.InputError, match="another process found something else for it"
    ):
        play_here(todo, tmp_path)
    assert played == [0]
    assert not list(tmp_path.glob("records/*"))


def test_a_chunk_is_compared_with_the_record_that_another_made_meanwhile(
    tiny, tmp_path, monkeypatch
):
    todo = missing(in_chunks(tiny)[:1], tmp_path)
    play_chunk = sharing.play_chunk

    def slow(change):
        def late(spec, number):
            found = play_chunk(spec, number)
            monkeypatch.setattr(sharing, "play_chunk", play_chunk)
            monkeypatch.setattr(Leases, "claim", lambda *_: True)  # it takes us for dead
            play_here(todo, tmp_path)
            return dataclasses.replace(found, returns=found.returns + change)

        return late

    monkeypatch.setattr(sharing, "play_chunk", slow(0.0))
    play_here(todo, tmp_path)
    before = contents(tmp_path)
    record_path(tmp_path / "records", todo[0].id).unlink()
    monkeypatch.setattr(sharing, "play_chunk", slow(1.0))
    with pytest.raises(
        discovery_gym.InputError, match="another process found something else for it"
    ):
        play_here(todo, tmp_path)
    assert contents(tmp_path) == before


def test_late_chunks_of_a_finished_run_are_swept(tiny, tmp_path):
    specs = in_chunks(tiny)
    todo = missing(specs, tmp_path)
    play_here(todo, tmp_path)
    late = [record_path(tmp_path / CHUNKS, chunk.id) for chunk in chunks(todo[0])]
    for path in late:
        path.write_bytes(b"late")
    assert missing(specs, tmp_path) == []
    assert left_over(tmp_path) == set()


def test_full_disks_and_lost_folders_are_named(tiny, tmp_path):
    (first, second) = (missing(in_chunks(tiny)[:1], tmp_path / name) for name in ("full", "gone"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
    try:
        with pytest.raises(discovery_gym.InputError, match=r"Cannot write .*full/chunks: File"):
            play_here(first, tmp_path / "full")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert left_over(tmp_path / "full") == set()
    shutil.rmtree(tmp_path / "gone")
    with pytest.raises(discovery_gym.InputError, match=r"Cannot read .*gone/records: No such file"):
        play_here(second, tmp_path / "gone")


# ---- workers, and what may happen to them


def test_a_lost_worker_leaves_its_part_to_the_others(tiny, tmp_path, capsys):
    """One of two is killed in the middle; when the last one goes, the run says so."""
    slow = {"target": 4000, "p_scale": 1e9, "batch_sizes": [1], "horizon": 10_000_000}
    endless = dataclasses.replace(
        plan(tiny)[0], env_kwargs=slow, agent="fixed", chunk=1, episodes=2
    )
    todo = missing([*plan(tiny)[:3], endless], tmp_path)
    killed, others = [], set(children(os.getpid()))  # what other tests have left is none of ours

    def kill():
        """Kill a worker when all that ends has ended, and then the other one."""
        for _ in range(2):
            while len(list((tmp_path / "records").iterdir())) < 3:
                time.sleep(0.02)
            time.sleep(0.5)
            killed.append(min(set(children(os.getpid())) - others - set(killed)))
            os.kill(killed[-1], signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(WorkerLost, match=r"was killed by signal 9.*3 of 4 runs are recorded"):
        play(todo, tmp_path, workers=2)
    thread.join()
    assert len(set(killed)) == 2
    assert set(children(os.getpid())) <= others
    assert missing_specs(plan(tiny)[:3], tmp_path) == []


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder of the suite of `kill_runs`, played undisturbed."""
    folder = tmp_path_factory.mktemp("whole")
    process = start(folder)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return folder


def count(folder):
    return len(list(folder.glob("records/*.parquet"))) + len(list(folder.glob("chunks/*.parquet")))


def under_way(folder, workers=1):
    """Start a run in a process of its own; wait until some of it is played."""
    process = start(folder, workers)
    while count(folder) < 2 and process.poll() is None:
        time.sleep(0.005)
    return process


def finished(process):
    """Wait for a run to end well; return what it said."""
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return errors


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc")
def test_one_worker_of_two_is_killed(tmp_path, whole):
    process = under_way(tmp_path, workers=2)
    os.kill(children(process.pid)[0], signal.SIGKILL)
    assert "was killed by signal 9" in finished(process)
    assert contents(tmp_path) == contents(whole)


def test_killed_and_started_again_gives_the_records_of_a_run_never_killed(tmp_path, whole):
    process = under_way(tmp_path)
    process.kill()
    process.communicate()  # ends with the last worker, which holds the pipe as well
    assert count(tmp_path) >= 2
    finished(start(tmp_path))
    assert contents(tmp_path) == contents(whole)
    assert left_over(tmp_path) == left_over(whole) == set()
    assert len(contents(whole)) == len(plan(SUITE))


def test_two_commands_on_one_folder_share_the_work(tmp_path, whole):
    runs = [under_way(tmp_path), start(tmp_path)]
    for run in runs:
        finished(run)
    assert contents(tmp_path) == contents(whole)
    assert left_over(tmp_path) == set()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_cleanly(tmp_path, number):
    """No lease is left, so that who comes next need not wait."""
    process = under_way(tmp_path)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does: to the parent and its workers
    else:
        process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Interrupted" in errors
    assert "Traceback" not in errors
    assert {path.suffix for path in (tmp_path / CHUNKS).iterdir()} <= {".parquet"}
    assert read_folder(tmp_path).left_out == {}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="signals of POSIX, and /proc")
def test_signals_at_random_moments_change_no_record():
    """A few of the signals that `kill_runs.py` sends, to two runs in one folder."""
    words = [sys.executable, str(SUPPORT / "kill_runs.py"), "--signals", "2"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 signals" in done.stdout
    assert "exit status" not in done.stdout
