"""Releases as people and programs read them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.domain.policy import Source
from bot.domain.releases import Receipt, Release, ReleaseState, TargetState
from bot.domain.verdicts import Verdict
from bot.release.forecast import Course, Step

SCHEMA = "ropewalk.release/1"
Json = dict[str, object]

STATE_STYLE = {
    ReleaseState.PUBLISHED: "green",
    ReleaseState.BLOCKED: "yellow",
    ReleaseState.CONFLICT: "red",
    ReleaseState.FAILED: "red",
    ReleaseState.PARTIAL: "red",
    ReleaseState.WITHDRAWN: "yellow",
}
_VERDICT = {
    Verdict.PASS: ("✓", "green"),
    Verdict.FAIL: ("✗", "red"),
    Verdict.UNKNOWN: ("?", "yellow"),
    Verdict.WAIVED: ("~", "yellow"),
    Verdict.NOT_APPLICABLE: ("-", "dim"),
}
_TARGET = {
    TargetState.DONE: ("✓", "green"),
    TargetState.PENDING: ("·", "dim"),
    TargetState.FAILED: ("✗", "red"),
    TargetState.CONFLICT: ("✗", "red"),
    TargetState.SKIPPED: ("-", "dim"),
}
_COURSE = {Course.SKIP: "dim", Course.STOP: "red", Course.CANNOT_TELL: "yellow"}


def rfc3339(moment: datetime) -> str:
    """UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def release_json(release: Release, receipts: Sequence[Receipt], steps: Sequence[Step] | None) -> Json:
    """The `ropewalk.release/1` object; `steps` are what a run would do, where that was asked (else there are none)."""
    document: Json = {
        "schema": SCHEMA,
        **_head(release),
        "gates": [{"name": g.name, "verdict": g.verdict.value, "reason": g.reason} for g in release.gates],
        "targets": [
            {
                "name": target.name,
                "state": target.state.value,
                "reason": target.reason,
                "attempts": target.attempts,
                "receipts": [_receipt(receipt) for receipt in receipts if receipt.target == target.name],
            }
            for target in release.targets
        ],
        "next": release.next,
        "result": _result(release, receipts),
        "requests": {**dict(release.requests), "total": sum(count for _, count in release.requests)},
    }
    document["actions"] = [_step_json(step) for step in steps or ()]
    return document


def list_json(releases: Sequence[Release]) -> list[Json]:
    """`release list`: the same objects without gates and targets."""
    return [{"schema": SCHEMA, **_head(release), "next": release.next} for release in releases]


def dumps(document: object) -> str:
    """One line of JSON."""
    return json.dumps(document, ensure_ascii=False)


def release_text(
    release: Release,
    receipts: Sequence[Receipt],
    steps: Sequence[Step] | None,
    *,
    color: bool,
    verbose: bool,
) -> str:
    """One release on a screen."""
    console = _console(color)
    style = STATE_STYLE.get(release.state, "cyan")
    version = f" [bold]{escape(release.version)}[/]" if release.version else ""
    console.print(
        f"[bold]{escape(release.project)}[/]@{escape(release.id.ref)}{version} "
        f"[{style}]{release.state.value}[/]  [dim]{release.id.sha[:8]}[/]"
    )
    if release.gates:
        table = _grid()
        for gate in release.gates:
            mark, color_name = _VERDICT[gate.verdict]
            table.add_row(f"[{color_name}]{mark}[/]", gate.name, escape(gate.reason))
        console.print(table)
    for target in release.targets:
        mark, color_name = _TARGET[target.state]
        reason = f"  {escape(target.reason)}" if target.reason else ""
        console.print(f"  [{color_name}]{mark}[/] [bold]{escape(target.name)}[/]{reason}", soft_wrap=True)
        for receipt in receipts:
            if receipt.target == target.name:
                digest = f"sha256 {receipt.sha256}  " if receipt.file else ""
                console.print(f"      [dim]{digest}{escape(receipt.where)}[/]", soft_wrap=True)
    if steps is not None:
        for step in steps:
            style = _COURSE.get(step.course, "")
            console.print(f"  {escape(step.sentence)}", soft_wrap=True, style=style)
        if not any(step.course in (Course.UPLOAD, Course.ACT) for step in steps):
            console.print("  nothing to do", style="dim")
    if release.next:
        console.print(f"  next: {escape(release.next)}", soft_wrap=True)
    if verbose and release.requests:
        total = sum(count for _, count in release.requests)
        phases = ", ".join(f"{phase} {count}" for phase, count in release.requests)
        console.print(f"  requests to GitLab: {total} ({phases})", soft_wrap=True)
    return _text(console)


def list_text(releases: Sequence[Release], *, color: bool) -> str:
    """A table of releases."""
    console = _console(color)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("project", "ref", "version", "state", "updated", "next"):
        table.add_column(title, overflow="fold")
    for release in releases:
        style = STATE_STYLE.get(release.state, "cyan")
        table.add_row(
            escape(release.project),
            escape(release.id.ref),
            escape(release.version or ""),
            f"[{style}]{release.state.value}[/]",
            rfc3339(release.updated_at),
            escape(release.next or ""),
        )
    console.print(table)
    return _text(console)


def _head(release: Release) -> Json:
    return {
        "project": release.project,
        "ref": release.id.ref,
        "kind": release.id.kind.value,
        "sha": release.id.sha,
        "version": release.version,
        "state": release.state.value,
        "source": release.source.value,
        "source_reason": release.source_reason,
        "created_at": rfc3339(release.created_at),
        "updated_at": rfc3339(release.updated_at),
    }


def _result(release: Release, receipts: Sequence[Receipt]) -> str | None:
    """How a published release came to be: we `uploaded`, or found all files there (`all_skipped`); else None.

    Where the project's own pipeline uploads, finding them there is what was wanted: `proven`.
    """
    if release.state is not ReleaseState.PUBLISHED:
        return None
    if release.source is Source.PIPELINE:
        return "proven"
    return "uploaded" if any(receipt.kind == "upload" for receipt in receipts) else "all_skipped"


def _step_json(step: Step) -> Json:
    """`would` is the sentence without its first word, kept for those who read it before there was a `text`."""
    return {
        "target": step.target,
        "course": step.course.value,
        "index": step.index,
        "file": step.file,
        "would": step.words,
        "text": step.sentence,
    }


def _receipt(receipt: Receipt) -> Json:
    return {
        "kind": receipt.kind,
        "where": receipt.where,
        "file": receipt.file,
        "sha256": receipt.sha256 if receipt.file else None,
        "at": rfc3339(receipt.at),
    }


def _console(color: bool) -> Console:
    return Console(file=io.StringIO(), force_terminal=color, no_color=not color, width=140, highlight=False)


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().rstrip("\n")


def _grid() -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=3, justify="right")
    table.add_column()
    table.add_column(overflow="fold")
    return table
