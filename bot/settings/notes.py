"""`notes`, at the top level or in a rule, to the domain's policy."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.notes import DEFAULT_GROUPS, NotesGroup, NotesPolicy, NotesStrategy
from bot.settings.problems import shown
from bot.settings.reading import Reading, name
from bot.settings.shape import NotesGroupSection, NotesSection
from bot.settings.tree import KeyPath

MOST_TEMPLATE = 64 * 1024  # bytes


def read_notes(reading: Reading, path: KeyPath, section: NotesSection) -> NotesPolicy:
    """A section that has its shape. What is wrong beyond that is told, and left out."""
    groups: tuple[NotesGroup, ...] = DEFAULT_GROUPS
    if section.groups is not None:
        groups = tuple(_group(reading, (*path, "groups", at), one) for at, one in enumerate(section.groups))
        if sum(group.breaking for group in groups) > 1:
            here = (*path, "groups")
            reading.problem(here, f"{name(here)} has more than one group that is `breaking`", "Keep one")
    if section.file.startswith("/") or ".." in section.file.split("/"):
        here = (*path, "file")
        reading.problem(here, f"{name(here)} must be a path inside the repository", "For example `CHANGELOG.md`")
    if section.failure_labels and not section.failure_issue:
        reading.warn((*path, "failure_labels"), "`failure_labels` is of no use without `failure_issue: true`.")
    policy = NotesPolicy(
        strategy=NotesStrategy(section.strategy),
        groups=groups,
        file=section.file,
        issues=section.issues,
        failure_issue=section.failure_issue,
        failure_labels=tuple(section.failure_labels),
        previews=section.previews,
    )
    if section.template is None:
        return policy
    return replace(policy, template=_template(reading, (*path, "template"), section.template))


def _group(reading: Reading, path: KeyPath, section: NotesGroupSection) -> NotesGroup:
    if not (section.labels or section.types or section.breaking):
        reading.problem(path, f"{name(path)} has neither `labels` nor `types`, so nothing would stand under it")
    return NotesGroup(
        title=section.title, labels=tuple(section.labels), types=tuple(section.types), breaking=section.breaking
    )


def _template(reading: Reading, path: KeyPath, text: str) -> str | None:
    target = reading.file(path, text)
    if target is None:
        return None
    try:
        raw = target.read_bytes()[: MOST_TEMPLATE + 1]
        source = raw.decode()
    except (OSError, UnicodeDecodeError):
        reading.problem(path, f"{name(path)} names a file that cannot be read as text")
        return None
    if len(raw) > MOST_TEMPLATE:
        reading.problem(path, f"{name(path)} names a file of more than {MOST_TEMPLATE} bytes")
        return None
    from jinja2 import TemplateSyntaxError  # only who has a template waits for what reads it
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    try:
        ImmutableSandboxedEnvironment(autoescape=False).parse(source)
    except TemplateSyntaxError as error:
        what = f"{name(path)} names a file that is no template: {shown(str(error.message), 200)} (line {error.lineno})"
        reading.problem(path, what)
        return None
    return source
