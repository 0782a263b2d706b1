"""The issue about releases that stopped, the replies that call people, and the notes on closed issues."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.gitlab import Issue, Note
from bot.domain.refs import RefKind
from bot.domain.releases import ReleaseState
from bot.domain.report import ReleaseReport
from bot.domain.verdicts import Consequence
from bot.notes.failure import END_OF_ENTRY
from tests.unit.notes_reader import read
from tests.unit.notes_reports import PROJECT_URL, STATES, blocked, merge_request, partial, published
from tests.unit.test_notes_texts import TEXTS, note, same_as_golden

ISSUE = Issue(
    iid=3,
    title="Strands tear",
    description="",
    author_id=9,
    open=False,
    web_url=f"{PROJECT_URL}/-/issues/3",
    project_id=42,
)


def stopped(report: ReleaseReport, existing: str | None = None) -> str:
    made = TEXTS.failure(report, existing, stopped=True)
    assert made.open
    return made.text


def over(report: ReleaseReport, existing: str) -> tuple[str, bool | None]:
    made = TEXTS.failure(report, existing, stopped=False)
    return made.text, made.open


def test_the_issue_reads_as_the_kept_text() -> None:
    text = stopped(STATES["failed"](), stopped(blocked(ref="v1.0.1")))
    same_as_golden("failure_issue", text.rstrip("\n"))
    closed, open_ = over(published(ref="v1.1.0"), text)
    assert open_ is False
    same_as_golden("failure_issue_closed", closed.rstrip("\n"))


def test_an_entry_is_kept_up_to_date_in_place_of_itself_and_people_words_stay() -> None:
    first = stopped(blocked()).replace(
        "\n\n<!-- ropewalk: failure v1", "\n\nHands off, @ada is on it.\n\n<!-- ropewalk: failure v1"
    )
    again = stopped(partial(), first)
    assert again.count("<!-- ropewalk: failure v1") == 1
    assert "Hands off, @ada is on it." in again
    assert "only partly published" in again
    assert "is blocked" not in again
    assert stopped(partial(), again) == again


@pytest.mark.parametrize(
    ("then", "left"),
    [
        (published(), 1),  # v1.1.0 itself and nothing of v2.0.0
        (published(ref="v1.2.0"), 1),
        (published(ref="v2.0.0"), 0),
        (published(ref="v1.0.9"), 2),
        (published(ref="other/v3.0.0"), 2),
        (published(ref="main", kind=RefKind.BRANCH), 2),
        (published(project_id=43), 2),
        (published(ref="v2.0.1", state=ReleaseState.WITHDRAWN), 2),
        (published(ref="v2.0.0", state=ReleaseState.WITHDRAWN), 1),
    ],
)
def test_a_release_takes_out_its_own_entry_and_those_of_earlier_versions(then: ReleaseReport, left: int) -> None:
    text = stopped(blocked(ref="v2.0.0"), stopped(blocked()))
    made, open_ = over(then, text)
    assert made.count("<!-- ropewalk: failure v1") == left
    assert open_ is (None if then.project_id == 43 else left > 0)


def test_a_closed_issue_is_left_alone_by_what_goes_well_and_opens_again() -> None:
    closed, _ = over(published(), stopped(blocked()))
    assert over(published(ref="v1.2.0"), closed) == (closed, None)
    again = TEXTS.failure(blocked(ref="v1.3.0"), closed, stopped=True)
    assert again.open
    assert "No release is stopped any more" not in again.text


def test_a_forged_entry_is_no_entry_of_ours() -> None:
    text = stopped(blocked())
    mac = text.split("<!-- ropewalk: failure v1 ")[1].split(" ")[3]
    forged = text.replace(mac, "0" * 32)
    assert over(published(), forged) == (forged, None)


@pytest.mark.parametrize("consequence", [Consequence.BLOCK, Consequence.NONE])
def test_which_credential_is_badly_kept_is_not_for_everybody(consequence: Consequence) -> None:
    """The audit's issues are confidential; whoever sees the project sees this one, and the notes."""
    report = blocked()
    gates = (replace(report.gates[0], consequence=consequence), *report.gates[1:])
    text = stopped(replace(report, gates=gates))
    assert "TWINE_PASSWORD" not in text
    assert "`ropewalk release status acme/tools/widget@v1.1.0` tells more" in text


@pytest.mark.parametrize("cut", ["v1.1.0", "v2.0.0"])
def test_an_entry_whose_end_a_person_took_away_takes_nothing_else_along(cut: str) -> None:
    """Its words are people's text by now: they stay, and so do their words and the entry of the other release."""
    made = stopped(blocked(ref="v2.0.0"), stopped(blocked()))
    pieces = made.split(f"{END_OF_ENTRY}\n")
    assert len(pieces) == 3
    kept = {"v1.1.0": ("", f"{END_OF_ENTRY}\n"), "v2.0.0": (f"{END_OF_ENTRY}\n", "")}[cut]
    text = f"{pieces[0]}{kept[0]}\nHands off, @ada is on it.\n{pieces[1]}{kept[1]}"
    other = {"v1.1.0": "v2.0.0", "v2.0.0": "v1.1.0"}[cut]
    made, open_ = over(published(ref=other, state=ReleaseState.WITHDRAWN), text)
    assert open_, f"{cut} is stopped still"
    assert f"The release of `{other}` is blocked" not in made
    made, open_ = over(published(ref=cut, state=ReleaseState.WITHDRAWN), made)
    assert open_ is False
    assert "Hands off, @ada is on it." in made
    assert f"The release of `{cut}` is blocked" in made
    again = stopped(partial(ref=cut), text)
    assert f"The release of `{other}` is blocked" in again
    assert again.count("<!-- ropewalk: failure v1") == 2
    assert stopped(partial(ref=cut), again) == again


def test_good_news_whose_end_a_person_took_away_takes_nothing_along() -> None:
    closed, _ = over(published(), stopped(blocked()))
    text = closed.replace("<!-- ropewalk: end over -->\n", "Thanks, @ada.\n")
    again = TEXTS.failure(blocked(ref="v1.3.0"), text, stopped=True).text
    later, _ = over(published(ref="v1.3.0"), again)
    assert "Thanks, @ada." in TEXTS.failure(blocked(ref="v1.4.0"), later, stopped=True).text


@pytest.mark.slow
def test_the_issue_stays_within_the_limit_and_loses_the_oldest_entries() -> None:
    text: str | None = None
    wide = blocked(next="x" * 900)
    for number in range(120):
        gate = replace(wide.gates[1], reason="\U0001f9f5" * 1_000)
        text = stopped(replace(wide, ref=f"v1.{number}.0", gates=(gate,) * 12), text)
    assert text is not None
    assert len(text.encode()) <= 1_048_576
    assert "`v1.119.0`" in text
    assert "`v1.0.0`" not in text


def test_our_issue_is_known_by_user_and_mac() -> None:
    text = stopped(blocked())
    rows = [replace(ISSUE, iid=iid, description=text, author_id=who) for iid, who in ((9, 5), (4, 5), (2, 6))]
    assert [one.iid for one in TEXTS.own_issues([*rows, ISSUE], blocked())] == [4, 9]
    assert TEXTS.own_issues(rows, blocked(project_id=43)) == ()


# replies


def sticky(report: ReleaseReport) -> Note:
    return note(70, TEXTS.note(report, merge_request()))


@pytest.mark.parametrize(
    ("before", "after", "due"),
    [
        (blocked(), STATES["failed"](), True),
        (blocked(), partial(), True),
        (blocked(), STATES["blocked_by_approval"](), True),
        (published(), STATES["conflict"](), True),
        (blocked(), replace(blocked(), next="other words"), False),
        (blocked(), published(), False),
        (partial(), published(), False),
        (blocked(), STATES["waiting"](), False),
        (blocked(), STATES["withdrawn"](), False),
    ],
)
def test_people_are_called_when_one_of_them_must_act_anew(
    before: ReleaseReport, after: ReleaseReport, due: bool
) -> None:
    assert (TEXTS.reply(after, merge_request(), sticky(before), ()) is not None) is due


def test_people_are_called_once_for_an_outcome() -> None:
    report = STATES["failed"]()
    reply = TEXTS.reply(report, merge_request(), sticky(blocked()), ())
    assert reply is not None
    same_as_golden("reply_failed", reply)
    said = note(71, reply)
    assert TEXTS.reply(report, merge_request(), sticky(blocked()), [said]) is None
    assert TEXTS.reply(report, merge_request(), sticky(blocked()), [replace(said, author_id=6)]) == reply
    assert TEXTS.reply(partial(), merge_request(), sticky(blocked()), [said]) is not None
    assert TEXTS.own([said], report, merge_request()) == ()
    assert read(reply).links == (f"{PROJECT_URL}/-/merge_requests/7#note_70",)


# issues


def test_a_closed_issue_is_told_where_it_was_released() -> None:
    body = TEXTS.issue_note(published(), ISSUE, merge_request())
    same_as_golden("issue_note", body)
    ours = note(5, body)
    assert TEXTS.own([ours], published(), ISSUE) == (ours,)
    assert TEXTS.own([ours], published(), replace(ISSUE, iid=4)) == ()
    assert TEXTS.own([ours], published(), merge_request(3)) == ()
