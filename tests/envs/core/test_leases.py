"""Leases, in real processes that are killed at every step, stopped, robbed, and out of space."""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from discovery_gym import InputError
from discovery_gym.envs.core import files, leases
from discovery_gym.envs.core.leases import Leases

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

CHILD = """
import os, sys, time
from pathlib import Path
from discovery_gym.envs.core import files, leases
from discovery_gym.envs.core.leases import Leases
folder = Path(sys.argv[1])
"""
"""What every child starts with."""


def child(code, *words, **env):
    """Start a process that runs some code and talks by its streams."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + code, *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | env,
    )


def said(process):
    return process.stdout.readline().strip()


def names(folder):
    return {path.name for path in folder.iterdir()}


@pytest.fixture
def soon(monkeypatch):
    """Leases expire after a short while, here and in children."""
    monkeypatch.setenv(leases.VARIABLE, "0.3")


@pytest.fixture
def strangers(monkeypatch):
    """No process is known to be of this machine: only the pulse tells that it is dead."""
    monkeypatch.setattr(leases, "_home", lambda: "elsewhere")


def until(true, seconds=30.0):
    """Wait until something is true; return what it was."""
    end = time.monotonic() + seconds
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.01)
    return found


# ---- one owner at a time


def test_a_key_has_one_owner_until_it_is_let_go(tmp_path):
    with Leases(tmp_path / "new") as first, Leases(tmp_path / "new") as second:
        assert first.claim("a")
        assert not first.claim("a")
        assert not second.claim("a")
        assert second.claim("b")
        second.release("a")  # not its own: nothing happens
        assert not second.claim("a")
        first.release("a")
        assert second.claim("a")
    assert names(tmp_path / "new") == set()  # closing lets all go


def test_of_many_that_ask_at_once_one_gets_it(tmp_path):
    code = """
with Leases(folder) as mine:
    for line in sys.stdin:
        print(int(mine.claim(line.strip())), flush=True)
"""
    asking = [child(code, tmp_path) for _ in range(2)]
    for i in range(200):
        for one in asking:  # both read the same line at the same time
            one.stdin.write(f"key-{i}\n")
            one.stdin.flush()
        assert sorted(said(one) for one in asking) == ["0", "1"]
    for one in asking:
        one.communicate()
    assert names(tmp_path) == set()


def test_two_versions_of_the_code_do_not_meet(tmp_path):
    """The fingerprint is a part of the key, so each does its own work."""
    with Leases(tmp_path) as old, Leases(tmp_path) as new:
        assert old.claim("0123456789abcdef")
        assert new.claim("fedcba9876543210")


# ---- owners that die or sleep


def test_the_lease_of_a_living_owner_is_kept_however_long(tmp_path, soon, strangers):
    with Leases(tmp_path) as owner, Leases(tmp_path) as thief:
        assert owner.claim("a")
        end = time.monotonic() + 5 * owner.expiry
        while time.monotonic() < end:
            assert not thief.claim("a")
            time.sleep(0.02)


HOLD = """
mine = Leases(folder)
print(mine.claim("a"), flush=True)
sys.stdin.readline()
print(mine.claim("b"), mine._is_ours(folder / "a.lease"), flush=True)
mine.release("a")
mine.close()
"""


def test_the_lease_of_a_dead_process_of_this_machine_is_taken_at_once(tmp_path):
    holder = child(HOLD, tmp_path)
    assert said(holder) == "True"
    with Leases(tmp_path) as mine:
        assert not mine.claim("a")
        holder.kill()
        holder.communicate()
        if leases._home():
            assert mine.claim("a")


def test_the_lease_of_a_dead_process_of_another_machine_expires(tmp_path, soon, strangers):
    holder = child(HOLD, tmp_path)
    assert said(holder) == "True"
    holder.kill()
    holder.communicate()
    with Leases(tmp_path) as mine:
        began = time.monotonic()
        assert not mine.claim("a")  # seen for the first time
        assert until(lambda: mine.claim("a"))
        assert time.monotonic() - began >= mine.expiry


def test_who_was_stopped_past_expiry_is_robbed_and_wakes_up_unharmed(tmp_path, soon):
    holder = child(HOLD, tmp_path)
    assert said(holder) == "True"
    holder.send_signal(signal.SIGSTOP)
    with Leases(tmp_path) as mine:
        assert until(lambda: mine.claim("a"))
        holder.send_signal(signal.SIGCONT)
        holder.stdin.write("\n")
        holder.stdin.flush()
        assert said(holder) == "True False"  # claims what is free, and sees what it has lost
        holder.communicate()
        assert "a.lease" in names(tmp_path)  # its release of what it has lost took nothing
        with Leases(tmp_path) as other:
            assert not other.claim("a")
    assert names(tmp_path) == set()


def test_who_was_swept_while_it_slept_goes_on(tmp_path):
    with Leases(tmp_path) as mine:
        mine._pulse.unlink()
        assert mine.claim("a")
        assert mine._pulse.exists()


@pytest.mark.parametrize("hours", [-1, 1])
def test_clocks_that_are_wrong_by_an_hour_change_nothing(tmp_path, soon, hours):
    skewed = f"time.time = lambda now=time.time: now() + 3600 * {hours}\n"
    holder = child(skewed + HOLD, tmp_path)
    assert said(holder) == "True"
    thief = child(
        skewed.replace(str(hours), str(-hours))
        + """
with Leases(folder) as mine:
    for line in sys.stdin:
        print(int(mine.claim("a")), flush=True)
""",
        tmp_path,
    )
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        thief.stdin.write("\n")
        thief.stdin.flush()
        assert said(thief) == "0"
        time.sleep(0.05)
    assert holder.communicate("\n")[0] == "True True\n"
    thief.stdin.write("\n")
    thief.stdin.flush()
    assert said(thief) == "1"
    thief.communicate()


def test_many_thieves_of_one_dead_owner(tmp_path, soon, strangers):
    """Whatever they do to each other, each chunk is done, and the same is found."""
    dead = Leases(tmp_path)
    keys = [f"key-{i}" for i in range(20)]
    assert all(map(dead.claim, keys))
    dead._closed.set()  # it does not beat any more
    owners = {key: [] for key in keys}

    def steal():
        with Leases(tmp_path) as mine:
            while any(not found for found in owners.values()):
                for key in keys:
                    if not owners[key] and mine.claim(key):
                        owners[key].append(mine.owner)
                        files.publish(tmp_path / key, key.encode())
                        mine.release(key)

    thieves = [threading.Thread(target=steal) for _ in range(7)]
    for thief in thieves:
        thief.start()
    for thief in thieves:
        thief.join()
    assert {key: (tmp_path / key).read_text() for key in keys} == {key: key for key in keys}
    # One that was let go while a thief held it is given back to nobody: who comes next has it soon.
    with Leases(tmp_path) as last:
        left = [key for key in keys if f"{key}.lease" in names(tmp_path)]
        assert until(lambda: all(key in last._mine or last.claim(key) for key in left))
    assert names(tmp_path) - set(keys) <= {dead._pulse.name}


def test_what_is_closed_claims_no_more(tmp_path):
    """A worker that is sent home lets all go in one thread, while another one still plays."""
    leases = Leases(tmp_path)
    assert leases.claim("before")
    leases.close()
    assert not leases.claim("after")
    assert names(tmp_path) == set()


def test_a_lease_that_was_renewed_under_a_thief_is_given_back(tmp_path, monkeypatch, strangers):
    """Between the look and the theft another thief was faster, and has the lease now."""
    with Leases(tmp_path) as old, Leases(tmp_path) as fast, Leases(tmp_path) as slow:
        assert old.claim("a")

        def dead(content):
            old.release("a")
            assert fast.claim("a")
            return True

        monkeypatch.setattr(slow, "_is_dead", dead)
        assert not slow.claim("a")
        assert fast._is_ours(tmp_path / "a.lease")


# ---- killed at every step

STEPS = """
step = int(sys.argv[2])
def counted(call):
    def counting(*words, **more):
        global step
        step -= 1
        if step == 0:
            os.kill(os.getpid(), 9)
        found = call(*words, **more)
        step -= 1
        if step == 0:
            os.kill(os.getpid(), 9)
        return found
    return counting
for name in ("link", "rename", "replace", "unlink", "open", "fsync"):
    setattr(os, name, counted(getattr(os, name)))
mine = Leases(folder)
while not mine.claim("a"):
    time.sleep(0.01)
files.publish(folder / "result", b"42")
mine.release("a")
mine.close()
"""
"""Take over the lease of a dead owner, publish and let go; die before or after one call."""


def test_killed_before_or_after_every_call(tmp_path, soon):
    """Whoever comes next finds a whole result or none, and can take the lease."""
    for step in range(1, 1000):
        folder = tmp_path / str(step)
        dead = child("Leases(folder).claim('a'); os.kill(os.getpid(), 9)", folder)
        dead.communicate()
        killed = child(STEPS, folder, step)
        killed.communicate()
        result = folder / "result"
        assert not result.exists() or result.read_text() == "42"
        with Leases(folder) as mine:
            assert until(lambda mine=mine: mine.claim("a"))
            files.publish(result, b"42")
        rests = names(folder) - {"result"}
        assert all(files.is_rest(folder / name) for name in rests), rests
        for name in rests:
            os.utime(folder / name, (0, 0))
        Leases(folder).close()
        assert names(folder) == {"result"}  # rests are swept
        if killed.returncode == 0:
            break
        assert killed.returncode == -signal.SIGKILL
    assert step > 15


# ---- folders that fail


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    place = tmp_path / "file"
    place.write_text("mine")
    with pytest.raises(InputError, match=r"Cannot write leases to .*file: .*Name another folder"):
        Leases(place)


def test_a_read_only_folder_is_named():
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o555)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65534)  # root may write anywhere
            with pytest.raises(InputError, match=r"Cannot write leases to .*Permission denied"):
                Leases(Path(name))
        finally:
            os.seteuid(user)
            Path(name).chmod(0o755)
        assert names(Path(name)) == set()


def test_a_folder_that_is_deleted_meanwhile_is_named(tmp_path):
    folder = tmp_path / "gone"
    with Leases(folder) as mine:
        assert mine.claim("a")
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        mine.release("a")
        with pytest.raises(InputError, match=r"Cannot write leases to .*gone: No such file"):
            mine.claim("b")
        with pytest.raises(FileNotFoundError):
            files.publish(folder / "result", b"42")


def test_a_full_disk_leaves_no_half_file(tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    with Leases(tmp_path) as mine:
        assert mine.claim("a")
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        try:
            with pytest.raises(OSError, match="File too large"):
                files.publish(tmp_path / "result", b"x" * 2000)
            assert mine.claim("b")  # costs no space
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            signal.signal(signal.SIGXFSZ, ignored)
        assert names(tmp_path) == {"a.lease", "b.lease", mine._pulse.name}


def test_a_file_system_without_links_has_leases_too(tmp_path, monkeypatch):
    def link(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    with Leases(tmp_path) as first, Leases(tmp_path) as second:
        assert first.claim("a")
        assert not second.claim("a")
        first.release("a")
        assert second.claim("a")
        files.publish(tmp_path / "result", b"42")
    assert names(tmp_path) == {"result"}


# ---- results are published once


def test_the_first_result_stays_and_another_one_is_a_loud_failure(tmp_path):
    path = tmp_path / "result"
    files.publish(path, b'{"found": 1, "seconds": 2}')
    files.publish(path, b'{"found": 1, "seconds": 2}')

    def same(old, new):
        return json.loads(old)["found"] == json.loads(new)["found"]

    files.publish(path, b'{"found": 1, "seconds": 3}', same)
    for other, by in ((b'{"found": 1, "seconds": 3}', None), (b'{"found": 2}', same)):
        with pytest.raises(InputError, match="another process found something else"):
            files.publish(path, other, by)
    assert path.read_bytes() == b'{"found": 1, "seconds": 2}'
    assert names(tmp_path) == {"result"}
