"""The notes on merge requests and the descriptions of GitLab Releases, as people read them.

The expected texts are files in tests/data/notes. After a wanted change, `ROPEWALK_GOLDEN=write` writes them anew.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest

from bot.domain.errors import ConfigError, RefusedError
from bot.domain.gitlab import Changes, Note
from bot.domain.refs import RefKind
from bot.domain.releases import Receipt, ReleaseState, TargetState, TargetStatus
from bot.domain.report import IndexPage, ReleaseReport
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.notes.markers import END_OF_DESCRIPTION, derived_key
from bot.notes.tables import size_words
from bot.notes.texts import ReleaseTexts
from bot.ports.texts import Texts
from tests.unit.notes_reader import read, render
from tests.unit.notes_reports import NOON, STATES, WHEEL, blocked, merge_request, partial, published

KEY = b"sixteen bytes or more"
TEXTS = ReleaseTexts(marker_key=KEY, user_id=5)
PROMISED: Texts = TEXTS
GOLDEN = Path(__file__).parent.parent / "data" / "notes"


def same_as_golden(name: str, text: str) -> None:
    """Compare with the kept text."""
    file = GOLDEN / f"{name}.md"
    if os.environ.get("ROPEWALK_GOLDEN") == "write":
        file.write_text(text + "\n", encoding="utf-8")
    assert text + "\n" == file.read_text(encoding="utf-8")


@pytest.mark.parametrize("state", STATES)
def test_note_reads_as_the_kept_text(state: str) -> None:
    same_as_golden(f"note_{state}", TEXTS.note(STATES[state](), merge_request()))


def test_every_state_has_a_note_of_its_own() -> None:
    notes = {state: TEXTS.note(published(state=state), merge_request()) for state in ReleaseState}
    assert len(set(notes.values())) == len(ReleaseState)


def test_description_reads_as_the_kept_text() -> None:
    same_as_golden("description", TEXTS.description(published(), None))


def test_first_release_without_merge_requests_reads_as_the_kept_text() -> None:
    changes = Changes(previous_tag=None, merge_requests=(), complete=False)
    same_as_golden("description_first", TEXTS.description(published(changes=changes), None))


@pytest.mark.parametrize("command", ["resume"])
@pytest.mark.parametrize("state", ["blocked", "failed", "partial", "conflict"])
def test_a_stopped_release_names_the_exact_command(state: str, command: str) -> None:
    lines = TEXTS.note(STATES[state](), merge_request()).split("\n")
    assert f"ropewalk release {command} acme/tools/widget@v1.1.0" in lines


def test_command_is_one_word_for_a_shell_whatever_the_ref_is_called() -> None:
    note = TEXTS.note(blocked(ref="v1;rm -rf $HOME|`id`'"), merge_request())
    line = next(line for line in note.split("\n") if line.startswith("ropewalk release resume"))
    assert shlex.split(line) == ["ropewalk", "release", "resume", "acme/tools/widget@v1;rm -rf $HOME|`id`'"]


def test_notes_receipts_and_attempts_do_not_change_the_texts() -> None:
    before = published()
    told = Receipt(target="note:!7", kind="note", where="https://gitlab.example.com/x#note_1", at=NOON)
    made = Receipt(target="gitlab_release", kind="release", where="https://gitlab.example.com/r", at=NOON)
    after = replace(
        before,
        receipts=(made, *reversed(before.receipts), told),
        targets=tuple(replace(target, attempts=9) for target in before.targets),
    )
    assert TEXTS.note(after, merge_request()) == TEXTS.note(before, merge_request())
    assert TEXTS.description(after, None) == TEXTS.description(before, None)


def test_proof_is_claimed_only_for_the_same_bytes() -> None:
    other = tuple(replace(receipt, sha256="00" * 32) for receipt in published().receipts)
    note = TEXTS.note(published(receipts=other), merge_request())
    assert note.count("nowhere yet") == 2


def test_what_could_not_be_checked_is_not_called_a_failure() -> None:
    note = TEXTS.note(STATES["blocked_by_unknown"](), merge_request())
    assert "blocked: variable hygiene could not be checked." in note
    assert "credential is not kept" not in note


@pytest.mark.parametrize(
    ("verdict", "said"), [(Verdict.FAIL, "- Found: **Variable hygiene**: `weak`"), (Verdict.UNKNOWN, "")]
)
def test_published_note_warns_of_what_was_found_and_not_of_what_nobody_could_see(verdict: Verdict, said: str) -> None:
    gate = GateResult(name="hygiene", verdict=verdict, reason="weak", consequence=Consequence.NONE)
    note = TEXTS.note(published(gates=(gate,)), merge_request())
    assert said in note
    assert ("hygiene" in note) is bool(said)
    assert "hygiene" in TEXTS.note(blocked(gates=(*blocked().gates[1:], gate)), merge_request())


def test_a_blocked_note_is_about_what_failed_not_about_what_is_pending_or_unseen() -> None:
    failing = blocked().gates[1]
    unseen = GateResult(name="hygiene", verdict=Verdict.UNKNOWN, reason="dark", consequence=Consequence.BLOCK)
    pending = STATES["waiting"]().gates
    note = TEXTS.note(blocked(gates=(unseen, *pending, failing)), merge_request())
    assert "is blocked: tag, metadata and file names do not agree on the version." in note
    assert "ipeline" not in note
    assert "**Whose turn it is:** whoever set the tag and whoever runs this bot." in note


@pytest.mark.parametrize(("kind", "again"), [(RefKind.TAG, "set a new tag"), (RefKind.BRANCH, "merge that")])
def test_artifacts_that_cannot_be_released_are_the_maintainers_turn(kind: RefKind, again: str) -> None:
    target = TargetStatus(name="distributions", state=TargetState.FAILED, reason="The archive is broken")
    report = STATES["failed"]()
    note = TEXTS.note(replace(report, kind=kind, gates=(), targets=(target,), unusable=True), merge_request())
    assert "failed: its pipeline made nothing that can be released." in note
    assert f"a maintainer of the project. Mend the job that builds and {again}; it is released by itself." in note
    assert "ropewalk release resume" not in note


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        ("1.1.0rc1+local.2", "**1.1.0rc1+local.2**"),
        ("1!2.0", "**`1!2.0`**"),
        ("20261122", "**`20261122`**"),
        ("1.0** @all", "**`1.0** @all`**"),
    ],
)
def test_version_is_plain_only_where_gitlab_reads_no_reference_in_it(version: str, shown: str) -> None:
    assert f"Released as {shown} from" in TEXTS.note(published(version=version), merge_request())


def test_note_links_lead_to_indexes_and_release() -> None:
    links = read(TEXTS.note(published(), merge_request())).links
    assert links == (
        "https://gitlab.example.com/acme/tools/widget/-/releases/v1.1.0",
        "https://gitlab.example.com/acme/tools/widget/-/packages/9",
        "https://index.example.com/project/acme-widget/1.1.0/",
    )


def test_addresses_that_are_no_web_pages_are_not_linked() -> None:
    page = IndexPage(name="odd", page_url="javascript:alert(1)", install="pip install x")
    note = TEXTS.note(published(indexes=(page,), release_url="ftp://x/y"), merge_request())
    assert read(note).links == ()
    assert "| `odd` | `pip install x` |" in note


def test_tables_are_tables_also_when_cells_hold_pipes_and_backslashes() -> None:
    page = IndexPage(name="a\\|@all", page_url=None, install="pip \\\\| `x` |")
    html = render(TEXTS.note(published(indexes=(page,)), merge_request()))
    assert "<td><code>a\\¦@all</code></td>\n<td><code>pip \\\\¦ `x` ¦</code></td>" in html


# -- our block among people's words


@pytest.mark.parametrize(
    ("existing", "before"),
    [
        ("", ""),
        ("Hand-made.", "Hand-made.\n\n"),
        ("Hand-made.\n", "Hand-made.\n\n"),
        ("Hand-made.\n\n", "Hand-made.\n\n"),
        ("Hand-made.\n\n\n\n", "Hand-made.\n\n\n\n"),
        ("/merge\r\n@all\r\n", "/merge\r\n@all\r\n\n"),
    ],
)
def test_block_is_appended_after_a_blank_line(existing: str, before: str) -> None:
    alone = TEXTS.description(published(), None)
    assert TEXTS.description(published(), existing) == before + alone


def test_unchanged_report_gives_the_identical_description() -> None:
    once = TEXTS.description(published(), "Words before.\n")
    assert TEXTS.description(published(), once) == once


def test_block_is_replaced_in_place_and_words_around_it_survive() -> None:
    old = TEXTS.description(partial(), None)
    new = TEXTS.description(published(changes=None), f"Before \r\n {old} after\n\n<b>me</b>  ")
    assert new == f"Before \r\n {TEXTS.description(published(changes=None), None)} after\n\n<b>me</b>  "
    assert new.count(END_OF_DESCRIPTION) == 1


def test_words_after_a_begin_that_lost_its_end_are_never_swallowed() -> None:
    block = TEXTS.description(published(), None)
    cut = block.removesuffix(END_OF_DESCRIPTION) + "Mine."
    once = TEXTS.description(published(), cut)
    assert once == f"{cut}\n\n{block}"
    assert TEXTS.description(published(), once) == once


def test_marked_block_of_another_release_is_not_ours() -> None:
    foreign = TEXTS.description(published(project_id=43), None)
    assert TEXTS.description(published(), foreign) == f"{foreign}\n\n{TEXTS.description(published(), None)}"


def test_title_cannot_end_our_block() -> None:
    text = TEXTS.description(published(), None)
    assert text.count(END_OF_DESCRIPTION) == 1
    assert text.endswith(END_OF_DESCRIPTION)


# -- limits


@pytest.mark.slow
def test_thousands_of_long_merge_requests_are_cut_and_counted() -> None:
    many = tuple(merge_request(iid, "ü`" * 400, labels=("ß" * 200,) * 9) for iid in range(1, 3001))
    text = TEXTS.description(published(changes=Changes(previous_tag=None, merge_requests=many)), "x" * 300_000)
    shown = text.count("\n- ")
    assert 100 < shown < 3000
    assert f"… and {3000 - shown:,} more merge requests." in text
    assert len(text) <= 1_000_000
    assert len(text.encode()) <= 1_048_576


@cache
def crowded() -> ReleaseReport:
    """Two hundred files, five hundred merge requests."""
    wheel = published().files[0]
    files = tuple(replace(wheel, filename=f"{i}-{WHEEL}") for i in range(200))
    many = tuple(merge_request(iid) for iid in range(500))
    return published(files=files, changes=Changes(previous_tag=None, merge_requests=many))


@pytest.mark.parametrize("free", [*range(2_000, 2_400, 7), 5_000, 20_000, 40_123])
def test_description_stays_within_the_limit_however_little_room_people_leave(free: int) -> None:
    text = TEXTS.description(crowded(), "x" * (1_000_000 - free))
    assert len(text) <= 1_000_000
    assert "more files." in text
    assert "more merge requests." in text


def test_no_room_at_all_is_refused_in_a_sentence() -> None:
    with pytest.raises(RefusedError, match="leaves 10 bytes, too few for the release notes"):
        TEXTS.description(published(), "x" * 999_988)


def test_longest_possible_note_is_within_the_limit() -> None:
    wide = "\U0001f9f5" * 1_200
    gates = tuple(
        GateResult(name=f"{wide}{n}", verdict=Verdict.FAIL, reason=wide, consequence=Consequence.BLOCK)
        for n in range(30)
    )
    files = tuple(replace(published().files[0], filename=f"{n}{wide}") for n in range(100))
    indexes = tuple(
        IndexPage(name=f"{n}{wide}", page_url="https://x.example.com/" + "p" * 1900, install=wide) for n in range(30)
    )
    for state in ReleaseState:
        report = published(state=state, gates=gates, files=files, indexes=indexes, next=wide)
        assert len(TEXTS.note(report, merge_request()).encode()) <= 1_000_000


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (12_613, "12.3 KiB"),
        (5 << 20, "5.0 MiB"),
        (3 << 40, "3072.0 GiB"),
    ],
)
def test_sizes_are_read_at_a_glance(size: int, words: str) -> None:
    assert size_words(size) == words


# -- finding our notes again


def note(number: int, body: str, *, author: int = 5, system: bool = False) -> Note:
    """A note of our user, unless said otherwise."""
    return Note(id=number, body=body, author_id=author, system=system)


def test_own_notes_are_found_oldest_first_and_by_user_mac_and_kind_only() -> None:
    body = TEXTS.note(published(), merge_request())
    forged = body.replace(body[-36:-4], "0" * 32)
    notes = [
        note(9, body),
        note(3, TEXTS.note(blocked(), merge_request())),
        note(1, body, author=6),
        note(2, body, system=True),
        note(4, forged),
        note(5, "nothing of ours"),
    ]
    assert [own.id for own in TEXTS.own(notes, published(), merge_request())] == [3, 9]


def test_own_note_is_found_after_rename_move_of_the_tag_and_other_line_ends() -> None:
    body = TEXTS.note(published(), merge_request()).replace("\n", "\r\n") + "\r\n"
    later = published(project="new/home", project_url="https://gitlab.example.com/new/home", sha="f" * 40)
    assert TEXTS.own([note(1, body)], later, merge_request(title="Renamed"))


@pytest.mark.parametrize(
    ("change", "iid"),
    [({"project_id": 43}, 7), ({"ref": "v1.1.1"}, 7), ({"kind": RefKind.BRANCH}, 7), ({}, 8)],
)
def test_marker_is_bound_to_project_ref_and_merge_request(change: dict[str, object], iid: int) -> None:
    body = TEXTS.note(published(), merge_request())
    assert not TEXTS.own([note(1, body)], published(**change), merge_request(iid))


def test_a_note_does_not_tell_when_we_looked() -> None:
    later = tuple(replace(one, kind="found", at=one.at + timedelta(days=3)) for one in published().receipts)
    assert TEXTS.note(published(receipts=later), merge_request()) == TEXTS.note(published(), merge_request())


def test_marker_of_another_key_is_not_ours() -> None:
    other = ReleaseTexts(marker_key=b"another key, long enough", user_id=5)
    assert not other.own([note(1, TEXTS.note(published(), merge_request()))], published(), merge_request())


def test_short_key_refuses_the_start() -> None:
    with pytest.raises(ConfigError, match="the marker key has 5 bytes"):
        ReleaseTexts(marker_key=b"short", user_id=5)


def test_derived_key_is_the_same_for_the_same_bot_and_tells_nothing_of_its_token() -> None:
    token, url = "glpat-of-the-bot-0123456789", "https://gitlab.example.com"
    key = derived_key(token, url)
    assert key == derived_key(token, f"{url}/") == "b754165bc84f0e62738795e500ced1af980faeb21614aa3848f93da86a9342ea"
    assert len({key, derived_key(f"{token}0", url), derived_key(token, "https://gitlab.example.org")}) == 3
