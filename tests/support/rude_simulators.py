"""Simulators that do to their process what nobody should; what they note is in the test's folder."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from simulators import FOLDER


def behave(theta: Any, phi: Any, n_events: int, seed: int) -> Any:
    return np.arange(n_events) + 10.0 * theta[0]


# ---- with the right values in the end


def fork(theta: Any, *rest: Any) -> Any:
    """Come out of the function twice, with other values the second time."""
    if os.fork() == 0:
        time.sleep(0.1)
        return behave(theta + 100, *rest)
    return behave(theta, *rest)


def fork_and_wait(theta: Any, *rest: Any) -> Any:
    child = os.fork()
    if child == 0:
        raise RuntimeError("of the child")
    os.waitpid(child, 0)
    return behave(theta, *rest)


def leave_a_child(*job: Any) -> Any:
    """Leave a process that holds the pipe, with all descriptors, in a session of its own."""
    held = hold()
    if os.fork() == 0:
        os.setsid()
        time.sleep(1000)
    os.close(held)
    return behave(*job)


def print_much(*job: Any) -> Any:
    print("1.0\n" * 10**6)
    return behave(*job)


def close_streams(*job: Any) -> Any:
    for descriptor in range(3):
        with contextlib.suppress(OSError):
            os.close(descriptor)
    return behave(*job)


def replace_streams(*job: Any) -> Any:
    sys.stdout = sys.stderr = None
    return behave(*job)


def change_directory(*job: Any) -> Any:
    place = Path(os.environ[FOLDER], "gone")
    place.mkdir(exist_ok=True)
    os.chdir(place)
    place.rmdir()
    return behave(*job)


# ---- never


def channel() -> int:
    """Return the descriptor by which the worker answers."""
    numbers = (int(place.name) for place in Path("/proc/self/fd").iterdir())
    for number in numbers:
        with contextlib.suppress(OSError):
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
    raise LookupError


def hold() -> int:
    """Hold a pipe open as long as this process lives; return its descriptor."""
    held = os.open(Path(os.environ[FOLDER], "pipe"), os.O_WRONLY)
    os.set_inheritable(held, True)
    os.write(held, b"x")
    return held


def hang_in_a_session(*_: Any) -> NoReturn:
    hold()
    program = [sys.executable, "-c", "import time; time.sleep(1000)"]
    subprocess.run(program, close_fds=False, start_new_session=True)
    raise AssertionError


def hang_without_environment(*_: Any) -> NoReturn:
    hold()
    program = [sys.executable, "-c", "import time; time.sleep(1000)"]
    subprocess.run(program, close_fds=False, start_new_session=True, env={})
    raise AssertionError


def hang_as_an_orphan(*_: Any) -> NoReturn:
    """Hang in a child of a child, in a session of its own, whose parent is gone; and die."""
    hold()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
    os.wait()
    os._exit(9)


def stop(*_: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGSTOP)
    raise AssertionError


def speak_out_of_turn(*job: Any) -> Any:
    os.write(channel(), b"42\n")
    return behave(*job)


def speak_in_part(*_: Any) -> NoReturn:
    os.write(channel(), b"\x00\x00\x10\x00")
    time.sleep(1000)
    raise AssertionError


def flood(*_: Any) -> NoReturn:
    where = channel()
    while True:
        os.write(where, bytes(2**16))


def answer_twice(*job: Any) -> Any:
    """Answer in the right form, with a token of its own."""
    os.write(channel(), b"%032d events 24\n" % 0 + bytes(24))
    return behave(*job)


def close_everything(*job: Any) -> Any:
    os.closerange(3, 1000)
    return behave(*job)


def close_and_stay(*_: Any) -> NoReturn:
    os.closerange(3, 1000)
    time.sleep(1000)
    raise AssertionError


def take_the_descriptor(*job: Any) -> Any:
    """Have a file of one's own where the answer would go."""
    where = channel()
    file = os.open(Path(os.environ[FOLDER], "thesis"), os.O_WRONLY | os.O_CREAT)
    os.dup2(file, where)
    return behave(*job)


def go_away(*_: Any) -> NoReturn:
    os._exit(0)


def send_the_parent_away(*job: Any) -> Any:
    """Become a daemon: the worker ends, its child comes back."""
    if os.fork():
        os._exit(0)
    return behave(*job)


def read(*_: Any) -> Any:
    return [float(input())]


def exit_by_name(*_: Any) -> NoReturn:
    raise SystemExit("enough")


def interrupt(*_: Any) -> NoReturn:
    raise KeyboardInterrupt


def end_a_generator(*_: Any) -> NoReturn:
    raise GeneratorExit("over")


def cry(*_: Any) -> NoReturn:
    raise RuntimeError("first words" + "\n\x1b[31mlong" * 10**6 + "last words")


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError("nothing to say")


def mute(*_: Any) -> NoReturn:
    raise Mute


def recurse(*job: Any) -> Any:
    return recurse(*job)


class Shy:
    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no numbers here")

    def __repr__(self) -> str:
        return "Shy()"


VALUES: dict[str, tuple[Any, str]] = {
    "nan": ([1.0, float("nan"), 3.0], "returned nan as event 1"),
    "too large": (np.array([1, 2, np.longdouble("1e400")]), "returned inf as event 2"),
    "complex": ([1j, 2.0, 3.0], r"returned \[1j, 2.0, 3.0\] where 3 numbers"),
    "booleans": ([True, False, True], r"returned \[True, False, True\] where 3 numbers"),
    "dates": (np.array(["2026", "2027", "2028"], "M8"), "returned array.* where 3 numbers"),
    "objects": ([1, None, 3], r"returned \[1, None, 3\] where 3 numbers"),
    "huge integers": ([1, 2, 10**400], r"returned \[1, 2, 1000.* where 3 numbers"),
    "longer": ([1.0] * 4, "returned 4 events where 3 numbers"),
    "one number": (1.0, r"returned an array of shape \(\) where 3 numbers"),
    "ragged": ([[1], [2, 3], []], r"returned \[\[1\], \[2, 3\], \[\]\] where 3 numbers"),
    "masked": (np.ma.array([1.0, 2.0, 3.0], mask=[0, 1, 0]), "returned masked events where 3"),
    "shy": (Shy(), r"returned Shy\(\) where 3 numbers"),
    "set": ({1.0, 2.0, 3.0}, r"returned \{1.0, 2.0, 3.0\} where 3 numbers"),
}


def values(theta: Any, *_: Any) -> Any:
    """Return nonsense number theta."""
    return list(VALUES.values())[int(theta[0])][0]


def generator(*job: Any) -> Any:
    yield from behave(*job)
