"""What the commands about releases begin with: the bot, PROJECT@REF, and the record of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.options import Options
from bot.domain.errors import ConfigError, RefusedError
from bot.domain.refs import Target, parse_target
from bot.domain.releases import Release

if TYPE_CHECKING:
    from bot.app import App
    from bot.app.records import Records

TargetArgument = Annotated[
    str, typer.Argument(metavar="PROJECT@REF", help="For example acme/tools/widget@v1.2.3.", show_default=False)
]


@contextmanager
def opened(options: Options, *, reads: bool = False) -> Iterator[App]:
    """The bot, for the length of a command; one that only `reads` makes no state where none is. Raises: ConfigError."""
    from bot.app import App
    from bot.cli.process import harden

    harden()
    bot = App(options.settings(), options.redactor, reads=reads)
    try:
        yield bot
    finally:
        bot.close()


@contextmanager
def looking(options: Options) -> Iterator[Records]:
    """What is on record, for the length of a command that asks nobody. Raises: ConfigError."""
    from bot.app.records import Records
    from bot.cli.process import harden

    harden()
    records = Records(options.settings(), options.redactor, reads=True)
    try:
        yield records
    finally:
        records.close()


def recorded(bot: Records, text: str) -> Release:
    """The newest release on record of PROJECT@REF. Raises: RefusedError with status 404, ConfigError."""
    target = parsed(text)
    release = bot.store.releases.find(target.project, target.ref)
    if release is None:
        raise RefusedError(
            what=f"no release of {target} is on record",
            where=bot.settings.state.shown,
            remedy="`ropewalk release list` shows those that are, `release apply` begins one",
            status=404,
        )
    return release


def parsed(text: str) -> Target:
    """PROJECT@REF. Raises: ConfigError."""
    try:
        return parse_target(text)
    except ValueError as error:
        raise ConfigError(what=str(error), where="PROJECT@REF") from None
