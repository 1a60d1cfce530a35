"""A suite that is played in milliseconds, and in this process."""

from discovery_gym.experiments.runs.board import missing, planned
from discovery_gym.experiments.runs.records import read_record, record_path
from discovery_gym.experiments.runs.sharing import play_here
from discovery_gym.experiments.suites.task import Suite, Task

LADDER = {"target": 4, "p_scale": 10.0, "batch_sizes": [1, 8], "horizon": 30}

TINY = Suite(
    name="tiny",
    version=1,
    about="for the tests",
    episodes=40,
    tasks=(
        Task(
            name="Tiny ladder <&>",
            about="A few rungs.",
            env_id="discovery/KnowledgeLadder-v0",
            env_kwargs=LADDER,
            agents={
                "random": "random",
                "optimal": "optimal",
                "small": "fixed(batch_size=1)",
                "broken": "fixed(batch_size=7)",
            },
        ),
        Task(
            name="Tiny pool",
            about="Ten patients.",
            env_id="discovery/TablePool-v0",
            env_kwargs={"dataset": "diabetes", "horizon": 3},
            agents={"random": "random", "greedy": "greedy"},
            metrics=("top(share=0.05)", "simple_regret", "area()"),
        ),
    ),
)


def execute(spec, records):
    """Play a run, whatever its record says; return whether it failed."""
    play_here([planned(spec, records)], records.parent)
    return read_record(record_path(records, spec.id)).error is not None


def missing_specs(specs, folder):
    """Return the runs that have no record, or have failed."""
    return [one.spec for one in missing(specs, folder)]
