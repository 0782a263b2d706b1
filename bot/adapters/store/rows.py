"""Rows to domain values and back; nothing else knows how they are written down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from sqlalchemy import RowMapping

from bot.domain.distributions import Distribution, DistributionKind, Metadata
from bot.domain.policy import Source
from bot.domain.refs import RefKind
from bot.domain.releases import (
    Attempt,
    AttemptOutcome,
    Receipt,
    Release,
    ReleaseId,
    ReleaseState,
    TargetState,
    TargetStatus,
)
from bot.domain.verdicts import Consequence, GateResult, Verdict

Redact = Callable[[str], str]
Values = dict[str, Any]


def release_values(release: Release, redact: Redact) -> Values:
    """The columns a turn writes; texts that came from outside are redacted once more on their way to the disk."""
    return {
        "project": release.project,
        "state": release.state.value,
        "version": release.version,
        "source": release.source.value,
        "source_reason": release.source_reason,
        "next": None if release.next is None else redact(release.next),
        "updated_at": release.updated_at,
        "due_at": release.due_at,
        "faults": release.faults,
        "gates": [_gate_values(gate, redact) for gate in release.gates],
        "targets": [{**asdict(t), "state": t.state.value, "reason": redact(t.reason)} for t in release.targets],
        "requests": dict(release.requests),
    }


def release_of(row: RowMapping) -> Release:
    """A release from its row."""
    return Release(
        id=ReleaseId(project_id=row["project_id"], kind=RefKind(row["kind"]), ref=row["ref"], sha=row["sha"]),
        project=row["project"],
        state=ReleaseState(row["state"]),
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        asked_at=row["asked_at"],
        due_at=row["due_at"],
        heard_at=row["heard_at"],
        turn=row["turn"],
        wake=row["wake"],
        woken=row["wake"] != row["wake_seen"],
        faults=row["faults"],
        version=row["version"],
        source=Source(row["source"]),
        source_reason=row["source_reason"],
        next=row["next"],
        gates=tuple(_gate_of(values) for values in row["gates"]),
        targets=targets_of(row["targets"]),
        requests=tuple(row["requests"].items()),
    )


def targets_of(values: list[Values]) -> tuple[TargetStatus, ...]:
    """The targets as a release's row has them."""
    return tuple(TargetStatus(**{**one, "state": TargetState(one["state"])}) for one in values)


def attempt_values(attempt: Attempt, redact: Redact) -> Values:
    """The columns of one try."""
    values = {**asdict(attempt), "outcome": attempt.outcome.value, "reason": redact(attempt.reason)}
    del values["words"]  # for the ledger alone
    return values


def attempt_of(row: RowMapping) -> Attempt:
    """A try from its row."""
    return Attempt(
        target=row["target"],
        item=row["item"],
        number=row["number"],
        outcome=AttemptOutcome(row["outcome"]),
        at=row["at"],
        reason=row["reason"],
        again=row["again"],
        retry_at=row["retry_at"],
    )


def receipt_values(receipt: Receipt, redact: Redact) -> Values:
    """The columns of one proof; URLs lose credentials, should they ever carry any."""
    return {
        **asdict(receipt),
        "where": redact(receipt.where),
        "file": receipt.file or "",
        "sha256": receipt.sha256 or "",
    }


def receipt_of(row: RowMapping) -> Receipt:
    """A proof from its row."""
    return Receipt(
        target=row["target"],
        kind=row["kind"],
        where=row["where"],
        at=row["at"],
        file=row["file"] or None,
        sha256=row["sha256"] or None,
    )


def file_values(file: Distribution, redact: Redact) -> Values:
    """The columns of one kept distribution."""
    return {
        "filename": file.filename,
        "kind": file.kind.value,
        "sha256": file.sha256,
        "size": file.size,
        "name": file.metadata.name,
        "version": file.metadata.version,
        "origin": file.origin,
        "job_id": file.job_id,
        "problem": redact(file.problem),
    }


def file_of(row: RowMapping) -> Distribution:
    """A kept distribution from its row."""
    return Distribution(
        filename=row["filename"],
        kind=DistributionKind(row["kind"]),
        sha256=row["sha256"],
        size=row["size"],
        metadata=Metadata(name=row["name"], version=row["version"]),
        origin=row["origin"],
        job_id=row["job_id"],
        problem=row["problem"],
    )


def _gate_values(gate: GateResult, redact: Redact) -> Values:
    return {
        "name": gate.name,
        "verdict": gate.verdict.value,
        "reason": redact(gate.reason),
        "consequence": gate.consequence.value,
        "look_again": None if gate.look_again is None else gate.look_again.total_seconds(),
        "discreet": redact(gate.discreet),
    }


def _gate_of(values: Values) -> GateResult:
    again = values["look_again"]
    return GateResult(
        name=values["name"],
        verdict=Verdict(values["verdict"]),
        reason=values["reason"],
        consequence=Consequence(values["consequence"]),
        look_again=None if again is None else timedelta(seconds=again),
        discreet=values.get("discreet", ""),  # none was written before there was one
    )
