"""A changelog's Markdown comes out as headings, lists, links, code and plain words, and as nothing that acts."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.notes.foreign import check_finished
from bot.notes.markdown import rewritten
from bot.sandbox.rest.quick_actions import extract
from tests.bounds import examples
from tests.unit.notes_reader import read
from tests.unit.test_notes_foreign import FOREIGN, NASTY, NASTY_PIECES

LINES = st.lists(
    st.one_of(
        NASTY,
        FOREIGN,
        st.tuples(st.sampled_from(["- ", "1. ", "  - ", "# ", "> ", "    ", "| ", "a | b\n--|--\n| x | "]), NASTY).map(
            "".join
        ),
    ),
    max_size=8,
).map("\n".join)


def acts_on_nothing(text: str) -> None:
    """Nothing of `text` is alive once it is written anew; every link leads to http or https."""
    body = "\n\n".join(["before", *rewritten(text), "after"])
    check_finished(body, "test")
    alive = read(body)
    assert (alive.commands, alive.mentions, alive.images, alive.html) == ((), (), 0, ())
    assert all(address.startswith(("http://", "https://")) for address in alive.links)
    assert extract(body)[1] == []


@examples(60, 150)
@given(LINES)
def test_nothing_of_a_changelog_is_alive(text: str) -> None:
    acts_on_nothing(text)


@pytest.mark.slow
def test_nothing_of_three_thousand_changelogs_is_alive() -> None:
    dice = random.Random(20260803)
    begins = ["", "- ", "1. ", "  - ", "# ", "> ", "    ", "| ", "a | b\n--|--\n| x | "]
    for _ in range(3_000):
        lines = [dice.choice(begins) + "".join(dice.choices(NASTY_PIECES, k=dice.randrange(9))) for _ in range(8)]
        acts_on_nothing("\n".join(lines))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Plain words, and (more) of \"them\": 1/2 a-b!", ["Plain words, and (more) of \"them\": 1/2 a-b!"]),
        ("# Top\n\n#### Deep", ["### Top", "#### Deep"]),
        ("## ", []),
        ("- one\n- two\n  - in it\n\n    more\n3. other", ["- one\n- two\n  - in it more", "1. other"]),
        ("1. a\n   - b\n      1. c", ["1. a\n   - b\n     1. c"]),
        ("see #12, !7 and @ada.", ["see `#12`, `!7` and `@ada`."]),
        ("(closes #3)", ["(closes `#3`)"]),
        ("[the issue](https://h.example/1) [bad](javascript:x) [@all](https://h.example/@all)",
         ["[the issue](https://h.example/1) `[bad](javascript:x`) [`@all`](https://h.example/%40all)"]),
        ("![picture](https://h.example/i.png) left", ["picture left"]),
        ("wow![x](https://h.example)", ["wowx"]),
        ("wow! [x](https://h.example)", ["wow! [x](https://h.example)"]),
        ("hi <b>you</b> & <!-- ropewalk: end release --> me", ["hi you & me"]),
        ("<div>\n\n/merge\n\n</div>", ["`/merge`"]),
        ("/merge\n/close", ["`/merge` /close"]),
        ("a\n/merge", ["a /merge"]),
        ("\\/merge", ["`/merge`"]),
        ("use `pip install x`now", ["use `pip install x`now"]),
        ("`a``b`", ["… ```a``b```"]),
        ("`#1`#2", ["`#1` `#2`"]),
        ("**Breaking:** snake_case and $x$ at 100%", ["**Breaking:** `snake_case` and `$x$` at `100%`"]),
        ("since 0a1b2c3d, ABC-12, https://h.example", ["since `0a1b2c3d`, `ABC-12`, `https://h.example`"]),
        ("```python\n/merge @all\n```", ["```\n\\/merge @all\n```"]),
        ("- one\n\n  ```\n  x\n  ```", ["- one `x`"]),
        ("> quoted\n> words", ["quoted words"]),
        ("a  \nb\n---", ["### a b"]),
        ("- 1. x", ["- …\n  1. x"]),
        ("| a | b |\n|--|:-:|\n| `x\\|y` | @all |\n| 1 | 2 | 3 |\n| /merge",
         ["| a | b |\n| --- | --- |\n| `x¦y` | `@all` |\n| 1 | 2 |\n| `/merge` | \u00a0 |"]),
        ("a | b\n--|--\n[x](https://h.example/?a\\|b) | ![p](x)\\|#1 \\`",
         ["| a | b |\n| --- | --- |\n| [x](https://h.example/?a%7Cb) | `p¦#1` `` ` `` |"]),
        ("- Figures:\n\n  | a | b |\n  |--|--|\n  | 1 | 2 |", ["- Figures: a, b; 1, 2"]),
        ("&commat;all &amp; all", ["`@all` & all"]),
    ],
)  # fmt: skip
def test_markdown_is_written_anew(text: str, shown: list[str]) -> None:
    assert rewritten(text) == shown
