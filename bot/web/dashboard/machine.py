"""The page about the bot itself."""

from __future__ import annotations

from bot.domain.readings import is_alive
from bot.domain.refs import ChangeSource
from bot.web.dashboard.site import Context, Visit


def machine(visit: Visit) -> Context:
    """What it is doing this minute. It names no project, and counts none that a viewer may not see."""
    view = visit.site.bot.bot(visit.now)
    daemon = view.daemon
    heard = view.hooks.heard
    told = sum(heard.values())
    return {
        "view": view,
        "daemon": daemon,
        "alive": is_alive(daemon, view.replicas, visit.now),
        "limits": [line for line in daemon.budget.lines if line.size or line.refused] if daemon else [],
        "requests": sorted(daemon.budget.requests, key=lambda one: -one[2])[:12] if daemon else [],
        "told": told,
        "by_hook": heard.get(ChangeSource.HOOK, 0),
        "by_poll": heard.get(ChangeSource.POLL, 0),
        "everything": visit.sight.everything,
    }
