"""A rule's page: what `audit explain` prints, and what docs/rules holds."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Sequence

from bot.hygiene.catalogue import Rule


def page(rule: Rule) -> str:
    """Markdown, ending in a line break."""
    info = rule.info
    return (
        f"# {info.id}: {info.title}\n\n"
        f"Severity: {info.severity.word}\n\n"
        f"## Threat\n\n{info.threat}\n\n"
        f"## Remedy\n\n{info.remedy}\n\n"
        f"## What it looks at\n\n{_scope(rule)}\n"
    )


def _scope(rule: Rule) -> str:
    """The docstring of its `judge`: what it judges and what it passes over."""
    told = inspect.getdoc(rule.judge) or inspect.getdoc(sys.modules[rule.judge.__module__]) or ""
    return " ".join(told.split())


def index(rules: Sequence[Rule]) -> str:
    """The list of all rules, in Markdown."""
    rows = [
        f"| [{rule.info.id}]({rule.info.id}.md) | {rule.info.severity.word} | {rule.info.title} |" for rule in rules
    ]
    head = (
        "# The audit's rules\n\n"
        "`RW1xx` are about settings, `RW2xx` about CI files, `RW3xx` about refs and access. Each page is what\n"
        "`ropewalk audit explain RULE` prints.\n\n"
        "| rule | severity | what is wrong |\n|--|--|--|\n"
    )
    return head + "\n".join(rows) + "\n"
