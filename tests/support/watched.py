"""Verify entries in a process that is watched: what it opens, imports and starts is written down.

    python watched.py FOLDER

FOLDER holds ``board.toml``, ``honest`` entries and ``entries``; the folder from which it is started may
hold decoys. What became of each entry is printed as JSON: its refusal, or None, its flags, and whatever
happened that nothing in an entry may cause.
"""

import json
import os
import sys
from pathlib import Path

from discovery_gym.experiments.entries.manifest import Refused
from discovery_gym.experiments.entries.verify import verify
from discovery_gym.experiments.suites.catalogue import suite as read_suite

DOES = ("subprocess.", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "socket.",
        "ctypes.", "pickle.", "os.rename", "os.remove", "os.mkdir", "shutil.", "urllib.", "os.link",
        "os.symlink", "os.chmod", "webbrowser.")  # fmt: skip
READS = ("open", "os.scandir", "os.listdir")


class Watch:
    """Writes down what is done while an entry is verified."""

    def __init__(self, allowed):
        self.allowed = [Path(one).resolve() for one in allowed]
        self.known = {name.partition(".")[0] for name in sys.modules} | sys.stdlib_module_names
        self.seen, self.count, self.on = [], 0, False
        sys.addaudithook(self.hook)

    def hook(self, event, args):
        if not self.on:
            return
        self.on = False
        self.count += 1
        if event.startswith(DOES):
            self.seen.append(f"{event} {args[:1]}")
        elif event == "import" and args[0].partition(".")[0] not in self.known:
            self.seen.append(f"import {args[0]}")
        elif event in READS and isinstance(args[0], str | bytes | os.PathLike):
            path = Path(os.fsdecode(args[0])).resolve()
            if not any(path.is_relative_to(one) for one in (self.entry, *self.allowed)):
                self.seen.append(f"{event} {path}")
        elif event == "open" and args[1] not in ("r", "rb", None):
            self.seen.append(f"writes {args[0]}")
        self.on = True

    def over(self, entry, suite):
        """Return how an entry ends, and what was seen."""
        self.entry, self.seen, self.on = entry.resolve(), [], True
        try:
            found = verify(entry, suite=suite)
            end = [None, found.flags]
        except Refused as refused:
            end = ["\n".join(refused.reasons), []]
        except Exception as error:
            end = [f"{type(error).__name__} instead of a refusal: {error}", []]
        finally:
            self.on = False
        return [*end, self.seen]


def main():
    folder = Path(sys.argv[1])
    suite = read_suite(str(folder / "board.toml"))
    for entry in sorted((folder / "honest").iterdir()):  # what is imported late is imported now
        verify(entry, suite=suite)
    watch = Watch([os.environ.get("DISCOVERY_GYM_DATA", os.devnull)])
    ends = {
        entry.name: watch.over(entry, suite) for entry in sorted((folder / "entries").iterdir())
    }
    print(json.dumps({"ends": ends, "events": watch.count}))


if __name__ == "__main__":
    main()
