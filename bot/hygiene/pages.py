"""A rule's page: what `audit explain` prints, and what docs/rules holds."""

from __future__ import annotations

import inspect
import sys

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
