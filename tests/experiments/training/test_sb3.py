"""Training: what it writes, what is exported from stable-baselines3, and what a kill leaves."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pickle
import shlex
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from typer.testing import CliRunner

from discovery_gym import InputError
from discovery_gym.agents import make
from discovery_gym.agents.learned.policy import Policy, PolicyAgent
from discovery_gym.experiments import cli, evaluate
from discovery_gym.experiments.runs.spec import RunSpec
from discovery_gym.experiments.training.folder import CHECKPOINT, MARK, STATE

torch = pytest.importorskip("torch", reason="the extra 'learn' is not installed")
pytest.importorskip("stable_baselines3", reason="the extra 'learn' is not installed")

from discovery_gym.experiments.training import settings as settings_of  # noqa: E402
from discovery_gym.experiments.training import train  # noqa: E402
from discovery_gym.experiments.training.base import (  # noqa: E402
    CURVE,
    POLICY,
    VALIDATION_SEED,
)
from discovery_gym.experiments.training.sb3 import (  # noqa: E402
    ALGORITHMS,
    ON_POLICY,
    SB3,
    SB3Run,
)

LADDER: dict[str, Any] = {
    "target": 4,
    "p_scale": 10.0,
    "batch_sizes": [1, 8],
    "horizon": 30,
    "cost_per_experiment": 0.3,
}
PPO: dict[str, Any] = {"n_steps": 16, "batch_size": 128, "net_arch": [16]}


def ladder(**changes: Any) -> SB3:
    values: dict[str, Any] = {
        "env_id": "KnowledgeLadder",
        "env_kwargs": LADDER,
        "steps": 1024,
        "envs": 16,
        "evaluations": 2,
        "episodes": 20,
        "settings": PPO,
    }
    return SB3(**{**values, **changes})


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
        f'policy("{trained / POLICY}")',
        episodes=20,
        seed=VALIDATION_SEED,
        env_kwargs=LADDER,
    )
    assert result.returns.mean() == pytest.approx(best)
    assert result.optimal_value is not None
    assert result.random_value is not None
    span = result.optimal_value - result.random_value
    score = max(float(row["score"]) for row in rows)
    assert score == pytest.approx((best - result.random_value) / span)
    assert train(ladder(), trained)[-1]["steps"] == 1024  # finished: read, not trained again


def test_the_policy_names_the_command_that_made_it(trained: Path) -> None:
    about = Policy.load(trained / POLICY).about
    assert about["command"] == ladder().command
    assert 0 <= about["cpu_seconds"] < 600
    assert about["versions"]["torch"]


def test_it_learns(tmp_path: Path) -> None:
    """A prize at the top: who saves on experiments never gets there."""
    prize = LADDER | {"target_reward": 60.0, "horizon": 12}
    changes = {"steps": 20_480, "envs": 64, "env_kwargs": prize, "episodes": 2000}
    curve = train(ladder(**changes, settings=PPO | {"batch_size": 256}), tmp_path / "ladder")
    assert curve[0]["score"] < 0.5
    assert max(row["score"] for row in curve) > 0.9


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
    training = SB3(
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
    run = SB3Run(training, tmp_path / "run")
    run.model.learn(256)
    vector = gym.make_vec(training.env_id, num_envs=30, **kwargs)
    observation = vector.reset(seed=0)[0]
    for _ in range(2):
        observation = vector.step(vector.action_space.sample())[0]
    policy = run.learned()
    if isinstance(vector.single_action_space, gym.spaces.Box):
        agent = PolicyAgent(vector.unwrapped.model, path=policy)
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


def test_it_says_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two rollouts of 256 steps for the 300 that were asked for; between them it learns."""
    said: list[tuple[int, str]] = []

    @contextlib.contextmanager
    def progress(total: int, unit: str) -> Iterator[Any]:
        assert (total, unit) == (300, "steps")
        yield lambda done, at: said.append((done, at))

    monkeypatch.setattr("discovery_gym.experiments.training.sb3.progress", progress)
    train(ladder(steps=300, envs=16, evaluations=1, episodes=2, settings=PPO), tmp_path / "out")
    assert [one for one in said if one[1]] == [
        (256, "learning from them"),
        (300, "learning from them"),
    ]
    assert max(done for done, _ in said) == 300
    assert settings_of("ppo") == sorted(ALGORITHMS["ppo"].checks)
    assert settings_of("es") == ["every", "iterations", "pairs", "rate", "sigma", "width"]


def test_the_spread_of_actions_at_first_is_a_setting(tmp_path: Path) -> None:
    design = SB3(
        env_id="LinearGaussianDesign", algorithm="ppo", settings=PPO | {"log_std_init": -1.5}
    )
    run = SB3Run(design, tmp_path / "run")
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
        points = (line for line in process.stderr if "return" in line)
        for count, _ in enumerate(points):  # a line per point, written after its checkpoint
            if count == 2:
                os.kill(process.pid, signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL
    before = state(folder)
    assert 2 * 512 <= before["steps"] < 4_096
    assert _adam_steps(before) == _updates(before["steps"])

    curve = train(training, folder)
    after = state(folder)
    rows = [list(row.values()) for row in curve]
    np.testing.assert_array_equal(rows[: len(before["curve"])], before["curve"])
    steps = [row["steps"] for row in curve]
    assert steps == sorted(set(steps))
    assert steps[-1] == 4_096
    assert len(steps) == 9
    # The optimisers went on counting where they were, and the moments of the observations as well.
    assert _adam_steps(after) == _updates(4_096)
    assert after["moments"][""][2] == pytest.approx(4_096, rel=0.01)
    assert curve[len(before["curve"])]["seconds"] > curve[len(before["curve"]) - 1]["seconds"]


@pytest.mark.parametrize("algorithm", ["sac", "td3", "dqn"])
def test_a_stopped_training_with_a_memory_goes_on(algorithm: str, tmp_path: Path) -> None:
    """The memory is filled again, everything else goes on, SAC's entropy coefficient included."""
    name, kwargs = (
        ("KnowledgeLadder", LADDER) if algorithm == "dqn" else ("LinearGaussianDesign", {})
    )
    changes = {"env_id": name, "env_kwargs": kwargs, "algorithm": algorithm, "episodes": 4}
    training = ladder(**changes, steps=512, settings=OFF)
    run = SB3Run(training, tmp_path / "run")
    run.model.learn(256)
    run.advance(256)
    run.close()
    again = SB3Run(training, tmp_path / "run")
    assert again.model.num_timesteps == 256
    for key, value in run.model.policy.state_dict().items():
        assert (again.model.policy.state_dict()[key] == value).all()
    if algorithm == "sac":
        assert again.model.log_ent_coef == run.model.log_ent_coef != 0
    assert again.model.learning_starts == 64 + 256
    again.close()
    assert [row["steps"] for row in train(training, tmp_path / "run")] == [256, 512]


def _updates(steps: int) -> int:
    """Minibatches of 128 in rollouts of 256 steps, six times each."""
    return steps // 128 * ON_POLICY["n_epochs"]


def _adam_steps(stored: dict[str, Any]) -> int:
    state = stored["parameters"]["policy.optimizer"]["state"]
    (count,) = {int(entry["step"]) for entry in state.values()}
    return count


# ---- folders that someone or something has been at


class Hostile:
    def __init__(self, place: Path) -> None:
        self.place = str(place)

    def __reduce__(self) -> Any:
        return Path.touch, (Path(self.place),)


def state(folder: Path) -> dict[str, Any]:
    """Return the state in a checkpoint."""
    with zipfile.ZipFile(folder / CHECKPOINT) as archive:
        return torch.load(io.BytesIO(archive.read(STATE)), weights_only=True)


def repacked(folder: Path, changes: dict[str, Any], compression: int = zipfile.ZIP_STORED) -> None:
    """Write a checkpoint with right checksums and other parts, or without those that are None."""
    with zipfile.ZipFile(folder / CHECKPOINT) as archive:
        parts: dict[str, Any] = {name: archive.read(name) for name in archive.namelist()}
    parts |= changes
    with zipfile.ZipFile(folder / CHECKPOINT, "w", compression) as archive:
        for name, content in parts.items():
            if content is not None:
                archive.writestr(name, content)


def restated(folder: Path, **changes: Any) -> None:
    """Write a checkpoint with another state in it."""
    buffer = io.BytesIO()
    torch.save(state(folder) | changes, buffer)
    repacked(folder, {STATE: buffer.getvalue()})


def flip(path: Path, share: float) -> None:
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[int(share * len(content))] ^= 4
    path.write_bytes(content)


def cut(path: Path, share: float = 0.5) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


OTHER = Policy(
    parts={"": (1,)},
    scaling={},
    layers=((np.ones((2, 1), "f4"), np.ones(2, "f4")),),
    activation="tanh",
    head="scores",
    about={},
)
MENDED: dict[str, Callable[[Path], Any]] = {
    "cut policy": lambda it: cut(it / POLICY),
    "empty policy": lambda it: cut(it / POLICY, 0),
    "no policy": lambda it: (it / POLICY).unlink(),
    "one bit of the policy": lambda it: flip(it / POLICY, 0.9),
    "policy of another training": lambda it: (it / POLICY).write_bytes(OTHER.to_bytes()),
    "pickle for a policy": lambda it: (it / POLICY).write_bytes(
        pickle.dumps(Hostile(it.parent / "was-run"))
    ),
    "pipe for a policy": lambda it: fifo(it / POLICY),
    "cut curve": lambda it: cut(it / CURVE),
    "no curve": lambda it: (it / CURVE).unlink(),
    "longer curve": lambda it: (it / CURVE).write_text("9,9,9,9,9,9\n"),
    "one digit of the curve": lambda it: flip(it / CURVE, 0.99),
    "loop for a curve": lambda it: (it / CURVE).unlink() or (it / CURVE).symlink_to(it / CURVE),
}


@pytest.mark.parametrize("kind", MENDED)
def test_a_finished_training_mends_its_files(
    kind: str, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    MENDED[kind](folder)
    assert [row["steps"] for row in train(ladder(), folder)] == [0, 512, 1024]
    for name in (POLICY, CURVE, CHECKPOINT):
        assert (folder / name).read_bytes() == (trained / name).read_bytes()
    told = " ".join(capsys.readouterr().err.split())
    assert "was missing or damaged; it is written again from checkpoint.zip." in told
    assert not (tmp_path / "was-run").exists()


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def old_pickle(folder: Path) -> None:
    (folder / CHECKPOINT).write_bytes(pickle.dumps(Hostile(folder.parent / "was-run")))


BAD = r"checkpoint\.zip is not a checkpoint of this training, or it is damaged"
REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    "cut checkpoint": (lambda it: cut(it / CHECKPOINT), BAD),
    "empty checkpoint": (lambda it: cut(it / CHECKPOINT, 0), BAD),
    "one bit of the weights": (lambda it: flip(it / CHECKPOINT, 0.3), BAD),
    "text for a checkpoint": (lambda it: (it / CHECKPOINT).write_text("later"), BAD),
    "pickle for a checkpoint": (old_pickle, BAD),
    "directory for a checkpoint": (lambda it: directory(it / CHECKPOINT), BAD),
    "pipe for a checkpoint": (lambda it: fifo(it / CHECKPOINT), BAD),
    "pickle in the state": (
        lambda it: repacked(it, {STATE: pickle.dumps(Hostile(it.parent / "was-run"))}),
        BAD,
    ),
    "torch pickle in the state": (
        lambda it: restated(it, extra=Hostile(it.parent / "was-run")),
        BAD,
    ),
    "compressed": (lambda it: repacked(it, {}, zipfile.ZIP_DEFLATED), BAD + ".*compressed"),
    "without the state": (lambda it: repacked(it, {STATE: None}), BAD + ".*it holds"),
    "without the policy": (lambda it: repacked(it, {POLICY: None}), BAD + ".*it holds"),
    "a file for elsewhere": (lambda it: repacked(it, {"../was-run": b"x"}), BAD + ".*it holds"),
    "of another training": (
        lambda it: repacked(
            it, {MARK: (it / MARK).read_bytes().replace(b'"seed": 0', b'"seed": 1')}
        ),
        BAD + ".*of another training: seed 1 instead of 0",
    ),
    "of a list": (lambda it: repacked(it, {STATE: pickle.dumps([1, 2])}), BAD),
    "other steps": (lambda it: restated(it, steps=512), BAD + ".*numbers do not fit"),
    "no curve inside": (lambda it: restated(it, curve=[]), BAD),
    "words in the curve": (lambda it: restated(it, curve=[["a"] * 6]), BAD),
    "other shapes": (lambda it: restated(it, parameters={"policy": {}}), BAD),
    "no moments": (lambda it: restated(it, moments={}), BAD),
    "mark of another training": (
        lambda it: (it / MARK).write_text((it / MARK).read_text().replace("1024", "2048")),
        "holds another training: steps 2048 instead of 1024",
    ),
    "foreign mark": (
        lambda it: (it / MARK).write_text('{"epochs": 3}'),
        "holds another training: .*epochs 3 instead of None",
    ),
    "bytes for a mark": (lambda it: (it / MARK).write_bytes(bytes(range(256))), "not readable"),
    "list for a mark": (lambda it: (it / MARK).write_text("[1]"), "not readable"),
    "deep mark": (lambda it: (it / MARK).write_text("[" * 100_000), "not readable"),
    "long mark": (lambda it: (it / MARK).write_text('{"a": "' + "x" * 10**6), "not readable"),
    "no mark": (lambda it: (it / MARK).unlink(), "is not a training of discovery-gym"),
    "directory for a mark": (lambda it: directory(it / MARK), "is not a training of discovery-gym"),
    "directory for a policy": (lambda it: directory(it / POLICY), "Cannot write results to"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_folders_that_are_not_gone_on_from(kind: str, trained: Path, tmp_path: Path) -> None:
    """Nothing of them is run, and nothing is written."""
    folder, (change, message) = tmp_path / "run", REFUSED[kind]
    shutil.copytree(trained, folder)
    change(folder)
    with pytest.raises(InputError, match=message) as caught:
        train(ladder(), folder)
    assert len(str(caught.value)) < 1200
    assert str(caught.value).isprintable()
    assert not (tmp_path / "was-run").exists()
    assert (folder / CURVE).read_bytes() == (trained / CURVE).read_bytes()


def test_the_command_refuses_or_mends(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    cut(folder / POLICY)
    words = [str(folder) if word == "FOLDER" else word for word in shlex.split(ladder().command)]
    result = CliRunner().invoke(cli.app, words[1:])
    assert result.exit_code == 0, result.output
    assert "written again" in " ".join(result.stderr.split())
    Policy.load(folder / POLICY)


def test_a_mark_in_another_layout_is_the_same(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(trained, folder)
    (folder / MARK).write_text(json.dumps(json.loads((folder / MARK).read_text())))
    assert train(ladder(), folder)[-1]["steps"] == 1024


def test_folders_and_settings_that_are_refused(trained: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="is not a training of discovery-gym"):
        train(ladder(), tmp_path)
    with pytest.raises(InputError, match="is not a training of discovery-gym"):
        train(ladder(), tmp_path / "thesis.txt")
    with pytest.raises(InputError, match="holds another training: steps 1024 instead of 2048"):
        train(ladder(steps=2048), trained)
    other = {"env_id": "LinearPool", "env_kwargs": {"batch_size": 2, "horizon": 4}}
    with pytest.raises(InputError, match=r"dqn cannot choose.*these can: maskable-ppo, ppo"):
        train(ladder(**other, algorithm="dqn", settings={}), tmp_path / "a")
    with pytest.raises(InputError, match=r"algorithm must be one of .*'ppo'"):
        ladder(algorithm="pppo")
    with pytest.raises(InputError, match="envs"):
        ladder(envs=0)
    with pytest.raises(InputError, match="unexpected keyword argument 'targte'"):
        train(ladder(env_kwargs={"targte": 3}), tmp_path / "c")


NAN = float("nan")
WRONG: dict[str, list[tuple[str, Any]]] = {
    "maskable-ppo": [
        *(("gamma", value) for value in ("abc", None, [1], NAN, 5, -1, 10**400)),
        *(("n_steps", value) for value in (0, "x", 10**9, 1.5)),
        *(("batch_size", value) for value in (0, -1, 1, "x", None)),
        *(("n_epochs", value) for value in (0, "x")),
        *((name, 1e300) for name in ("ent_coef", "vf_coef", "clip_range", "learning_rate")),
        *((name, NAN) for name in ("gae_lambda", "max_grad_norm", "clip_range", "target_kl")),
        *(("net_arch", value) for value in (64, "64", [0], {"pi": []}, [4] * 99, [10**9])),
        ("activation", "reul"),
        ("normalize_advantage", "x"),
        ("stats_window_size", -1),
        ("_init_setup_model", False),
        ("tensorboard_log", "logs"),
        ("log_std_init", 0),  # of actions that are not continuous
        ("gama", 1),
        ("x" * 10**5, 1),
    ],
    "ppo": [("log_std_init", 1e300), ("tau", 0.5)],
    "dqn": [("exploration_fraction", 0), ("n_steps", 3), ("train_freq", [1, "episode"])],
    "sac": [("ent_coef", "auto_x"), ("ent_coef", None), ("target_entropy", NAN), ("use_sde", True)],
    "td3": [("policy_delay", 0), ("target_noise_clip", -1), ("action_noise", 0.1)],
}


@pytest.mark.parametrize("algorithm", WRONG)
def test_settings_that_make_no_sense_are_refused(algorithm: str) -> None:
    """Each by its name; what may be set is listed where the name is unknown."""
    for name, value in WRONG[algorithm]:
        known = name in ALGORITHMS[algorithm].checks
        with pytest.raises(
            InputError, match=name[:40] if known else "It takes.*batch_size"
        ) as caught:
            ladder(algorithm=algorithm, settings={name: value})
        assert len(str(caught.value)) < 500
    for settings in (None, 5, [("gamma", 1)]):
        with pytest.raises(InputError, match="settings must be names -> values"):
            ladder(algorithm=algorithm, settings=settings)


def test_settings_that_do_not_fit_each_other_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'gamma'"):
        ladder(settings={"gama": 1})
    for settings in ({"n_steps": 2, "batch_size": 31}, {"n_steps": 4, "batch_size": 9}):
        with pytest.raises(InputError, match="leaves a batch of one step"):
            ladder(settings=settings)
    with pytest.raises(InputError, match="leaves a batch of one step of the 1 of a rollout"):
        ladder(settings={"n_steps": 1}, envs=1)
    design = {"env_id": "LinearGaussianDesign", "env_kwargs": {"num_parameters": 100}}
    for changes in (
        {"algorithm": "ppo", "settings": {"n_steps": 10**6}},
        {"algorithm": "sac", "settings": {"buffer_size": 10**15}, "steps": 10**9},
    ):
        with pytest.raises(InputError, match=r"steps that are kept would hold .* take a lower"):
            train(ladder(**design, **changes), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_all_that_may_be_set_is_taken(tmp_path: Path) -> None:
    """By the algorithms themselves: they know every name of our table."""
    values = {
        "activation": "relu", "net_arch": [], "normalize_advantage": False, "ent_coef": 0.1,
        "batch_size": 64, "n_steps": 16, "buffer_size": 10**15, "target_entropy": -2,
        "log_std_init": 0, "target_update_interval": 16,
    }  # fmt: skip
    for algorithm, about in ALGORITHMS.items():
        env = {} if algorithm in ("maskable-ppo", "dqn") else {"env_id": "LinearGaussianDesign"}
        kwargs = LADDER if not env else {"horizon": 3}
        settings = {name: values.get(name, 1) for name in about.checks}
        training = ladder(**env, env_kwargs=kwargs, algorithm=algorithm, settings=settings)
        run = SB3Run(training, tmp_path / algorithm)
        assert run.model.gamma == 1
        assert run.model.batch_size == 64
        run.close()


def test_a_training_that_comes_to_nan_says_so(tmp_path: Path) -> None:
    for algorithm, settings in (("maskable-ppo", PPO), ("dqn", OFF)):
        training = ladder(algorithm=algorithm, settings=settings)
        run = SB3Run(training, tmp_path / algorithm)
        with torch.no_grad():
            next(iter(run.model.policy.parameters())).fill_(NAN)
        with pytest.raises(InputError, match="take a lower learning_rate"):
            run.measure()
        run.close()


def test_a_changed_table_is_another_training(tmp_path: Path) -> None:
    """Between two legs and within one: a curve never mixes two tables."""
    table = tmp_path / "mine.csv"
    text = "x,y\n" + "".join(f"{i},{i % 5}\n" for i in range(20))
    table.write_text(text)
    training = ladder(
        env_id="TablePool", env_kwargs={"dataset": str(table), "horizon": 4}, steps=256
    )
    run = SB3Run(training, tmp_path / "run")
    run.point()
    before = (tmp_path / "run" / CURVE).read_bytes()
    table.write_text(text.replace("19,4", "19,9"))
    with pytest.raises(InputError, match=r"The table of .*run has changed while it is trained on"):
        run.point()
    run.close()
    with pytest.raises(InputError, match=r"another training: its table has changed \(put the old"):
        train(training, tmp_path / "run")
    assert (tmp_path / "run" / CURVE).read_bytes() == before
    table.write_text(text)
    assert [row["steps"] for row in train(training, tmp_path / "run")][-1] == 256


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
        agent=f'policy("{path}")',
        episodes=2,
        seed=0,
    )
    missing = spec.id
    path.write_bytes((trained / POLICY).read_bytes())
    first = spec.id
    vector = gym.make_vec("discovery/KnowledgeLadder-v0", num_envs=2, **LADDER)
    policy: Any = make(spec.agent, vector)
    policy.policy.layers[0][1][0] += 1
    path.write_bytes(policy.policy.to_bytes())
    assert len({missing, first, spec.id}) == 3


def test_a_setting_without_a_value_is_refused(tmp_path: Path) -> None:
    words = ["train", "KnowledgeLadder", "--out", str(tmp_path / "run"), "--hyper", "gamma"]
    assert "--hyper must be name=value" in str(CliRunner().invoke(cli.app, words).exception)
