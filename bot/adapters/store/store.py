"""The state of the bot: evidence and kept files, and everything else it keeps. See bot.ports.store for the promises."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import rows, schema
from bot.adapters.store.accepting import SqliteAcceptances
from bot.adapters.store.commands import SqliteCommands
from bot.adapters.store.consents import SqliteApprovals, SqliteHolds
from bot.adapters.store.database import Database
from bot.adapters.store.enrolment import SqliteEnrolment
from bot.adapters.store.findings import SqliteFindings
from bot.adapters.store.heads import SqliteHeads
from bot.adapters.store.hooks import SqliteHookRecords
from bot.adapters.store.intake import SqliteIntake
from bot.adapters.store.journal import SqliteJournal, append, of_attempt, of_receipt
from bot.adapters.store.names import SqliteNames
from bot.adapters.store.releases import SqliteReleases
from bot.adapters.store.reviews import SqliteReviews
from bot.adapters.store.rows import Redact
from bot.adapters.store.words import SqliteDeliveries, SqliteWords
from bot.domain.distributions import Distribution
from bot.domain.releases import Attempt, Receipt


class SqliteLedger:
    """See bot.ports.store.Ledger."""

    def __init__(self, database: Database, redact: Redact) -> None:
        self._database = database
        self._redact = redact

    def attempts(self, key: str) -> tuple[Attempt, ...]:
        """All tries of a release, oldest first."""
        table = schema.attempts
        with self._database.read() as connection:
            found = connection.execute(select(table).where(table.c.release == key).order_by(table.c.number))
            return tuple(rows.attempt_of(row) for row in found.mappings())

    def attempt(self, key: str, attempt: Attempt) -> None:
        """Write a try, or its outcome under the same number."""
        values = rows.attempt_values(attempt, self._redact)
        statement = upsert(schema.attempts).values(release=key, **values)
        with self._database.begin() as connection:
            connection.execute(statement.on_conflict_do_update(index_elements=["release", "number"], set_=values))
            written = of_attempt(key, attempt, self._redact)
            if written is not None:
                append(connection, written)

    def receipts(self, key: str) -> tuple[Receipt, ...]:
        """All proofs of a release, oldest first."""
        table = schema.receipts
        with self._database.read() as connection:
            found = connection.execute(select(table).where(table.c.release == key).order_by(table.c.id))
            return tuple(rows.receipt_of(row) for row in found.mappings())

    def record(self, key: str, receipts: Sequence[Receipt]) -> None:
        """Add proofs that are not there yet."""
        with self._database.begin() as connection:
            for receipt in receipts:
                values = rows.receipt_values(receipt, self._redact)
                statement = upsert(schema.receipts).values(release=key, **values).on_conflict_do_nothing()
                if connection.execute(statement).rowcount == 1:
                    append(connection, of_receipt(key, receipt, self._redact))


class SqliteKept:
    """See bot.ports.store.Kept."""

    def __init__(self, database: Database, redact: Redact) -> None:
        self._database = database
        self._redact = redact

    def files(self, key: str) -> tuple[Distribution, ...]:
        """The kept distributions of a release."""
        table = schema.files
        with self._database.read() as connection:
            found = connection.execute(select(table).where(table.c.release == key).order_by(table.c.filename))
            return tuple(rows.file_of(row) for row in found.mappings())

    def keep(self, key: str, files: Sequence[Distribution]) -> None:
        """Replace them."""
        with self._database.begin() as connection:
            connection.execute(delete(schema.files).where(schema.files.c.release == key))
            for file in files:
                connection.execute(insert(schema.files).values(release=key, **rows.file_values(file, self._redact)))

    def owner(self, name: str) -> int | None:
        """The project recorded for a normalised name, or None."""
        with self._database.read() as connection:
            return connection.execute(
                select(schema.names.c.project_id).where(schema.names.c.name == name)
            ).scalar_one_or_none()

    def own(self, name: str, project_id: int) -> int:
        """Record the owner of a name; the first one stays. Returns who owns it now."""
        table = schema.names
        with self._database.begin() as connection:
            connection.execute(upsert(table).values(name=name, project_id=project_id).on_conflict_do_nothing())
            return int(connection.execute(select(table.c.project_id).where(table.c.name == name)).scalar_one())


class Store:
    """All of the state on one engine."""

    def __init__(self, engine: Engine, redact: Redact, *, reads: bool = False) -> None:
        """`reads` says that the engine cannot write."""
        self.engine = engine
        self.database = database = Database(engine, reads=reads)
        self.ledger = SqliteLedger(database, redact)
        self.journal = SqliteJournal(database, redact)
        self.kept = SqliteKept(database, redact)
        self.releases = SqliteReleases(database, redact)
        self.intake = SqliteIntake(database, redact)
        self.enrolment = SqliteEnrolment(database)
        self.deliveries = SqliteDeliveries(database)
        self.words = SqliteWords(database)
        self.hooks = SqliteHookRecords(database)
        self.findings = SqliteFindings(database, redact)
        self.names = SqliteNames(database)
        self.holds = SqliteHolds(database, redact)
        self.approvals = SqliteApprovals(database)
        self.acceptances = SqliteAcceptances(database)
        self.reviews = SqliteReviews(database)
        self.commands = SqliteCommands(database, redact)
        self.heads = SqliteHeads(database, redact)

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()
