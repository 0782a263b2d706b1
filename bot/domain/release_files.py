"""The files of a project that name its version, as the next release has them. Pure; texts in, texts out."""

from __future__ import annotations

import re
import tomllib
from datetime import date

from bot.domain.changelog import begun_section, section_of, unreleased_of

METADATA = "pyproject.toml"
_TABLE = re.compile(r"^[ \t]*\[", re.MULTILINE)
_PROJECT = re.compile(r"^[ \t]*\[[ \t]*project[ \t]*\][ \t]*(?:#.*)?$", re.MULTILINE)
_VERSION = re.compile(r"""^([ \t]*version[ \t]*=[ \t]*)(["'])([^"'\n\\]*)\2""", re.MULTILINE)


def with_section(text: str | None, version: str, day: date, entry: str) -> str:
    """The changelog with a section for `version`: what stood under `Unreleased`, else `entry`.

    A version that has its section already changes nothing; without a changelog one is begun. Line ends stay.
    """
    heading = f"## [{version}] - {day.isoformat()}"
    if text is None or not text.strip():
        return f"# Changelog\n\n{heading}\n\n{entry}\n"
    if section_of(text, version) is not None:
        return text
    made = begun_section(text, heading, None if unreleased_of(text) else entry)
    return made.replace("\n", "\r\n") if "\r\n" in text else made


def day_of(text: str | None, version: str) -> date | None:
    """The day that `with_section` gave a version; None if it did not."""
    found = re.search(rf"^## \[{re.escape(version)}\] - (\d{{4}}-\d\d-\d\d)\r?$", text or "", re.MULTILINE)
    try:
        return None if found is None else date.fromisoformat(found[1])
    except ValueError:
        return None


def with_version(text: str, version: str) -> str | None:
    """`pyproject.toml` with another `[project] version`, nothing else changed; itself where it writes none down.

    None if it cannot be changed safely: the text is no TOML, or the version is not on a line of its own.
    """
    try:
        before = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None
    project = before.get("project")
    if not isinstance(project, dict) or "version" not in project:
        return text
    table = _PROJECT.search(text)
    if table is None:
        return None
    end = _TABLE.search(text, table.end())
    line = _VERSION.search(text, table.end(), len(text) if end is None else end.start())
    if line is None:
        return None
    made = f"{text[: line.start(3)]}{version}{text[line.end(3) :]}"
    return made if tomllib.loads(made) == {**before, "project": {**project, "version": version}} else None
