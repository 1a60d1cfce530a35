"""The script by which a shell completes commands, options and names.

A script holds all names itself, so that a shell need not wait for Python. It follows from the commands
and from `known`; what is not a name is left to the shell, which completes files.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from typer import Argument

from ...envs.core import InputError, closest, shown
from ..runs.terminal import out, say
from .known import agents, environments, known

SHELLS = {
    "bash": "~/.discovery-gym.sh; echo '. ~/.discovery-gym.sh' >> ~/.bashrc",
    "zsh": "~/.discovery-gym.sh; echo '. ~/.discovery-gym.sh' >> ~/.zshrc",
    "fish": "~/.config/fish/completions/discovery-gym.fish",
}
"""Where the script of a shell goes, and what installs it there."""

Shell = Annotated[str, Argument(help="bash, zsh or fish.")]


def complete(shell: str, group: Any) -> None:
    """Print the script of a shell for a group of commands."""
    if shell not in SHELLS:
        raise InputError(
            f"There is no completion for {shown(shell)}{closest(shell, SHELLS)} Type: "
            "discovery-gym completion bash (or zsh, fish)."
        )
    commands = [_command(name, one) for name, one in group.commands.items()]
    print(_fish(commands) if shell == "fish" else _bash(commands, shell), file=out.file)
    if out.is_terminal:
        say(f"To install it: discovery-gym completion {shell} > {SHELLS[shell]}")


def names() -> dict[str, list[str]]:
    """Return what may stand in an argument or an option, named ``command.parameter``."""
    from ...envs.datasets import catalogue
    from ..reproduce import REPRODUCTIONS

    players = ("watch.agent", "evaluate.agent", "ask.agent", "compare.strategy")
    return {
        "show.what": environments() + agents(),
        **dict.fromkeys(("watch.env", "evaluate.env", "train.env"), environments()),
        **dict.fromkeys(players, agents()),
        **{key: [*known()["suites"]] for key in ("run.suite", "tune.suite")},
        **{key: [*catalogue()] for key in ("compare.dataset", "table.dataset")},
        **{f"{command}.form": ["json"] for command in ("list", "show", "evaluate", "compare")},
        "leaderboard.form": ["md", "csv", "json", "latex"],
        "train.algo": [*known()["algorithms"]],
        "evaluate.metric": [*known()["metrics"]],
        "compare.metric": ["sum", "area"],
        "reproduce.name": [*REPRODUCTIONS],
        "completion.shell": [*SHELLS],
    }


@dataclass(frozen=True)
class Command:
    """A command as a shell sees it.

    Args:
        name: Its name.
        about: What it does, in a line.
        options: What each option is for.
        values: The options that take a value, and which names they may have.
        places: The names that each argument may have.
    """

    name: str
    about: str
    options: Mapping[str, str]
    values: Mapping[str, list[str]]
    places: list[list[str]]


def _command(name: str, one: Any) -> Command:
    known_names = names()
    options, values = {"--help": "Show this message."}, dict[str, list[str]]()
    places: list[list[str]] = []
    for param in one.params:
        offered = known_names.get(f"{name}.{param.name}", [])
        if param.param_type_name == "argument":
            places.append(offered)
        elif not param.hidden:
            options |= dict.fromkeys((*param.opts, *param.secondary_opts), param.help or "")
            if not param.is_flag:
                values |= dict.fromkeys(param.opts, offered)
    return Command(name, (one.help or "").splitlines()[0], options, values, places)


# ---- bash, and zsh by its emulation of it

ZSH = """\
(( $+functions[compdef] )) || { autoload -U +X compinit && compinit; }
autoload -U +X bashcompinit && bashcompinit
"""
BASH = """\
_discovery_gym() {
    local cur="${COMP_WORDS[COMP_CWORD]}" command="${COMP_WORDS[1]}" place=0 option= skip= word= i=
    local options= valued= names=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=( $(compgen -W "%(commands)s" -- "$cur") )
        return
    fi
    case "$command" in
%(options)s
    esac
    for (( i = 2; i < COMP_CWORD; i++ )); do
        word="${COMP_WORDS[i]}"
        case "$word" in
            "="|":") skip=1 ;;  # bash parts words there
            -*) skip= ; option="$word"; case " $valued " in *" $word "*) skip=1 ;; esac ;;
            *) [ -n "$skip" ] || place=$(( place + 1 )); skip= ;;
        esac
    done
    if [ "$cur" = "=" ]; then cur=; skip=1; fi
    if [ -n "$skip" ]; then
        case "$command $option" in
%(values)s
        esac
    else
        case "$cur" in
            -*) names="$options" ;;
            *) case "$command $place" in
%(places)s
            esac ;;
        esac
    fi
    COMPREPLY=( $(compgen -W "$names" -- "$cur") )
}
complete -o default -F _discovery_gym discovery-gym"""


def _bash(commands: list[Command], shell: str) -> str:
    """Return the script of bash or zsh."""
    options = [
        f"        {one.name}) options={shlex.quote(' '.join(one.options))} "
        f"valued={shlex.quote(' '.join(one.values))} ;;"
        for one in commands
    ]
    parts = {
        "commands": " ".join([*(one.name for one in commands), "--help", "--version"]),
        "options": "\n".join(options),
        "values": "\n".join(_cases(commands, lambda one: one.values.items())),
        "places": "\n".join(_cases(commands, lambda one: enumerate(one.places))),
    }
    return (ZSH if shell == "zsh" else "") + BASH % parts


def _cases(commands: list[Command], pairs: Any) -> Iterator[str]:
    for one in commands:
        for key, words in pairs(one):
            at, offered = shlex.quote(f"{one.name} {key}"), shlex.quote(" ".join(words))
            if words:
                yield f"            {at}) names={offered} ;;"


# ---- fish

FISH = """\
function __discovery_gym_at
    set -l words (commandline -opc)
    test (count $words) -ge 2; and test $words[2] = $argv[1]; or return 1
    set -l place 0
    set -l skip 0
    for word in $words[3..]
        if test $skip = 1
            set skip 0
        else if contains -- $word $argv[3..]
            set skip 1
        else if not string match -q -- '-*' $word
            set place (math $place + 1)
        end
    end
    test $place = $argv[2]
end
complete -c discovery-gym -n __fish_use_subcommand -f
complete -c discovery-gym -n __fish_use_subcommand -l version -d 'Show the version.'"""


def _fish(commands: list[Command]) -> str:
    """Return the script of fish."""
    lines, start = [FISH], "complete -c discovery-gym -n"
    for one in commands:
        about = _quoted(one.about)
        lines.append(f"{start} __fish_use_subcommand -f -a {one.name} -d {about}")
        here = _quoted(f"__fish_seen_subcommand_from {one.name}")
        for option, text in one.options.items():
            kind = f"-l {option[2:]}" if option.startswith("--") else f"-s {option[1:]}"
            given = one.values.get(option)
            value = "" if given is None else " -r"
            if given:
                value = f" -x -a {_quoted(' '.join(given))}"
            lines.append(f"{start} {here} {kind}{value} -d {_quoted(text)}")
        for place, words in enumerate(one.places):
            at = _quoted(" ".join(["__discovery_gym_at", one.name, str(place), *one.values]))
            if words:
                lines.append(f"{start} {at} -a {_quoted(' '.join(words))}")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
