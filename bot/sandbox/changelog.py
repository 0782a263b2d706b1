"""GitLab's changelogs: which commits count, which tag they start after, how a section looks and where it goes.

Source: lib/gitlab/changelog/*, app/services/repositories/changelog_service.rb,
app/finders/repositories/changelog_{tag,commits}_finder.rb.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import yaml

from bot.sandbox.git.repository import Commit
from bot.sandbox.git.trailers import trailers

CONFIG_PATH = ".gitlab/changelog_config.yml"
VERSION = re.compile(r"v?(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
"""What `version` must contain."""
TAG_REGEX = (
    r"^v?(?P<major>0|[1-9]\d*)\.(?P<minor>0|[1-9]\d*)\.(?P<patch>0|[1-9]\d*)"
    r"(?:-(?P<pre>(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+(?P<meta>[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$"
)
COMMIT_LIMIT = 15_000
_REVERT = re.compile(r"This reverts commit ([0-9a-f]{40})")
_HEADER = re.compile(r"##\s+(v?\d+\.\d+\.\d+\S*)")


class ChangelogError(Exception):
    """GitLab would not make the changelog; the message is its sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """`.gitlab/changelog_config.yml`: how to date, name categories, and find versions in tags."""

    date_format: str = "%Y-%m-%d"
    categories: Mapping[str, str] = field(default_factory=dict)
    tag_regex: str = TAG_REGEX


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line: a commit, the merge request that brought it, and whom to credit (`@name`), if anybody."""

    commit: Commit
    category: str
    request: str | None
    credit: str | None


def read_config(text: str | None) -> Config:
    """The configuration, or the default. Raises: ChangelogError."""
    if text is None:
        return Config()
    try:
        whole = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ChangelogError(f"The changelog configuration is invalid YAML: {error}") from None
    if not isinstance(whole, dict):
        raise ChangelogError("The changelog configuration must be a Hash")
    if "template" in whole:
        raise ChangelogError("this embedded GitLab renders the default template only")
    categories = whole.get("categories") or {}
    if not isinstance(categories, dict):
        raise ChangelogError('The "categories" configuration key must be a Hash')
    return Config(
        date_format=str(whole.get("date_format", "%Y-%m-%d")),
        categories={str(key): str(name) for key, name in categories.items()},
        tag_regex=str(whole.get("tag_regex", TAG_REGEX)),
    )


def previous_tag(version: str, tags: Iterable[str], regex: str) -> str | None:
    """The tag of the highest stable version below `version`; tags of pre-releases are passed over.

    Raises:
        ChangelogError: `version` or the expression is none.
    """
    wanted = re.match(TAG_REGEX, version)
    if wanted is None:
        raise ChangelogError(
            "The requested `version` attribute format is not correct. Use formats such as `1.0.0` or `v1.0.0`."
        )
    try:
        pattern = re.compile(regex)
    except re.error as error:
        text = "The regular expression to use for finding the previous tag for a version is invalid"
        raise ChangelogError(f"{text}: {error}") from None
    found: dict[tuple[int, ...], str] = {}
    for tag in tags:
        groups = (match := pattern.search(tag)) and match.groupdict()
        if not groups or groups.get("pre") or not all(groups.get(name) for name in ("major", "minor", "patch")):
            continue
        found[_number(groups)] = tag
    below = [number for number in found if number < _number(wanted.groupdict())]
    return found[max(below)] if below else None


def _number(groups: Mapping[str, str | None]) -> tuple[int, ...]:
    return tuple(int(groups[name] or 0) for name in ("major", "minor", "patch"))


def chosen(commits: Sequence[Commit], trailer: str) -> list[tuple[Commit, str]]:
    """Commits with the trailer and its value, newest first; a revert takes the commit it reverts with it.

    Raises:
        ChangelogError: the range is longer than GitLab reads.
    """
    if len(commits) > COMMIT_LIMIT:
        raise ChangelogError(f"The commits range exceeds {COMMIT_LIMIT} elements.")
    reverted = {sha for one in commits for sha in _REVERT.findall(one.message)}
    found = []
    for one in commits:
        value = trailers(one.message).get(trailer)
        if value and one.id not in reverted:
            found.append((one, value[-1]))
    return found


def section(version: str, date: datetime, config: Config, entries: Iterable[Entry], place: str) -> str:
    """The Markdown of one version; `place` is the project's path, for references."""
    groups: dict[str, list[str]] = {name: [] for name in config.categories.values()}
    for entry in entries:
        line = f"- [{entry.commit.title}]({place}@{entry.commit.id})"
        line += f" by {entry.credit}" if entry.credit else ""
        line += f" ([merge request]({entry.request}))" if entry.request else ""
        groups.setdefault(config.categories.get(entry.category, entry.category), []).append(line)
    blocks = [
        f"### {name} ({'1 change' if len(lines) == 1 else f'{len(lines)} changes'})\n\n" + "\n".join(lines)
        for name, lines in groups.items()
        if lines
    ]
    body = "\n\n".join(blocks) or "No changes."
    return f"## {version} ({date.strftime(config.date_format)})\n\n{body}\n\n"


def inserted(text: str, version: str, added: str) -> str | None:
    """The file with the section in its place, higher versions first; None when it has that version already."""
    if re.search(rf"(?m)^##\s*{re.escape(version)}", text):
        return None
    lines = text.splitlines(keepends=True)
    mine = _key(version)
    places = [(number, match[1]) for number, line in enumerate(lines) if (match := _HEADER.match(line))]
    for number, other in places:
        if _key(other) < mine:
            return "".join([*lines[:number], added, *lines[number:]])
    return "".join([*lines, *(["\n"] if places else []), added.rstrip(), "\n"])


def _key(version: str) -> tuple[int, ...]:
    match = VERSION.search(version)
    return tuple(int(match[number]) for number in (1, 2, 3)) if match else (0,)
