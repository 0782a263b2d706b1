"""`ropewalk status`: the daemon, its releases and its API budget at a glance. Reads the state, asks nobody."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bot.cli.exits import Exit
from bot.cli.options import Format, Options
from bot.cli.output import STATE_STYLE, dumps, rfc3339
from bot.cli.records import looking
from bot.domain.readings import BudgetLine, BudgetReading, DaemonReading, is_alive
from bot.domain.releases import ReleaseState
from bot.domain.replicas import Replica, apart
from bot.domain.versioning import NewHead

SCHEMA = "ropewalk.status/1"
MOST_HEADS = 5  # new commits that are not tagged yet, in text
Json = dict[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """All that is shown. `daemon` is its last reading, None if no daemon ever ran on this state.

    `unseen` of the watched `projects` are still to be looked at for the first time. `replicas` share the
    state: those of the last hour; none where only one process can. `untagged` are new commits that the daemon is to tag
    and has not yet, the newest first.
    """

    now: datetime
    daemon: DaemonReading | None
    projects: int
    unseen: int
    releases: Mapping[str, int]
    due: int
    replicas: tuple[Replica, ...] = ()
    untagged: tuple[NewHead, ...] = ()

    @property
    def alive(self) -> bool:
        """Whether a daemon runs, as far as the state tells."""
        return is_alive(self.daemon, self.replicas, self.now)


def status(options: Options) -> Exit:
    """Print it; 0 whatever it says."""
    with looking(options) as bot:
        now = bot.clock()
        watched, unseen = bot.store.enrolment.counts()
        found = Status(
            now=now,
            daemon=bot.readings.last(),
            projects=watched,
            unseen=unseen,
            releases=bot.readings.states(),
            due=bot.readings.due(now),
            replicas=bot.replicas.members() if bot.replicas is not None else (),
            untagged=bot.store.heads.pending(),
        )
    if options.format is Format.JSON:
        options.result(dumps(status_json(found)))
    else:
        options.result(status_text(found, color=options.color))
    return Exit.DONE


def status_json(found: Status) -> Json:
    """The `ropewalk.status/1` object. The budget is as the daemon last wrote it down, null if none ever ran."""
    return {
        "schema": SCHEMA,
        "daemon": {"alive": found.alive, **_daemon_json(found.daemon)},
        "projects": found.projects,
        "without_baseline": found.unseen,
        "releases": {state.value: found.releases.get(state.value, 0) for state in ReleaseState},
        "due": found.due,
        "untagged": [_head_json(one) for one in found.untagged],
        "replicas": [_replica_json(one) for one in found.replicas],
        "apart": [one.id for one in apart(found.replicas)],
        "budget": _budget_json(found.daemon.budget) if found.daemon else None,
    }


def _head_json(one: NewHead) -> Json:
    return {
        "project": one.project,
        "branch": one.branch,
        "sha": one.sha,
        "seen_at": _moment(one.seen_at),
        "next_look": _moment(one.due_at),
        "reason": one.told,
    }


def _replica_json(one: Replica) -> Json:
    return {
        "id": one.id,
        "host": one.host,
        "pid": one.pid,
        "version": one.version,
        "alive": one.alive,
        "scope": one.scope or None,
        "started_at": _moment(one.started_at),
        "seen_at": _moment(one.beat_at),
    }


def _daemon_json(daemon: DaemonReading | None) -> Json:
    if daemon is None:
        return dict.fromkeys(("version", "started_at", "seen_at", "polled_at")) | {"stopped": False}
    return {
        "version": daemon.version,
        "started_at": _moment(daemon.started_at),
        "seen_at": _moment(daemon.at),
        "polled_at": _moment(daemon.polled_at),
        "stopped": daemon.stopped,
    }


def _budget_json(budget: BudgetReading) -> Json:
    shared = budget.shared
    return {
        "instance": budget.instance,
        "shared": None if shared is None else {"processes": shared.processes, "away": shared.away},
        "requests_last_minute": budget.last_minute,
        "limits": [
            {
                "name": line.name,
                "left": line.left,
                "size": line.size,
                "per_minute": line.per_minute,
                "paused_until": _moment(line.paused_until),
                "refused": line.refused,
                "put_off": line.put_off,
            }
            for line in budget.lines
        ],
    }


def status_text(found: Status, *, color: bool) -> str:
    """A few lines, and a table of the limits that say something."""
    from bot.log import visible

    console = Console(file=io.StringIO(), force_terminal=color, no_color=not color, width=140, highlight=False)
    rows = Table.grid(padding=(0, 2))
    rows.add_row("daemon", _daemon(found))
    differ = apart(found.replicas)
    for one in found.replicas:
        life = "[green]alive[/]" if one.alive else "[red]gone[/]"
        since = rfc3339(one.started_at) if one.started_at else "?"
        mark = f", watches {escape(one.scope)}" if one in differ else ""
        rows.add_row("replica", f"{escape(one.id)} {life} (ropewalk {escape(one.version)}, up since {since}{mark})")
    if differ:
        rows.add_row("", "[red]they do not all watch and release the same[/]: nothing new is enrolled, see the doctor")
    daemon = found.daemon
    if daemon is not None:
        polled = daemon.polled_at
        rows.add_row("last poll", _ago(found.now - polled) if polled else "none completed since the start")
    unseen = f", {found.unseen} of them not looked at yet" if found.unseen else ""
    rows.add_row("projects", f"{found.projects} watched{unseen}")
    rows.add_row("releases", f"{_releases(found.releases)}; {found.due} due now")
    for head in found.untagged[:MOST_HEADS]:
        told = f"{head.project} {head.branch} {head.sha[:8]}: {head.told}"
        rows.add_row("not tagged", escape(visible(told)))
    if len(found.untagged) > MOST_HEADS:
        rows.add_row("", f"and {len(found.untagged) - MOST_HEADS} more: --format json names them")
    if daemon is not None:
        told = f"{escape(daemon.budget.instance)}, {daemon.budget.last_minute} requests in a minute"
        rows.add_row("GitLab", told + _shared(daemon.budget))
    console.print(rows)
    lines = [line for line in daemon.budget.lines if line.size is not None or line.refused] if daemon else []
    if lines:
        console.print(_table(lines, found.now))
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().rstrip().splitlines())


def _shared(budget: BudgetReading) -> str:
    shared = budget.shared
    if shared is None:
        return ""
    if shared.away:
        return f" by this replica; [yellow]on its share of one of {shared.processes}[/]: the database did not answer"
    return f" by this replica; one budget for {shared.processes}"


def _table(lines: list[BudgetLine], now: datetime) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("limit", "left", "of", "a minute", "refused", "put off", "paused"):
        table.add_column(title, justify="left" if title in ("limit", "paused") else "right")
    for line in lines:
        paused = line.paused_until is not None and line.paused_until > now
        table.add_row(
            line.name,
            "" if line.left is None else str(line.left),
            "" if line.size is None else str(line.size),
            "" if line.per_minute is None else f"{line.per_minute:.0f}",
            str(line.refused),
            str(line.put_off),
            f"[yellow]until {rfc3339(line.paused_until)}[/]" if paused and line.paused_until else "",
        )
    return table


def _daemon(found: Status) -> str:
    daemon = found.daemon
    if daemon is None:
        return "none ever ran on this state"
    seen = _ago(found.now - daemon.at)
    if found.alive:
        return (
            f"[green]alive[/], seen {seen} (ropewalk {escape(daemon.version)}, up since {rfc3339(daemon.started_at)})"
        )
    return f"[yellow]stopped[/] {seen}" if daemon.stopped else f"[red]gone[/]: last seen {seen}, and not stopped"


def _releases(counts: Mapping[str, int]) -> str:
    some = [(state, counts[state.value]) for state in ReleaseState if counts.get(state.value)]
    return ", ".join(f"[{STATE_STYLE.get(state, 'cyan')}]{state.value}[/] {count}" for state, count in some) or "none"


def _ago(age: timedelta) -> str:
    seconds = max(round(age.total_seconds()), 0)
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _moment(value: datetime | None) -> str | None:
    return None if value is None else rfc3339(value)
