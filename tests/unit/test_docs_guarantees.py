"""Every promise on the page of guarantees names a test or a bench that is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
ROWS = re.findall(r"^\| (?!Promise|--)(.+) \| `([^`]+)` \|$", PAGE, re.MULTILINE)
LEAST = 30  # rows; fewer would mean that they are not found any more


def functions(path: Path) -> set[str]:
    """Names of a file's tests, not of what is only called like one in a text."""
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def options(path: Path) -> set[str]:
    """What a program takes, by its own words."""
    return set(re.findall(r'add_argument\("(--[a-z]+)"', path.read_text("utf-8")))


@pytest.mark.parametrize(("promise", "shown"), ROWS, ids=[shown for _, shown in ROWS])
def test_what_shows_a_promise_is_there(promise: str, shown: str) -> None:
    assert promise
    name, _, test = shown.partition("::")
    if test:
        assert test in functions(ROOT / name)
        return
    path, *words = name.split()
    assert path.startswith("bench/")
    assert {word for word in words if word.startswith("--")} <= options(ROOT / path)


def test_the_page_has_promises_and_every_row_was_read() -> None:
    assert len(ROWS) >= LEAST
    assert len(ROWS) == len(re.findall(r"^\| (?!Promise|--)", PAGE, re.MULTILINE))


def test_every_bench_that_breaks_promises_is_named() -> None:
    benches = {f"bench/{path.name}" for path in (ROOT / "bench").glob("bench_*.py") if "promise" in path.read_text()}
    assert {one for one in benches if one not in PAGE} == {"bench/bench_sandbox.py"}, (
        "the sandbox is no part of the bot"
    )
