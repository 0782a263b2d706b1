"""Which lines of a note are commands, and that nothing in code, quotes or HTML ever is one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.commands import Spoken, Unknown, Verb
from bot.notes.commands import MOST_BODY, MOST_COMMANDS, read_commands
from tests.bounds import examples
from tests.unit.notes_reader import read

PLAN = Spoken(Verb.PLAN)


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("/ropewalk plan", (PLAN,)),
        ("/ropewalk\tplan  ", (PLAN,)),
        ("/ropewalk PLAN v1.2.0", (Spoken(Verb.PLAN, ("v1.2.0",)),)),
        (
            "Thanks!\n/ropewalk hold 2d wait for the audit\nBye",
            (Spoken(Verb.HOLD, ("2d", "wait", "for", "the", "audit")),),
        ),
        ("a\r\n/ropewalk plan\r\nb", (PLAN,)),
        ("some `code` first\n/ropewalk plan", (PLAN,)),
        ("![shot](/uploads/1/a.png)\n\n/ropewalk plan", (PLAN,)),
        ("one<br>\n/ropewalk plan", (PLAN,)),
        ("/ropewalk explain RW101\n\n/ropewalk help", (Spoken(Verb.EXPLAIN, ("RW101",)), Spoken(Verb.HELP))),
        ("/merge\n/ropewalk plan", (PLAN,)),
        ("/ropewalk", (Unknown(""),)),
        ("/ropewalk aprove v1", (Unknown("aprove", Verb.APPROVE),)),
        ("/ropewalk @root", (Unknown("@root"),)),
    ],
)
def test_lines_that_are_commands(body: str, found: tuple[Spoken | Unknown, ...]) -> None:
    assert read_commands(body) == found


@pytest.mark.parametrize(
    "body",
    [
        "",
        "please /ropewalk plan",
        "/ropewalkplan",
        "/Ropewalk plan",
        " /ropewalk plan",
        "\\/ropewalk plan",
        "x\r/ropewalk plan",
        "    /ropewalk plan",
        "\t/ropewalk plan",
        "```\n/ropewalk plan\n```",
        "~~~~\n```\n/ropewalk plan\n~~~~",
        "```\n/ropewalk plan",
        "`a\n/ropewalk plan\nb`",
        "**a\n/ropewalk plan**",
        "[a\n/ropewalk plan](https://gitlab.example.com)",
        "> /ropewalk plan",
        "> said\n/ropewalk plan",
        ">>>\n/ropewalk plan\n>>>",
        ">>>\n\n/ropewalk plan\n\n>>>",
        "$$\n/ropewalk plan\n$$",
        "---\n\n/ropewalk plan\n\n---",
        "- /ropewalk plan",
        "1. said\n/ropewalk plan",
        "| a |\n| --- |\n/ropewalk plan",
        "# /ropewalk plan",
        "/ropewalk plan\n---",
        "<!--\n/ropewalk plan\n-->",
        "<pre>\n\n/ropewalk plan\n\n</pre>",
        "<blockquote>\n\n/ropewalk plan\n\n</blockquote>",
        "<details>\n<summary>x</summary>\n\n/ropewalk plan\n\n</details>",
        "a <code>\n/ropewalk plan\n</code>",
        "a <b>\n\n/ropewalk plan",
        "x" * MOST_BODY + "\n/ropewalk plan",
    ],
)
def test_lines_that_are_none(body: str) -> None:
    assert read_commands(body) == ()


def test_a_note_has_three_commands_at_most() -> None:
    assert len(read_commands("/ropewalk plan\n" * 9)) == MOST_COMMANDS


LINES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "/ropewalk approve v1",
                "/ropewalk hold 2d",
                "`",
                "``",
                "x `y` z",
                "",
                "  ",
                "*a*",
                "> q",
                "- l",
                "\ue0000\ue001",
            ]
        ),
        st.text(alphabet="ab `*_[]()<>!|\\/~#-\t\r\n\ue000\ue001", max_size=20),
    ),
    max_size=10,
).map("\n".join)
COMMAND = st.sampled_from(["/ropewalk approve v1", "/ropewalk retry", "/ropewalk hold 9d x", "/ropewalk"])


@examples(60, 150)
@given(LINES, COMMAND, st.integers(min_value=3, max_value=6), st.sampled_from("`~"))
def test_a_fence_longer_than_any_inside_hides_all_of_it(text: str, command: str, more: int, mark: str) -> None:
    longest = max((len(run) for run in text.replace("\r", "").replace("~", "`").split("\n")), default=0)
    fence = mark * (longest + more)
    assert read_commands(f"{fence}\n{text}\n{command}\n{text}\n{fence}") == ()


@examples(60, 150)
@given(LINES, COMMAND)
def test_a_quote_or_an_indented_block_hides_all_of_it(text: str, command: str) -> None:
    lines = f"{text}\n{command}\n{text}".replace("\r", "").split("\n")
    assert read_commands("\n".join(f"> {line}" for line in lines)) == ()
    assert read_commands("\n".join(f"    {line}" for line in lines)) == ()


@examples(100, 250)
@given(LINES, COMMAND, LINES)
def test_whatever_counts_stands_where_gitlab_would_see_a_quick_action(before: str, command: str, after: str) -> None:
    """Read by a reader that shares nothing with the code under test: never more commands than it sees."""
    body = f"{before}\n{command}\n{after}"
    seen = [line for line in read(body).commands if line.startswith("/ropewalk")]
    assert len(read_commands(body)) <= len(seen)
