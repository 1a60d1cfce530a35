"""Files that somebody has named: written whole, into what stands there, and never in place of it."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from discovery_gym import InputError
from discovery_gym.envs.core.files import deliver


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    link.symlink_to(real)
    deliver(link, "new", "a page")
    assert link.is_symlink()
    assert real.read_text() == "new"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes that have names")
def test_a_pipe_gets_it(tmp_path: Path) -> None:
    pipe, got = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    deliver(pipe, b"\x00new", "a picture")
    reader.join()
    assert got == [b"\x00new"]
    assert pipe.is_fifo()


def test_a_folder_and_a_missing_one_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="which is a folder; name a file"):
        deliver(tmp_path, "new", "a page")
    with pytest.raises(InputError, match=r"Cannot write a page to .*no: No such file"):
        deliver(tmp_path / "no" / "x", "new", "a page")
    assert [*tmp_path.iterdir()] == []
