"""How a rule says what it found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.estate import Unread
from bot.domain.findings import Finding, RuleInfo
from bot.domain.gitlab import VariableFlags
from bot.domain.verdicts import Severity, Verdict
from bot.hygiene.facts import ProjectFacts


@dataclass(frozen=True, slots=True)
class Judge:
    """Makes the findings of one rule about one place."""

    info: RuleInfo
    facts: ProjectFacts

    def variable(
        self, flags: VariableFlags, reason: str, *, severity: Severity | None = None, remedy: str = ""
    ) -> Finding:
        """A variable fails."""
        return self.fails(
            self.facts.resource(flags), reason, severity=severity, remedy=remedy, scope=flags.environment_scope
        )

    def fails(
        self, resource: str, reason: str, *, severity: Severity | None = None, remedy: str = "", scope: str = "*"
    ) -> Finding:
        """A resource fails, at the rule's severity and with its remedy unless others are given."""
        return Finding(
            rule=self.info.id,
            severity=severity or self.info.severity,
            verdict=Verdict.FAIL,
            project=self.facts.full_path,
            resource=resource,
            reason=reason,
            remedy=remedy or self.info.remedy,
            scope=scope,
        )

    def unknown(self, resource: str, reason: str, remedy: str) -> Finding:
        """A resource cannot be judged."""
        return Finding(
            rule=self.info.id,
            severity=self.info.severity,
            verdict=Verdict.UNKNOWN,
            project=self.facts.full_path,
            resource=resource,
            reason=reason,
            remedy=remedy,
        )

    def unread(self, what: Unread, part: str) -> Finding:
        """Something of this place could not be looked at; `part` is its name below the place."""
        return self.unknown(f"{self.facts.place}/{part}", f"could not look at {what.what}", what.remedy)

    def unread_variables(self) -> Iterator[Finding]:
        """One finding if the place's own variables could not be read."""
        if self.facts.unread is not None:
            yield self.unread(self.facts.unread, "variables")


def called(flags: VariableFlags) -> str:
    """A variable as sentences name it."""
    scope = "" if flags.environment_scope == "*" else f" (scope {flags.environment_scope})"
    owner = "the instance" if flags.level == "instance" else f"{flags.level} {flags.owner}"
    return f"{flags.key}{scope} of {owner}"
