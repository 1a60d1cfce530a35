"""Studies of designs: the choices of `evaluate`, whatever comes late, own settings, the journal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from discovery_gym.envs.core import InputError
from discovery_gym.envs.design.simulator_design import SimulatorDesign
from discovery_gym.envs.design.weinberg_toy import WeinbergToy
from discovery_gym.experiments import evaluate
from discovery_gym.studies import Status, Study
from discovery_gym.studies.design_study import DesignStudy
from discovery_gym.studies.measured import DataFile

TOY = {"num_events": 20, "horizon": 4}
SMALL = {"grid_size": 8, "settings": 3, "simulated_events": 500, "horizon": 4}
PLAYED: list[tuple[str, dict[str, Any], str]] = [
    ("LinearGaussianDesign", {"horizon": 5}, "greedy_eig"),
    ("LinearGaussianDesign", {"horizon": 4, "settings": 3}, "thompson_eig(draws=3)"),
    ("LinearGaussianDesign", {"horizon": 4}, "random"),
    ("WeinbergToy", TOY, "greedy_eig"),
    ("WeinbergToy", TOY, "look_ahead_eig(first=2, draws=2, candidates=8)"),
    ("WeinbergToy", {**TOY, "settings": 5}, "bayes_opt_eig"),
    ("WeinbergToy", TOY, "random"),
    ("SimulatorDesign", SMALL, "greedy_eig"),
    ("SimulatorDesign", SMALL, "thompson_eig"),
]


def toy(**parameters: Any) -> DesignStudy:
    """A study of the toy, in memory."""
    return DesignStudy.begin(WeinbergToy(**{**TOY, **parameters}))


def events(study: DesignStudy, phi: float, theta: float, n: int, seed: int) -> Any:
    """Cosines of the toy's law, from its bins."""
    model = study.model
    assert isinstance(model, WeinbergToy)
    random = np.random.default_rng(seed)
    law = model.rates(np.array([[theta]]), np.array([[phi]]))[0]
    edges = np.linspace(-1, 1, model.num_bins + 1)
    return random.permutation(
        np.repeat((edges[1:] + edges[:-1]) / 2, random.multinomial(n, law / law.sum()))
    )


# ---- as on the board


@pytest.mark.parametrize("seed", [1_000_000, 1_000_017])
@pytest.mark.parametrize(("env_id", "parameters", "agent"), PLAYED)
def test_a_finished_study_is_an_episode_of_evaluate_bit_for_bit(
    env_id: str, parameters: dict[str, Any], agent: str, seed: int
) -> None:
    found = evaluate(
        env_id, agent, episodes=1, seed=seed, env_kwargs=parameters, agent_seed=3, truth=False
    )
    env = gym.make_vec(f"discovery/{env_id}-v0", 1, **parameters)
    model: Any = env.unwrapped.model  # type: ignore[attr-defined]
    assert found.actions is not None
    actions = found.actions.shaped(env.unwrapped.single_action_space)
    study = DesignStudy.begin(model, agent=agent, seed=3, episode=seed)
    width, paid = len(model.outcome_range[0]), 0.0
    seen, _ = env.reset(seed=seed)
    for action in actions:
        for name, part in study.episode.observation().items():
            np.testing.assert_array_equal(part, seen[name])
        (next_one,) = study.ask()
        setting = model.setting(action[None])[0]
        assert study.course.experiments[next_one.id].setting == tuple(setting.tolist())
        _, reward, *_ = env.step(action[None])
        seen = model.observe(env.unwrapped._state)  # type: ignore[attr-defined]
        paid += reward[0]
        study.tell(next_one.id, seen["outcomes"][0, :width], counts=True)
    assert paid == found.returns[0]
    assert study.left == 0
    with pytest.raises(InputError, match=f"--budget {len(actions) + 1}"):
        study.ask()


# ---- what is told


def by_hand(study: DesignStudy) -> tuple[float, float]:
    """Mean and standard deviation of theta by the density of the toy, summed on a fine grid."""
    theta = 0.5 + (np.arange(4000) + 0.5) / 4000
    logs = np.zeros_like(theta)
    edges = np.linspace(-1, 1, study.model.num_bins + 1)  # type: ignore[attr-defined]
    for one in study.episode.rounds:
        k = 2 * np.tanh((2 * one.setting[0] - 90) / 9) * theta
        cosines = np.linspace(-1, 1, 40 * (len(edges) - 1) + 1)
        cosines = (cosines[1:] + cosines[:-1]) / 2
        density = np.maximum(1 + cosines**2 + k[:, None] * cosines, 0)
        law = density.reshape(len(theta), len(edges) - 1, -1).sum(2)
        law /= law.sum(1, keepdims=True)
        logs += np.log(np.maximum(law, 1e-28)) @ np.array(one.outcome)
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    mean = weights @ theta
    return float(mean), float(np.sqrt(weights @ (theta - mean) ** 2))


def test_own_settings_and_other_numbers_of_events_count_as_they_are() -> None:
    study = toy()
    (first,) = study.ask()
    study.tell(first.id, events(study, first.values["phi"], 1.2, 20, 1))
    study.tell({"phi": 47.25}, events(study, 47.25, 1.2, 333, 2))
    study.tell({"phi": 41}, events(study, 41, 1.2, 3, 3))
    found = study.posterior()["theta"]
    mean, std = by_hand(study)
    assert found.mean == pytest.approx(mean, abs=2e-3)
    assert found.std == pytest.approx(std, rel=0.02)
    assert found.low < mean - 1.5 * std < mean + 1.5 * std < found.high
    assert [sum(one.outcome) for one in study.episode.rounds] == [20, 333, 3]
    assert study.left == 1


def test_the_order_of_telling_does_not_matter() -> None:
    data = [
        ({"phi": phi}, events(toy(), phi, 0.8, 30, i)) for i, phi in enumerate((40, 44, 49, 50))
    ]
    studies = []
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 1, 0]):
        study = toy(horizon=6)
        for i in order:
            study.tell(*data[i])
        studies.append(study)
    means = [study.posterior()["theta"] for study in studies]
    asked = [study.ask()[0].values for study in studies]
    assert all(one.mean == pytest.approx(means[0].mean, rel=1e-9) for one in means)
    assert all(one.std == pytest.approx(means[0].std, rel=1e-9) for one in means)
    assert all(one == asked[0] for one in asked)


def test_a_late_one_after_one_of_the_user_is_as_if_told_in_the_order_of_ids() -> None:
    late, prompt = toy(), toy()
    for study in (late, prompt):
        study.ask()
    data = events(late, 50, 1.1, 20, 1)
    prompt.tell("1", data)
    prompt.tell({"phi": 42}, data)
    late.tell({"phi": 42}, data)
    late.tell("1", data)
    for name, part in late.episode.observation().items():
        np.testing.assert_array_equal(part, prompt.episode.observation()[name])
    assert late.ask()[0].values == prompt.ask()[0].values


def test_failed_is_spent_withdrawn_is_not_and_both_come_back() -> None:
    study = toy()
    (first,) = study.ask()
    assert study.ask() == [first]
    study.failed("1", "beam lost")
    assert (study.status, study.left) == ({"1": Status.FAILED}, 3)
    (second,) = study.ask()
    assert (second.id, second.values) == ("2", first.values)  # nothing was learned
    study.withdraw("2")
    assert study.left == 3
    study.retry("1")
    assert study.ask() == [first]
    study.tell("1", events(study, first.values["phi"], 1, 20, 1))
    assert study.course.experiments["1"].why == ""
    before = study.posterior()
    study.correct("1", events(study, first.values["phi"], 1, 40, 2))
    assert study.posterior() != before
    study.withdraw("1")
    assert study.posterior()["theta"].mean == pytest.approx(1.0)
    assert study.misfit() is None


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: s.tell("9", [0.1]), "There are 1, 2"),
        (lambda s: s.tell({"phy": 42}, [0.1]), "did you mean 'phi'"),
        (lambda s: s.tell({"phi": 77}, [0.1]), "phi must be .* <= 50"),
        (lambda s: s.tell("2", [0.1, float("nan")]), "finite numbers"),
        (lambda s: s.tell("2", [10.0, 20.0]), "another unit"),
        (lambda s: s.tell("2", [1, 2, 3], counts=True), "takes 40 numbers of data"),
        (lambda s: s.tell("1", [0.1]), "correct"),
        (lambda s: s.failed("1"), "is here, not in flight"),
        (lambda s: s.ask(3), "one experiment after the other"),
        (lambda s: s.retry("2"), "in flight"),
        (lambda s: s.correct("2", [0.1]), "no data to correct"),
    ],
)
def test_errors_write_nothing(call: Any, words: str) -> None:
    study = toy()
    study.ask()
    study.tell("1", [0.5, -0.5])
    study.ask()
    head = study.journal.head
    with pytest.raises(InputError, match=words):
        call(study)
    assert study.journal.head == head


def test_data_that_the_model_cannot_yield_are_refused() -> None:
    from discovery_gym.envs.design.death_process import DeathProcess
    from discovery_gym.envs.design.temporal_discounting import TemporalDiscounting

    study = DesignStudy.begin(TemporalDiscounting(grid_size=(16, 4)))
    own = {name: low for name, (low, _) in study.model.knobs.items()}
    with pytest.raises(InputError, match=r"one of 0, 1|in \[0, 1\]"):
        study.tell(own, 0.5)
    study.tell(own, 1)
    counts = DesignStudy.begin(DeathProcess(grid_size=16))
    own = {name: high for name, (_, high) in counts.model.knobs.items()}
    with pytest.raises(InputError, match="whole numbers"):
        counts.tell(own, 2.5)


# ---- the simulator


def test_a_setting_of_ones_own_is_simulated_and_then_known() -> None:
    runs: list[tuple[float, int]] = []

    def simulate(theta: Any, phi: Any, n_events: int, seed: int) -> Any:
        runs.append((phi[0], n_events))
        return np.random.default_rng(seed).normal(theta[0] - 1, phi[0] / 150, n_events)

    model = SimulatorDesign(
        simulator=simulate,
        settings=2,
        grid_size=5,
        simulated_events=400,
        horizon=4,
        num_bins=8,
    )
    study = DesignStudy.begin(model)
    study.ask()
    assert len(runs) == 10
    data = np.random.default_rng(1).normal(-0.1, 0.3, 37)
    study.tell({"phi": 45}, data)
    found = study.posterior()["theta"]
    assert runs[10:] == [(45.0, 400)] * 5
    study.failed("1")
    study.budget = 9
    study.ask()
    assert len(runs) <= 15 + 5  # at most that setting, again: there is no cache
    theta = 0.5 + (np.arange(5) + 0.5) / 5
    logs = []
    edges = np.linspace(-1, 1, 9)[1:-1]
    for one in theta:
        bins = np.digitize(np.random.default_rng(0).normal(one - 1, 0.3, 400), edges)
        law = (np.bincount(bins, minlength=8) + 0.5) / (400 + 4)
        logs.append(np.log(law)[np.digitize(data, edges)].sum())
    weights = np.exp(np.array(logs) - max(logs))
    assert found.mean == pytest.approx(weights @ theta / weights.sum(), rel=1e-5)


# ---- the journal


@pytest.fixture
def beam(tmp_path: Path) -> Path:
    """A problem in a file."""
    path = tmp_path / "beam.toml"
    path.write_text('[problem]\nenv = "WeinbergToy"\nsettings = 11\nhorizon = 4\n')
    return path


def test_what_is_reopened_goes_on_where_it_was(beam: Path) -> None:
    first = Study.design(beam)
    first.ask()
    first.tell("1", events(first, 50, 1.1, 1000, 1))
    again = Study.open(beam.with_name("beam.study.jsonl"))
    assert isinstance(again, DesignStudy)
    assert again.posterior() == first.posterior()
    assert again.ask() == Study.design(beam).ask() == first.ask()
    with pytest.raises(InputError, match=r"seed=0.*seed=4"):
        Study.design(beam, seed=4)
    with pytest.raises(InputError, match="agent"):
        Study.design(beam, agent="random")


def test_a_problem_may_change_but_not_what_data_mean(beam: Path) -> None:
    study = Study.design(beam)
    study.tell({"phi": 42.5}, events(study, 42.5, 1.1, 1000, 1))
    head, before = study.journal.head, study.posterior()["theta"]
    beam.write_text(beam.read_text() + "grid_size = 512\n")
    finer = Study.design(beam)
    assert any("grid_size was None and is 512" in note for note in finer.notes)
    assert finer.posterior()["theta"].mean == pytest.approx(before.mean, abs=1e-3)
    assert Study.design(beam).notes == []
    beam.write_text(beam.read_text() + "num_bins = 10\n")
    with pytest.raises(InputError, match="would mean something else"):
        Study.design(beam)
    assert head != finer.journal.head


def test_a_file_that_grows_is_told_from_where_it_was(beam: Path, tmp_path: Path) -> None:
    study, data = Study.design(beam), tmp_path / "data.csv"
    rows = [(42, c) for c in events(study, 42, 1.1, 30, 1)]
    data.write_text("phi,cosine\n" + "".join(f"{a},{b:.3f}\n" for a, b in rows))
    assert study.tell_file(data) == ["1"]
    with pytest.raises(InputError, match="All 30 rows"):
        study.tell_file(data)
    rows += [(48, c) for c in events(study, 48, 1.1, 20, 2)] + [(42, 0.1)]
    data.write_text("phi,cosine\n" + "".join(f"{a},{b:.3f}\n" for a, b in rows))
    assert study.tell_file(data) == ["2", "3"]
    assert [sum(one.outcome) for one in study.episode.rounds] == [30, 20, 1]
    assert study.tell_file(data, again=True) == ["4", "5"]
    study.budget = 9
    for text, words in (
        ("phi,cosine\n42,x\n", "row 2, column 'cosine'"),
        (
            "phy,cosine\n42,1\n",
            "all or none of them, and one column of events",
        ),
        ("cosine\n0.1\n", "no columns of settings"),
        ("0.1\n0.2\n", "no columns of settings"),
    ):
        data.write_text(text)
        with pytest.raises(InputError, match=words):
            study.tell_file(data)
    (asked,) = study.ask()
    assert study.tell_file(data) == [asked.id]  # what is in flight needs no setting


def test_columns_of_a_simulator_that_are_not_wanted(tmp_path: Path) -> None:
    """They count as numbers of an event only where the model says which of these it looks at."""
    plain, plane = SimulatorDesign(), SimulatorDesign(data_range=((-1, 1), (0, 9)), num_bins=(4, 3))
    some = SimulatorDesign(columns=(0,))
    wanted = "Wanted are the settings phi, all or none of them, and {} of events"
    path = tmp_path / "data.csv"
    for head, model, words in (
        ("Phi,c", plain, f"'Phi', 'c'; did you mean 'phi'\\? {wanted.format('one column')}"),
        ("phi,c,x", plain, f"'phi', 'c', 'x'. {wanted.format('one column')}"),
        ("phi,c", plane, wanted.format("2 columns")),
        ("phi,c", plain, ""),
        ("c", plain, ""),
        ("phi,c,x", plane, ""),
        ("phi,c,x,y", some, ""),
    ):
        row = ",".join("42" if name == "phi" else "0.5" for name in head.split(","))
        path.write_text(f"{head}\n{row}\n")
        if words:
            with pytest.raises(InputError, match=words):
                DataFile.read(path, model)
        else:
            found = DataFile.read(path, model)
            assert found.data.tolist() == [[0.5] * (head.count(",") + ("phi" not in head))]


def test_an_edited_line_is_named(beam: Path) -> None:
    study = Study.design(beam)
    study.ask()
    path = beam.with_name("beam.study.jsonl")
    lines = path.read_text().splitlines()
    event = json.loads(lines[1])
    event["event"]["settings"]["1"] = [42.0]
    path.write_text("\n".join([lines[0], json.dumps(event)]) + "\n")
    with pytest.raises(InputError, match="Line 2"):
        Study.design(beam)


# ---- the robot physicist


def test_the_robot_physicist_finds_the_truth() -> None:
    """Nature is the density of the toy at theta = 1.23, by rejection; the study asks where to look."""
    study, random = toy(num_events=300, horizon=5, settings=21), np.random.default_rng(4)
    expected = 0.0
    while study.left:
        (asked,) = study.ask()
        assert asked.information is not None
        expected += asked.information
        k = 2 * np.tanh((2 * asked.values["phi"] - 90) / 9) * 1.23
        c = random.uniform(-1, 1, 20_000)
        kept = c[random.uniform(0, 5, 20_000) < 1 + c**2 + k * c][:300]
        study.tell(asked.id, kept)
    found = study.posterior()["theta"]
    assert found.low < 1.23 < found.high
    assert found.std < 0.06
    learned = float(np.log(1.0) - study.episode.belief.entropy[0])
    gained = float(study.episode.history().divergence[1:].sum())
    assert gained == pytest.approx(expected, abs=1.5)
    assert np.isfinite(learned)
    assert (study.misfit() or 0) > 0.01
