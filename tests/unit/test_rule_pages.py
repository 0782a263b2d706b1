"""docs/rules holds what `audit explain` prints, for every rule there is and no other."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.hygiene.catalogue import RULES, Rule
from bot.hygiene.pages import index, page

FOLDER = Path(__file__).parents[2] / "docs" / "rules"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.info.id)
def test_a_rules_page_is_what_explain_prints(rule: Rule) -> None:
    """Word for word; `WRITE_PAGES=1 pytest` on this file writes them anew."""
    path = FOLDER / f"{rule.info.id}.md"
    if "WRITE_PAGES" in os.environ:
        FOLDER.mkdir(exist_ok=True)
        path.write_text(page(rule), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == page(rule)


def test_the_list_of_rules_is_whole() -> None:
    """The index names every rule, and there is no page of a rule that is gone."""
    path = FOLDER / "README.md"
    if "WRITE_PAGES" in os.environ:
        path.write_text(index(RULES), encoding="utf-8")
    assert path.read_text(encoding="utf-8") == index(RULES)
    assert {one.stem for one in FOLDER.glob("RW*.md")} == {rule.info.id for rule in RULES}
