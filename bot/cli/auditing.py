"""What `ropewalk audit run` does: sweep, judge, report, and the code it ends with."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.exits import Exit, exit_of_error
from bot.cli.options import Format, Options, complain
from bot.cli.output import rfc3339
from bot.domain.errors import ConfigError
from bot.domain.findings import AuditReport, Finding
from bot.domain.verdicts import Severity
from bot.hygiene.catalogue import RULES, Rule, UnknownRuleError, named, selected

if TYPE_CHECKING:
    from bot.app import App
    from bot.hygiene.audit import Audited, Progress

SCHEMA = "ropewalk.audit/1"
FINDINGS = {
    Severity.INFO: Exit.INFO,
    Severity.LOW: Exit.LOW,
    Severity.MEDIUM: Exit.MEDIUM,
    Severity.HIGH: Exit.HIGH,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The options of `audit run`."""

    targets: tuple[str, ...]
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    min_severity: str = "info"
    output: Path | None = None
    exit_codes: bool = False


def audit_run(options: Options, wanted: Wanted) -> Exit:
    """Audit and report."""
    from bot.app import App
    from bot.cli.process import harden

    rules = _rules(wanted)
    least = _severity(wanted.min_severity)
    harden()
    bot = App(options.settings(), options.redactor)
    try:
        audited = _audited(bot, options, wanted, rules, least)
    finally:
        bot.close()
    _write(options, wanted, audited.report)
    if audited.error is not None:
        complain(options, f"the audit is not complete: {audited.error}")
        return exit_of_error(audited.error)
    if audited.interrupted:
        complain(options, "interrupted: the report has what was found until then")
    return exit_of_report(audited.report)


def exit_of_report(report: AuditReport) -> Exit:
    """11 to 14 by the gravest finding, else 4 if something is unknown or missing, 3 if nothing was in scope."""
    worst = max((one.severity for one in report.findings), default=None)
    if worst is not None:
        return FINDINGS[worst]
    if report.unknown or not report.complete:
        return Exit.UNKNOWN
    return Exit.DONE if report.projects else Exit.NOTHING


def rule_named(name: str) -> Rule:
    """The rule of this id. Raises: ConfigError."""
    found = next((rule for rule in RULES if rule.info.id == name.upper()), None)
    if found is None:
        raise ConfigError(what="there is no such rule", where=name, remedy="`ropewalk audit rules` lists them")
    return found


def _rules(wanted: Wanted) -> tuple[Rule, ...]:
    for option, names in (("--only", wanted.only), ("--skip", wanted.skip)):
        try:
            named(names)
        except UnknownRuleError as error:
            what = f"{error} is neither a rule nor the beginning of one"
            raise ConfigError(what=what, where=option, remedy="`ropewalk audit rules` lists them") from None
    return selected(wanted.only, wanted.skip)


def _severity(word: str) -> Severity:
    try:
        return Severity[word.upper()]
    except KeyError:
        raise ConfigError(
            what=f"{word} is no severity", where="--min-severity", remedy="info, low, medium or high"
        ) from None


def _audited(bot: App, options: Options, wanted: Wanted, rules: tuple[Rule, ...], least: Severity) -> Audited:
    from bot.hygiene.audit import Order, audit

    order = Order(
        scope=bot.audit_scope(wanted.targets), rules=rules, least=least, release_tags=bot.settings.policy.tags_of
    )
    with _progress(options) as progress:
        return audit(bot.estate(), order, bot.clock, progress)


@contextmanager
def _progress(options: Options) -> Iterator[Progress]:
    """A bar on a terminal, nothing elsewhere."""
    if options.quiet or not sys.stderr.isatty():
        yield _unseen
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True, no_color=not options.color)
    with Bar(TextColumn("auditing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console) as bar:
        task = bar.add_task("auditing", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _unseen(done: int, total: int | None) -> None:
    del done, total


def _write(options: Options, wanted: Wanted, report: AuditReport) -> None:
    text = json.dumps(report_json(report)) if options.format is Format.JSON else report_text(report)
    if wanted.output is None:
        options.result(text)
        return
    try:
        wanted.output.write_text(options.redactor.redact(text) + "\n", encoding="utf-8")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise ConfigError(what=what, where=str(wanted.output), remedy="Choose another --output") from None
    options.say(f"report written to {wanted.output}")


def report_json(report: AuditReport) -> dict[str, object]:
    """The `ropewalk.audit/1` object."""
    return {
        "schema": SCHEMA,
        "at": rfc3339(report.at),
        "complete": report.complete,
        "projects": report.projects,
        "requests": report.requests,
        "seconds": round(report.seconds, 3),
        "findings": [_finding(one) for one in report.findings],
        "unknown": [_finding(one) for one in report.unknown],
        "waived": [_finding(one) for one in report.waived],
    }


def _finding(one: Finding) -> dict[str, object]:
    return {
        "rule": one.rule,
        "severity": one.severity.word,
        "verdict": one.verdict.value,
        "project": one.project,
        "resource": one.resource,
        "scope": one.scope,
        "line": one.line,
        "reason": one.reason,
        "remedy": one.remedy,
        "identity": one.identity,
        "first_seen": None if one.first_seen is None else rfc3339(one.first_seen),
    }


def report_text(report: AuditReport) -> str:
    """One line a finding."""
    lines = [f"{one.severity.word:<6} {one.rule} {one.resource}: {one.reason}" for one in report.findings]
    lines += [f"?      {one.rule} {one.resource}: {one.reason}. {one.remedy}" for one in report.unknown]
    lines.append(
        f"{report.projects} projects, {len(report.findings)} findings, {len(report.unknown)} unknown, "
        f"{len(report.waived)} waived; {report.requests} requests in {report.seconds:.1f} s"
    )
    return "\n".join(lines)
