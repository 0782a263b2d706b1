"""`ropewalk notes`: what the release notes of a ref say, or would say. Reads only."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from bot.cli.exits import Exit
from bot.cli.options import Format, Options
from bot.domain.errors import ConfigError, RefusedError
from bot.domain.notes import NotesStrategy
from bot.domain.refs import parse_target

if TYPE_CHECKING:
    from bot.app import App
    from bot.domain.report import ReleaseReport

SCHEMA = "ropewalk.notes/1"


def notes(options: Options, text: str, since: str | None, strategy: NotesStrategy | None) -> Exit:
    """Write the notes to stdout, and where they come from to stderr."""
    from bot.app import App
    from bot.cli.process import harden

    try:
        target = parse_target(text)
    except ValueError as error:
        raise ConfigError(what=str(error), where="PROJECT@REF") from None
    harden()
    bot = App(options.settings(), options.redactor, reads=True)
    try:
        report = _report(bot, target.project, target.ref, since, strategy)
        markdown = bot.texts.preview(report)
        requests = bot.meter.count()
    finally:
        bot.close()
    _show(options, report, markdown, requests)
    return Exit.DONE


def _report(bot: App, path: str, ref: str, since: str | None, strategy: NotesStrategy | None) -> ReleaseReport:
    from bot.engine.noting import Question, draft, since_of

    project = bot.projects.project(int(path) if path.isdigit() else path)
    if project is None:
        what = f"there is no project {path} that the token may see"
        raise RefusedError(what=what, where=bot.api.where, remedy="Check the path and the token", status=404)
    eyes = bot.eyes
    question = Question(
        project=project,
        id=bot.named(project, ref),
        since=since_of(eyes, project, since) if since is not None else None,
        strategy=strategy,
    )
    return draft(eyes, bot.settings.policy, question, bot.clock())


def _show(options: Options, report: ReleaseReport, markdown: str, requests: int) -> None:
    source, changes = report.source, report.changes
    assert source is not None, "a draft says what it is made from"
    assert changes is not None, "a draft has changes"
    if options.format is Format.TEXT:
        options.result(markdown)
        options.say(f"from {source.strategy.value}: {source.reason}")
        return
    document = {
        "schema": SCHEMA,
        "project": report.project,
        "ref": report.ref,
        "sha": report.sha,
        "version": report.version,
        "previous": changes.previous_tag,
        "strategy": source.strategy.value,
        "reason": source.reason,
        "fallback": source.fallback,
        "complete": changes.complete,
        "commits": len(changes.commits),
        "merge_requests": [
            {key: value for key, value in asdict(one).items() if key != "merged_at"} for one in changes.merge_requests
        ],
        "markdown": markdown,
        "requests": requests,
    }
    options.result(json.dumps(document, ensure_ascii=False))
