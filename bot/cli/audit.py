"""`ropewalk audit`: what can leak, everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.exits import Exit
from bot.cli.options import Format, Options, command

if TYPE_CHECKING:
    from bot.hygiene.catalogue import Rule

app = typer.Typer(no_args_is_help=True, help="What can leak in an organisation's variables, CI files and refs.")

Targets = Annotated[list[str] | None, typer.Argument(metavar="[TARGET]...", show_default=False)]


@command(app, "run")
def run(
    options: Options,
    targets: Targets = None,
    only: Annotated[list[str] | None, typer.Option(help="Rules, or beginnings of their ids: RW1.")] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Rules to leave out.")] = None,
    min_severity: Annotated[str, typer.Option(help="info, low, medium or high.")] = "info",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the report to a file.")] = None,
    exit_codes: Annotated[bool, typer.Option(help="End with 11 to 14 in every format.")] = False,
) -> Exit:
    """Audit projects (`group/project`, `group`, `group/**`, an id); what is watched when none is named.

    ropewalk audit run acme/** --only RW1 --min-severity medium
    """
    from bot.cli.auditing import Wanted, audit_run

    return audit_run(
        options,
        Wanted(
            targets=tuple(targets or ()),
            only=tuple(only or ()),
            skip=tuple(skip or ()),
            min_severity=min_severity,
            output=output,
            exit_codes=exit_codes,
        ),
    )


@command(app, "exposure")
def exposure(
    options: Options,
    target: Annotated[str, typer.Argument(metavar="TARGET")],
    variable: Annotated[str | None, typer.Argument(metavar="[VARIABLE]", show_default=False)] = None,
) -> Exit:
    """Who can read a credential, and by which chain: refs, merge requests, forks, schedules, jobs, people.

    ropewalk audit exposure acme/tools/widget TWINE_PASSWORD
    """
    from bot.cli.exposing import exposing

    return exposing(options, target, variable)


@command(app, "explain")
def explain(options: Options, rule: Annotated[str, typer.Argument(metavar="RULE")]) -> Exit:
    """What a rule finds, why it matters, what to do.

    ropewalk audit explain RW101
    """
    from bot.cli.auditing import rule_named
    from bot.hygiene.pages import page

    found = rule_named(rule)
    if options.format is Format.JSON:
        options.result(json.dumps(_row(found)))
    else:
        options.result(page(found).rstrip("\n"))
    return Exit.DONE


@command(app, "rules")
def rules(options: Options) -> Exit:
    """All rules.

    ropewalk audit rules --format json
    """
    from bot.hygiene.catalogue import RULES

    if options.format is Format.JSON:
        options.result(json.dumps([_row(rule) for rule in RULES]))
    else:
        for rule in RULES:
            options.result(f"{rule.info.id}  {rule.info.severity.word:<6}  {rule.info.title}")
    return Exit.DONE


def _row(rule: Rule) -> dict[str, str]:
    info = rule.info
    return {
        "id": info.id,
        "title": info.title,
        "severity": info.severity.word,
        "threat": info.threat,
        "remedy": info.remedy,
    }
