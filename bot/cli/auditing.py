"""What `ropewalk audit run` does: sweep, judge, report, and the code it ends with."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import bot
from bot.cli.auditor import Auditor
from bot.cli.exits import Exit, exit_of_error
from bot.cli.options import Options, complain
from bot.cli.rolling import spoken, with_issues
from bot.domain.errors import ConfigError, RefusedError, TransientError
from bot.domain.findings import AuditReport, Waiver
from bot.domain.verdicts import Severity
from bot.hygiene.baseline import Baseline, read_baseline, write_baseline
from bot.hygiene.baseline import new_only as hide_known
from bot.hygiene.catalogue import RULES, Rule, selected
from bot.hygiene.formats import FOR_PROGRAMS, FORMATS
from bot.hygiene.formats import Options as Writing
from bot.hygiene.select import Selection, check_rules, gathered, select
from bot.hygiene.waivers import check_waivers, waive

if TYPE_CHECKING:
    from bot.app import App
    from bot.hygiene.audit import Audited, Progress
    from bot.hygiene.history import Noted

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
    baseline: Path | None = None
    output: Path | None = None
    exit_codes: bool = False
    issues: bool = False
    dry_run: bool = False


def audit_run(options: Options, wanted: Wanted) -> Exit:
    """Audit and report."""
    _check_issues(wanted)
    rules = _rules(wanted)
    selection = Selection(only=_ids(wanted.only), skip=_ids(wanted.skip), min_severity=_severity(wanted.min_severity))
    known = _baseline(wanted.baseline)
    audited, waivers = _audited(options, wanted, rules)
    if wanted.targets and audited.report.complete and not audited.report.projects:
        return _nothing(options, wanted, audited.report)
    report = select(waive(audited.report, waivers, audited.report.at.date()), selection)
    if known is not None:
        report = hide_known(report, known)
    report = gathered(report)
    _write(options, wanted, report)
    for one in report.issues or ():
        options.say(spoken(one))
    code = exit_of_report(report)
    if audited.error is not None:
        complain(options, f"the audit is not complete: {audited.error}")
        return exit_of_error(audited.error)
    if audited.interrupted:
        complain(options, "interrupted: the report has what was found until then")
        _leave(code)
    if options.format_name in FOR_PROGRAMS and not wanted.exit_codes:
        return Exit.DONE
    return code


def _nothing(options: Options, wanted: Wanted, report: AuditReport) -> Exit:
    """The report of targets that name no project: what is above projects was not asked for, either."""
    _write(options, wanted, replace(report, findings=(), unknown=()))
    complain(options, f"nothing matched: {', '.join(wanted.targets)}")
    return Exit.NOTHING


def _leave(code: Exit) -> NoReturn:
    """End at once: threads that wait for answers would hold the process up, for nobody."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def audit_baseline(options: Options, wanted: Wanted) -> Exit:
    """Audit and keep what is found as known. An audit that is not complete makes no baseline."""
    audited, waivers = _audited(options, wanted, RULES)
    if audited.error is not None:
        raise audited.error
    if audited.interrupted:
        complain(options, "interrupted: no baseline was written")
        return Exit.INTERRUPTED
    assert wanted.output is not None, "the option has a default"
    report = waive(audited.report, waivers, audited.report.at.date())
    _save(options, wanted.output, write_baseline(report))
    findings = f"{len(report.findings)} finding{'' if len(report.findings) == 1 else 's'}"
    options.result(f"{findings} and {len(report.unknown)} unknown are known from now on")
    return Exit.DONE if report.projects else Exit.NOTHING


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
        check_rules(_ids(names), [rule.info.id for rule in RULES], option)
    return selected(wanted.only, wanted.skip)


def _ids(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.upper() for name in names)


def _severity(word: str) -> Severity:
    try:
        return Severity[word.upper()]
    except KeyError:
        raise ConfigError(
            what=f"{word} is no severity", where="--min-severity", remedy="info, low, medium or high"
        ) from None


def _audited(options: Options, wanted: Wanted, rules: tuple[Rule, ...]) -> tuple[Audited, tuple[Waiver, ...]]:
    from bot.app import App
    from bot.cli.process import harden

    harden()
    app = App(options.settings(), options.redactor)
    try:
        policy = app.settings.policy
        for error in check_waivers(policy.hygiene.waivers, [rule.info.id for rule in RULES]):
            raise error
        with _progress(options) as progress:
            audited, noted = Auditor(app).audit(wanted.targets, rules, progress)
        if wanted.issues:
            noted = _with_issues(options, app, noted, wanted)
        return replace(audited, report=noted.report), policy.hygiene.waivers
    finally:
        app.close()


def _check_issues(wanted: Wanted) -> None:
    """Issues speak of everything. Raises: ConfigError for an audit of less, or a plan of nothing."""
    if wanted.dry_run and not wanted.issues:
        raise ConfigError(what="an audit changes nothing", where="--dry-run", remedy="It goes with --issues")
    less = wanted.targets or wanted.only or wanted.skip
    if wanted.issues and less:
        remedy = "Leave out TARGET, --only and --skip"
        raise ConfigError(
            what="issues are kept about everything watched, by all rules", where="--issues", remedy=remedy
        )


def _with_issues(options: Options, app: App, noted: Noted, wanted: Wanted) -> Noted:
    """What was done about issues. That they could not be kept does not make the audit wrong."""
    waivers = app.settings.policy.hygiene.waivers
    heeded = replace(noted, report=gathered(waive(noted.report, waivers, noted.report.at.date())))
    try:
        issues = with_issues(app, heeded, options.say, dry_run=wanted.dry_run).report.issues
    except (TransientError, RefusedError) as error:
        complain(options, f"the issues could not be kept: {error}")
        return noted
    return replace(noted, report=replace(noted.report, issues=issues))


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
    width = shutil.get_terminal_size().columns if wanted.output is None and sys.stdout.isatty() else 0
    color = options.color and wanted.output is None
    how = Writing(version=bot.__version__, color=color, width=width)
    text = FORMATS[options.format_name](report, {rule.info.id: rule.info for rule in RULES}, how)
    if wanted.output is None:
        options.result(text.rstrip("\n"))
    else:
        _save(options, wanted.output, text)


def _save(options: Options, path: Path, text: str) -> None:
    try:
        path.write_text(options.redactor.redact(text), encoding="utf-8")
    except OSError as error:
        what = f"cannot be written ({error.strerror})"
        raise ConfigError(what=what, where=str(path), remedy="Choose another --output") from None
    options.say(f"written to {path}")


def _baseline(path: Path | None) -> Baseline | None:
    if path is None:
        return None
    try:
        return read_baseline(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError):
        remedy = "Write one with `ropewalk audit baseline`"
        raise ConfigError(what="there is no baseline that can be read", where=str(path), remedy=remedy) from None
