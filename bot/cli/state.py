"""`ropewalk state`: move a state, back it up, write down the key by which it knows its notes again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.codes import Exit
from bot.cli.options import Format, Options, command
from bot.domain.errors import ConfigError

if TYPE_CHECKING:
    from bot.app.copying import Copied, State
    from bot.domain.secrets import Secret
    from bot.settings import Settings

SCHEMA = "ropewalk.state/1"

app = typer.Typer(no_args_is_help=True)

File = Annotated[Path, typer.Argument(metavar="FILE", help="A new file.", show_default=False)]


@command(app, "copy")
def copy_command(
    options: Options,
    source: Annotated[str, typer.Argument(metavar="FROM", help="As `state` in a configuration.", show_default=False)],
    target: Annotated[str, typer.Argument(metavar="TO", help="An empty one, likewise.", show_default=False)],
    new_key: Annotated[
        bool, typer.Option("--new-key", help="Accept that notes signed with another key are not known again.")
    ] = False,
) -> Exit:
    """Move a state between a file and a database, while nobody works on either: all of it or nothing.

    A relative file is relative to the current folder. The database's password is that of the configuration if its
    `state` is the one named here, else $ROPEWALK_STATE_PASSWORD.

    ropewalk state copy sqlite:///ropewalk.db postgresql://ropewalk@db.example.com/ropewalk
    """
    from bot.app.copying import copy_state
    from bot.cli.process import harden

    harden()
    password = _password(options)
    settings = options.settings()
    here, there = (_state(text, settings, password) for text in (source, target))
    options.say(f"copying {here.shown} to {there.shown}")
    copied = copy_state(here, there, settings, new_key=new_key)
    if options.format is Format.JSON:
        options.result(json.dumps(_json(here, there, copied)))
        return Exit.DONE
    rows = sum(count for _, count in copied.tables)
    options.result(
        f"copied and compared {rows} rows of {len(copied.tables)} tables; "
        f"the ledger holds: {copied.chain.sequence} entries, the last {copied.chain.digest[:12]}"
    )
    if here.files != there.files:
        options.say(f"kept files stay in {here.files}: name it as `files`, or move it to {there.files}")
    options.say(f"begin with `state: {target}`; do not start the bot on {here.shown} again")
    return Exit.DONE


@command(app, "backup")
def backup_command(options: Options, file: File) -> Exit:
    """Copy a SQLite state to a new file while the bot works. (A database has pg_dump for that.)

    ropewalk state backup ropewalk-backup.db
    """
    from bot.app.copying import save
    from bot.cli.process import harden

    harden()
    size = save(options.settings().state, file)
    if options.format is Format.JSON:
        options.result(json.dumps({"schema": SCHEMA, "file": str(file), "bytes": size}))
    else:
        options.result(f"{file}: {size} bytes, whole")
    return Exit.DONE


@command(app, "key")
def key_command(options: Options, file: File) -> Exit:
    """Write the key by which a SQLite state knows its notes again to a new file, for gitlab.marker_key_file.

    ropewalk state key marker.key
    """
    from bot.app.copying import own_key
    from bot.cli.process import harden

    harden()
    state = options.settings().state
    key = own_key(state)
    if key is None:
        options.say("the state keeps no key of its own: the configuration names it, or nothing was signed yet")
        return Exit.NOTHING
    try:
        with open(file, "x", opener=lambda path, flags: os.open(path, flags, 0o600)) as opened:
            opened.write(key.reveal())
    except OSError as error:
        remedy = "Name a new file"
        raise ConfigError(what=f"cannot be written: {error.strerror}", where=str(file), remedy=remedy) from None
    options.say(f"written to {file}: name it as gitlab.marker_key_file, and keep it secret")
    return Exit.DONE


def _json(here: State, there: State, copied: Copied) -> dict[str, object]:
    return {
        "schema": SCHEMA,
        "from": here.shown,
        "to": there.shown,
        "tables": dict(copied.tables),
        "ledger": {"entries": copied.chain.sequence, "digest": copied.chain.digest},
    }


def _password(options: Options) -> Secret | None:
    from bot.domain.secrets import Secret
    from bot.settings.state import STATE_PASSWORD_VARIABLE

    value = os.environ.pop(STATE_PASSWORD_VARIABLE, "").strip()
    if not value:
        return None
    password = Secret(value)
    options.redactor.add(password)
    return password


def _state(text: str, settings: Settings, password: Secret | None) -> State:
    """What an address means; that of the configuration is the configuration's. Raises: ConfigError."""
    from bot.settings.state import state_at

    found = state_at(text, Path.cwd(), password)
    return settings.state if found.shown == settings.state.shown else found
