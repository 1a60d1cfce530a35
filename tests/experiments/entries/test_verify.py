"""Verifying: flags, copies, names that are taken, fresh seeds, and the results folder."""

import re
from dataclasses import replace

import numpy as np
import pytest
from browsing import data_of
from entries import FILLED, WINGS, Draft, Trace, enter, play
from typer.testing import CliRunner

from discovery_gym.envs.core import InputError
from discovery_gym.experiments import cli
from discovery_gym.experiments.entries.manifest import Refused
from discovery_gym.experiments.entries.verify import add, beyond, verify
from discovery_gym.experiments.report.leaderboard import write_leaderboard
from discovery_gym.experiments.report.standings import overviews
from discovery_gym.experiments.runs.episodes import vector_env
from discovery_gym.experiments.runs.records import (
    is_finished,
    open_folder,
    read_folder,
    record_path,
    write_record,
)
from discovery_gym.experiments.runs.replay import replay
from discovery_gym.experiments.runs.trace import Actions


def run(*words):
    return CliRunner().invoke(cli.app, list(map(str, words)))


def named(board, wing, name, folder):
    """Return the entry of the same runs under another name."""
    draft = Draft.of(board / "honest" / wing, folder)
    for path in sorted((draft.folder / "traces").iterdir()):
        trace = Trace(draft, path)
        trace.spec["name"] = name
        trace.write()
    draft.swap('name = "mine"', f'name = "{name}"')
    return draft.folder


def test_an_entry_gets_onto_the_board(board, suite, tmp_path):
    entry, results = board / "honest" / "pool", tmp_path / "results"
    for _ in range(2):  # the second time changes nothing
        done = run("verify", entry, "--suite", board / "board.toml", "--into", results)
        assert done.exit_code == 0, done.output
        assert re.search(r"Items\t24\t.* ± .*\tbit for bit\n", done.stdout)
        assert "Verified: mine, 2 runs, digest" in done.stderr
        found = read_folder(results)
        assert not found.left_out
        assert [one.spec.name for one in found.records] == ["mine", "mine"]
    for one in found.records:
        assert one.entry["name"] == "mine"
        assert one.entry["status"] == "verified"
        assert one.entry["card"]["who"]["name"] == "Ada Lovelace"
        assert one.entry["flags"] == []
        assert one.evaluation.role == ""
    write_leaderboard(results)


def test_a_table_is_an_open_book_and_nothing_odd(board, tmp_path):
    """It says so and gives no rank, and the entry is shown as verified all the same."""
    given = board / "honest" / "table", "--suite", board / "board.toml", "--into", tmp_path
    done = run("verify", *given)
    assert done.exit_code == 0
    assert "note: anybody can read the labels of Patients" in done.stderr
    assert "flag" not in done.stderr
    write_leaderboard(tmp_path)
    view = data_of(tmp_path, "board")
    (agent,), (wing,) = view["agents"], view["wings"]
    assert (agent["badge"], agent["entry"]["flags"]) == ("verified", [])
    assert [row["unranked"] for row in wing["rows"]] == ["open book"]


def test_a_flag_of_any_run_is_one_of_the_entry(board, suite, tmp_path):
    """Also if it is not that of the newest run."""
    found = verify(board / "honest" / "pool", suite=suite)
    first, last = found.records
    odd = replace(first, entry={**first.entry, "flags": ["knows too much"]})
    add(replace(found, records=(odd, last)), tmp_path)
    write_leaderboard(tmp_path)
    (agent,) = data_of(tmp_path, "board")["agents"]
    assert (agent["badge"], agent["entry"]["flags"]) == ("flagged", ["Items: knows too much"])


def test_an_entry_that_reads_labels_is_flagged(board, suite, tmp_path):
    """It chooses the largest labels of each episode, which it has looked up."""
    results = open_folder(tmp_path / "results")
    for task in (one for one in suite.tasks if one.name in WINGS["pool"]):
        spec = suite.run(task, "mine", "random", episodes=256)
        env = vector_env(spec.env_id, 256, spec.env_kwargs)
        _, info = env.reset(seed=spec.seed)
        values = info["values"]
        best = np.argsort(-values, 1)[:, : spec.env_kwargs["horizon"]].astype(np.int64)
        actions = Actions(lengths=np.full(256, best.shape[1]), parts=[best.ravel()])
        seeds = range(spec.seed, spec.seed + 256)
        played = replace(replay(spec, seeds, actions), agent="random")
        assert not write_record(results.parent / "records", spec, played)
    large = replace(suite, episodes=256)
    found = verify(enter(large, tmp_path / "results", tmp_path / "entry"), suite=large)
    assert [flag.partition(":")[0] for flag in found.flags] == ["Items", "Hubs"]
    assert all("foresight: " in flag for flag in found.flags)


def test_copied_traces_are_refused_and_those_of_a_shipped_agent_flagged(board, suite, tmp_path):
    results, honest = tmp_path / "results", board / "honest" / "design"
    add(verify(honest, suite=suite), results)
    copy = named(board, "design", "ours", tmp_path / "copy")
    done = run("verify", copy, "--suite", board / "board.toml", "--into", results)
    assert done.exit_code == 1
    assert "has the actions of the entry 'mine': the same digest of traces" in done.stderr
    assert len(read_folder(results).records) == 1

    play(suite, tmp_path / "own", WINGS["pool"], name="random")
    found = verify(board / "honest" / "pool", suite=suite, results=tmp_path / "own")
    assert found.flags == [f"{task}: the same actions as random" for task in WINGS["pool"]]


def test_a_name_in_the_results_is_taken(board, suite, tmp_path):
    add(verify(board / "honest" / "pool", suite=suite), tmp_path / "results")
    with pytest.raises(Refused, match="'mine' is taken: the results hold another entry"):
        verify(board / "honest" / "campaign", suite=suite, results=tmp_path / "results")
    play(suite, tmp_path / "own", ["Items"], name="Mine")
    with pytest.raises(Refused, match="'mine' is taken: the results hold a run of its own"):
        verify(board / "honest" / "pool", suite=suite, results=tmp_path / "own")


def test_fresh_seeds_confirm_or_do_not(board, suite, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"0123456789abcdef")
    words = ["verify", board / "honest" / "pool", "--suite", board / "board.toml"]
    fresh = [*words, "--fresh", 64, "--secret", secret]
    done = run(*fresh, "--agent", "random", "--into", tmp_path / "good")
    assert done.exit_code == 0, done.output
    assert "Items: " in done.stderr
    assert "Confirmed: mine" in done.stderr
    assert {one.entry["status"] for one in read_folder(tmp_path / "good").records} == {"confirmed"}

    results = play(suite, tmp_path / "clever", WINGS["pool"], agent="greedy")
    card = FILLED.replace('agent = "random"', 'agent = "greedy"')
    entry = enter(suite, results, tmp_path / "entry", card=card)
    words[1] = entry
    done = run(*words, "--fresh", 64, "--agent", "random", "--into", tmp_path / "bad")
    assert done.exit_code == 0, done.output
    assert "does NOT confirm it" in done.stderr
    assert "the secret was " in done.stderr
    assert "Verified: mine" in done.stderr
    assert any(
        "fresh seeds" in one.entry["flags"][0] for one in read_folder(tmp_path / "bad").records
    )


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--fresh", "16"], "go together"),
        (["--agent", "random"], "go together"),
        (["--suite", "quick"], "names a TOML file"),
        (["--suite", "nowhere.toml"], "Cannot read the suite"),
        (["--fresh", "16", "--agent", "random", "--secret", "nowhere"], "Cannot read the secret"),
        (["--fresh", "16", "--agent", "nobody"], "nobody"),
    ],
)
def test_what_is_wrong_with_the_command_is_no_refusal(more, says, board, monkeypatch):
    words = ["--suite", board / "board.toml"] if "--suite" not in more else []
    with pytest.raises(InputError, match=says):
        cli.app(
            [*map(str, ["verify", board / "honest" / "pool", *words, *more])], standalone_mode=False
        )


def test_no_folder_is_no_refusal(tmp_path):
    with pytest.raises(InputError, match=r"Cannot read .*nowhere: No such file"):
        verify(tmp_path / "nowhere")


def test_data_that_is_not_here_is_no_refusal(board, suite, monkeypatch):
    from discovery_gym.experiments.suites import task

    monkeypatch.setattr(task, "available", list)
    with pytest.raises(InputError, match="Patients cannot be played again here: data set"):
        verify(board / "honest" / "table", suite=suite)


@pytest.mark.parametrize("task", ["Ladder", "Items"])
def test_bounds(task, board, suite):
    wing = "campaign" if task == "Ladder" else "pool"
    found = next(
        one.evaluation
        for one in verify(board / "honest" / wing, suite=suite).records
        if one.spec.task == task
    )
    assert beyond(found) is None
    if task == "Ladder":
        error = found.returns.std(ddof=1) / np.sqrt(24)
        up = found.optimal_value - found.returns.mean()
        assert beyond(replace(found, returns=found.returns + up + 3.9 * error)) is None
        assert "more than 4 standard errors" in beyond(
            replace(found, returns=found.returns + up + 4.1 * error)
        )
    else:
        regret = found.regret.copy()
        regret[5] = -1e-12
        assert beyond(replace(found, regret=regret)) is None
        regret[5] = -1e-6
        assert "episode 1000005: its regret is -1e-06, below 0" in beyond(
            replace(found, regret=regret)
        )


def test_a_borrowed_fingerprint_is_only_claimed(board, suite, tmp_path):
    """With that of our own code an entry would count as a run of ours, which would not be played."""
    results, task = tmp_path / "results", suite.tasks[2]
    draft = Draft.of(board / "honest" / "pool", tmp_path / "entry")
    ours = suite.run(task, "mine", "random")
    for path in sorted((draft.folder / "traces").iterdir()):
        trace = Trace(draft, path)
        trace.about["fingerprint"] = ours.fingerprint
        trace.write()
    add(verify(draft.folder, suite=suite), results)
    for one in read_folder(results).records:
        assert one.fingerprint != ours.fingerprint
        assert one.entry["card"]["claimed"] == {"fingerprint of the run": ours.fingerprint}
    assert not record_path(results / "records", ours.id).exists()
    assert not board_of(results).mixed

    one = next(one for one in read_folder(results).records if one.spec.task == task.name)
    write_record(results / "records", one.spec, one.evaluation, fingerprint=ours.fingerprint,
                 entry=one.entry)  # fmt: skip
    assert not is_finished(results / "records", ours.id)


def board_of(results):
    return overviews(read_folder(results).records)[0].boards[0]


def test_no_entry_takes_the_place_of_ours_or_of_another(board, suite, tmp_path):
    """Names are checked when an entry is verified; a run of ours may come later."""
    results = tmp_path / "results"
    play(suite, results, ["Items"], agent="greedy")
    ours = read_folder(results).records[0]
    for digit in "ab":
        entry = {
            "name": "mine",
            "digest": 64 * digit,
            "status": "verified",
            "flags": [],
            "card": {},
        }
        spec = replace(ours.spec, name="MINE" if digit == "b" else "mine", agent="random")
        write_record(results / "records", spec, ours.evaluation, entry=entry)
    rows = {row.name: row.record for row in board_of(results).rows}
    assert set(rows) == {"mine", f"mine (entry {16 * 'a'})", f"MINE (entry {16 * 'b'})"}
    assert rows["mine"].entry is None
    assert rows["mine"].id == ours.id
    write_leaderboard(results)


def test_a_card_of_many_letters_gets_onto_the_board(board, suite, tmp_path):
    draft = Draft.of(board / "honest" / "pool", tmp_path / "entry")
    draft.swap('summary = "Draws a card."', f'summary = "{"卡" * 1000}"')
    draft.swap('"Lovelace 1843"]', ", ".join([f'"{"é" * 300}"'] * 19) + "]")
    add(verify(draft.folder, suite=suite), tmp_path / "results")
    write_leaderboard(tmp_path / "results")
