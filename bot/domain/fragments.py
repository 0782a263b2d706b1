"""towncrier's news fragments: where a project keeps them, and what they will say.

The package itself reads them from a working tree, fills templates of the project without a sandbox and has no public
interface, so none of that is run here. Names are read as it reads them, and entries stand in its order.

Source: towncrier 26.9.0, _settings/load.py, _settings/fragment_types.py, _builder.py.
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.domain.restructured import as_markdown

TOWNCRIER_FILES = ("towncrier.toml", "pyproject.toml")
_DEFAULT_TYPES = {
    "feature": ("Features", True),
    "bugfix": ("Bugfixes", True),
    "doc": ("Improved Documentation", True),
    "removal": ("Deprecations and Removals", True),
    "misc": ("Misc", False),
}
_IGNORED = (".gitignore", ".gitkeep", ".keep", "readme", "readme.md", "readme.rst")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Towncrier:
    """A project's settings: folder -> section (empty: none), type -> title and whether texts are shown, in order."""

    folders: Mapping[str, str]
    types: Mapping[str, tuple[str, bool]]
    ignored: tuple[str, ...] = _IGNORED
    orphan: str = "+"
    issue_format: str | None = None
    markdown: bool = False

    @property
    def words(self) -> str:
        """The folders, for people."""
        return ", ".join(self.folders)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """What a file's name says. `issue` is empty for an orphan."""

    section: str
    type: str
    issue: str


def read_towncrier(towncrier_toml: str | None, pyproject: str | None) -> Towncrier | None:
    """The settings; None where there are none, or they are not as towncrier wants them."""
    table = _table(_toml(towncrier_toml if towncrier_toml is not None else pyproject), "tool", "towncrier")
    if not table:
        return None
    template = table.get("template")
    ignored = [*_IGNORED, *(str(one).lower() for one in _list(table, "ignore"))]
    if isinstance(template, str):
        ignored.append(posixpath.basename(template).lower())
    package = table.get("package") or _table(_toml(pyproject), "project").get("name") or ""
    issue_format = table.get("issue_format")
    return Towncrier(
        folders=_folders(table, str(package)),
        types=_types(table),
        ignored=tuple(ignored),
        orphan=str(table.get("orphan_prefix", "+")),
        issue_format=issue_format if isinstance(issue_format, str) else None,
        markdown=str(table.get("filename", "")).endswith(".md"),
    )


def fragment_of(settings: Towncrier, path: str) -> Fragment | None:
    """What a file is a fragment of, by its path; None if it is none."""
    folder, _, name = path.rpartition("/")
    if folder not in settings.folders or any(fnmatch.fnmatch(name.lower(), one) for one in settings.ignored):
        return None
    parts = name.split(".")
    for at in reversed(range(1, len(parts))):
        if parts[at] in settings.types:
            issue = ".".join(parts[:at]).strip()
            issue = str(int(issue)) if issue.isdecimal() and len(issue) < 20 else issue
            orphan = bool(settings.orphan) and issue.startswith(settings.orphan)
            return Fragment(section=settings.folders[folder], type=parts[at], issue="" if orphan else issue)
    return None


def news_of(settings: Towncrier, texts: Mapping[str, str]) -> str:
    """What these files (path -> text) will say, as Markdown with a heading a type; empty if none is a fragment."""
    told: dict[str, dict[str, dict[str, list[str]]]] = {}
    for path in sorted(texts):
        found = fragment_of(settings, path)
        if found is None:
            continue
        title, shown = settings.types[found.type]
        text = texts[path] if settings.markdown or path.endswith(".md") else as_markdown(texts[path])
        text = text.strip() if shown or not found.issue else ""
        issues = told.setdefault(found.section, {}).setdefault(title, {}).setdefault(text, [])
        issues += [found.issue] if found.issue else []
    lines: list[str] = []
    for section in dict.fromkeys(settings.folders.values()):
        if section in told and section:
            lines += [f"### {section}", ""]
        for title, _ in settings.types.values():
            entries = told.get(section, {}).get(title, {})
            if entries:
                lines += [f"{'####' if section else '###'} {title}", "", *_entries(settings, entries), ""]
    return "\n".join(lines).strip()


def _entries(settings: Towncrier, entries: Mapping[str, list[str]]) -> Iterable[str]:
    def order(entry: tuple[str, list[str]]) -> tuple[str, list[tuple[bool, bool, str, int]]]:
        text, issues = entry
        return "" if issues else text, sorted(map(_issue_order, issues))

    for text, issues in sorted(entries.items(), key=order):
        named = ", ".join(_issue(settings, one) for one in sorted(issues, key=_issue_order))
        said = text.replace("\n", "\n  ")
        yield f"- {said} ({named})" if said and named else f"- {said or named}"


def _issue_order(issue: str) -> tuple[bool, bool, str, int]:
    """Without a number first, numbers alone last."""
    if issue.isdecimal():
        return True, True, "", int(issue[:20])
    number = _NUMBER.search(issue)
    if number is None:
        return False, False, issue, -1
    return False, True, issue[: number.start()] + issue[number.end() :], int(number[0][:20])


def _issue(settings: Towncrier, issue: str) -> str:
    if settings.issue_format is not None:
        return settings.issue_format.replace("{issue}", issue)
    return f"#{issue}" if issue.isdecimal() else issue


def _folders(table: Mapping[str, object], package: str) -> dict[str, str]:
    """As towncrier puts them together; what leads out of the repository is none."""
    directory = table.get("directory")
    sections = [one for one in _list(table, "section") if isinstance(one, dict)] or [{"path": ""}]
    folders: dict[str, str] = {}
    for one in sections:
        path = str(one.get("path", ""))
        if isinstance(directory, str):
            folder = posixpath.normpath(posixpath.join(directory, path))
        else:
            base = str(table.get("package_dir", "."))
            folder = posixpath.normpath(posixpath.join(base, package, path, "newsfragments"))
        if not folder.startswith(("/", "..")) and folder != ".":
            folders.setdefault(folder, str(one.get("name", "")))
    return folders


def _types(table: Mapping[str, object]) -> dict[str, tuple[str, bool]]:
    named = table.get("fragment")
    if isinstance(named, dict) and named:
        tables = {str(key): one if isinstance(one, dict) else {} for key, one in named.items()}
        return {
            key: (str(one.get("name", key.capitalize())), bool(one.get("showcontent", True)))
            for key, one in tables.items()
        }
    listed = [one for one in _list(table, "type") if isinstance(one, dict)]
    made = {
        str(one.get("directory", str(one.get("name", "")).lower())): (
            str(one.get("name", "")),
            bool(one.get("showcontent", True)),
        )
        for one in listed
    }
    return made or dict(_DEFAULT_TYPES)


def _toml(text: str | None) -> Mapping[str, object]:
    try:
        return tomllib.loads(text or "")
    except (tomllib.TOMLDecodeError, RecursionError):
        return {}


def _table(table: Mapping[str, object], *names: str) -> Mapping[str, object]:
    for name in names:
        below = table.get(name)
        table = below if isinstance(below, dict) else {}
    return table


def _list(table: Mapping[str, object], name: str) -> list[object]:
    value = table.get(name)
    return value if isinstance(value, list) else []
