"""`ropewalk audit`: what can leak, everywhere."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.exits import Exit
from bot.cli.options import Format, Options, command

if TYPE_CHECKING:
    from bot.hygiene.catalogue import Rule

app = typer.Typer(no_args_is_help=True)

BASELINE = Path("ropewalk-baseline.jsonl")
Baseline = Annotated[Path, typer.Option(help="The file of findings that are known.")]
Targets = Annotated[
    list[str] | None, typer.Argument(metavar="TARGET", help="What is watched when none is named.", show_default=False)
]


class AuditFormat(StrEnum):
    """How an audit is written."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    CODEQUALITY = "codequality"
    JUNIT = "junit"
    CSV = "csv"
    HTML = "html"


@command(app, "run", formats=AuditFormat)
def run(
    options: Options,
    targets: Targets = None,
    only: Annotated[list[str] | None, typer.Option(help="Rules, or beginnings of their ids: RW1,RW305.")] = None,
    skip: Annotated[list[str] | None, typer.Option(help="Rules to leave out.")] = None,
    min_severity: Annotated[str, typer.Option(help="info, low, medium or high.")] = "info",
    new_only: Annotated[bool, typer.Option(help="Leave out what the baseline holds.")] = False,
    baseline: Baseline = BASELINE,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the report to a file.")] = None,
    exit_codes: Annotated[bool, typer.Option(help="End with 11 to 14 in every format.")] = False,
    issues: Annotated[bool, typer.Option("--issues", help="Keep the issues that hygiene.issues wants.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --issues: only say what would be done.")] = False,
) -> Exit:
    """Audit projects (`group/project`, `group`, `group/**`, an id); what is watched when none is named.

    ropewalk audit run acme/** --only RW1 --min-severity medium
    """
    from bot.cli.auditing import Wanted, audit_run

    return audit_run(
        options,
        Wanted(
            targets=tuple(targets or ()),
            only=_names(only),
            skip=_names(skip),
            min_severity=min_severity,
            baseline=baseline if new_only else None,
            output=output,
            exit_codes=exit_codes,
            issues=issues,
            dry_run=dry_run,
        ),
    )


@command(app, "baseline")
def baseline(options: Options, targets: Targets = None, output: Baseline = BASELINE) -> Exit:
    """Audit, and keep what is found as known: `audit run --new-only` leaves it out from then on.

    ropewalk audit baseline acme/**
    """
    from bot.cli.auditing import Wanted, audit_baseline

    return audit_baseline(options, Wanted(targets=tuple(targets or ()), output=output))


@command(app, "exposure")
def exposure(
    options: Options,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A project.")],
    variable: Annotated[
        str | None, typer.Argument(metavar="VARIABLE", help="Only this one.", show_default=False)
    ] = None,
) -> Exit:
    """Who can read a credential, and by which chain: refs, merge requests, forks, schedules, jobs, people.

    ropewalk audit exposure acme/tools/widget TWINE_PASSWORD
    """
    from bot.cli.exposing import exposing

    return exposing(options, target, variable)


@command(app, "explain")
def explain(options: Options, rule: Annotated[str, typer.Argument(metavar="RULE", help="For example RW101.")]) -> Exit:
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


def _names(given: list[str] | None) -> tuple[str, ...]:
    """Given once with commas, or several times."""
    return tuple(name.strip() for text in given or () for name in text.split(","))


def _row(rule: Rule) -> dict[str, str]:
    info = rule.info
    return {
        "id": info.id,
        "title": info.title,
        "severity": info.severity.word,
        "threat": info.threat,
        "remedy": info.remedy,
    }
