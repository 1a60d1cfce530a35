"""What somebody may do to an entry, and how it must end: `CASES`, by name.

Each kind is done to every file, column or key that it can be done to.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from entries import TASKS, WINGS, Draft, Trace

from discovery_gym.experiments.runs import record_file

FLOATS, WHOLE = pa.list_(pa.float64()), pa.list_(pa.int64())
DIGEST = "digest is not that of manifest"


@dataclass(frozen=True)
class Case:
    """Something done to the entry of a wing.

    Args:
        wing: Which entry.
        change: What is done to it.
        says: What a refusal must say; of a flag likewise. Empty: the entry is verified all the same.
        flagged: Whether it is flagged and not refused.
    """

    wing: str
    change: Callable[[Draft], Any]
    says: str
    flagged: bool = False


CASES: dict[str, Case] = {}


def case(name, wing, says, flagged=False):
    def add(change):
        assert name not in CASES, name
        CASES[name] = Case(wing, change, says, flagged)

    return add


def wing_of(task):
    return next(wing for wing, tasks in WINGS.items() if task in tasks)


def on_trace(name, task, says, change, **how):
    """Change the trace of a task."""

    def whole(draft):
        trace = draft.trace(task)
        change(trace)
        trace.write(**how)

    case(f"{name}, {task}", wing_of(task), says)(whole)


# ---- 1-6: numbers of a record

NUMBERS = ("return", "length", "regret", "spent", "regret_after", "return_after", "best_after",
           "spent_after", "random_value", "optimal_value", "points")  # fmt: skip
HAS = {
    "campaign": {"return", "length", "spent", "return_after", "spent_after", "points", "random_value",
                 "optimal_value"},
    "pool": {"return", "length", "regret", "regret_after", "best_after", "points", "random_value",
             "optimal_value"},
    "design": {"return", "length", "return_after", "points", "random_value", "optimal_value"},
}  # fmt: skip
METRICS = {"top", "simple_regret", "area"}
HAS["table"] = HAS["pool"] | METRICS
ENDS = "does not end in its value|its {} .*but its actions give"
FOUND = {
    "length": "does not end with it|not as many as its decisions",
    "random_value": "its random_value is",
    "optimal_value": "its optimal_value is",
    "points": "does not end with it|points are|not as many as they should be",
} | {name: ENDS.format(name.removesuffix("_after")) for name in NUMBERS if name.endswith("_after")}
FOUND |= {name: ENDS.format(f"{name}s?") for name in ("return", "regret", "spent", *METRICS)}


def raised(value, by):
    return value + 1 if isinstance(value, int) else value + by * max(1.0, abs(value))


def number(column, row, by):
    def change(trace):
        if column in trace.about:
            found = trace.about[column]
            trace.about[column] = (
                [*found, found[-1] + 1] if column == "points" else raised(found, by)
            )
        elif isinstance(trace.columns[column][row], list):
            trace.columns[column][row][0] = raised(trace.columns[column][row][0], by)
        else:
            trace.columns[column][row] = raised(trace.columns[column][row], by)

    return change


for task in TASKS:
    for column in sorted(HAS[wing_of(task)]):
        for label, row, by in (("a little", 3, 1e-6), ("much", 20, 10.0)):
            on_trace(f"{column} raised {label}", task, FOUND[column], number(column, row, by))
    for column in ("return", "random_value"):
        on_trace(f"{column} raised, unsigned", task, "digest", number(column, 3, 1.0), signed=False)


# ---- 7-11: actions


def other_action(trace):
    """Change one action to another that is legal, where the episode goes on."""
    for name in trace.actions:
        episode = trace.columns[name][5]
        if isinstance(episode[0], float):
            episode[0] = -episode[0] if abs(episode[0]) > 0.1 else 0.75
        else:
            free = [a for a in (0, 1, 2, 3, 4, 5, 6, 7) if a not in episode] or [1 - episode[0]]
            episode[0] = free[0]


def swapped_steps(trace):
    for row in range(24):
        for name in trace.actions:
            episode = trace.columns[name][row]
            episode[0], episode[1] = episode[1], episode[0]


def swapped_episodes(trace):
    for name in [*trace.columns][1:]:
        column = trace.columns[name]
        column[2], column[9] = column[9], column[2]


def dropped(trace):
    for name in trace.actions:
        trace.columns[name][4] = trace.columns[name][4][:-1]
    trace.columns["length"][4] -= 1
    shorten(trace, 4)


def appended(trace):
    for name in trace.actions:
        trace.columns[name][4] = [*trace.columns[name][4], trace.columns[name][4][-1]]
    trace.columns["length"][4] += 1
    shorten(trace, 4)


def shorten(trace, row):
    """Let what is known along the way fit the length of an episode."""
    length = trace.columns["length"][row]
    count = sum(point <= length for point in trace.about["points"])
    for name in (name for name in trace.columns if name.endswith("_after")):
        values = trace.columns[name][row]
        whole = trace.columns.get(name.removesuffix("_after"), [None] * (row + 1))[row]
        trace.columns[name][row] = (values + [values[-1]] * count)[:count]
        if whole is not None and length in trace.about["points"]:
            trace.columns[name][row][-1] = whole


for task in TASKS:
    on_trace("one action changed", task, "episode 1000005|illegal|not legal", other_action)
    on_trace("two steps swapped", task, "episode", swapped_steps)
    on_trace("two episodes swapped", task, "episode 100000[29]", swapped_episodes)
    on_trace("a step dropped", task, "episode 1000004", dropped)
    on_trace("a step appended", task, "episode 1000004|points", appended)
    on_trace("actions of one episode missing", task, "not as many as its decisions",
             lambda trace: trace.columns["a0"].__setitem__(1, trace.columns["a0"][1][1:]))  # fmt: skip
    on_trace("no actions", task, "no actions",
             lambda trace: [trace.columns.pop(name) for name in trace.actions])  # fmt: skip


# ---- 12-15: actions that nobody can take


def first_action(value):
    def change(trace):
        trace.columns["a0"][7][0] = value

    return change


def typed(name, kind):
    def change(trace):
        trace.types[name] = pa.list_(kind)

    return change


for task in TASKS[:5]:
    for value in (-1, 10**6, 2**62):
        on_trace(f"action {value}", task, "episode 1000007", first_action(value))
    on_trace("actions as int32", task, "int32", typed("a0", pa.int32()))
    on_trace("actions as float64", task, "float64|double", typed("a0", pa.float64()))
for task in ("Items", "Hubs", "Patients"):
    on_trace("an item twice", task, "episode 1000007",
             lambda trace: trace.columns["a0"][7].__setitem__(1, trace.columns["a0"][7][0]))  # fmt: skip
for value in (float("nan"), float("inf"), float("-inf")):
    on_trace(f"action {value}", "Projections", "not finite", first_action(value))
for value in (1.5, -1e30):
    on_trace(f"action {value}", "Projections", "episode 1000007", first_action(value))
on_trace("actions as float64", "Projections", "float64|double", typed("a0", pa.float64()))
on_trace("actions as int64", "Projections", "int64", lambda trace: (
    typed("a0", pa.int64())(trace),
    trace.columns.update(a0=[[round(a) for a in row] for row in trace.columns["a0"]])))  # fmt: skip


# ---- 16-20: seeds


def seeds(change):
    def whole(trace):
        trace.columns["seed"] = [change(i, seed) for i, seed in enumerate(trace.columns["seed"])]

    return whole


def rows(pick):
    def change(trace):
        trace.columns = {name: pick(column) for name, column in trace.columns.items()}

    return change


def of_spec(**values):
    def change(trace):
        trace.spec.update(values)

    return change


def both(*changes):
    def change(trace):
        for one in changes:
            one(trace)

    return change


for task in ("Ladder", "Items", "Projections"):
    for name, change in {
        "seeds shifted": seeds(lambda i, seed: seed + 1),
        "a seed repeated": seeds(lambda i, seed: seed - (i == 5)),
        "seeds below": seeds(lambda i, seed: seed - 10**6),
        "fewer episodes": rows(lambda column: column[:20]),
        "more episodes": rows(lambda column: column + column[:4]),
    }.items():
        on_trace(name, task, "its seeds are not|rows for 24 episodes", change)
    shift = both(of_spec(seed=1_000_024), seeds(lambda i, seed: seed + 24))
    on_trace("other seeds, said so", task, "spec is not the suite's: seed", shift)
    low = both(of_spec(seed=0), seeds(lambda i, seed: i))
    on_trace("tuning seeds, said so", task, "spec is not the suite's: seed", low)
    few = both(of_spec(episodes=20), rows(lambda column: column[:20]))
    on_trace("fewer episodes, said so", task, "spec is not the suite's: episodes", few)


# ---- 21-24: the set of runs


def missing(task):
    def change(draft):
        draft.path(task).unlink()
        draft.seal()

    return change


def doubled(task):
    def change(draft):
        before = draft.path(task)
        kept = before.read_bytes()
        trace = draft.trace(task)
        trace.about["fingerprint"] = "0" * 16
        trace.write()
        before.write_bytes(kept)
        draft.seal()

    return change


def renamed(task):
    def change(draft):
        path = draft.path(task)
        path.rename(path.with_name("0123456789abcdef.parquet"))
        draft.seal()

    return change


for task in TASKS:
    alone = task in ("Patients", "Projections")
    words = "is missing" if not alone else "is missing|tables are not those"
    case(f"run missing, {task}", wing_of(task), words)(missing(task))
    case(f"run doubled, {task}", wing_of(task), "too")(doubled(task))
    case(f"file renamed, {task}", wing_of(task), "renamed, or edited")(renamed(task))


def taken(name):
    def change(draft):
        for path in sorted((draft.folder / "traces").iterdir()):
            trace = Trace(draft, path)
            trace.spec["name"] = name
            trace.write()
        draft.swap('name = "mine"', f"name = {json.dumps(name)}")

    return change


for name in ("greedy", "Greedy", "random", "OPTIMAL"):
    case(f"the name {name}", "pool", "is taken")(taken(name))
case("another name on the card", "pool", "the entry is ours")(
    lambda draft: draft.swap('name = "mine"', 'name = "ours"')
)
case("another agent on the card", "pool", "the agent of the card is")(
    lambda draft: draft.swap('agent = "random"', 'agent = "greedy"')
)


# ---- 25-29: the spec


for task, kwargs in {
    "Ladder": ({"target": 3}, {"p_scale": 100.0}, {"horizon": 60}),
    "Step": ({"cost_per_experiment": 0.0}, {"std": 9.0}),
    "Items": ({"noise_std": 0.0}, {"num_items": 6}, {"horizon": 5}, {"x": [[[1]]]}),
    "Hubs": ({"topology": "random"}, {"hub_prob": 1.0}),
    "Patients": ({"dataset": "/etc/passwd"}, {"dataset": "cncci"}, {"rows": None}, {"target": "x"}),
    "Projections": ({"horizon": 2}, {"simulator": "os:system"}),
}.items():
    for eased in kwargs:
        on_trace(f"eased by {eased}", task, "spec is not the suite's: env_kwargs",
                 lambda trace, eased=eased: trace.spec["env_kwargs"].update(eased))  # fmt: skip
for task in TASKS:
    for name, values, says in (
        ("another environment", {"env_id": "discovery/KnowledgeLadder-v9"}, "env_id"),
        ("an environment of others", {"env_id": "os.path:lab/Mine-v0"}, "env_id"),
        ("an old version", {"version": 2}, "version 2"),
        ("an unknown suite", {"suite": "mine"}, "it is of mine"),
        ("another suite of ours", {"suite": "quick"}, "it is of quick"),
        ("an unknown task", {"task": "Easy"}, "there is no task Easy"),
        ("a metric", {"metrics": ["mine(x=1)"]}, "metrics|columns"),
    ):
        on_trace(name, task, says, of_spec(**values))
for old, new, says in (
    ('suite = "board"', 'suite = "quick"', "is not one of board"),
    ('suite = "board"', 'suite = "../board.toml"', "is not one of board"),
    ("suite_version = 3", "suite_version = 2", "suite_version is 2"),
):
    case(f"card: {new}", "pool", says)(lambda draft, old=old, new=new: draft.swap(old, new))


def other_data(value):
    def change(draft):
        draft.rewrite(lambda about: about["tables"].update(value))

    return change


case("other data", "table", "other data")(other_data({"Patients": "0" * 64}))
case("data of no task", "table", "not those of the tasks")(other_data({"Ward": "0" * 64}))
case("data of a pool", "pool", "not those of the tasks")(other_data({"Items": "0" * 64}))
case("data in the middle", "table", "other data|one line")(other_data({"Patients": "\x1b[2J\n# x"}))


# ---- 30-33: what a record says of itself


def says(**values):
    def change(trace):
        trace.about.update(values)

    return change


for task in ("Ladder", "Items", "Projections"):
    on_trace("a forged fingerprint", task, "renamed", says(fingerprint="0" * 16), named=False)
    on_trace(
        "no versions", task, "what it says of itself", lambda trace: trace.about.pop("versions")
    )
    on_trace("created in the future", task, "no time of the past", says(created=time.time() + 1e6))
    on_trace("format 2", task, "what it says of itself|format", says(format=2))
    on_trace("an unknown word", task, "what it says of itself", says(winner=True))
    on_trace(
        "a failed run", task, "rows for 0|its columns are", says(status="failed", error="boom")
    )
    on_trace("the fingerprint of another run", task, "", says(fingerprint="0123456789abcdef"))
    on_trace("an entry within", task, "its entry", says(entry={"status": "confirmed"}))


# ---- 34-38: the manifest


def on_files(change):
    """Change the rows of the manifest."""
    return lambda draft: draft.rewrite(lambda about: change(about["files"]))


LATER = {"path": "policies/a.bin", "size": 1, "sha256": "0" * 64}
for place, what in enumerate(("the card", "the first run", "the second run")):
    lacks = on_files(lambda files, place=place: files.pop(place))
    case(f"manifest lacks {what}", "pool", "not in manifest.json|there is none")(lacks)
    for key, value, reason in (
        ("size", 1, "and 1 by"),
        ("size", -1, "bytes, and|none"),
        ("size", 1.5, "none|bytes, and|spells"),
        ("size", True, "none|bytes, and|spells"),
        ("sha256", "0" * 64, DIGEST),
        ("sha256", "x", "are none"),
        ("sha256", None, "not what"),
    ):
        wrong = on_files(
            lambda files, at=place, key=key, value=value: files[at].update({key: value})
        )
        case(f"manifest: {key} {value} of {what}", "pool", reason)(wrong)
case("manifest names a file too many", "pool", "not in the folder")(
    on_files(lambda files: files.insert(0, LATER))
)
for name, change in {
    "a path twice": lambda files: files.insert(1, files[1]),
    "another order": lambda files: files.reverse(),
    "an unknown word": lambda files: files[0].update(mode=7),
    "no files": lambda files: files.clear(),
}.items():
    case(f"manifest: {name}", "pool", "twice|spells|there is none|not in manifest")(
        on_files(change)
    )
case("manifest: a case clash", "pool", "capital letters")(
    on_files(lambda files: files.extend([LATER, {**LATER, "path": "policies/A.bin"}]))
)
for text in ("", "{", "[]", "null", "{}", '{"files": 3}', "[" * 3000 + "]" * 3000, '{"files": [[]]}',
             '{"files": [], "files": [], "tables": {}}', "\udcff\x00"):  # fmt: skip
    case(f"manifest: {text[:30]!a}", "pool", "not what|there is none|spells")(
        lambda draft, text=text: draft.manifest.write_bytes(text.encode(errors="surrogateescape"))
    )
case("no manifest", "pool", "there is none")(lambda draft: draft.manifest.unlink())
case("no card", "pool", "not in the folder")(lambda draft: draft.card.unlink())
case("manifest: endless", "pool", "bytes are more")(
    lambda draft: draft.manifest.write_text(" " * (2**20 + 1))
)
case("a file edited", "pool", DIGEST)(
    lambda draft: draft.card.write_text(draft.card.read_text().replace("Ada", "Eda"))
)
for task in ("Ladder", "Items"):
    case(f"a trace edited, {task}", wing_of(task), DIGEST)(
        lambda draft, task=task: turned(draft.path(task))
    )


def turned(path):
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)


# ---- 39-44: paths and kinds of files

for path in ("../outside", "/etc/passwd", "traces/../../x", "traces/a\0b.parquet", "traces\\x",
             "C:\\x", "~/x", "traces/0123456789abcdef.parquet/x", ".hidden", "policies/../x", "",
             "traces/0123456789ABCDEF.parquet", "./submission.toml", "\u202ex"):  # fmt: skip
    case(f"manifest: path {path!a}", "pool", "no file of an entry")(
        on_files(lambda files, path=path: files.insert(0, {**LATER, "path": path}))
    )


def instead(make):
    """Put something else in the place of a trace."""

    def change(draft):
        path = draft.path("Items")
        kept = path.rename(draft.folder.with_name(f"{draft.folder.name} kept"))
        make(path, kept)

    return change


def device(path, kept):
    path.symlink_to("/dev/zero")


KINDS = {
    "a link to a trace": (lambda path, kept: path.symlink_to(kept), "a link"),
    "a link to a device": (device, "a link"),
    "a link to nothing": (lambda path, kept: path.symlink_to("nowhere"), "a link"),
    "a link to itself": (lambda path, kept: path.symlink_to(path), "a link"),
    "a hard link": (lambda path, kept: os.link(kept, path), "a hard link"),
    "a pipe": (lambda path, kept: os.mkfifo(path), "a pipe"),
    "a folder": (lambda path, kept: path.mkdir(), "a folder"),
    "an endless file": (lambda path, kept: huge(path), "limit is passed"),
}


def huge(path):
    with path.open("wb") as file:
        file.truncate(2**40)


for name, (make, reason) in KINDS.items():
    case(f"{name} for a trace", "pool", reason)(instead(make))


def beside(name, make):
    def change(draft):
        path = draft.folder / name
        path.parent.mkdir(exist_ok=True)
        make(path)

    return change


for name in ("x", ".hidden", "setup.py", "traces/x", "traces/.x.parquet", "policies/.x", "conftest.py",
             "\x1b[2J", "traces/a\nb", "<script>", "SUBMISSION.TOML", "policies/\u202ex"):  # fmt: skip
    case(f"beside: {name!a}", "pool", "a file of an entry is")(
        beside(name, lambda path: path.write_text("x"))
    )
case("beside: a policy", "pool", "not in manifest.json")(
    beside("policies/x.pkl", lambda path: path.write_text("x"))
)
for name, make in {
    "a pipe": os.mkfifo,
    "a folder": lambda path: path.mkdir(),
    "a link up": lambda path: path.symlink_to(".."),
}.items():
    case(f"beside: {name}", "pool", name.removesuffix(" up"))(beside("policies/x", make))
case("traces is a link", "pool", "a link")(
    lambda draft: (
        (draft.folder / "traces").rename(draft.folder.with_name("t")).parent
        and (draft.folder / "traces").symlink_to(draft.folder.with_name("t"))
    )
)
case("very many files", "pool", "more than 1,000 files")(
    lambda draft: [
        (draft.folder / "traces" / f"{i:016x}.parquet").write_bytes(b"") for i in range(1001)
    ]
)


# ---- 45-49: bombs and damage


def content(make):
    def change(draft):
        path = draft.path("Items")
        path.write_bytes(make(path.read_bytes()))
        draft.seal()

    return change


def zip_bomb(draft):
    """Sixty million numbers in some kilobytes."""
    trace = draft.trace("Items")
    table = pa.table({"seed": pa.repeat(pa.scalar(0, pa.int64()), 60 * 2**20)})
    trace.path.write_bytes(record_file.to_bytes(table, json.dumps(trace.about)))
    draft.seal()


def lying_bomb(draft):
    """The same, with metadata that tell of 24 numbers in each group of a million."""
    zip_bomb(draft)
    path = draft.path("Items")
    content = path.read_bytes()
    start = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    million, few = b"\x80\x80\x80\x01", b"\xb0\x80\x80\x00"  # as zigzag varints of four bytes
    assert content[start:].count(million) >= 60
    content = content[:start] + content[start:].replace(million, few)
    at = record_file.place_of_digest(content)
    path.write_bytes(content[: at.start] + record_file.digest_of(content, at) + content[at.stop :])
    draft.seal()


case("a bomb", "pool", "numbers are more than")(zip_bomb)
case("a bomb that lies", "pool", "numbers are more than")(lying_bomb)
for name, make, reason in (
    ("cut", lambda old: old[: len(old) // 2], "not a Parquet file"),
    ("empty", lambda old: b"", "not a Parquet file"),
    ("its end alone", lambda old: b"\xff\xff\xff\x7fPAR1", "longer than"),
    ("only its last bytes", lambda old: old[-200:], "digest"),
    ("turned bits", lambda old: old[:60] + bytes(b ^ 255 for b in old[60:90]) + old[90:], "digest"),
    ("a zip", lambda old: b"PK\x03\x04" + old, "digest"),
    ("text", lambda old: b"seed,return\n1,2\n", "not a Parquet file"),
):
    case(f"a trace that is {name}", "pool", reason)(content(make))


def nested(depth):
    kwargs: Any = 1
    for _ in range(depth):
        kwargs = [kwargs]
    return kwargs


def deep(draft):
    trace = draft.trace("Items")
    text = json.dumps(trace.about).replace('"metrics": []', '"metrics": ' + "[" * 3000 + "]" * 3000)
    table = pa.table({name: pa.array(c, trace.types[name]) for name, c in trace.columns.items()})
    trace.path.write_bytes(record_file.to_bytes(table, text))
    draft.seal()


case("JSON nested 3000 deep", "pool", "RecursionError|metric|parquet: ")(deep)
on_trace("parameters nested 300 deep", "Items", "spec is not the suite's: env_kwargs",
         lambda trace: trace.spec["env_kwargs"].update(x=nested(300)))  # fmt: skip
on_trace("foreign metadata", "Items", "what it says of itself|KeyError",
         lambda trace: trace.about.clear(), named=False)  # fmt: skip


# ---- 50-54: words

WORDS = {
    "script": "<script>alert(1)</script>",
    "end of a script": "</script><script>alert(1)</script>",
    "a head": "x\n\n# head",
    "escape": "\x1b[2J\x1b]0;t\x07",
    "markup": "[/red]",
    "bidi": "\u202egnp.exe",
    "unseen": "a\u200bb",
    "a formula": '=HYPERLINK("https://evil.org")',
    "a formula of signs": "@SUM(1+1)*cmd|' /C calc'!A0",
    "LaTeX": "\\input{/etc/passwd}\\write18{id}",
    "a link": "[x](javascript:alert(1))",
    "a template": "{{ 7 * 7 }}{% raw %}",
}
BAD = {"a head", "escape", "bidi", "unseen"}
FIELDS = {
    'name = "mine"': "name",
    'name = "Ada Lovelace"': "who",
    'summary = "Draws a card."': "summary",
    'licence = "MIT"': "licence",
}


def words(old, text):
    def change(draft):
        new = f"{old.partition('=')[0]}= {json.dumps(text)}"
        if old == 'name = "mine"':
            taken(text)(draft)
        else:
            draft.swap(old, new)

    return change


for old, field in FIELDS.items():
    for name, text in WORDS.items():
        case(f"{name} in {field}", "pool", "one line" if name in BAD else "")(words(old, text))
for link in ("javascript:alert(1)", "http://example.org", "https://", "https://a b", 'https://a"b/',
             "https://x/<script>", "data:text/html,x", "file:///etc/passwd", "https://ada@evil.org",
             "JAVASCRIPT:alert(1)", "https://x/\\evil", "//evil.org", "https://x/\u202e"):  # fmt: skip
    case(f"link {link!a}", "pool", "must be a link")(
        lambda draft, link=link: draft.swap(
            '"https://example.org/ada/mine"', json.dumps(link, ensure_ascii=False)
        )
    )


# ---- 55-58: the card

REQUIRED = ("format", "suite", "suite_version", "package_version", "agent", "contact", "url", "licence",
            "machine", "summary", "kind", "tuned_on_evaluation_seeds", "trained_on_test_tables",
            "runs_discarded", "uses_env_internals")  # fmt: skip


def line_of(key):
    def change(draft):
        lines = draft.card.read_text().splitlines()
        kept = [line for line in lines if not line.startswith(f"{key} =")]
        assert len(kept) == len(lines) - 1
        draft.card.write_text("\n".join(kept))
        draft.seal()

    return change


for key in REQUIRED:
    case(f"card without {key}", "pool", rf"missing: (\[\w+\] )?{key} \(")(line_of(key))
for table in ("entry", "who", "code", "hardware", "method", "disclosure"):
    case(f"card without [{table}]", "pool", "is missing|is no key|not TOML")(
        lambda draft, table=table: draft.swap(f"[{table}]\n", "")
    )
    case(f"card: unknown key in [{table}]", "pool", "'winner' is no key")(
        lambda draft, table=table: draft.swap(f"[{table}]\n", f"[{table}]\nwinner = true\n")
    )
for old, new, reason in (
    ("[entry]", "[winner]\nx = 1\n[entry]", "'winner' is no key"),
    ("format = 1", "format = 2", "format must be one of 1"),
    ("format = 1", "format = true", "format must be one of 1"),
    ("suite_version = 3", 'suite_version = "3"', "integer"),
    ('contact = "ada@example.org"', 'contact = ""', "contact must be a text"),
    ('contact = "ada@example.org"', 'contact = " "', "contact must be a text"),
    ('contact = "ada@example.org"', "contact = 3", "contact must be a text"),
    ('kind = "exact"', 'kind = "magic"', "kind must be one of"),
    ("tuned_on_evaluation_seeds = false", "tuned_on_evaluation_seeds = 0", "true or false"),
    ("tuned_on_evaluation_seeds = false", 'tuned_on_evaluation_seeds = "no"', "true or false"),
    ("runs_discarded = 0", "runs_discarded = -1", "integer of at least 0"),
    ("runs_discarded = 0", "runs_discarded = nan", "integer of at least 0"),
    ("hours = 0.5", "hours = inf", "number of hours"),
    ("hours = 0.5", "hours = -1", "number of hours"),
    ("kwargs = { width = 2 }", "kwargs = 3", "table of names"),
    ("kwargs = { width = 2 }", "kwargs = { w = 1979-05-27 }", "table of names"),
    ("kwargs = { width = 2 }", 'kwargs = { w = "' + "x" * 3000 + '" }', "table of names"),
    (
        "kwargs = { width = 2 }",
        "kwargs = { w = " + "[" * 3000 + "]" * 3000 + " }",
        "not TOML|table",
    ),
    ('"Lovelace 1843"]', '"x", ' * 30 + "]", "at most 20"),
    ('summary = "Draws a card."', 'summary = "' + "x" * 1001 + '"', "1 to 1000 letters"),
    ("format = 1", "format = 1\nformat = 1", "not TOML"),
    ("format = 1", "format = ", "not TOML"),
    ("format = 1", "format = 1\n#" + "x" * 2**17, "bytes"),
):
    name = f"card: {new[:40]!a}"
    case(name, "pool", reason)(lambda draft, old=old, new=new: draft.swap(old, new))
case("card: no text", "pool", "not TOML")(
    lambda draft: (draft.card.write_bytes(b"\xff\xfe\x00"), draft.seal())
)


# ---- 61-62: code

PICKLE = b"cos\nsystem\n(S'touch /tmp/owned'\ntR."


def with_policy(draft):
    (draft.folder / "policies").mkdir()
    (draft.folder / "policies" / "policy.pkl").write_bytes(PICKLE)
    (draft.folder / "policies" / "policy.zip").write_bytes(b"PK\x03\x04" + PICKLE)
    draft.seal()


case("a pickle for a policy", "pool", "")(with_policy)
for text in ("os:system", "os:system('touch owned')", "./evil.py:Agent",
             "evil:Agent(path='/etc/passwd')",
             "__import__('os').system('id')", "sb3('policies/policy.zip')"):  # fmt: skip

    def change(draft, text=text):
        for path in sorted((draft.folder / "traces").iterdir()):
            trace = Trace(draft, path)
            trace.spec["agent"] = trace.about["agent"] = text
            trace.write()
        draft.swap('agent = "random"', f"agent = {json.dumps(text)}")

    case(f"agent {text}", "pool", "")(change)
