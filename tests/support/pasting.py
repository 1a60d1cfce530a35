"""The commands that documents show, and the files that somebody has who pastes them.

`python tests/support/pasting.py README.md FOLDER` pastes those of a page in a new folder, one by one,
with the `discovery-gym` on the path. `.ci/package` does so where the package has just been installed.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "docs" / "own"
README = ROOT / "README.md"
SLOW = (
    "discovery-gym run quick ",
    "discovery-gym leaderboard results ",
    "discovery-gym compare my.csv ",
)
"""Commands that are pasted once: README's, where the package has just been installed."""
SOME = ("discovery-gym list", "discovery-gym evaluate ")
"""Commands that are pasted for every version of Python and of Gymnasium."""
ELSEWHERE = {
    "make ": "what .ci/run does",
    "echo ": "the shell's own; test_completion asks the shell",
    "python3 -m venv ": "what .ci/run does",
    "pip install ": "what .ci/run and .ci/package do",
    "python -m pytest ": "what .ci/run does",
    "discovery-gym run smoke ": "a minute; tests play every environment",
    "discovery-gym run pools ": "an hour; tests plan it",
    "discovery-gym run design ": "minutes; tests plan it",
    "discovery-gym run budgets ": "minutes; tests play some of the episodes that docs/results keeps",
    "discovery-gym run paper ": "16 minutes; tests play some of the episodes that docs/results keeps",
    "discovery-gym run mine.toml ": "test_own plays this file",
    "discovery-gym run suite.toml ": "test_own does",
    "discovery-gym show results/a3f ": "how an id begins depends on the code; test_show types others",
    "discovery-gym submit results ": "the card must be filled in; tests of entries do so",
    "discovery-gym verify entry ": "likewise",
    "discovery-gym leaderboard board ": "likewise",
    "discovery-gym tune pools ": "hours; test_tuning tunes a small suite",
    "discovery-gym train ": "minutes; tests of training train for a moment",
    "discovery-gym evaluate TemporalDiscounting 'policy(": "needs that training",
    "discovery-gym evaluate KnowledgeLadder 'policy(": "needs that training",
    'discovery-gym evaluate LinearPool "meta_ucb(weights=': "needs that training",
    "discovery-gym reproduce ": "minutes; tests of reproduce write the same from few episodes",
    "discovery-gym ask beam.toml ": "needs a container; test_tutorials plays its simulator without one",
    "discovery-gym tell beam.toml ": "likewise",
    "discovery-gym show beam.toml ": "likewise",
}
"""Commands that are not pasted, by how they begin, and why not."""


def commands(page: Path) -> list[str]:
    """Return the commands of a page, whole and without comments."""
    text = page.read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```|^((?:    discovery-gym [^\n]*\n)+)", text, re.S | re.M)
    lines = "".join(map("".join, blocks)).replace("\\\n", " ").splitlines()
    parts = (
        re.sub(r" (>>?|\|) .*", "", part).strip()  # where what it prints goes is for the shell
        for line in lines
        for part in re.split(r" && |; ", re.sub(r"(^|\s)#.*", "", line))
    )
    return [part for part in parts if part and not part.startswith(". ")]


def pasted(page: Path) -> list[str]:
    """Return the commands of a page that are pasted."""
    slow = () if page == README else SLOW
    return [one for one in commands(page) if not f"{one} ".startswith((*ELSEWHERE, *slow))]


def prepare(folder: Path) -> None:
    """Write the files that the commands of README and of the guide name."""
    shutil.copytree(OWN, folder, dirs_exist_ok=True, ignore=lambda *_: ["__pycache__"])
    shutil.copytree(OWN / "design", folder, dirs_exist_ok=True)
    (folder / "problem.toml").write_text((folder / "decay.toml").read_text("utf-8"), "utf-8")
    (folder / "mine.py").write_text("def Name(observation):\n    return 0\n", "utf-8")
    random = np.random.default_rng(1)
    rows = [
        (ligand, base, heat, round(random.normal(20 + 8 * (ligand == "XPhos") + heat / 4, 4), 1))
        for ligand in ("SPhos", "XPhos", "dppf", "RuPhos")
        for base in ("K2CO3", "KOtBu", "Cs2CO3")
        for heat in (40, 50, 60, 70, 80)
    ]
    _table(folder / "my.csv", rows, unknown=(*range(13, 23),))
    _table(folder / "screen.csv", rows, unknown=(*range(3, 61),))
    events = np.minimum(random.exponential(1 / 1.2, 50), 5.0).tolist()
    (folder / "events.csv").write_text("\n".join(f"{one:.4f}" for one in events) + "\n", "utf-8")
    lines = ["window,event", *(f"2.0,{min(one, 2.0):.4f}" for one in events)]
    (folder / "data.csv").write_text("\n".join(lines) + "\n", "utf-8")


def _table(file: Path, rows: list[tuple[str, str, int, float]], unknown: tuple[int, ...]) -> None:
    """Write conditions with their labels, but for the rows of these numbers, from 1."""
    lines = [
        f"{ligand},{base},{heat},{'' if i in unknown else label}"
        for i, (ligand, base, heat, label) in enumerate(rows, 1)
    ]
    file.write_text("\n".join(["ligand,base,T,yield", *lines, ""]), "utf-8")


def main(page: str, folder: str, how: str = "all") -> None:
    """Paste the commands and the Python of a page, word for word; "some": only one command or two."""
    here, text = Path(folder), (ROOT / page).read_text("utf-8")
    here.mkdir(parents=True)
    prepare(here)
    lines = [one for one in pasted(ROOT / page) if how == "all" or one.startswith(SOME)]
    every = [["bash", "-c", one] for one in lines]
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.S | re.M)
    every += [["python", "-W", "error", "-c", one] for one in blocks]
    for words in every:
        done = subprocess.run(words, cwd=here, capture_output=True, text=True, check=False)
        if done.returncode or not done.stdout:
            sys.exit(f"{words[-1]}\n{done.stdout}{done.stderr}ended with {done.returncode}")
    print(f"{page}: {len(every)} commands and blocks")


if __name__ == "__main__":
    main(*sys.argv[1:])
