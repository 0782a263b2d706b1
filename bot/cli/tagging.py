"""`ropewalk release tag`: make the next tag of a project, where policy lets the bot."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from bot.cli.exits import Exit
from bot.cli.options import Format, Options, command
from bot.domain.errors import RefusedError
from bot.domain.versioning import PreRelease

SCHEMA = "ropewalk.tag/1"


def join(app: typer.Typer) -> None:
    """Add the command to those about releases."""
    command(app, "tag")(tag_command)


def tag_command(
    options: Options,
    project: Annotated[str, typer.Argument(metavar="PROJECT")],
    pre: Annotated[
        PreRelease | None, typer.Option("--pre", help="Tag a pre-release of that kind.", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done; read_api suffices.")] = False,
) -> Exit:
    """Tag the next version at the newest commit of a protected branch, where policy lets the bot. Once for a commit.

    ropewalk release tag acme/tools/widget --dry-run
    """
    from bot.app import App
    from bot.cli.process import harden
    from bot.hygiene.spelling import visible

    harden()
    bot = App(options.settings(), options.redactor, reads=dry_run)
    try:
        if not dry_run:
            bot.must_write()
        found = bot.projects.project(int(project) if project.isdigit() else project)
        if found is None:
            what = f"there is no project {project} that the token may see"
            raise RefusedError(what=what, where=bot.api.where, remedy="Check the path and the token", status=404)
        done = bot.tagger.look(found, pre=pre) if dry_run else bot.tagger.tag(found, pre=pre)
    finally:
        bot.close()
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
