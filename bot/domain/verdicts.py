"""Verdicts: what a gate or a rule says, always with its reason. Could not look is `unknown`, never `pass`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum, StrEnum


class Verdict(StrEnum):
    """What was found."""

    PASS = "pass"  # noqa: S105  (a verdict, not a password)
    FAIL = "fail"
    UNKNOWN = "unknown"
    WAIVED = "waived"
    NOT_APPLICABLE = "not_applicable"


class Severity(IntEnum):
    """How bad a finding is; ordered, so that thresholds compare."""

    INFO = 1
    LOW = 2
    MEDIUM = 3
    HIGH = 4

    @property
    def word(self) -> str:
        """The lower-case word of the configuration and of JSON."""
        return self.name.lower()


class Consequence(StrEnum):
    """What a gate that does not pass means for the release."""

    NONE = "none"
    WAIT = "wait"
    BLOCK = "block"
    FAIL = "fail"
    CONFLICT = "conflict"
    WITHDRAW = "withdraw"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateResult:
    """What one gate says of one release.

    `reason` is a sentence in the words the user reads and, where a person must act, contains their next step.
    `look_again` is set with `Consequence.WAIT` only: how long to wait before asking anew. `discreet` is the reason as
    anybody may read it, where `reason` names what is for the project's own people: empty where it does not.
    """

    name: str
    verdict: Verdict
    reason: str
    consequence: Consequence = Consequence.NONE
    look_again: timedelta | None = None
    discreet: str = ""

    @property
    def for_all(self) -> str:
        """The reason for a place that anybody may read: a note on a merge request of a public project."""
        return self.discreet or self.reason
