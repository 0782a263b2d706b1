"""The bot itself as the dashboard shows it. See bot.ports.views.BotViews."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select

from bot.adapters.store import schema
from bot.adapters.store.database import Database
from bot.adapters.store.enrolment import SqliteEnrolment
from bot.adapters.store.readings import SqliteReadings
from bot.adapters.store.replicas import SharedReplicas
from bot.domain.refs import ChangeSource
from bot.domain.views import RECENT_CHANGES, BotView, HookView

POLL = "poll"  # the cursor of that name: when the last poll began that was stored


class StoredBotViews:
    """See bot.ports.views.BotViews."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._readings, self._enrolment = SqliteReadings(database), SqliteEnrolment(database)

    def bot(self, now: datetime) -> BotView:
        """A few looks, one after the other."""
        watched, unseen = self._enrolment.counts()
        return BotView(
            daemon=self._readings.last(),
            replicas=SharedReplicas(self._database).members() if self._database.shared else (),
            hooks=self._hooks(),
            polled_at=self._cursor(POLL),
            projects=watched,
            unseen=unseen,
            due=self._readings.due(now),
        )

    def _cursor(self, name: str) -> datetime | None:
        query = select(schema.cursors.c.moment).where(schema.cursors.c.name == name)
        with self._database.read() as connection:
            return connection.execute(query).scalar_one_or_none()

    def _hooks(self) -> HookView:
        places, changes = schema.hook_places, schema.ref_changes
        ours = places.c.hook_id.is_not(None)
        count = select(func.count()).select_from(places).where(ours)
        oldest = select(places.c.looked_at).where(ours).order_by(places.c.looked_at).limit(1)
        recent = select(changes.c.source).order_by(changes.c.id.desc()).limit(RECENT_CHANGES).subquery()
        heard = select(recent.c.source, func.count()).group_by(recent.c.source)
        by_hook = changes.c.source == ChangeSource.HOOK.value
        last = select(changes.c.at).where(by_hook).order_by(changes.c.id.desc()).limit(1)
        with self._database.read() as connection:
            return HookView(
                places=connection.execute(count).scalar_one(),
                oldest_look=connection.execute(oldest).scalar_one_or_none(),
                heard={ChangeSource(row[0]): row[1] for row in connection.execute(heard)},
                last=connection.execute(last).scalar_one_or_none(),
            )
