"""docs/reference/command-line.md: every command with its arguments and options, out of the command line itself."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any

import typer

from bot.cli.main import GROUPS, app

HEAD = """\
# Command line

Every command, made from the command line itself; `--help` after any of them says the same. How a command ends is in
[exit codes](../exit-codes.md). PROJECT is a full path (`acme/tools/widget`) or a numeric id; PROJECT@REF splits at the
first `@`, and REF is a tag or branch; TARGET is a path, a pattern such as `acme/**`, or an id.

These go with every command:

"""
SHARED = ("config", "quiet", "verbose", "no_color", "output_format")
# What typer puts after a name, and what is put there instead.
KINDS = {" <str>": " TEXT", " <path>": " FILE", " <int>": " NUMBER", " <list[str]>": " TEXT …"}
NOTED = re.compile(r"\s*\[(?:default: (?P<default>.+?))?(?:; )?(?P<required>required)?\]$")


def root() -> Any:
    """The whole command line with all its groups, as typer made it."""
    made = typer.Typer(name="ropewalk")
    made.registered_commands = app.registered_commands
    made.registered_callback = app.registered_callback
    for name, sentence in GROUPS.items():
        made.add_typer(import_module(f"bot.cli.{name}").app, name=name, help=sentence)
    return typer.main.get_command(made)


def page() -> str:
    """The whole page, ending in a line break."""
    everything = root().commands
    plain = [one for one in everything.values() if not hasattr(one, "commands")]
    parts = [HEAD, _table(everything["status"], shared=True)]
    parts += [_command("ropewalk", one, "##") for one in plain]
    for name, sentence in GROUPS.items():
        parts.append(f"\n## `ropewalk {name}`\n\n{sentence}\n")
        parts += [_command(f"ropewalk {name}", one, "###") for one in everything[name].commands.values()]
    return "".join(parts)


def _command(before: str, command: Any, level: str) -> str:
    *about, example = (" ".join(one.split()) for one in command.help.strip().split("\n\n"))
    told = "\n\n".join(about)
    table = _table(command, shared=False)
    return f"\n{level} `{before} {command.name}`\n\n{told}\n\n```sh\n{example}\n```\n" + (table and f"\n{table}")


def _table(command: Any, *, shared: bool) -> str:
    """What goes with every command, or what goes with this one alone; empty if nothing does."""
    context = typer.Context(command)
    rows = [
        _row(parameter, *parameter.get_help_record(context))
        for parameter in command.params
        if (parameter.name in SHARED and not _more_formats(parameter)) is shared
    ]
    return "\n".join(["| argument or option | |", "|---|---|", *rows]) + "\n" if rows else ""


def _more_formats(parameter: Any) -> bool:
    """Whether a command writes its results in more ways than all do."""
    return parameter.name == "output_format" and len(parameter.type_descriptor.choices) > 2


def _row(parameter: Any, name: str, told: str) -> str:
    for kind, word in KINDS.items():
        name = name.replace(kind, "" if parameter.param_type_name == "argument" else word)
    noted = NOTED.search(told)
    meaning = told[: noted.start()] if noted else told
    if noted and noted["default"] and not noted["default"].startswith("no-"):
        meaning = f"{meaning} Default: `{noted['default']}`".strip()
    if parameter.param_type_name == "argument" and not parameter.required:
        meaning = f"{meaning} May be left out.".strip()
    written = name.replace("<", "").replace(">", "").replace("|", "\\|")
    return f"| `{written}` | {meaning} |"
