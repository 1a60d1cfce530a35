"""Training: what it writes, what is exported from stable-baselines3, and what a kill leaves."""

from __future__ import annotations

import csv
import os
import pickle
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from typer.testing import CliRunner

from discovery_gym import InputError
from discovery_gym.agents import make
from discovery_gym.agents.learned.policy import LearnedAgent, Policy
from discovery_gym.envs.core import Streams
from discovery_gym.experiments import cli, evaluate
from discovery_gym.experiments.evaluation import EVALUATION_SEED
from discovery_gym.experiments.records import RunSpec

torch = pytest.importorskip("torch", reason="the extra 'learn' is not installed")
pytest.importorskip("stable_baselines3", reason="the extra 'learn' is not installed")

from discovery_gym.experiments import training as module  # noqa: E402
from discovery_gym.experiments.training import Training, train  # noqa: E402

LADDER: dict[str, Any] = {
    "target": 4,
    "p_scale": 10.0,
    "batch_sizes": [1, 8],
    "horizon": 30,
    "cost_per_experiment": 0.3,
}
PPO: dict[str, Any] = {"n_steps": 16, "batch_size": 128, "net_arch": [16]}


def ladder(**changes: Any) -> Training:
    values: dict[str, Any] = {
        "env_id": "KnowledgeLadder",
        "env_kwargs": LADDER,
        "steps": 1024,
        "envs": 16,
        "evaluations": 2,
        "episodes": 20,
        "settings": PPO,
    }
    return Training(**{**values, **changes})


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished training of a tiny ladder; do not write to it."""
    folder = tmp_path_factory.mktemp("training") / "ladder"
    train(ladder(), folder)
    return folder


def test_a_training_leaves_a_curve_a_log_and_a_policy_to_play(trained: Path) -> None:
    with (trained / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["steps"]) for row in rows] == [0, 512, 1024]
    assert float(rows[0]["seconds"]) < float(rows[1]["seconds"]) < float(rows[2]["seconds"])
    assert (trained / "log" / "0" / "progress.csv").exists()
    best = max(float(row["return"]) for row in rows)
    result = evaluate(
        "KnowledgeLadder",
        f'sb3("{trained / module.POLICY}")',
        episodes=20,
        seed=module.VALIDATION_SEED,
        env_kwargs=LADDER,
    )
    assert result.returns.mean() == pytest.approx(best)
    assert result.optimal_value is not None
    assert result.random_value is not None
    span = result.optimal_value - result.random_value
    score = max(float(row["score"]) for row in rows)
    assert score == pytest.approx((best - result.random_value) / span)
    assert train(ladder(), trained)[-1].steps == 1024  # finished: read, not trained again


def test_the_policy_names_the_command_that_made_it(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = Policy.load(trained / module.POLICY).about
    assert about["command"] == ladder().command
    assert 0 <= about["cpu_seconds"] < 600
    assert about["versions"]["torch"]
    design = {"env_id": "LinearGaussianDesign", "env_kwargs": {"horizon": 3}, "algorithm": "sac"}
    for training in (
        ladder(),
        ladder(settings={}, env_kwargs={}),
        ladder(**design, parts=["belief"]),
    ):
        read: list[Any] = []
        monkeypatch.setattr(module, "train", lambda *given: read.append(given) or 1 / 0)  # noqa: B023
        result = CliRunner().invoke(cli.app, shlex.split(training.command)[1:])
        assert isinstance(result.exception, ZeroDivisionError)
        assert read == [(training, Path("FOLDER"))]


def test_it_learns(tmp_path: Path) -> None:
    """A prize at the top: who saves on experiments never gets there."""
    prize = LADDER | {"target_reward": 60.0, "horizon": 12}
    changes = {"steps": 20_480, "envs": 64, "env_kwargs": prize, "episodes": 2000}
    curve = train(ladder(**changes, settings=PPO | {"batch_size": 256}), tmp_path / "ladder")
    assert curve[0].score < 0.5
    assert max(point.score for point in curve) > 0.9


def test_evaluation_seeds_are_never_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    original = Streams.begin

    def spy(streams: Streams, index: Any) -> None:
        seen.extend(np.array(streams.generators.seeds, object)[index])
        original(streams, index)

    monkeypatch.setattr(Streams, "begin", spy)
    for seed in (0, 12_345_678):
        train(ladder(steps=256, evaluations=1, seed=seed), tmp_path / str(seed))
    assert 0 <= min(seen) <= max(seen) < EVALUATION_SEED
    curve = {seed for seed in seen if seed >= module.VALIDATION_SEED}
    assert curve == set(range(module.VALIDATION_SEED, module.VALIDATION_SEED + 20))


POOL = {"num_items": 10, "num_features": 2, "horizon": 4}
OFF = {"learning_starts": 64, "buffer_size": 500, "batch_size": 32, "gradient_steps": 1}


@pytest.mark.parametrize(
    ("algorithm", "env_id", "kwargs", "settings", "parts"),
    [
        ("maskable-ppo", "LinearPool", POOL, PPO, ()),
        ("ppo", "LinearPool", POOL | {"batch_size": 2}, PPO, ()),
        ("dqn", "KnowledgeLadder", LADDER, OFF, ()),
        ("ppo", "LinearGaussianDesign", {"horizon": 3}, PPO, ()),
        ("ppo", "LinearGaussianDesign", {"horizon": 3}, PPO | {"activation": "relu"}, ()),
        ("sac", "LinearGaussianDesign", {"horizon": 3}, OFF, ()),
        ("td3", "LinearGaussianDesign", {"horizon": 3}, OFF, ()),
        ("sac", "LinearGaussianDesign", {"horizon": 3}, OFF, ("rounds_left", "belief")),
    ],
)
def test_the_exported_policy_is_the_trained_one(
    algorithm: str, env_id: str, kwargs: Any, settings: Any, parts: Any, tmp_path: Path
) -> None:
    """The same scores as the network of stable-baselines3 on observations it normalises itself."""
    training = Training(
        env_id=env_id,
        env_kwargs=kwargs,
        algorithm=algorithm,
        steps=256,
        envs=8,
        evaluations=1,
        episodes=4,
        settings=settings,
        parts=parts,
    )
    run = module._Run(training, tmp_path / "run")
    run.model.learn(256)
    vector = gym.make_vec(training.env_id, num_envs=30, **kwargs)
    observation = vector.reset(seed=0)[0]
    for _ in range(2):
        observation = vector.step(vector.action_space.sample())[0]
    policy = run.policy()
    if isinstance(vector.single_action_space, gym.spaces.Box):
        agent = LearnedAgent(vector.unwrapped.model, path=policy)
        assert list(policy.parts) == sorted(parts or observation)
        actions = agent.predict(observation)[0]
        observation = {key: observation[key] for key in policy.parts}
        theirs = run.model.predict(run.env.normalize_obs(observation), deterministic=True)[0]
        np.testing.assert_allclose(actions, theirs, rtol=1e-4, atol=1e-5)
        return
    with torch.no_grad():
        tensors, _ = run.model.policy.obs_to_tensor(run.env.normalize_obs(observation))
        if algorithm == "dqn":
            theirs = run.model.policy.q_net(tensors)
        else:
            theirs = run.model.policy.get_distribution(tensors)
            theirs = (
                torch.cat([part.logits for part in theirs.distribution], 1)
                if "batch_size" in kwargs
                else theirs.distribution.logits
            )
    ours = policy(observation).reshape(30, kwargs.get("batch_size", 1), -1)
    theirs = theirs.numpy().reshape(ours.shape)
    if algorithm != "dqn":  # torch's logits are normalised
        ours = ours - np.log(np.exp(ours).sum(-1, keepdims=True))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)


def test_the_spread_of_actions_at_first_is_a_setting(tmp_path: Path) -> None:
    design = Training(
        env_id="LinearGaussianDesign", algorithm="ppo", settings=PPO | {"log_std_init": -1.5}
    )
    run = module._Run(design, tmp_path / "run")
    assert (run.model.policy.log_std == -1.5).all()
    assert [layer.out_features for layer in run.model.policy.mlp_extractor.policy_net[::2]] == [16]


# ---- kill and resume


def test_a_killed_training_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    """A real process is killed after a point of the curve; the same training is then finished."""
    folder, training = tmp_path / "run", ladder(steps=4_096, evaluations=8)
    command = [sys.executable, "-m", "discovery_gym.experiments", "train", "KnowledgeLadder"]
    command += ["--out", str(folder), "--steps", "4096", "--envs", "16", "--episodes", "20"]
    command += ["--evaluations", "8"]
    command += [word for key, value in LADDER.items() for word in ("--set", f"{key}={value}")]
    command += [word for key, value in PPO.items() for word in ("--hyper", f"{key}={value}")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        for count, _ in enumerate(process.stderr):  # a line per point, written after its checkpoint
            if count == 2:
                os.kill(process.pid, signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    before = torch.load(folder / module.CHECKPOINT, weights_only=True)
    assert 2 * 512 <= before["steps"] < 4_096
    assert _adam_steps(before) == _updates(before["steps"])

    curve = train(training, folder)
    after = torch.load(folder / module.CHECKPOINT, weights_only=True)
    rows = [list(vars(point).values()) for point in curve]
    np.testing.assert_array_equal(rows[: len(before["curve"])], before["curve"])
    steps = [point.steps for point in curve]
    assert steps == sorted(set(steps))
    assert steps[-1] == 4_096
    assert len(steps) == 9
    # The optimisers went on counting where they were, and the moments of the observations as well.
    assert _adam_steps(after) == _updates(4_096)
    assert after["moments"][""][2] == pytest.approx(4_096, rel=0.01)
    assert curve[len(before["curve"])].seconds > curve[len(before["curve"]) - 1].seconds


@pytest.mark.parametrize("algorithm", ["sac", "td3", "dqn"])
def test_a_stopped_training_with_a_memory_goes_on(algorithm: str, tmp_path: Path) -> None:
    """The memory is filled anew, everything else goes on, SAC's entropy coefficient included."""
    name, kwargs = (
        ("KnowledgeLadder", LADDER) if algorithm == "dqn" else ("LinearGaussianDesign", {})
    )
    changes = {"env_id": name, "env_kwargs": kwargs, "algorithm": algorithm, "episodes": 4}
    training = ladder(**changes, steps=512, settings=OFF)
    run = module._Run(training, tmp_path / "run")
    run.model.learn(256)
    run.measure()
    run.close()
    again = module._Run(training, tmp_path / "run")
    assert again.model.num_timesteps == 256
    for key, value in run.model.policy.state_dict().items():
        assert (again.model.policy.state_dict()[key] == value).all()
    if algorithm == "sac":
        assert again.model.log_ent_coef == run.model.log_ent_coef != 0
    assert again.model.learning_starts == 64 + 256
    again.close()
    assert [point.steps for point in train(training, tmp_path / "run")] == [256, 512]


def _updates(steps: int) -> int:
    """Minibatches of 128 in rollouts of 256 steps, six times each."""
    return steps // 128 * module.ON_POLICY["n_epochs"]


def _adam_steps(stored: dict[str, Any]) -> int:
    state = stored["parameters"]["policy.optimizer"]["state"]
    (count,) = {int(entry["step"]) for entry in state.values()}
    return count


class Hostile:
    def __init__(self, place: Path) -> None:
        self.place = str(place)

    def __reduce__(self) -> Any:
        return Path.touch, (Path(self.place),)


@pytest.mark.parametrize("kind", ["pickle", "torch", "truncated", "other", "strange"])
def test_a_checkpoint_is_never_run(kind: str, trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / module.MARK).write_bytes((trained / module.MARK).read_bytes())
    path, mark = folder / module.CHECKPOINT, tmp_path / "was-run"
    whole = (trained / module.CHECKPOINT).read_bytes()
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Hostile(mark)))
    elif kind == "torch":
        torch.save({"steps": Hostile(mark)}, path)
    elif kind == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "other":
        torch.save({"steps": 256, "parameters": {}}, path)
    else:
        torch.save([1, 2], path)
    with pytest.raises(InputError, match=r"checkpoint\.pt is not a checkpoint of this training"):
        train(ladder(), folder)
    assert not mark.exists()


def test_folders_and_settings_that_are_refused(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="is not a training of discovery-gym"):
        train(ladder(), tmp_path)
    with pytest.raises(InputError, match="is not a training of discovery-gym"):
        train(ladder(), tmp_path / "thesis.txt")
    with pytest.raises(InputError, match="holds another training: steps 1024 instead of 2048"):
        train(ladder(steps=2048), trained)
    plates = {"batch_size": 2, "horizon": 4}
    with pytest.raises(InputError, match=r"dqn cannot choose.*those that can: maskable-ppo, ppo"):
        train(ladder(env_id="LinearPool", env_kwargs=plates, algorithm="dqn"), tmp_path / "a")
    with pytest.raises(InputError, match=r"refuses its settings.*'gama'"):
        train(ladder(settings={"gama": 1}), tmp_path / "b")
    with pytest.raises(InputError, match=r"activation.*'reul'"):
        train(ladder(settings={"activation": "reul"}), tmp_path / "d")
    with pytest.raises(InputError, match="did you mean 'ppo'"):
        ladder(algorithm="pppo")
    with pytest.raises(InputError, match="envs"):
        ladder(envs=0)
    with pytest.raises(InputError, match="unexpected keyword argument 'targte'"):
        train(ladder(env_kwargs={"targte": 3}), tmp_path / "c")


# ---- in suites and on the command line


def test_a_record_is_of_the_policy_that_was_played(trained: Path, tmp_path: Path) -> None:
    """Another policy under the same name is another run."""
    path = tmp_path / "policy.safetensors"
    spec = RunSpec(
        suite="s",
        version=1,
        task="t",
        about="",
        name="learned",
        env_id="discovery/KnowledgeLadder-v0",
        env_kwargs=LADDER,
        agent=f'sb3("{path}")',
        episodes=2,
        seed=0,
    )
    missing = spec.id
    path.write_bytes((trained / module.POLICY).read_bytes())
    first = spec.id
    vector = gym.make_vec("discovery/KnowledgeLadder-v0", num_envs=2, **LADDER)
    policy: Any = make(spec.agent, vector)
    policy.policy.layers[0][1][0] += 1
    path.write_bytes(policy.policy.to_bytes())
    assert len({missing, first, spec.id}) == 3


def test_the_command_trains_and_says_how_to_go_on(tmp_path: Path) -> None:
    words = ["train", "KnowledgeLadder", "--out", str(tmp_path / "run"), "--steps", "256"]
    words += ["--envs", "8", "--evaluations", "1", "--episodes", "4", "--set", "horizon=9"]
    words += ["--hyper", "n_steps=16", "--hyper", "batch_size=64", "--algo", "ppo"]
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == 0, result.output
    assert "Best after" in result.output
    assert "Now: discovery-gym evaluate discovery/KnowledgeLadder-v0" in result.output
    assert "--seed 1000000" in result.output
    bad = CliRunner().invoke(cli.app, [*words, "--hyper", "gamma"])
    assert "--hyper must be name=value" in str(bad.exception)
