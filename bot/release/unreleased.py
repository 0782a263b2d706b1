"""See what a project keeps about changes that are not released: news fragments, else its changelog's own section."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.domain.changelog import unreleased_of
from bot.domain.fragments import TOWNCRIER_FILES, Towncrier, fragment_of, news_of, read_towncrier
from bot.domain.restructured import as_markdown
from bot.ports.gitlab import Contents
from bot.release.facts import ChangelogFile

MOST_FRAGMENTS = 100  # at a request each


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreleased:
    """What is new at a commit, as Markdown (None: nothing), and where it is kept, for people."""

    markdown: str | None
    kept: str
    fragments: bool


def see_fragments(contents: Contents, project_id: int, sha: str) -> ChangelogFile | None:
    """What all news fragments at a commit say; None where the project has none to speak of."""
    settings = towncrier_at(contents, project_id, sha)
    if settings is None:
        return None
    paths = fragments_at(contents, project_id, settings, sha)
    if not paths:
        return None
    what = f"{settings.words} has news fragments of what is not released"
    return ChangelogFile(there=True, section=_news(contents, project_id, settings, sha, paths) or None, what=what)


def added(contents: Contents, project_id: int, file: str, base: str, head: str) -> Unreleased:
    """What a commit has to say that an earlier one had not."""
    settings = towncrier_at(contents, project_id, head)
    if settings is None:
        before, after = (section_at(contents, project_id, file, sha) for sha in (base, head))
        return Unreleased(markdown=_gained(before, after) or None, kept=file, fragments=False)
    old = set(fragments_at(contents, project_id, settings, base))
    new = [path for path in fragments_at(contents, project_id, settings, head) if path not in old]
    markdown = _news(contents, project_id, settings, head, new) if new else ""
    return Unreleased(markdown=markdown or None, kept=settings.words, fragments=True)


def towncrier_at(contents: Contents, project_id: int, sha: str) -> Towncrier | None:
    """How the project uses towncrier at a commit."""
    own, project = (contents.file(project_id, path, sha) for path in TOWNCRIER_FILES)
    return read_towncrier(own, project)


def fragments_at(contents: Contents, project_id: int, settings: Towncrier, sha: str) -> tuple[str, ...]:
    """Paths of all fragments at a commit."""
    names = (name for folder in settings.folders for name in contents.names(project_id, folder, sha))
    return tuple(name for name in names if fragment_of(settings, name) is not None)


def section_at(contents: Contents, project_id: int, file: str, sha: str) -> str:
    """The section about what is not released; empty if there is none."""
    return unreleased_of(readable(file, contents.file(project_id, file, sha) or "")) or ""


def readable(file: str, text: str) -> str:
    """The text of a changelog as Markdown."""
    return as_markdown(text) if file.lower().endswith(".rst") else text


def _news(contents: Contents, project_id: int, settings: Towncrier, sha: str, paths: Collection[str]) -> str:
    texts = {path: contents.file(project_id, path, sha) for path in list(paths)[:MOST_FRAGMENTS]}
    return news_of(settings, {path: text for path, text in texts.items() if text is not None})


def _gained(before: str, after: str) -> str:
    """The lines that a section gained, under the headings they stand below."""
    known = {line.strip() for line in before.splitlines()}
    lines: list[str] = []
    heading = ""
    for line in after.splitlines():
        if line.startswith("#"):
            heading = line
        elif line.strip() and line.strip() not in known:
            lines += ["", heading, "", line] if heading else [line]
            heading = ""
    return "\n".join(lines).strip()
