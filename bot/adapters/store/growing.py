"""Bring the tables of an earlier version up to this one's. Called in one transaction, by one process at a time.

Tables only grow: what this version has and the database lacks is added, nothing is changed or dropped. So processes of
the version before, which are at work meanwhile and afterwards, find everything they know. A new column is therefore
NULL where it was not written, or has a default of the server's. See docs/decisions/0008-growing-tables.md.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect
from sqlalchemy.schema import CreateColumn

from bot.adapters.store import token_tables as token_tables  # its tables are made with all others
from bot.adapters.store.journal import begin
from bot.adapters.store.schema import VERSION, metadata
from bot.domain.errors import ConfigError


def must_know(version: int, where: str, *, change: bool) -> None:
    """Raises: ConfigError for tables of a newer version and, without `change`, for those of an earlier one.

    No older process could start any more on tables that a command had changed which was only to look.
    """
    if version > VERSION:
        raise ConfigError(
            what=f"was written by a newer ropewalk (schema {version}, this one knows {VERSION})",
            where=where,
            remedy="Run that version, or restore the backup made before the upgrade",
        )
    if 0 < version < VERSION and not change:
        raise ConfigError(
            what=f"is of an earlier ropewalk (schema {version}, this one has {VERSION}), and this command only reads",
            where=where,
            remedy="Use that version's command, or back the state up and start this version's daemon first",
        )


def must_have_all(connection: Connection, where: str) -> None:
    """Raises: ConfigError where a table or a column lacks, as long as no process of this very version wrote here."""
    columns = inspect(connection).get_multi_columns()
    there = {name: {column["name"] for column in found} for (_, name), found in columns.items()}
    if any(not {column.name for column in table.c} <= there.get(table.name, set()) for table in metadata.sorted_tables):
        raise ConfigError(
            what="lacks tables that this version of ropewalk makes, and this command only reads",
            where=where,
            remedy="Use the command of the version that works on it, or start this version's daemon first",
        )


def bring_up(connection: Connection, version: int) -> None:
    """Make the tables that are missing; of those of an earlier `version` (0: none) also columns and indexes."""
    earlier = 0 < version < VERSION
    if earlier:
        _add_columns(connection)
    metadata.create_all(connection)
    if earlier:
        for table in metadata.sorted_tables:
            for index in sorted(table.indexes, key=lambda one: str(one.name)):
                index.create(connection, checkfirst=True)
    begin(connection)


def _add_columns(connection: Connection) -> None:
    look = inspect(connection)
    there = set(look.get_table_names())
    quote = connection.dialect.identifier_preparer
    for table in metadata.sorted_tables:
        if table.name not in there:
            continue
        known = {column["name"] for column in look.get_columns(table.name)}
        for column in table.c:
            if column.name not in known:
                spelled = CreateColumn(column).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {quote.format_table(table)} ADD COLUMN {spelled}")
