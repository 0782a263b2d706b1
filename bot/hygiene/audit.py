"""The audit: gather facts place by place, judge each, keep the findings and forget the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.errors import RopewalkError
from bot.domain.estate import ProjectFacts, Scope
from bot.domain.findings import AuditReport, Finding
from bot.domain.gitlab import Level
from bot.domain.tokens import TokenKind, TokenList
from bot.domain.verdicts import Verdict
from bot.hygiene.catalogue import Rule, wishes
from bot.hygiene.select import ordered
from bot.hygiene.tokens import token_lists
from bot.ports.estate import Estate

Progress = Callable[[int, int | None], None]
"""Takes how many projects are judged, and how many there are as far as anybody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What to audit and by which rules. `release_tags` are policy's tag patterns for a project's path."""

    scope: Scope
    rules: Sequence[Rule]
    release_tags: Callable[[str], tuple[str, ...]] = lambda _: ("v*",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """A report, and the error that ended it early if one did; `interrupted` if a person ended it.

    `places` are those that were judged, as resources begin with them; `tokens` the lists of tokens that were looked at.
    """

    report: AuditReport
    places: frozenset[str] = frozenset()
    tokens: tuple[TokenList, ...] = ()
    error: RopewalkError | None = None
    interrupted: bool = False


@dataclass(slots=True)
class _Heap:
    """What was found so far. A group's finding that several of its projects lead to counts once."""

    failed: list[Finding] = field(default_factory=list)
    unknown: list[Finding] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    tokens: dict[tuple[str, TokenKind], TokenList] = field(default_factory=dict)

    def take(self, found: Iterable[Finding]) -> None:
        for one in found:
            if not one.resource.startswith("project/"):
                if one.identity in self.seen:
                    continue
                self.seen.add(one.identity)
            (self.unknown if one.verdict is Verdict.UNKNOWN else self.failed).append(one)


def audit(estate: Estate, order: Order, clock: Callable[[], datetime], progress: Progress) -> Audited:
    """Sweep and judge. What ends the sweep early ends in the report: it has what was found until then.

    Raises: RopewalkError if nothing at all could be looked at.
    """
    began = clock()
    heap = _Heap()
    projects = 0
    error: RopewalkError | None = None
    interrupted = False
    try:
        for facts in estate.sweep(order.scope, wishes(order.rules)):
            heap.take(_judged(facts, order, began))
            heap.places |= {facts.place, *_lists(facts)}
            heap.tokens |= {(one.place, one.kind): one for one in token_lists(facts, heap.tokens)}
            if facts.level is Level.PROJECT:
                heap.places.add(f"group/{facts.full_path.rpartition('/')[0]}")
                projects += 1
                progress(projects, estate.expected())
    except RopewalkError as caught:
        if projects == 0:
            raise
        error = caught
    except KeyboardInterrupt:
        interrupted = True
    report = AuditReport(
        at=began,
        complete=error is None and not interrupted,
        projects=projects,
        requests=estate.requests(),
        seconds=(clock() - began).total_seconds(),
        findings=ordered(heap.failed),
        unknown=ordered(heap.unknown),
    )
    return Audited(
        report=report,
        places=frozenset(heap.places),
        tokens=tuple(heap.tokens.values()),
        error=error,
        interrupted=interrupted,
    )


def _lists(facts: ProjectFacts) -> Iterator[str]:
    """What was looked at of the groups above a project: lists of their own, not the groups as a whole."""
    for one in facts.access.groups if facts.access is not None else ():
        yield f"group/{one.group}/access_tokens"
        yield f"group/{one.group}/deploy_tokens"


def _judged(facts: ProjectFacts, order: Order, at: datetime) -> Iterator[Finding]:
    if facts.level is Level.PROJECT:
        facts = replace(facts, release_tags=order.release_tags(facts.full_path), at=at)
    for rule in order.rules:
        yield from rule.judge(facts)
