"""What may be said to a format, and what a format is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from bot.domain.findings import AuditReport, RuleInfo

Catalogue: TypeAlias = Mapping[str, RuleInfo]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to write a report; a format takes what concerns it.

    `version` is the bot's. `docs` is the address of a rule's page with `{rule}` in place of its id; empty where the
    pages are not published, so that GitLab's own stand in. `color` and `width` (columns; 0 for no wrapping) are for
    text on a terminal.
    """

    version: str = ""
    docs: str = ""
    color: bool = False
    width: int = 0


PLAIN = Options()


class Format(Protocol):
    """One way to write a report."""

    def __call__(self, report: AuditReport, catalogue: Catalogue, options: Options = PLAIN, /) -> str:
        """The whole document, its last line ended. A finding whose rule the catalogue lacks is written all the same.

        Nothing raises, whatever the names in the report: what would not be valid or would disturb a terminal is
        escaped.
        """
        ...
