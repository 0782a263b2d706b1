"""Put together what there is to say about a release."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.gitlab import Changes
from bot.domain.refs import RefKind
from bot.domain.releases import ReleaseState, TargetStatus
from bot.domain.report import ReleaseReport
from bot.domain.verdicts import GateResult
from bot.release.facts import Facts, Look, Seen, Wanted
from bot.release.identity import identity, released_files
from bot.release.notes_source import choose


def report(
    wanted: Wanted,
    facts: Facts,
    state: ReleaseState,
    gates: Sequence[GateResult],
    targets: Sequence[TargetStatus],
    next_step: str | None,
) -> ReleaseReport:
    """The report of a release as the facts show it."""
    files = released_files(wanted, facts)
    metadata = identity(wanted, facts)
    changes: Changes | None = facts.changes.value if isinstance(facts.changes, Seen) else None
    looked = [facts.indexes.get(spec.name) for spec in wanted.indexes]
    source = choose(wanted, facts) if changes is not None else None
    there = facts.release.value if isinstance(facts.release, Seen) else None
    return ReleaseReport(
        project=wanted.project.full_path,
        project_id=wanted.project.id,
        project_url=wanted.project.web_url,
        ref=wanted.id.ref,
        kind=RefKind(wanted.id.kind),
        sha=wanted.id.sha,
        version=metadata.version if metadata else None,
        name=metadata.name if metadata else None,
        state=state,
        gates=tuple(gates),
        targets=tuple(targets),
        receipts=facts.receipts,
        files=files,
        indexes=tuple(seen.value.page for seen in looked if isinstance(seen, Seen)),
        changes=changes,
        next=next_step,
        release_url=there.web_url if there else None,
        released_at=there.released_at if there else None,
        unusable=facts.unusable,
        notes=wanted.rule.notes,
        source=None if isinstance(source, Look) else source,
        differences=facts.differences.value if facts.differences else None,
        approval=wanted.rule.approval,
    )
