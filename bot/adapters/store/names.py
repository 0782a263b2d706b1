"""Which project publishes which distribution name. See bot.ports.store.Kept for how a release records one."""

from __future__ import annotations

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import schema
from bot.adapters.store.database import Database


class SqliteNames:
    """Names as people record them; all normalised (PEP 503)."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> tuple[tuple[str, int], ...]:
        """Every name with the id of its project, by name."""
        table = schema.names
        with self._database.read() as connection:
            rows = connection.execute(select(table.c.name, table.c.project_id).order_by(table.c.name)).all()
        return tuple((str(name), int(number)) for name, number in rows)

    def give(self, name: str, project_id: int) -> None:
        """Record a name for a project, whoever had it."""
        statement = upsert(schema.names).values(name=name, project_id=project_id)
        changed = statement.on_conflict_do_update(index_elements=["name"], set_={"project_id": project_id})
        with self._database.begin() as connection:
            connection.execute(changed)

    def forget(self, name: str) -> bool:
        """Record a name for nobody; False if nobody had it."""
        with self._database.begin() as connection:
            return connection.execute(delete(schema.names).where(schema.names.c.name == name)).rowcount == 1
