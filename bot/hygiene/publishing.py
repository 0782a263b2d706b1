"""Whether a project publishes, with which jobs and which variables."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.ci import CiFacts, CiJob
from bot.domain.gitlab import VariableFlags
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts
from bot.hygiene.names import Kind, kind, publishes, severity

# What twine reads for the password of an upload. Source: twine/settings.py.
PASSWORD = "TWINE_PASSWORD"  # noqa: S105  (a name)
USERNAME = "TWINE_USERNAME"


def publishing_jobs(facts: ProjectFacts) -> tuple[CiJob, ...]:
    """The jobs that upload; empty where the CI file is unknown."""
    return tuple(job for job in facts.ci.jobs if job.publishes) if isinstance(facts.ci, CiFacts) else ()


def used_names(facts: ProjectFacts) -> frozenset[str]:
    """The variables that publishing jobs read."""
    return frozenset(name for job in publishing_jobs(facts) for name in job.uses)


def publishing_severity(facts: ProjectFacts, key: str) -> Severity | None:
    """How bad a leak of this variable would be for publishing; None if it is none of publishing's secrets."""
    return severity(key) if publishes(key) or key in used_names(facts) else None


def publishing_own(facts: ProjectFacts) -> Iterator[tuple[VariableFlags, Severity]]:
    """The place's own publishing variables that give something away, user names included."""
    used = used_names(facts)
    for flags in facts.own:
        if (publishes(flags.key) or flags.key in used) and (found := severity(flags.key)) is not None:
            yield flags, found


def credentials(facts: ProjectFacts) -> tuple[VariableFlags, ...]:
    """Every publishing credential a job here may get, from every level."""
    used = used_names(facts)
    return tuple(
        flags
        for flags in facts.variables.flags
        if kind(flags.key) is Kind.CREDENTIAL and (publishes(flags.key) or flags.key in used)
    )


def may_publish(facts: ProjectFacts) -> bool:
    """Whether publishing is any of this project's business, by all that is known: then it is worth more questions."""
    return bool(publishing_jobs(facts)) or any(publishes(flags.key) for flags in facts.own)
