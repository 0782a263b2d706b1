"""`ropewalk ledger`: show what the bot wrote, and verify that nobody changed the record of it."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from bot.cli.codes import Exit
from bot.cli.options import Format, Options, command
from bot.cli.records import looking, opened
from bot.domain.errors import ConfigError, RefusedError

if TYPE_CHECKING:
    from bot.app import App
    from bot.domain.ledger import Broken, Entry

SCHEMA = "ropewalk.ledger/1"
_DIGEST = 64  # hex digits

app = typer.Typer(no_args_is_help=True)

Place = Annotated[
    str | None, typer.Argument(metavar="PROJECT[@REF]", help="Only of this project or release.", show_default=False)
]


@command(app, "show")
def show_command(
    options: Options,
    place: Place = None,
    last: Annotated[int | None, typer.Option(min=1, help="Only so many, the newest.", show_default=False)] = None,
) -> Exit:
    """What the bot wrote: tries with outcome, proofs read back, requests to GitLab, commands from notes; oldest first.

    ropewalk ledger show acme/tools/widget@v1.2.3 --format json
    """
    with opened(options, reads=True) as bot:
        prefixes = [] if place is None else _prefixes(bot, place)
        found: Iterable[Entry] = bot.store.journal.entries(*prefixes)
        shown = list(found if last is None else deque(found, last))
        if options.format is Format.JSON:
            options.result(json.dumps({"schema": SCHEMA, "entries": [_json(row) for row in shown]}, ensure_ascii=False))
        for row in shown if options.format is Format.TEXT else ():
            options.result(_text(row))
        if not shown:
            options.say("no entries")
        return Exit.DONE if shown or place is None else Exit.NOTHING


@command(app, "verify")
def verify_command(
    options: Options,
    noted: Annotated[
        str | None, typer.Option(metavar="NUMBER:DIGEST", help="An entry noted elsewhere.", show_default=False)
    ] = None,
) -> Exit:
    """Follow the chain and hold all tries and proofs on record against it; names the first that is not as written.

    ropewalk ledger verify --noted 1742:9f86d081884c7d65…
    """
    expected = None if noted is None else _noted(noted)
    with looking(options) as bot:
        chain, broken = bot.store.journal.verify(expected)
    if options.format is Format.JSON:
        head = {"sequence": chain.sequence, "digest": chain.digest}
        document = {"schema": SCHEMA, "ok": broken is None, "head": head, "broken": broken and asdict(broken)}
        options.result(json.dumps(document, ensure_ascii=False))
    elif broken is None:
        options.result(
            f"{chain.sequence} entries, all as they were written; the last one: {chain.sequence}:{chain.digest}"
        )
    else:
        options.result(_said(broken))
    return Exit.DONE if broken is None else Exit.HIGH


def _said(broken: Broken) -> str:
    where = "the records" if broken.sequence is None else f"entry {broken.sequence}"
    return f"{where}: {broken.what}. What stands before it is as it was written; compare with a backup of the state"


def _prefixes(bot: App, text: str) -> list[str]:
    """How the places of a project, or of its releases at a ref, begin. Raises: RefusedError with status 404."""
    project, _, ref = text.strip("/").partition("@")
    releases = bot.store.releases.releases(project)
    if releases:
        number, path = releases[0].id.project_id, releases[0].project
    else:
        there = bot.projects.project(int(project) if project.isdecimal() else project)
        if there is None:
            what = f"there is no project {project} on record or that the token may see"
            raise RefusedError(what=what, where=bot.api.where, remedy="Check the path", status=404)
        number, path = there.id, there.full_path
    if ref:
        return [f"{number}/{ref}@"]
    return [f"{number}/", f"/projects/{number}/", f"/projects/{quote(path, safe='')}/"]


def _noted(text: str) -> tuple[int, str]:
    number, _, digest = text.partition(":")
    if not number.isdecimal() or len(digest) != _DIGEST:
        raise ConfigError(what="must be NUMBER:DIGEST, as `ledger verify` prints it", where="--noted")
    return int(number), digest.lower()


def _json(row: Entry) -> dict[str, object]:
    from bot.domain.ledger import moment

    told = asdict(row.written)
    return {
        "sequence": row.sequence,
        "at": moment(row.written.at),
        "kind": row.written.kind.value,
        **{name: value for name, value in told.items() if name not in ("at", "kind")},
        "previous": row.previous,
        "digest": row.digest,
    }


def _text(row: Entry) -> str:
    from bot.cli.output import rfc3339
    from bot.log import visible

    told = row.written
    place = "" if told.place in told.words else f"  {told.place}"
    return visible(f"{row.sequence:>6}  {rfc3339(told.at)}  {told.outcome:<9} {told.words}{place}  {row.digest[:12]}")
