"""`ropewalk release tag` and `propose`: the next tag of a project, where policy lets the bot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.deciding import caller, noted
from bot.cli.exits import Exit
from bot.cli.options import Format, Options, command
from bot.domain.errors import RefusedError
from bot.domain.versioning import PreRelease

if TYPE_CHECKING:
    from bot.app import App
    from bot.domain.refs import Project

SCHEMA = "ropewalk.tag/1"
PROPOSAL_SCHEMA = "ropewalk.proposal/1"


def join(app: typer.Typer) -> None:
    """Add the commands to those about releases."""
    command(app, "tag")(tag_command)
    command(app, "propose")(propose_command)


def tag_command(
    options: Options,
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="For example acme/tools/widget.")],
    pre: Annotated[
        PreRelease | None, typer.Option("--pre", help="Tag a pre-release of that kind.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done; read_api suffices.")] = False,
) -> Exit:
    """Tag the next version at the newest commit of a protected branch, where policy lets the bot. Once for a commit.

    ropewalk release tag acme/tools/widget --dry-run
    """
    from bot.hygiene.spelling import visible

    with _opened(options, project, dry_run=dry_run) as (bot, found):
        done = bot.tagger.look(found, pre=pre) if dry_run else bot.tagger.tag(found, pre=pre)
        if done.made:
            words = f"tag {done.name} by {caller()}: at {done.sha[:12]}"
            noted(bot, "tag", f"{found.id}/{done.name}@{done.sha}", words)
    if options.format is Format.JSON:
        document = {
            "schema": SCHEMA,
            "project": found.full_path,
            "tag": done.name,
            "sha": done.sha,
            "made": done.made,
            "reason": done.reason,
        }
        options.result(json.dumps(document))
    else:
        said = f"{'would tag ' if not done.made else ''}{done.name}" if done.name else "nothing to tag"
        options.result(visible(f"{found.full_path}: {said} at {done.sha[:8]} ({done.reason})"))
    return Exit.DONE


def propose_command(
    options: Options,
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="For example acme/tools/widget.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done; read_api suffices.")] = False,
) -> Exit:
    """Open or update the merge request whose merge approves the next release, where policy asks for one.

    ropewalk release propose acme/tools/widget --dry-run
    """
    from bot.hygiene.spelling import visible

    with _opened(options, project, dry_run=dry_run) as (bot, found):
        done = bot.release_proposer.propose(found, dry_run=dry_run)
    if options.format is Format.JSON:
        document = {
            "schema": PROPOSAL_SCHEMA,
            "project": found.full_path,
            "state": done.state,
            "tag": done.tag,
            "reason": done.reason,
            "url": done.url or None,
            "files": [{"path": path, "text": text} for path, text in done.files.items()],
        }
        options.result(json.dumps(document, ensure_ascii=False))
    else:
        mark, would = "✓" if done.done else "✗", "would " if done.state == "planned" else ""
        said = visible(f"{mark} {found.full_path}: {would}{done.reason}")
        options.result(f"{said}: {done.url}" if done.url else said)
    return Exit.DONE if done.done else Exit.BLOCKED


@contextmanager
def _opened(options: Options, project: str, *, dry_run: bool) -> Iterator[tuple[App, Project]]:
    """The bot, which may write unless it is a dry run, and the project. Raises: RefusedError with 404."""
    from bot.app import App
    from bot.cli.process import harden

    harden()
    bot = App(options.settings(), options.redactor, reads=dry_run)
    try:
        if not dry_run:
            bot.must_write()
        found = bot.projects.project(int(project) if project.isdigit() else project)
        if found is None:
            what = f"there is no project {project} that the token may see"
            raise RefusedError(what=what, where=bot.api.where, remedy="Check the path and the token", status=404)
        yield bot, found
    finally:
        bot.close()
