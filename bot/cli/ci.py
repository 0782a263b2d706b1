"""`ropewalk ci …`"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.exits import Exit
from bot.cli.options import Format, Options, command
from bot.domain.errors import ConfigError, RefusedError
from bot.onboarding.decide import Destination, Wish
from bot.onboarding.stamp import MARKER

if TYPE_CHECKING:
    from bot.onboarding.propose import Outcome

app = typer.Typer(no_args_is_help=True)

SCHEMA = "ropewalk.ci/1"
TRUSTED_HOST = "gitlab.com"  # PyPI and Sigstore document trust in GitLab's own service only
_COMPONENT = re.compile(r"([A-Za-z0-9.:-]+(?:/[A-Za-z0-9_.-]+){2,})@([A-Za-z0-9~][A-Za-z0-9_./-]*)")


@app.callback()
def _group() -> None:
    """Keep `init` a subcommand, though it is the only one."""


@command(app, "init")
def init_command(
    options: Options,
    project: Annotated[str, typer.Argument(metavar="PROJECT", help="For example acme/tools/widget.")],
    to: Annotated[Destination, typer.Option("--to", help="Where the package is published.")] = Destination.BOTH,
    component: Annotated[
        str | None,
        typer.Option(
            "--component",
            metavar="HOST/PATH@VERSION",
            help="Include the components from that project instead of writing their jobs out.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done; read_api suffices.")] = False,
) -> Exit:
    """Open a merge request with jobs that build, check and publish the project's package. Twice changes nothing.

    A CI file that is there is kept, and includes the new one; where that is not safe the text is printed instead.

    ropewalk ci init acme/tools/widget --to registry --dry-run
    """
    from bot.app import App
    from bot.cli.process import harden
    from bot.notes.pipelines import proposal

    place, version = _place(component)
    harden()
    bot = App(options.settings(), options.redactor, reads=dry_run)
    try:
        if place and place.partition("/")[0] != bot.api.where:
            what = f"{place} is not on {bot.api.where}: GitLab includes components of its own alone"
            raise ConfigError(what=what, where="--component", remedy="Copy `templates/` to a project there")
        if not dry_run:
            bot.must_write()
        found = bot.projects.project(int(project) if project.isdigit() else project)
        if found is None:
            what = f"there is no project {project} that the token may see"
            raise RefusedError(what=what, where=bot.api.where, remedy="Check the path and the token", status=404)
        trusted = bot.api.where == TRUSTED_HOST
        wish = Wish(to=to, place=place, version=version, attest=trusted)
        words = proposal(wish.components, trusted=trusted, marker=MARKER)
        outcome = bot.proposer.propose(found, wish, words, dry_run=dry_run)
    finally:
        bot.close()
    _tell(options, found.full_path, outcome)
    return Exit.DONE if outcome.done else Exit.BLOCKED


def _place(component: str | None) -> tuple[str, str]:
    """The project and the version of `--component`. Raises: ConfigError."""
    if component is None:
        return "", ""
    parts = _COMPONENT.fullmatch(component)
    if parts is None:
        raise ConfigError(
            what=f"{component} names no component project",
            where="--component",
            remedy="Write HOST/GROUP/PROJECT@VERSION, without the component's own name",
        )
    return parts[1], parts[2]


def _tell(options: Options, project: str, outcome: Outcome) -> None:
    if options.format is Format.JSON:
        document = {
            "schema": SCHEMA,
            "project": project,
            "state": outcome.state,
            "reason": outcome.reason,
            "url": outcome.url or None,
            "files": [{"path": path or None, "text": text} for path, text in outcome.files.items()],
        }
        options.result(json.dumps(document, ensure_ascii=False))
        return
    from bot.log import visible

    mark = "✓" if outcome.done else "✗"
    would = "would " if outcome.state == "planned" else ""
    options.result(visible(f"{mark} {project}: {would}{outcome.reason}") + (f": {outcome.url}" if outcome.url else ""))
    if outcome.state == "by_hand":
        options.say("nothing was changed; put this where it belongs:")
    if outcome.state in ("by_hand", "planned"):
        for path, text in outcome.files.items():
            lines = [f"--- {path}"] if path else []
            for line in (*lines, *text.splitlines()):
                options.result(visible(line))
