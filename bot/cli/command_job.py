"""The daemon reads notes with commands: hooks tell of them at once, a look at projects' events finds the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bot.cli.review_job import places_of, released
from bot.domain.commands import CommandNote
from bot.domain.errors import RefusedError, RopewalkError, TransientError
from bot.engine.commands import FIRST_RETRY, OLDEST, StaleError
from bot.log import get

if TYPE_CHECKING:
    from bot.app import App

FIND_EVERY = timedelta(minutes=2)
HEED_EVERY = timedelta(minutes=1)  # what was put off; all else is served when it is heard
AT_ONCE = 50  # notes of one round
MOST_PROJECTS = 60  # with unfinished releases, looked at in one round at a request each
MOST_UNFINISHED = 5_000
STALE = timedelta(days=30)  # a release that stopped so long ago is heard by hooks alone
CURSOR = "command notes"
SLACK = timedelta(minutes=2)  # GitLab's lists may lag behind its clock
UNAUTHORIZED = 401
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

log = get("commands")


def heed_notes(
    bot: App, again: Callable[[timedelta], None], stopping: Callable[[], bool], wake: Callable[[], None]
) -> None:
    """Serve the notes whose time has come; one that goes wrong holds up no other. `wake` is for turns they ask for."""
    try:
        with bot.budget.work():
            due = bot.store.commands.due(bot.clock(), AT_ONCE)
            for row in due:
                if stopping():
                    return
                left = _served(bot, row)
                wake()
                if left.due_at is not None:
                    again(max(left.due_at - bot.clock(), FIRST_RETRY))
            if len(due) == AT_ONCE:
                again(timedelta())
    except RopewalkError as error:
        log.warning("commands.put_off", reason=str(error))
    except Exception as error:
        log.error("commands.fault", exc_info=error)


def find_notes(bot: App, heard: Callable[[], None], stopping: Callable[[], bool]) -> None:
    """One round of looking for notes that no hook told of; the next one begins where this one began."""
    try:
        with bot.budget.work():
            _round(bot, heard, stopping)
    except RopewalkError as error:
        log.warning("commands.put_off", job="find", reason=str(error))
    except Exception as error:
        log.error("commands.fault", job="find", exc_info=error)


def _served(bot: App, row: CommandNote) -> CommandNote:
    """How the note stands. A fault of ours is no reason to leave the others; the note is tried again."""
    try:
        return bot.clerk.serve(row)
    except RopewalkError:
        raise
    except StaleError:
        return row
    except Exception as error:
        log.error("command.fault", note=row.heard.note_id, exc_info=error)
        return bot.clerk.faulty(row, f"fault in the bot ({type(error).__name__})")


def _round(bot: App, heard: Callable[[], None], stopping: Callable[[], bool]) -> None:
    """What is on record is known again by its number, so every round looks at all that may still be acted upon."""
    now = bot.account.now()
    moment = max(bot.commands_since(), now - OLDEST)
    for project_id in dict.fromkeys([*_stopped(bot, now), *_talking(bot, now)]):
        if stopping():
            return
        try:
            found = bot.command_notes.written(project_id, moment)
        except TransientError as error:
            if error.retry_after is not None:
                raise  # GitLab asks to be left alone
            log.warning("commands.put_off", project=project_id, reason=str(error))
            return
        except RefusedError as error:
            if error.status == UNAUTHORIZED:
                raise
            log.warning("commands.refused", project=project_id, reason=str(error))
            continue
        if found and bot.store.commands.hear(found, bot.clock()):
            heard()
    bot.store.intake.cursor(CURSOR, now)


def _stopped(bot: App, now: datetime) -> tuple[int, ...]:
    """Projects with a release that is not at its end; of very many a part in each round, in turn."""
    return turn_of(bot.store.commands.unfinished(bot.clock() - STALE, MOST_UNFINISHED), int((now - EPOCH) / FIND_EVERY))


def turn_of(projects: Sequence[int], number: int) -> tuple[int, ...]:
    """Those of a round: all of few, of many as many as a round looks at, one part after the other."""
    if len(projects) <= MOST_PROJECTS:
        return tuple(projects)
    start = number * MOST_PROJECTS % len(projects)
    return (*projects, *projects)[start : start + MOST_PROJECTS]


def _talking(bot: App, now: datetime) -> list[int]:
    """Projects with an open merge request that changed since the last round: a note counts as a change."""
    cursor = bot.store.intake.cursor(CURSOR)
    if cursor is None:
        return []
    listed = bot.merge_requests.open_since(places_of(bot), max(cursor, now - OLDEST) - SLACK)
    return [request.project_id for request in listed if released(bot, request)]
