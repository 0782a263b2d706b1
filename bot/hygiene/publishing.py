"""Whether a project publishes, with which jobs and which variables."""

from __future__ import annotations

from collections.abc import Iterator

from bot.domain.ci import CiFacts, CiJob
from bot.domain.gitlab import VariableFlags
from bot.domain.variable_names import Kind, kind, publishes, severity
from bot.domain.verdicts import Severity
from bot.hygiene.facts import ProjectFacts

# What twine reads for the password of an upload. Source: twine/settings.py.
PASSWORD = "TWINE_PASSWORD"  # noqa: S105  (a name)
USERNAME = "TWINE_USERNAME"


def publishing_jobs(facts: ProjectFacts) -> tuple[CiJob, ...]:
    """The jobs that upload; empty where the CI file is unknown."""
    return tuple(job for job in facts.ci.jobs if job.publishes) if isinstance(facts.ci, CiFacts) else ()


def used_names(facts: ProjectFacts) -> frozenset[str]:
    """The variables that publishing jobs read."""
    return frozenset(name for job in publishing_jobs(facts) for name in job.uses)


def says_publishing(facts: ProjectFacts, key: str) -> bool:
    """Whether a name alone says that the variable publishes, or policy does."""
    return publishes(key) or key in facts.named


def named_severity(facts: ProjectFacts, key: str) -> Severity | None:
    """How bad a leak of a variable would be whose name, or policy, says that it publishes; None for all others."""
    return severity(key, named=key in facts.named) if says_publishing(facts, key) else None


def publishing_severity(facts: ProjectFacts, key: str) -> Severity | None:
    """The same with what publishing jobs read."""
    return named_severity(facts, key) or (severity(key) if key in used_names(facts) else None)


def publishing_own(facts: ProjectFacts) -> Iterator[tuple[VariableFlags, Severity]]:
    """The place's own publishing variables that give something away, user names included."""
    used = used_names(facts)
    for flags in facts.own:
        found = named_severity(facts, flags.key) or (severity(flags.key) if flags.key in used else None)
        if found is not None:
            yield flags, found


def credentials(facts: ProjectFacts) -> tuple[VariableFlags, ...]:
    """Every publishing credential a job here may get, from every level."""
    used = used_names(facts)
    return tuple(
        flags
        for flags in facts.variables.flags
        if (is_credential(facts, flags.key) and (says_publishing(facts, flags.key) or flags.key in used))
    )


def is_credential(facts: ProjectFacts, key: str) -> bool:
    """Whether a variable is one by its name, or because policy says so."""
    return kind(key) is Kind.CREDENTIAL or (key in facts.named and kind(key) is Kind.SETTING)


def may_publish(facts: ProjectFacts) -> bool:
    """Whether publishing is any of this project's business, by all that is known: then it is worth more questions."""
    return bool(publishing_jobs(facts)) or any(says_publishing(facts, flags.key) for flags in facts.own)
