"""A Slurm job array whose tasks all give the same command, and so share its work.

A task that is told to end lets go of what it plays, and is queued again; the others go on meanwhile.
"""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ...envs.core import InputError
from ...envs.core.files import write, writing_to

SCRIPT = """\
#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --array=0-{last}
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output={log}
#SBATCH --cpus-per-task=1
#SBATCH --signal=B:TERM@60
{options}
# Every task gives the same command: who plays what is agreed on in the results folder.
cd {here}
{command} &
player=$!

again() {{
    kill -TERM $player
    wait $player
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
    exit 0
}}
trap again TERM

wait $player
"""
NAME = "slurm.sh"


def submit(
    words: Sequence[str], folder: Path, name: str, tasks: int, options: Sequence[str] = ()
) -> tuple[Path, str]:
    """Write a script and hand it to ``sbatch``; return the script and what sbatch says.

    Args:
        words: The command that each task gives.
        folder: The results folder, in which the script and its logs will be.
        name: Name of the job.
        tasks: Number of tasks.
        options: More options of sbatch, such as ``"--time=1:00:00"``; they win over ours.

    Raises:
        InputError: An option is none, there is no sbatch, or it refuses the script.
    """
    for option in options:
        if not option.startswith("-") or not option.isprintable():
            raise InputError(
                f"--slurm-option must be an option of sbatch, such as --time=1:00:00, got {option!r}."
            )
    place = folder.absolute()
    path = place / NAME
    script = SCRIPT.format(
        name=name,
        last=tasks - 1,
        log=place / "slurm-%A_%a.log",
        options="".join(f"#SBATCH {option}\n" for option in options),
        here=shlex.quote(str(Path.cwd())),
        command=shlex.join(words),
    )
    with writing_to(folder):
        write(path, script)
    try:
        done = subprocess.run(
            ["sbatch", str(path)], capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise InputError(
            f"sbatch cannot be started ({error.strerror}): is this a machine of the cluster? The script "
            f"is {path}."
        ) from None
    if done.returncode:
        raise InputError(f"sbatch refuses {path}: {(done.stderr or done.stdout).strip()}")
    return path, done.stdout.strip()
