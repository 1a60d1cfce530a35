"""From a results folder to an entry on the command line."""

import tomllib

import pytest
from entries import FILLED, NAME, WINGS, play
from typer.testing import CliRunner

from discovery_gym import InputError
from discovery_gym.experiments import cli
from discovery_gym.experiments.entries.card import KEYS, Card, read_card
from discovery_gym.experiments.entries.manifest import Refused
from discovery_gym.experiments.entries.submit import submit
from discovery_gym.experiments.entries.tasks import check_runs
from discovery_gym.experiments.runs.records import open_folder, write_record
from discovery_gym.experiments.suites import catalogue

AGENT = '''
"""The item nearest to the best label, the second batch size."""

def mine(observation, random):
    if not isinstance(observation, dict):
        return 1
    legal = observation["action_mask"].nonzero()[0]
    if not observation["labels"].any():
        return random.choice(legal)
    best = observation["labelled"][observation["labels"].argmax()]
    return legal[abs(legal - best).argmin()]
'''
ANSWERS = {
    "who.name": '"Ada"', "contact": '"a@example.org"', "url": '"https://example.org"',
    "licence": '"MIT"',
    "summary": '"Looks near the best."', "kind": '"exact"', "tuned_on_evaluation_seeds": "false",
    "trained_on_test_tables": "false", "runs_discarded": "0", "uses_env_internals": "false",
}  # fmt: skip


def run(*words):
    return CliRunner().invoke(cli.app, list(map(str, words)))


def filled(text):
    """Fill in a template as its comments ask for."""
    lines = []
    for line in text.splitlines():
        key = line.removeprefix("# ").partition(" =")[0]
        key = "who.name" if line.startswith("# name =") else key
        answer = ANSWERS.get(key) if line.startswith("# ") else None
        lines.append(line if answer is None else f"{key.rpartition('.')[2]} = {answer}")
    return "\n".join(lines)


def test_an_agent_of_one_file_enters_and_is_verified(board, suite, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(AGENT)
    play(suite, tmp_path / "results", [*WINGS["pool"], *WINGS["campaign"]], agent="./mine.py:mine")
    words = (
        "submit",
        "results",
        "--agent",
        "mine",
        "--out",
        "entry",
        "--suite",
        board / "board.toml",
    )
    done = run(*words)
    assert done.exit_code == 1
    assert done.stdout == "submission.toml\n"
    assert "Nothing is submitted yet: fill in the card" in done.stderr
    card = tmp_path / "submission.toml"
    assert tomllib.loads(card.read_text())["entry"] == {"name": "mine", "agent": "./mine.py:mine"}
    with pytest.raises(InputError, match=r"missing: \[who\] name .*; \[disclosure\] uses_env"):
        submit(tmp_path / "results", card, "mine", tmp_path / "entry", suite)
    card.write_text(filled(card.read_text()))
    done = run(*words)
    assert done.exit_code == 0, done.output
    assert done.stdout == "entry\n"
    assert "4 runs, digest " in done.stderr
    (tmp_path / "mine.py").unlink()  # whoever verifies does not have it
    done = run("verify", "entry", "--suite", board / "board.toml")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("bit for bit") == 4
    assert sorted({path.name for path in tmp_path.iterdir()} - {"__pycache__"}) == [
        "entry",
        "results",
        "submission.toml",
    ]


def test_the_template_names_every_key(board, suite, tmp_path):
    submit(board / "results" / "pool", tmp_path / "card.toml", NAME, tmp_path / "entry", suite)
    text = (tmp_path / "card.toml").read_text()
    for table, keys in KEYS.items():
        inside = text.partition(f"[{table}]" if table else "format")[2].partition("\n[")[0]
        for key in keys:
            assert f"{key} =" in ("format" if not table else "") + inside
    assert not (tmp_path / "entry").exists()


def test_keys_that_may_be_left_out(board):
    found = read_card(FILLED.encode()).values
    assert found["who"]["organisation"] == "Analytical Engines"
    assert "accelerator" not in found["hardware"]
    assert found["hardware"]["hours"] == 0.5


def card_in(folder, text=FILLED):
    (folder / "card.toml").write_text(text)
    return folder / "card.toml"


@pytest.mark.parametrize(
    ("agent", "card", "says"),
    [
        ("yours", FILLED, "There is no run of 'yours' in .* Known are mine"),
        ("mine", FILLED.replace("suite_version = 3", "suite_version = 4"), "has not played board"),
        (
            "mine",
            FILLED.replace("licence", "license"),
            "'license' is no key of a card; did you mean",
        ),
        ("mine", FILLED.replace('name = "mine"', 'name = "ours"'), "is of mine, the entry is ours"),
        ("mine", "x" * 2**17, "bytes"),
    ],
)
def test_flaws_are_named_and_nothing_is_written(agent, card, says, board, suite, tmp_path):
    path, out = card_in(tmp_path, card), tmp_path / "entry"
    with pytest.raises(ValueError, match=says):
        submit(board / "results" / "pool", path, agent, out, suite)
    assert list(tmp_path.iterdir()) == [path]


def test_a_wing_is_played_whole(suite, tmp_path):
    results = play(suite, tmp_path / "results", ["Items"])
    done_words = "the run on 'Hubs' is missing; an entry plays all tasks of a wing"
    with pytest.raises(ValueError, match=done_words):
        submit(results, card_in(tmp_path), NAME, tmp_path / "entry", suite)


def test_what_runs_code_of_others_is_outside():
    smoke = catalogue.suite("smoke")
    task = next(one for one in smoke.tasks if "Simulator" in one.env_id)
    card = Card(name="x", agent="random", suite="smoke", suite_version=2, values={})
    with pytest.raises(Refused, match="Simulator, 11 settings is outside: its environment is code"):
        check_runs(smoke, card, {"traces/x.parquet": smoke.run(task, "x", "random")})


def test_a_failed_run_is_not_submitted(suite, tmp_path):
    results = play(suite, tmp_path / "results", WINGS["pool"])
    spec = suite.run(suite.tasks[2], NAME, "greedy")
    write_record(open_folder(results), spec, None, "boom")
    with pytest.raises(InputError, match="The run of 'mine' on Items has failed"):
        submit(results, card_in(tmp_path), NAME, tmp_path / "entry", suite)


def test_a_folder_that_is_there_is_kept(board, suite, tmp_path):
    (tmp_path / "entry").mkdir()
    with pytest.raises(InputError, match="is there already"):
        submit(board / "results" / "pool", card_in(tmp_path), NAME, tmp_path / "entry", suite)


def test_what_stops_halfway_leaves_nothing(board, suite, tmp_path):
    card = card_in(tmp_path)
    with pytest.raises(InputError, match="Cannot write an entry"):
        submit(
            board / "results" / "pool", card, NAME, tmp_path / "entry", suite, [tmp_path / "no.bin"]
        )
    assert list(tmp_path.iterdir()) == [card]


def test_policies_are_kept_and_read_by_nobody(board, suite, tmp_path):
    (tmp_path / "w.bin").write_bytes(b"weights")
    card, results, out = card_in(tmp_path), board / "results" / "pool", tmp_path / "entry"
    with pytest.raises(InputError, match=r"Two policies are named 'w\.bin'"):
        submit(results, card, NAME, out, suite, [tmp_path / "w.bin", tmp_path / "x" / "w.bin"])
    assert not out.exists()
    submit(results, card, NAME, out, suite, [tmp_path / "w.bin"])
    assert (out / "policies" / "w.bin").read_bytes() == b"weights"
