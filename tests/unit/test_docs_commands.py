"""Every command line in our pages is one that the real command line takes; nothing is run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.exceptions import TyperException

from docs.pages import command_line

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FENCED = re.compile(r"^ *```(?:sh|console|bash|text)?\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INDENTED = re.compile(r"^ {4}\$ (ropewalk .*)$", re.MULTILINE)
SPAN = re.compile(r"`(ropewalk [^`\n]+)`")
LEAST = 60  # lines of the pages; fewer would mean that they are not found any more


def command_lines(text: str) -> list[tuple[str, bool]]:
    """Those of a page, each with whether it must be whole: in a sentence arguments may be left out."""
    whole = [
        part.strip().removeprefix("$ ")
        for block in FENCED.findall(text)
        for line in block.splitlines()
        for part in re.split(r"&&|\|\||[|;>&]", line.partition(" #")[0])
    ]
    found = [(line, True) for line in (*whole, *INDENTED.findall(text)) if line.startswith("ropewalk ")]
    return found + [(line, False) for line in SPAN.findall(FENCED.sub("", text))]


@pytest.fixture(scope="module")
def root() -> object:
    return command_line.root()


def parse(root: Any, words: list[str]) -> None:
    """Raises: TyperException for what the command line would refuse."""
    command = root
    context = None
    while True:
        context = command.make_context("ropewalk", list(words), parent=context)
        if not hasattr(command, "commands"):
            return
        rest = [*context._protected_args, *context.args]  # the group's own reading of its words is nowhere else
        if not rest:
            return
        _, command, words = command.resolve_command(context, rest)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_command_lines_are_taken(root: object, page: Path) -> None:
    for line, whole in command_lines(page.read_text("utf-8")):
        words = [word for word in shlex.split(line)[1:] if word != "…"]
        try:
            parse(root, words)
        except typer.Exit:
            continue  # --help
        except TyperException as error:
            missing = type(error).__name__ in ("MissingParameter", "NoArgsIsHelpError")
            assert missing and not whole, f"{line}: {error}"


def test_the_pages_have_command_lines() -> None:
    assert sum(len(command_lines(page.read_text("utf-8"))) for page in PAGES) >= LEAST
