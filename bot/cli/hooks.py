"""`ropewalk hooks …`"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.exits import Exit
from bot.cli.options import Format, Options, command

if TYPE_CHECKING:
    from bot.watch.hook_care import HookReport
    from bot.watch.hook_mending import Errand, HookRow

app = typer.Typer(no_args_is_help=True)

SCHEMA = "ropewalk.hooks/1"
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be done; read_api suffices.")]


@command(app, "install")
def install_command(options: Options, dry_run: DryRun = False) -> Exit:
    """Make hooks where they are missing, and set events and secret of those that are there. Twice changes nothing.

    ropewalk hooks install --dry-run
    """
    from bot.watch.hook_mending import Errand

    return _tend(options, Errand.INSTALL, dry_run=dry_run)


@command(app, "check")
def check_command(options: Options) -> Exit:
    """Say which hooks are missing, wrong, disabled or failing. Only reads.

    ropewalk hooks check --format json
    """
    from bot.watch.hook_mending import Errand

    return _tend(options, Errand.CHECK, dry_run=True)


@command(app, "repair")
def repair_command(options: Options, dry_run: DryRun = False) -> Exit:
    """Install, enable what GitLab disabled, and have failed deliveries sent again. The daemon does it by itself.

    ropewalk hooks repair
    """
    from bot.watch.hook_mending import Errand

    return _tend(options, Errand.REPAIR, dry_run=dry_run)


def exit_of(report: HookReport) -> Exit:
    """The code of a round: something is to be repaired, could not be looked at, or nothing is watched."""
    from bot.watch.hook_health import HookVerdict

    verdicts = {row.verdict for row in report.rows}
    if verdicts - {HookVerdict.OK, HookVerdict.CANNOT_LOOK}:
        return Exit.BLOCKED
    if report.stopped or HookVerdict.CANNOT_LOOK in verdicts:
        return Exit.UNKNOWN
    return Exit.DONE if verdicts else Exit.NOTHING


def _tend(options: Options, errand: Errand, *, dry_run: bool) -> Exit:
    from bot.app import App
    from bot.cli.process import harden

    harden()
    bot = App(options.settings(), options.redactor, reads=dry_run)
    try:
        care = bot.hook_care
        if not dry_run:
            bot.must_write()
        report = care.tend(errand, dry_run=dry_run)
    finally:
        bot.close()
    url = care.hands.wish.url
    if options.format is Format.JSON:
        options.result(json.dumps(_document(report, url, dry_run=dry_run), ensure_ascii=False))
    else:
        for row in report.rows:
            options.result(_line(row, dry_run=dry_run))
        options.result(f"hooks lead to {url}: {'ready' if report.ready else 'not ready'}")
    if report.stopped:
        options.say(f"stopped early: {report.stopped}")
    if not report.rows:
        options.say("nothing is watched here; see watch.groups and watch.projects")
    return exit_of(report)


def _document(report: HookReport, url: str, *, dry_run: bool) -> dict[str, object]:
    rows = [
        {
            "where": row.place.path,
            "kind": row.place.kind.value,
            "url": url,
            "verdict": row.verdict.value,
            "reason": row.reason,
            "remedy": row.remedy,
            "actions": list(row.actions),
        }
        for row in report.rows
    ]
    stopped = report.stopped or None
    return {"schema": SCHEMA, "hooks": rows, "dry_run": dry_run, "stopped": stopped, "ready": report.ready}


def _line(row: HookRow, *, dry_run: bool) -> str:
    from bot.watch.hook_health import HookVerdict

    mark = {HookVerdict.OK: "✓", HookVerdict.CANNOT_LOOK: "?"}.get(row.verdict, "✗")
    said = f"{mark} {row.place.kind.value} {row.place.path}  {row.verdict.value.replace('_', ' ')}: {row.reason}"
    remedy = f". {row.remedy}" if row.remedy else ""
    deeds = "".join(f"\n    {'would ' if dry_run else 'done: '}{action}" for action in row.actions)
    return said + remedy + deeds
