"""What people ask of the bot in notes: the words, where they stand, who wrote them, and what came of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from bot.domain.gitlab import Role

WORD = "/ropewalk"


class Verb(StrEnum):
    """What can be asked for."""

    PLAN = "plan"
    RETRY = "retry"
    RESUME = "resume"
    APPROVE = "approve"
    HOLD = "hold"
    EXPLAIN = "explain"
    HELP = "help"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A command as it was written: its verb and the words behind it."""

    verb: Verb
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unknown:
    """A command that is none. `word` is foreign, and empty where nothing stood there; `near` is what may be meant."""

    word: str
    near: Verb | None = None


class NoteHome(StrEnum):
    """What a note stands on, in the words of GitLab's paths."""

    MERGE_REQUEST = "merge_requests"
    ISSUE = "issues"


@dataclass(frozen=True, slots=True, kw_only=True)
class NotePlace:
    """A merge request or an issue of a project, by its id and the number people see."""

    project_id: int
    home: NoteHome
    iid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """That a note may hold a command. Only the numbers are believed; what it says is read when it is acted upon."""

    note_id: int
    place: NotePlace


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenNote:
    """A note as GitLab has it now. `internal` ones are confidential; times are GitLab's. `edited` says whether its
    words were changed, None where nobody asked.
    """

    id: int
    body: str
    author_id: int
    username: str
    created_at: datetime
    updated_at: datetime
    system: bool = False
    internal: bool = False
    edited: bool | None = None

    @property
    def touched(self) -> bool:
        """Whether anything happened to it since it was written: an edit, an emoji, a thread that was resolved."""
        return self.updated_at != self.created_at

    @property
    def changed(self) -> bool:
        """Whether its words may be others than those that were written."""
        return self.touched and self.edited is not False


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The merge request or issue that a note stands on. `path` is the project's, `confidential` the issue's."""

    path: str
    web_url: str
    author_id: int
    description: str = ""
    confidential: bool = False


class Outcome(StrEnum):
    """How a command ended."""

    DONE = "done"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one command of a note is answered. `words` is one sentence and `details` paragraphs, both finished Markdown.

    `asked` is the command as it is shown, `key` the release it was about, if it was about one.
    """

    outcome: Outcome
    asked: str
    words: str
    details: str = ""
    key: str = ""


class Stage(StrEnum):
    """How far a note's commands are: to be looked at, acted upon and to be answered, or over with."""

    HEARD = "heard"
    ACTED = "acted"
    ANSWERED = "answered"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandNote:
    """A note on record. `due_at` is None once it is over with; `answers` are those given so far, in order."""

    heard: Heard
    stage: Stage
    heard_at: datetime
    due_at: datetime | None
    tries: int = 0
    author_id: int | None = None
    username: str = ""
    written_at: datetime | None = None
    why: str = ""
    answers: tuple[Answer, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Recent:
    """Who wrote the notes of a project that were acted upon of late, once for each note: those that got words, and
    those that got a sign alone, as notes of people do who are none of the project's.
    """

    told: tuple[int, ...] = ()
    signed: tuple[int, ...] = ()

    def of(self, user_id: int) -> int:
        """How many of them one person wrote."""
        return self.told.count(user_id) + self.signed.count(user_id)


DEFAULT_ROLES: Mapping[Verb, Role] = MappingProxyType(
    {
        Verb.PLAN: Role.DEVELOPER,
        Verb.EXPLAIN: Role.DEVELOPER,
        Verb.HELP: Role.DEVELOPER,
        Verb.HOLD: Role.DEVELOPER,
        Verb.RETRY: Role.MAINTAINER,
        Verb.RESUME: Role.MAINTAINER,
        Verb.APPROVE: Role.DEVELOPER,  # beside what the release's own rule asks for
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandPolicy:
    """Whether notes are heard, and by whom they must be written.

    `roles` are access levels in the project, at least. No hold from a note is longer than `longest_hold`. Within
    `window`, notes of one person beyond `per_person` in one project, and of its people beyond `per_project`, are left;
    those of strangers beyond as many again.
    """

    enabled: bool = False
    roles: Mapping[Verb, Role] = field(default_factory=lambda: DEFAULT_ROLES)
    longest_hold: timedelta = timedelta(days=14)
    per_person: int = 10
    per_project: int = 40
    window: timedelta = timedelta(minutes=10)
