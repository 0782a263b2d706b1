"""Whatever text goes in, no command, mention, image, HTML, link or marker of it comes out."""

from __future__ import annotations

import random
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain.errors import RefusedError
from bot.domain.gitlab import Changes, Commit, Issue, Note
from bot.domain.notes import NotesSource, NotesStrategy
from bot.domain.releases import ReleaseState, TargetState, TargetStatus
from bot.domain.report import IndexPage, ReleaseReport
from bot.domain.verdicts import Consequence, GateResult, Verdict
from bot.notes.foreign import block, cell, check_finished, inline, link, safe_url
from bot.notes.texts import ReleaseTexts
from bot.sandbox.rest.quick_actions import extract
from tests.bounds import BIGGER_IN_FULL, FULL, examples
from tests.unit.notes_reader import read
from tests.unit.notes_reports import merge_request, published

TEXTS = ReleaseTexts(marker_key=b"sixteen bytes or more", user_id=5)
OWN_NOTE = TEXTS.note(published(), merge_request())
ISSUE = Issue(iid=3, title="", description="", author_id=1, open=False, web_url="https://gitlab.example.com/i/3")
OWN_MARKER = OWN_NOTE.split("\n")[-1]

NASTY_PIECES = [
    *("/merge", "/close", "\r/merge", "\n/approve", "\n\n/merge\n\n", "\0", "\r", "\n", "\r\n", "\t", " "),
    *(
        "@all",
        "@root",
        "&commat;all",
        "&#64;all",
        "#1",
        "!1",
        "$",
        "*",
        "_",
        "- ",
        "> ",
        "    ",
        "---",
        "[[_TOC_]]",
    ),
    *("`", "``", "```", "\n```\n", "\n~~~\n", "`" * 80, "|", "\\", "\\|", "\\`", "[", "](", ")"),
    *("![x](https://e.example/i.png)", "https://u:p@h.example/@all", "<img src=x>", "</details>", "<", ">"),
    *("<!--", "-->", "<!-- ropewalk: end release -->", OWN_MARKER, "x", "é", "🧵"),
    *(
        "\u202e",
        "\u2066",
        "\u2028",
        "\u2029",
        "\x85",
        "\x0b",
        "\x1b[31m",
        "\ud800",
        "\U000e0041",
        "\ufeff",
        "\u200d",
    ),
]
PIECES = st.sampled_from(NASTY_PIECES)
NASTY = st.lists(PIECES, max_size=12).map("".join)
FOREIGN = st.one_of(NASTY, st.text(max_size=60), NASTY.map(lambda text: text * 3))


def test_the_reader_sees_what_is_alive() -> None:
    alive = read("ask @ada\n/merge\n\n- /close\n\n`@no`\n\n![x](y) <b>\n\n```\n/approve @no\n```\n")
    assert alive.commands == ("/merge",)
    assert alive.mentions == ("@ada",)
    assert alive.images == 1
    assert alive.html == ("<b>",)


@examples(80, 200)
@given(FOREIGN)
def test_inline_is_one_code_span_and_nothing_else(text: str) -> None:
    span = inline(text)
    assert "\n" not in span
    alive = read(f"x {span} y")
    assert not (alive.commands or alive.mentions or alive.images or alive.html or alive.links)
    assert len(span) - len(span.strip("`")) <= 2 * 9  # parsers stop seeing fences of more than 80 backticks
    check_finished(f"x {span} y", "test")


@examples(80, 200)
@given(FOREIGN)
def test_cell_stays_in_its_cell(text: str) -> None:
    assert "|" not in cell(text)


@examples(80, 200)
@given(FOREIGN)
def test_block_holds_everything_inside_its_fence(text: str) -> None:
    body = f"before\n\n{block(text)}\n\nafter"
    alive = read(body)
    assert not (alive.commands or alive.mentions or alive.images or alive.html or alive.links)
    assert not any(line.lstrip().startswith("/") for line in body.split("\n"))
    check_finished(body, "test")


@examples(80, 200)
@given(FOREIGN)
def test_link_is_http_or_no_link(text: str) -> None:
    for address in (text, f"https://h.example/{text}", f"http://{text}"):
        made = link("page", address)
        check_finished(f"see {made} now", "test")
        alive = read(f"see {made} now")
        assert not (alive.mentions or alive.images or alive.html)
        assert alive.links == (() if made == "page" else (safe_url(address),))
        assert all(urlsplit(found).scheme in ("http", "https") for found in alive.links)


TOLD = (NotesStrategy.FILE, NotesStrategy.CHANGELOG_API)


def hostile_report(
    texts: list[str], state: ReleaseState, consequence: Consequence, strategy: NotesStrategy
) -> ReleaseReport:
    """A report in which everything foreign is taken from `texts` in turn."""
    words = iter(texts)
    plain = published()
    return replace(
        plain,
        project=next(words),
        project_url=f"https://gitlab.example.com/{next(words)}",
        ref=next(words),
        version=next(words),
        name=next(words),
        state=state,
        gates=(
            GateResult(name="hygiene", verdict=Verdict.FAIL, reason=next(words), consequence=consequence),
            GateResult(name=next(words), verdict=Verdict.UNKNOWN, reason=next(words)),
            GateResult(name=next(words), verdict=Verdict.FAIL, reason=next(words), consequence=consequence),
        ),
        targets=(
            TargetStatus(name=f"index:{next(words)}", state=TargetState.FAILED, reason=next(words)),
            TargetStatus(name=next(words), state=TargetState.CONFLICT, reason=next(words)),
        ),
        files=tuple(replace(file, filename=next(words)) for file in plain.files),
        indexes=tuple(IndexPage(name=next(words), page_url=next(words), install=next(words)) for _ in plain.indexes),
        changes=Changes(
            previous_tag=next(words),
            merge_requests=tuple(
                merge_request(n, next(words), web_url=next(words), author=next(words), labels=(next(words),))
                for n in range(3)
            ),
            commits=tuple(
                Commit(
                    sha="0" * 40,
                    message=f"{form}{next(words)}\n\n{next(words)}",
                    author=next(words),
                    web_url=next(words),
                )
                for form in ("feat: ", "fix!: ", "")
            ),
        ),
        source=NotesSource(strategy=strategy, reason=next(words), markdown=next(words) if strategy in TOLD else None),
        next=next(words),
        release_url=next(words),
    )


FOREIGN_TEXTS = 54
REPORTS = st.builds(
    hostile_report,
    st.lists(FOREIGN, min_size=FOREIGN_TEXTS, max_size=FOREIGN_TEXTS),
    st.sampled_from(list(ReleaseState)),
    st.sampled_from(list(Consequence)),
    st.sampled_from([one for one in NotesStrategy if one is not NotesStrategy.AUTO]),
)
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.large_base_example, HealthCheck.too_slow])


@given(REPORTS)
@settings(PATIENT, max_examples=15)
def test_no_text_of_ours_obeys_or_calls_anyone(report: ReleaseReport) -> None:
    obeys_nobody(report)


@pytest.mark.slow
@pytest.mark.parametrize("count", [pytest.param(100_000 if FULL else 20_000, marks=BIGGER_IN_FULL)])
def test_no_text_of_ours_obeys_or_calls_anyone_in_many_foreign_texts(count: int) -> None:
    """100,000 in full. Without the patience of a tool that would also shrink what it finds: a third of the time."""
    dice = random.Random(20260803)
    strategies = [one for one in NotesStrategy if one is not NotesStrategy.AUTO]
    for _ in range(count // FOREIGN_TEXTS + 1):
        texts = ["".join(dice.choices(NASTY_PIECES, k=dice.randrange(13))) for _ in range(FOREIGN_TEXTS)]
        state, consequence = dice.choice(list(ReleaseState)), dice.choice(list(Consequence))
        obeys_nobody(hostile_report(texts, state, consequence, dice.choice(strategies)))


def obeys_nobody(report: ReleaseReport) -> None:
    """All texts of `report` hold nothing alive but our own markers, folds and links."""
    sticky = Note(id=1, body=OWN_NOTE, author_id=5)
    bodies = (
        TEXTS.note(report, merge_request()),
        TEXTS.description(report, None),
        TEXTS.failure(report, None, stopped=True).text,
        TEXTS.issue_note(report, ISSUE, merge_request()),
        TEXTS.reply(report, merge_request(), sticky, ()) or "none",
    )
    for body in bodies:
        alive = read(body)
        assert extract(body)[1] == []
        assert alive.commands == ()
        assert alive.mentions == ()
        assert alive.images == 0
        assert all(html.startswith(("<!-- ropewalk: ", "<details><summary>", "</details>")) for html in alive.html)
        assert sum(html.startswith("<!--") for html in alive.html) == body.count("<!--") <= 3
        assert body.encode()
    assert TEXTS.description(report, bodies[1]) == bodies[1]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "`plain`"),
        ("", "(empty)"),
        (" \r\n\0\t ", "(empty)"),
        ("two\r/merge", "`two /merge`"),
        ("a`b", "``a`b``"),
        ("`code`", "`` `code` ``"),
        ("``", "``` `` ```"),
        ("`" * 100, "`" * 9 + " " + "`" * 8 + "… " + "`" * 9),
        ("x\u202eevil\x1b[0m", "`x\\u202eevil\\x1b[0m`"),
        ("half \ud83e character", "`half \\ud83e character`"),
        ("👩\u200d🔧", "`👩\u200d🔧`"),
        ("<!-- ropewalk: end release -->", "`<! -- ropewalk: end release -->`"),
        ("<!\0-- x", "`<! -- x`"),
    ],
)
def test_inline_shows(text: str, shown: str) -> None:
    assert inline(text) == shown


def test_inline_is_cut_to_its_bound() -> None:
    assert inline("abcdef", 4) == "`abc…`"
    assert inline("abcd", 4) == "`abcd`"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one\ntwo", "```\none\ntwo\n```"),
        ("/merge\r\n  /close", "```\n\\/merge\n  \\/close\n```"),
        ("````\n@all", "`````\n````\n@all\n`````"),
        ("\n\n", "(empty)"),
    ],
)
def test_block_shows(text: str, shown: str) -> None:
    assert block(text) == shown


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("https://h.example/a/-/b?x=1&y=2#note_3", "https://h.example/a/-/b?x=1&y=2#note_3"),
        ("HTTPS://User:pw@H.example:8443/x", "https://h.example:8443/x"),
        ("https://h.example/a(b) c<d>`e`|@all", "https://h.example/a%28b%29%20c%3Cd%3E%60e%60%7C%40all"),
        ("https://h.example/100%/%2F", "https://h.example/100%25/%2F"),
        ("https://h.example/?a=&copy;", "https://h.example/?a=&copy%3B"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("https://bücher.example/ü", "https://xn--bcher-kva.example/%C3%BC"),
        ("javascript:alert(1)", None),
        ("//h.example/x", None),
        ("https://", None),
        ("https://h.example:port/", None),
        ("https://h)ost.example/", None),
        ("https://[::1/", None),
        ("https://h.example/" + "x" * 2000, None),
    ],
)
def test_url_is_safe_or_none(text: str, address: str | None) -> None:
    assert safe_url(text) == address


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("fine\n/merge", "quick action"),
        ("```\n/merge\n```", "quick action"),
        ("a\r/merge", "carriage return"),
        ("hello @all", "live mention"),
        ("\\@all", "live mention"),
        ("&commat;all", "live entity"),
        ("a `b` @all `c`", "live mention"),
        ("a `b", "without its partner"),
        ("a \\`@all``", "without its partner"),
        ("a \\`@all `b`", "live mention"),
        ("![x](y)", "live image"),
        ("a <img>", "live html"),
        ("<div>", "live html"),
        ("$`x`$", "live math"),
        ("```\nopen", "not closed"),
        ("```ruby\nx\n```", "could open a fence"),
        ("~~~\nx\n~~~", "could open a fence"),
        ("<details><summary>x</summary>\n`y`", "next is not blank"),
        ("\ud800", "half a character"),
    ],
)
def test_finished_body_is_refused(body: str, problem: str) -> None:
    with pytest.raises(RefusedError, match=problem):
        check_finished(body, "note on !7")
