"""What commands are answered: whatever somebody wrote, nothing of it is alive in the sticky note."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.commands import (
    Answer,
    CommandNote,
    Heard,
    NoteHome,
    NotePlace,
    Outcome,
    Spoken,
    Stage,
    Subject,
    Unknown,
    Verb,
)
from bot.domain.gitlab import Note
from bot.hygiene.catalogue import RULES
from bot.notes.command_texts import CommandAnswers, asked, help_text, listed, ours_or_code, unknown_text
from bot.notes.commands import read_commands
from bot.notes.foreign import check_finished
from bot.notes.markers import Markers
from bot.sandbox.rest.quick_actions import extract
from tests.bounds import examples
from tests.unit.notes_reader import read
from tests.unit.release_facts import NOON
from tests.unit.test_notes_foreign import FOREIGN

KEY = b"sixteen bytes or more"
TEXTS = CommandAnswers(marker_key=KEY, user_id=5)
PLACE = NotePlace(project_id=42, home=NoteHome.MERGE_REQUEST, iid=1)
SUBJECT = Subject(path="acme/tools/widget", web_url="https://gitlab.example.com/acme/-/merge_requests/1", author_id=9)


def row(number: int, *answers: Answer, who: str = "ada") -> CommandNote:
    return CommandNote(
        heard=Heard(note_id=number, place=PLACE),
        stage=Stage.ACTED,
        heard_at=NOON,
        due_at=None,
        author_id=9,
        username=who,
        written_at=NOON + timedelta(minutes=number),
        answers=answers,
    )


def answer(words: str = "done", outcome: Outcome = Outcome.DONE, details: str = "") -> Answer:
    return Answer(outcome=outcome, asked=asked(Spoken(Verb.PLAN)), words=words, details=details)


GOLDEN = """\
What was asked here with `/ropewalk`, newest first.

- ✅ `/ropewalk plan` by `ada`, {late} ([note](https://gitlab.example.com/acme/-/merge_requests/1#note_8)): two.
- ⛔ `/ropewalk plan` by `ada`, {late} ([note](https://gitlab.example.com/acme/-/merge_requests/1#note_8)): one.
- ❓ `/ropewalk plan` by `bob`, {early} ([note](https://gitlab.example.com/acme/-/merge_requests/1#note_7)): what?

all of it
"""


def test_the_newest_stands_first_and_only_it_in_full() -> None:
    new = row(8, answer("one", Outcome.REFUSED), answer("two", details="all of it"))
    old = row(7, answer("what?", Outcome.UNKNOWN, details="long ago"), who="bob")
    quiet = row(6, answer("", Outcome.REFUSED))
    text = TEXTS.sticky(PLACE, SUBJECT, [new, quiet, old])
    late, early = (f"{row(number).written_at:%Y-%m-%d %H:%M} UTC" for number in (8, 7))
    body, marker = text.rsplit("\n\n", 1)
    assert body + "\n" == GOLDEN.format(late=late, early=early)
    assert TEXTS.own([Note(id=3, body=text, author_id=5)], PLACE)
    assert marker.startswith("<!-- ropewalk: note v1 commands ")


def test_only_our_own_note_of_this_place_is_ours() -> None:
    text = TEXTS.sticky(PLACE, SUBJECT, [row(8, answer())])
    others = [
        Note(id=1, body=text, author_id=6),
        Note(id=2, body=text, author_id=5, system=True),
        Note(
            id=3,
            body=CommandAnswers(marker_key=b"another key altogether", user_id=5).sticky(PLACE, SUBJECT, []),
            author_id=5,
        ),
    ]
    assert TEXTS.own(others, PLACE) == ()
    elsewhere = NotePlace(project_id=42, home=NoteHome.ISSUE, iid=1)
    assert TEXTS.own([Note(id=4, body=text, author_id=5)], elsewhere) == ()


def test_the_failure_issue_is_known_by_author_and_marker() -> None:
    issue = NotePlace(project_id=42, home=NoteHome.ISSUE, iid=3)
    marker = Markers(KEY).failure_issue(42)
    for author, text, ours in (
        (5, f"{marker}\n\nx", True),
        (6, marker, False),
        (5, Markers(KEY).failure_issue(43), False),
    ):
        subject = Subject(path="acme/tools/widget", web_url="", author_id=author, description=text)
        assert TEXTS.is_failure_issue(issue, subject) is ours


def test_our_own_answers_hold_no_command_and_are_safe() -> None:
    """Every rule can be explained, and nothing the bot writes is read as a command by it."""
    for rule in RULES:
        for text in (rule.info.title, rule.info.threat, rule.info.remedy):
            check_finished(ours_or_code(text), rule.info.id)
    whole = "\n\n".join([help_text(), unknown_text(Unknown("aprove", Verb.APPROVE)), unknown_text(Unknown(""))])
    check_finished(whole, "help")
    assert read_commands(whole) == ()


@examples(40, 100)
@given(st.lists(FOREIGN, min_size=1, max_size=4), FOREIGN)
def test_nothing_that_somebody_wrote_is_alive(words: list[str], who: str) -> None:
    said = asked(Spoken(Verb.HOLD, tuple(words)))
    unknown = Answer(
        outcome=Outcome.UNKNOWN,
        asked=asked(Unknown(words[0])),
        words=unknown_text(Unknown(words[0])),
        details=listed(words),
    )
    body = TEXTS.sticky(
        PLACE, SUBJECT, [row(8, Answer(outcome=Outcome.DONE, asked=said, words="done"), unknown, who=who)]
    )
    alive = read(body)
    assert not (alive.commands or alive.mentions or alive.images)
    assert all(link.startswith("https://gitlab.example.com/acme/") for link in alive.links)
    assert alive.html == (body.rsplit("\n\n", 1)[1],)
    assert extract(body)[1] == []
    assert read_commands(body) == ()
