"""What rules judge: everything known of one place, frozen. A fact that could not be read says so and why."""

from __future__ import annotations

from bot.domain.estate import Access, ProjectFacts, Unread
from bot.domain.gitlab import Level

__all__ = ["Access", "Level", "ProjectFacts", "Unread"]
