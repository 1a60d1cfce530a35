"""Small entries of every wing: a suite of a file, its runs, a card, and what may be changed in them.

An honest entry is that of `mine`, an agent that plays at random. `Draft` changes one as somebody would
who wants to be believed: whatever else follows from a change, names and digests, is made to fit.
"""

import json
import shutil

import pyarrow as pa
import pyarrow.parquet as pq

from discovery_gym.experiments.entries import manifest
from discovery_gym.experiments.entries.submit import submit
from discovery_gym.experiments.runs import record_file
from discovery_gym.experiments.runs.chunks import chunks_of, joined, play_chunk
from discovery_gym.experiments.runs.fingerprints import hashed
from discovery_gym.experiments.runs.records import open_folder, write_record
from discovery_gym.experiments.runs.spec import spec_text
from discovery_gym.experiments.suites.catalogue import suite as read_suite

NAME = "mine"
SUITE = """
format = 1
name = "board"
version = 3
about = "a small task of every wing"
episodes = 24
chunk = 16
[[task]]
name = "Ladder"
about = "A few rungs."
env = "KnowledgeLadder"
kwargs = { target = 4, p_scale = 10.0, batch_sizes = [1, 8], horizon = 30 }
agents = { random = "random", optimal = "optimal" }
[[task]]
name = "Step"
about = "Some units."
env = "GaussianStep"
kwargs = { target = 4.0, cost_per_experiment = 0.02, batch_sizes = [1, 8], horizon = 20 }
agents = { random = "random", optimal = "optimal" }
[[task]]
name = "Items"
about = "Twelve items."
env = "LinearPool"
kwargs = { num_items = 12, num_features = 3, noise_std = 0.5, horizon = 6 }
agents = { random = "random", greedy = "greedy" }
[[task]]
name = "Hubs"
about = "Some nodes."
env = "GraphPool"
kwargs = { topology = "star", num_items = 20, horizon = 5 }
agents = { random = "random", greedy = "greedy" }
[[task]]
name = "Patients"
about = "Some patients."
env = "TablePool"
kwargs = { dataset = "diabetes", rows = 0.5, horizon = 4 }
metrics = ["top(share=0.1)", "simple_regret", "area"]
agents = { random = "random", greedy = "greedy" }
[[task]]
name = "Projections"
about = "Two projections."
env = "LinearGaussianDesign"
kwargs = { horizon = 3 }
agents = { random = "random", optimal = "optimal" }
"""
TASKS = ("Ladder", "Step", "Items", "Hubs", "Patients", "Projections")
WINGS = {"campaign": TASKS[:2], "pool": TASKS[2:4], "table": TASKS[4:5], "design": TASKS[5:]}
FILLED = """
format = 1
suite = "board"
suite_version = 3
package_version = "0.1.0"
[entry]
name = "mine"
agent = "random"
kwargs = { width = 2 }
[who]
name = "Ada Lovelace"
organisation = "Analytical Engines"
contact = "ada@example.org"
[code]
url = "https://example.org/ada/mine"
commit = "0123abc"
licence = "MIT"
[hardware]
machine = "a laptop"
cores = 2
hours = 0.5
[method]
summary = "Draws a card."
kind = "exact"
references = ["https://example.org/paper", "Lovelace 1843"]
[disclosure]
tuned_on_evaluation_seeds = false
trained_on_test_tables = false
runs_discarded = 0
uses_env_internals = false
"""


def suite_in(folder):
    """Write the suite into a folder, and return it."""
    path = folder / "board.toml"
    path.write_text(SUITE)
    return read_suite(str(path))


def play(suite, folder, tasks, *, name=NAME, agent="random", **other):
    """Play an agent on some tasks, and keep the records in a results folder."""
    records = open_folder(folder)
    for task in suite.tasks:
        if task.name in tasks:
            spec = suite.run(task, name, agent, **other)
            parts = [play_chunk(spec, i) for i in range(chunks_of(spec))]
            assert not write_record(records, spec, joined(spec, parts))
    return folder


def enter(suite, results, out, *, name=NAME, card=FILLED):
    """Write the entry of an agent with a card."""
    path = out.with_name(f"{out.name}.toml")
    path.write_text(card)
    assert submit(results, path, name, out, suite).digest
    return out


class Draft:
    """An entry that is being changed."""

    def __init__(self, folder):
        self.folder = folder
        self.card = folder / "submission.toml"
        self.manifest = folder / manifest.FILE

    @classmethod
    def of(cls, entry, folder):
        shutil.copytree(entry, folder)
        return cls(folder)

    def path(self, task):
        """Return the file of the run on a task."""
        for path in sorted((self.folder / "traces").iterdir()):
            about = json.loads(pq.read_schema(path).metadata[record_file.KEY])
            if about["spec"]["task"] == task:
                return path
        raise LookupError(task)

    def trace(self, task):
        return Trace(self, self.path(task))

    def swap(self, old, new):
        """Replace some words of the card."""
        text = self.card.read_text()
        assert old in text
        self.card.write_text(text.replace(old, new, 1), encoding="utf-8")
        self.seal()

    def seal(self):
        """Write the manifest anew."""
        tables = json.loads(self.manifest.read_text())["tables"]
        manifest.write_manifest(self.folder, tables)

    def rewrite(self, change):
        """Change what the manifest says, and spell it as ours."""
        about = json.loads(self.manifest.read_text())
        change(about)
        self.manifest.write_text(json.dumps(about, indent=1) + "\n")


class Trace:
    """The file of one run."""

    def __init__(self, draft, path):
        table = pq.read_table(path)
        self.draft, self.path = draft, path
        self.about = json.loads(table.schema.metadata[record_file.KEY])
        self.columns = {name: table[name].to_pylist() for name in table.column_names}
        self.types = {field.name: field.type for field in table.schema}

    @property
    def spec(self):
        return self.about["spec"]

    @property
    def actions(self):
        return [name for name in self.columns if name[0] == "a" and name[1:].isdigit()]

    def write(self, *, named=True, signed=True):
        """Write it under the name that fits, sign it, and seal the entry."""
        arrays = {n: pa.array(c, self.types.get(n)) for n, c in self.columns.items()}
        content = record_file.to_bytes(pa.table(arrays), json.dumps(self.about))
        if not signed:
            at, old = record_file.place_of_digest(content), self.path.read_bytes()
            content = (
                content[: at.start] + old[record_file.place_of_digest(old)] + content[at.stop :]
            )
        self.path.unlink()
        if named:
            run = hashed(spec_text(self.spec), str(self.about["fingerprint"]))
            self.path = self.path.with_name(f"{run}.parquet")
        self.path.write_bytes(content)
        self.draft.seal()
