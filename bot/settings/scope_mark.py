"""A short mark of what a configuration watches and releases, by which processes on one state see that theirs differ."""

from __future__ import annotations

import hashlib
import json

from bot.settings.model import Settings

LENGTH = 12  # hex digits


def scope_mark(settings: Settings) -> str:
    """Twelve hex digits, the same for configurations that watch the same projects and release the same refs of them to
    the same indexes. How often, by whose token and after which gates does not count; nor does the order of groups.
    """
    watch = settings.watch
    rules = [
        [rule.projects, rule.tags, rule.branches, rule.source.value, rule.indexes] for rule in settings.policy.releases
    ]
    said = [sorted(watch.groups), sorted(watch.projects), sorted(watch.topics), sorted(watch.exclude), rules]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:LENGTH]
