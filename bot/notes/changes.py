"""What changed, as people read it: entries under headings, or a changelog's own words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.domain.commits import Conventional, parse_message, told
from bot.domain.errors import RefusedError
from bot.domain.gitlab import Changes, Commit, MergeRequest
from bot.domain.notes import OTHER_TITLE, NotesGroup, NotesSource, NotesStrategy
from bot.domain.report import ReleaseReport
from bot.notes.foreign import check_finished, inline, link
from bot.notes.markdown import rewritten, words
from bot.notes.tables import count_words

TITLE_LIMIT = 300
LABELS_SHOWN = 5
CONTRIBUTORS_SHOWN = 50
# A description is read by people and rendered by GitLab within seconds: further entries are one click away.
ENTRIES_SHOWN = 1_000
SHORT_SHA = 8
# Source: GitLab, doc/user/markdown.md, "GitLab-specific references"; lib/gitlab/changelog/template.tpl.
_COMMIT = re.compile(r"(?P<path>[\w./-]*)@(?P<sha>[0-9a-f]{7,40})")
_REQUEST = re.compile(r"(?P<path>[\w./-]*)!(?P<iid>[0-9]{1,10})")
_FILE = re.compile(r"(?!//)[\w./-]+(?:#[\w.-]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Entries under one heading (None: under none), each a line that begins with `- `. All of it is safe."""

    title: str | None
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What changed, by groups or, where a changelog speaks for itself, by `blocks`. `noun` is what one entry is."""

    groups: tuple[Group, ...] = ()
    blocks: tuple[str, ...] = ()
    noun: str = "merge request"

    def pieces(self) -> list[str]:
        """All blocks and entries in order, headings before the first entry under them."""
        lines = list(self.blocks)
        for group in self.groups:
            heading = f"### {group.title}\n\n" if group.title else ""
            lines += [heading + group.entries[0], *group.entries[1:]] if group.entries else []
        return lines


def write(report: ReleaseReport, changes: Changes) -> Written:
    """What changed, from the source that was chosen; from the merge requests where that gives nothing that is safe."""
    source = report.source or NotesSource(strategy=NotesStrategy.MERGE_REQUESTS, reason="")
    if source.markdown is not None:
        blocks = _blocks(source, report)
        if blocks:
            return Written(blocks=tuple(blocks), noun="paragraph")
    groups = report.notes.groups
    if source.strategy is NotesStrategy.CONVENTIONAL:
        requests = {one.iid: one for one in changes.merge_requests}
        entries = [
            (_group_of(parsed, (), groups), _commit_entry(commit, parsed, requests))
            for commit in told(changes.commits)
            if (parsed := parse_message(commit.message)) is not None
        ]
        return Written(groups=_grouped(entries, groups), noun="change")
    found = [_placed(one, groups) for one in changes.merge_requests]
    return Written(groups=_grouped(found, groups))


def fitting(pieces: Iterable[str], room: int) -> list[str]:
    """As many of the first pieces as fit into `room` bytes, blank lines included."""
    fit: list[str] = []
    for piece in pieces:
        room -= len(piece.encode()) + 2
        if room < 0 or len(fit) >= ENTRIES_SHOWN:
            break
        fit.append(piece)
    return fit


def joined(pieces: Sequence[str]) -> list[str]:
    """Paragraphs: entries that follow each other are one list."""
    paragraphs: list[str] = []
    for piece in pieces:
        if piece.startswith("- ") and paragraphs and paragraphs[-1].rpartition("\n")[2].startswith("- "):
            paragraphs[-1] += f"\n{piece}"
        else:
            paragraphs.append(piece)
    return paragraphs


def contributors(changes: Changes) -> tuple[str, ...]:
    """Who made the changes, each once, as code; authors of merge requests, or of commits where there are none."""
    names = [one.author for one in changes.merge_requests] or [one.author for one in told(changes.commits)]
    return tuple(inline(name, 100) for name in dict.fromkeys(names) if name.strip())


def thanks(names: Sequence[str]) -> str:
    """The sentence that names them; empty for none."""
    shown = list(names[:CONTRIBUTORS_SHOWN])
    if len(names) > len(shown):
        shown.append(count_words(len(names) - len(shown), "other"))
    if not shown:
        return ""
    listed = f"{', '.join(shown[:-1])} and {shown[-1]}" if len(shown) > 1 else shown[0]
    return f"Thanks to {listed}."


def _blocks(source: NotesSource, report: ReleaseReport) -> list[str]:
    blocks = rewritten(source.markdown or "", lambda address: _address(address, report))
    if source.strategy is NotesStrategy.CHANGELOG_API and blocks and blocks[0].startswith("#"):
        blocks = blocks[1:]  # version and date: the Release says both, and the date is that of the question
    # Each is safe by construction; should one not be, the rest still is.
    return [made for made in blocks if _is_safe(made)]


def _address(text: str, report: ReleaseReport) -> str:
    """Where a changelog's link leads: GitLab's own names for commits and merge requests, and files of the project."""
    root = report.project_url.removesuffix(report.project)
    if found := _COMMIT.fullmatch(text):
        return f"{root}{found['path'] or report.project}/-/commit/{found['sha']}"
    if found := _REQUEST.fullmatch(text):
        return f"{root}{found['path'] or report.project}/-/merge_requests/{found['iid']}"
    if _FILE.fullmatch(text):
        return f"{report.project_url}/-/blob/{report.sha}/{text.removeprefix('./').lstrip('/')}"
    return text


def _is_safe(made: str) -> bool:
    try:
        check_finished(made, "changelog")
    except RefusedError:
        return False
    return True


def _grouped(entries: Sequence[tuple[NotesGroup | None, str]], groups: Sequence[NotesGroup]) -> tuple[Group, ...]:
    """Breaking changes first, then in the policy's order, then the rest; without headings if nothing is grouped."""
    order: list[NotesGroup | None] = [*sorted(groups, key=lambda group: not group.breaking), None]
    by_group = {id(group): tuple(text for place, text in entries if place is group) for group in order}
    if len(by_group[id(None)]) == len(entries):
        return (Group(title=None, entries=by_group[id(None)]),) if entries else ()
    return tuple(
        Group(title=words(group.title) if group else OTHER_TITLE, entries=by_group[id(group)])
        for group in order
        if by_group[id(group)]
    )


def _group_of(parsed: Conventional | None, labels: Sequence[str], groups: Sequence[NotesGroup]) -> NotesGroup | None:
    known = {label.casefold() for label in labels}
    first = next((group for group in groups if group.breaking), None)
    breaks = (parsed is not None and parsed.breaking) or (first is not None and bool(known & _folded(first.labels)))
    by_label = (group for group in groups if known & _folded(group.labels))
    by_type = (group for group in groups if parsed and parsed.type in _folded(group.types))
    if breaks and first is not None:
        return first
    return next(by_label, None) or next(by_type, None)


def _folded(words: Iterable[str]) -> set[str]:
    return {word.casefold() for word in words}


def _placed(merge_request: MergeRequest, groups: Sequence[NotesGroup]) -> tuple[NotesGroup | None, str]:
    group = _group_of(parse_message(merge_request.title), merge_request.labels, groups)
    said = _folded(group.labels) if group else set()
    more = [label for label in merge_request.labels if label.casefold() not in said]
    labels = "".join(f" · {inline(label, 100)}" for label in more[:LABELS_SHOWN])
    title, author = inline(merge_request.title, TITLE_LIMIT), inline(merge_request.author, 100)
    return group, f"- {title} ({_number(merge_request)}) by {author}{labels}"


def _commit_entry(commit: Commit, parsed: Conventional, requests: dict[int, MergeRequest]) -> str:
    request = requests.get(commit.merge_request) if commit.merge_request is not None else None
    where = _number(request) if request else link(inline(commit.sha[:SHORT_SHA]), commit.web_url)
    author = request.author if request else commit.author
    scope = f" in {inline(parsed.scope, 100)}" if parsed.scope else ""
    return f"- {inline(parsed.subject, TITLE_LIMIT)}{scope} ({where}) by {inline(author, 100)}"


def _number(merge_request: MergeRequest) -> str:
    return link(f"!{merge_request.iid}", merge_request.web_url)
