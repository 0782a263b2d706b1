"""Notes with commands. See bot.ports.commands.CommandIntake and CommandBook for the promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, RowMapping, delete, func, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

from bot.adapters.store import schema
from bot.adapters.store.database import Database
from bot.adapters.store.rows import Redact
from bot.domain.commands import Answer, CommandNote, Heard, NoteHome, NotePlace, Outcome, Recent, Stage

MEMORY = timedelta(days=180)
MOST_WAITING = 200  # notes of one project: what floods one keeps the others working
_OVER = ("published", "withdrawn")


class SqliteCommands:
    """See bot.ports.commands.CommandIntake and CommandBook."""

    def __init__(self, database: Database, redact: Redact) -> None:
        self._database = database
        self._redact = redact

    def hear(self, notes: Sequence[Heard], now: datetime) -> int:
        """Insert those that are not there."""
        table, new = schema.commands, 0
        with self._database.begin() as connection:
            connection.execute(delete(table).where(table.c.heard_at < now - MEMORY))
            for one in notes:
                place = one.place
                waiting = select(func.count()).where(
                    table.c.project_id == place.project_id, table.c.due_at.is_not(None)
                )
                if connection.execute(waiting).scalar_one() >= MOST_WAITING:
                    continue
                values = {
                    "note_id": one.note_id,
                    "project_id": place.project_id,
                    "home": place.home.value,
                    "iid": place.iid,
                    **_state(CommandNote(heard=one, stage=Stage.HEARD, heard_at=now, due_at=now), self._redact),
                }
                new += connection.execute(upsert(table).values(values).on_conflict_do_nothing()).rowcount
        return new

    def due(self, now: datetime, limit: int) -> tuple[CommandNote, ...]:
        """By `due_at`, then in the order of the notes."""
        table = schema.commands
        query = select(table).where(table.c.due_at <= now).order_by(table.c.heard_at, table.c.note_id).limit(limit)
        with self._database.read() as connection:
            return tuple(_note(row) for row in connection.execute(query).mappings())

    def unfinished(self, since: datetime, limit: int) -> tuple[int, ...]:
        """Projects by their releases."""
        table = schema.releases
        here = (table.c.state.not_in(_OVER), table.c.updated_at >= since)
        query = select(table.c.project_id).where(*here).distinct().order_by(table.c.project_id).limit(limit)
        with self._database.read() as connection:
            return tuple(connection.execute(query).scalars())

    def keep(self, note: CommandNote, before: CommandNote) -> bool:
        """One UPDATE of the row as it was read."""
        table = schema.commands
        stood: tuple[ColumnElement[bool], ...] = (
            table.c.note_id == note.heard.note_id,
            table.c.stage == before.stage.value,
            table.c.tries == before.tries,
            func.json_array_length(table.c.answers) == len(before.answers),
        )
        with self._database.begin() as connection:
            changed = connection.execute(update(table).where(*stood).values(_state(note, self._redact)))
            return changed.rowcount == 1

    def answered(self, place: NotePlace, limit: int) -> tuple[CommandNote, ...]:
        """Those of a place with answers."""
        table = schema.commands
        here = (
            table.c.project_id == place.project_id,
            table.c.home == place.home.value,
            table.c.iid == place.iid,
            func.json_array_length(table.c.answers) > 0,
        )
        query = select(table).where(*here).order_by(table.c.heard_at.desc(), table.c.note_id.desc()).limit(limit)
        with self._database.read() as connection:
            return tuple(_note(row) for row in connection.execute(query).mappings())

    def recent(self, project_id: int, moment: datetime) -> Recent:
        """Those that were acted upon."""
        table = schema.commands
        acted = (
            table.c.project_id == project_id,
            table.c.heard_at >= moment,
            table.c.author_id.is_not(None),
            func.json_array_length(table.c.answers) > 0,
        )
        told: list[int] = []
        signed: list[int] = []
        with self._database.read() as connection:
            for author, answers in connection.execute(select(table.c.author_id, table.c.answers).where(*acted)):
                (told if any(answer["words"] for answer in answers) else signed).append(author)
        return Recent(told=tuple(told), signed=tuple(signed))


def _state(note: CommandNote, redact: Redact) -> dict[str, object]:
    """What may change of a row."""
    answers = [
        {name: value if name == "outcome" else redact(value) for name, value in asdict(one).items()}
        for one in note.answers
    ]
    return {
        "stage": note.stage.value,
        "heard_at": note.heard_at,
        "due_at": note.due_at,
        "tries": note.tries,
        "author_id": note.author_id,
        "username": redact(note.username),
        "written_at": note.written_at,
        "why": redact(note.why),
        "answers": answers,
    }


def _note(row: RowMapping) -> CommandNote:
    place = NotePlace(project_id=row["project_id"], home=NoteHome(row["home"]), iid=row["iid"])
    return CommandNote(
        heard=Heard(note_id=row["note_id"], place=place),
        stage=Stage(row["stage"]),
        heard_at=row["heard_at"],
        due_at=row["due_at"],
        tries=row["tries"],
        author_id=row["author_id"],
        username=row["username"],
        written_at=row["written_at"],
        why=row["why"],
        answers=tuple(Answer(**{**one, "outcome": Outcome(one["outcome"])}) for one in row["answers"]),
    )
