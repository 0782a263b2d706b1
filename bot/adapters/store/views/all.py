"""All views on one engine that cannot write."""

from __future__ import annotations

from sqlalchemy import Engine

from bot.adapters.store.database import Database
from bot.adapters.store.views.bot import StoredBotViews
from bot.adapters.store.views.findings import StoredFindingViews
from bot.adapters.store.views.projects import StoredProjectViews
from bot.adapters.store.views.releases import StoredReleaseViews


class Views:
    """What the dashboard reads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.database = database = Database(engine, reads=True)
        self.releases = StoredReleaseViews(database)
        self.findings = StoredFindingViews(database)
        self.projects = StoredProjectViews(database)
        self.bot = StoredBotViews(database)

    def close(self) -> None:
        """Let go of all connections."""
        self._engine.dispose()
