"""Release notes by every strategy, and in the organisation's own form, as people read them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.gitlab import Changes, Commit, MergeRequest
from bot.domain.notes import DEFAULT_NOTES, NotesGroup, NotesPolicy, NotesSource, NotesStrategy
from bot.domain.report import ReleaseReport
from bot.notes.markers import END_OF_DESCRIPTION
from tests.unit.notes_reader import read
from tests.unit.notes_reports import merge_request, published
from tests.unit.test_notes_texts import TEXTS, same_as_golden

TEMPLATE = """\
Version {{ version }} of {{ project }} ({{ ref }}, after {{ previous }})
{% for group in groups %}

## {{ group.title }}

{% for entry in group.entries %}
{{ entry }}
{% endfor %}
{% endfor %}

{{ thanks }} {{ since }}

{{ install }}

{{ files }}
"""
SECTION = """\
### Added

- Strands of **hemp** (#12), thanks @ada!
  - see [the guide](https://docs.example.com/hemp) and [our own](docs/hemp.md#tar)
- `twine` 7

### Fixed

/merge <script>alert(1)</script> ![tracker](https://evil.example/i.png)
"""
MADE = """\
## 1.1.0 (2026-08-03)

### added (1 change)

- [Lay the strands](acme/tools/widget@0a1b2c3d0a1b2c3d) by @grace ([merge request](acme/tools/widget!7))
"""


def commit(number: int, message: str, request: int | None = None) -> Commit:
    sha = f"{number:x}" * 40
    return Commit(
        sha=sha,
        message=message,
        author="Grace Hopper",
        web_url=f"https://gitlab.example.com/acme/tools/widget/-/commit/{sha}",
        merge_request=request,
    )


def from_(strategy: NotesStrategy, markdown: str | None = None, **fields: object) -> ReleaseReport:
    return published(source=NotesSource(strategy=strategy, reason="a test", markdown=markdown), **fields)


def titles(*requests: MergeRequest, notes: NotesPolicy = DEFAULT_NOTES) -> list[str]:
    changes = Changes(previous_tag=None, merge_requests=requests)
    lines = TEXTS.description(published(changes=changes, notes=notes), None).split("\n")
    end = next((n for n, line in enumerate(lines) if line.startswith("Thanks to")), len(lines))
    return [line for line in lines[:end] if line.startswith(("### ", "- "))]


def entry(iid: int, title: str, tail: str = "") -> str:
    where = f"https://gitlab.example.com/acme/tools/widget/-/merge_requests/{iid}"
    return f"- `{title}` ([!{iid}]({where})) by `ada`{tail}"


def test_conventional_reads_as_the_kept_text() -> None:
    commits = (
        commit(9, "Merge branch 'x' into 'main'"),
        commit(8, "feat(rope)!: lay hemp only", 7),
        commit(7, "fix: tar it @all twice", 8),
        commit(6, "chore: bump"),
        commit(5, "words without form"),
        commit(4, "feat: `strands`\n\nBREAKING CHANGE: none are left"),
    )
    changes = replace(published().changes or Changes(previous_tag=None, merge_requests=()), commits=commits)
    report = from_(NotesStrategy.CONVENTIONAL, changes=changes)
    same_as_golden("description_conventional", TEXTS.description(report, None))


@pytest.mark.parametrize(
    ("name", "strategy", "markdown"),
    [("file", NotesStrategy.FILE, SECTION), ("changelog_api", NotesStrategy.CHANGELOG_API, MADE)],
)
def test_a_changelogs_own_words_read_as_the_kept_text(name: str, strategy: NotesStrategy, markdown: str) -> None:
    body = TEXTS.description(from_(strategy, markdown), None)
    same_as_golden(f"description_{name}", body)
    alive = read(body)
    assert (alive.commands, alive.mentions, alive.images) == ((), (), 0)


def test_a_template_reads_as_the_kept_text() -> None:
    report = from_(NotesStrategy.MERGE_REQUESTS, notes=replace(DEFAULT_NOTES, template=TEMPLATE))
    body = TEXTS.description(report, "Ours.\n")
    same_as_golden("description_template", body)
    assert TEXTS.description(report, body) == body


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ nothing }}", "'nothing' is undefined"),
        ("{{ 1 / 0 }}", "ZeroDivisionError: division by zero"),
        ("{{ ''.__class__.__mro__ }}", "access to attribute '__class__' of 'str' object is unsafe."),
        ("{% for %}", "(line 1)"),
        ("ask @all", "is not safe: line 3 has a live mention"),
        ("<b>{{ version }}</b>", "is not safe: line 3 has a live html"),
        ("x\n/close", "could be taken for a quick action"),
        ("{% for n in range(99999) %}{{ changes }}\n{% endfor %}", "it gives more than fits into a description"),
    ],
)
def test_a_template_that_cannot_be_used_gives_way_to_our_own_words_and_it_is_said(template: str, said: str) -> None:
    report = published(notes=replace(DEFAULT_NOTES, template=template))
    body = TEXTS.description(report, None)
    assert "## What changed" in body
    line = next(line for line in body.split("\n") if line.startswith("ℹ️ The template for release notes could not"))
    assert said in line
    assert body.endswith(END_OF_DESCRIPTION)


def test_merge_requests_stand_under_the_first_group_that_knows_a_label_and_breaking_ones_first() -> None:
    assert titles(
        merge_request(1, "one", labels=("Bug", "ui")),
        merge_request(2, "two", labels=("docs", "feature")),
        merge_request(3, "three", labels=()),
        merge_request(4, "fix!: four", labels=("bug",)),
        merge_request(5, "perf: five", labels=()),
    ) == [
        "### Breaking changes",
        entry(4, "fix!: four", " · `bug`"),
        "### Added",
        entry(2, "two", " · `docs`"),
        "### Fixed",
        entry(1, "one", " · `ui`"),
        "### Faster",
        entry(5, "perf: five"),
        "### Other changes",
        entry(3, "three"),
    ]


def test_without_a_group_there_is_no_heading() -> None:
    assert titles(merge_request(1, "one", labels=("ui",)), merge_request(2, "two", labels=())) == [
        entry(1, "one", " · `ui`"),
        entry(2, "two"),
    ]


def test_groups_are_the_organisations() -> None:
    groups = (
        NotesGroup(title="News @all", labels=("ui",)),
        NotesGroup(title="Gone", labels=("removed",), breaking=True),
    )
    notes = replace(DEFAULT_NOTES, groups=groups)
    requests = (merge_request(1, "one", labels=("ui",)), merge_request(2, "two", labels=("removed", "ui")))
    assert titles(*requests, notes=notes) == [
        "### Gone",
        entry(2, "two", " · `ui`"),
        "### News `@all`",
        entry(1, "one"),
    ]


def test_a_long_changelog_is_cut_between_paragraphs_and_counted() -> None:
    long = "\n\n".join(f"- {'strand ' * 40}{number}\n\ntext {number}" for number in range(400))
    body = TEXTS.description(from_(NotesStrategy.FILE, long), "x" * 980_000)
    assert len(body.encode()) <= 1_000_000
    assert "more paragraphs." in body


def test_those_who_made_it_are_thanked_once_and_not_too_many() -> None:
    many = tuple(merge_request(n, author=f"person{n % 70}") for n in range(140))
    body = TEXTS.description(published(changes=Changes(previous_tag=None, merge_requests=many)), None)
    thanks = next(line for line in body.split("\n") if line.startswith("Thanks to"))
    assert thanks.endswith("`person49` and 20 others.")
    assert thanks.count("`person7`") == 1


def test_a_preview_is_the_changes_alone() -> None:
    report = published(files=(), indexes=(), receipts=())
    text = TEXTS.preview(report)
    assert text.startswith("## What changed\n")
    assert "<!--" not in text
    assert text.endswith("...v1.1.0).")
