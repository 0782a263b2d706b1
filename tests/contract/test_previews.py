"""Open merge requests over the embedded GitLab: one note each says what they merge as, edited when that changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.app import App
from bot.cli.review_job import review_merge_requests, wants_reviews
from bot.domain.secrets import Redactor
from bot.sandbox.world import flow
from bot.sandbox.world.work import MergeRequest, Note
from bot.settings import load
from tests.contract.sandbox_org import Org, organisation

pytestmark = pytest.mark.slow  # real git behind every change: seconds for what units tell of at once

CONFIG = """\
gitlab: {{url: "{url}", token_file: token}}
watch: {{groups: [acme]}}
state: sqlite:///state.db
indexes: {{registry: {{kind: gitlab}}}}
notes: {{previews: true, strategy: {strategy}}}
hygiene: {{merge_requests: {hygiene}}}
releases:
  - {{projects: ["acme/tools/**"], {refs}, source: artifacts, indexes: [registry]}}
"""
TOWNCRIER: dict[str, str | None] = {"pyproject.toml": '[tool.towncrier]\ndirectory = "news"\n'}
TAGS = 'tags: ["v*"]'
LEAKY = "publish: {script: [twine upload -p $TWINE_PASSWORD dist/*], rules: [{if: $CI_COMMIT_TAG}]}\n"


def metadata(version: str) -> dict[str, str | None]:
    return {"pyproject.toml": f'[project]\nname = "acme-widget"\nversion = "{version}"\n'}


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as found:
        yield found


@pytest.fixture
def bots(org: Org, tmp_path: Path) -> Iterator[list[App]]:
    made: list[App] = []
    yield made
    for one in made:
        one.close()


def bot_of(
    org: Org,
    folder: Path,
    bots: list[App],
    *,
    strategy: str = "merge_requests",
    refs: str = TAGS,
    hygiene: bool = False,
) -> App:
    (folder / "token").write_text(org.tokens["maintainer"])
    (folder / "token").chmod(0o600)
    text = CONFIG.format(url=org.url, strategy=strategy, refs=refs, hygiene=str(hygiene).lower())
    (folder / "ropewalk.yaml").write_text(text)
    app = App(load(folder / "ropewalk.yaml", {}, folder), Redactor())
    bots.append(app)
    look(app)  # the first round only takes the time
    org.control("POST", "clock", json={"advance": 300})
    return app


def look(app: App) -> None:
    review_merge_requests(app, lambda _: None, lambda: False)


def proposed(org: Org, files: dict[str, str | None], message: str = "Change it", *labels: str) -> MergeRequest:
    developer = org.people["developer"]
    flow.commit(org.world, org.project, "change", message, files, developer)
    made = flow.open_merge_request(org.world, org.project, developer, "change", "main", "Lay @all strands")
    made.labels[:] = labels
    return made


def pushed(org: Org, files: dict[str, str | None], message: str = "Change it again") -> None:
    flow.commit(org.world, org.project, "change", message, files, org.people["developer"])


def ours(request: MergeRequest) -> list[Note]:
    return [note for note in request.notes.values() if not note.system]


def test_one_note_says_the_version_and_the_entry_and_is_edited_when_they_change(
    org: Org, tmp_path: Path, bots: list[App]
) -> None:
    """And left alone when they do not; a look at what was seen costs the list alone."""
    org.world.commit(org.project, "main", "Say the version", metadata("1.0.0"), org.people["owner"])
    org.world.create_tag(org.project, "v1.0.0", "main", org.people["owner"])
    bot = bot_of(org, tmp_path, bots)
    request = proposed(org, {"README.md": "more\n"})
    look(bot)
    (note,) = ours(request)
    assert note.author.username == "maintainer"
    assert note.body.startswith("🏷️ Merges for the next tag after `v1.0.0`. Its version is not known yet")
    assert "- `Lay @all strands` ([!" in note.body
    assert "**Missing**\n\n- A label" in note.body
    pushed(org, metadata("1.4.0"))
    look(bot)
    assert [one.id for one in ours(request)] == [note.id]
    assert note.body.startswith("🏷️ Merges as **1.4.0**")
    request.labels.append("bug")
    request.updated_at = org.world.clock.now()
    look(bot)
    assert "### Fixed" in note.body
    assert "**Missing**" not in note.body
    written = (note.body, note.updated_at)
    pushed(org, {"README.md": "still more\n"})
    look(bot)
    assert [(one.body, one.updated_at) for one in ours(request)] == [written]
    request.updated_at = org.world.clock.now()
    org.control("DELETE", "requests")
    look(bot)
    assert len(org.control("GET", "requests").json()) <= 2


@pytest.mark.parametrize(
    ("strategy", "message", "files", "said", "missing"),
    [
        ("file", "Change it", {"CHANGELOG.md": "## [Unreleased]\n\n### Added\n\n- New hemp\n"}, "- New hemp", ""),
        ("file", "Change it", {"README.md": "x\n"}, "", "An entry in `CHANGELOG.md`"),
        ("file", "Change it", {**TOWNCRIER, "news/4.bugfix": "Tear no more\n"}, "### Bugfixes\n\n- Tear no more", ""),
        ("file", "Change it", TOWNCRIER, "", "A news fragment in `news`"),
        ("auto", "Change it", {**TOWNCRIER, "news/4.bugfix": "Tear no more\n"}, "- Tear no more", ""),
        ("changelog_api", "Lay hemp\n\nChangelog: added", {"README.md": "x\n"}, "- Lay hemp", ""),
        ("changelog_api", "Lay hemp", {"README.md": "x\n"}, "", "`Changelog:` trailer"),
        ("conventional", "feat: lay hemp", {"README.md": "x\n"}, "### Added\n\n- `lay hemp` ([!", ""),
        ("conventional", "Lay hemp", {"README.md": "x\n"}, "", "Conventional Commits"),
        ("auto", "Lay hemp\n\nChangelog: added", {"README.md": "x\n"}, "- Lay hemp", ""),
        ("auto", "feat: lay hemp", {"CHANGELOG.md": "## [Unreleased]\n\n- New hemp\n"}, "- New hemp", ""),
    ],
)
def test_the_entry_comes_from_where_the_notes_will(
    org: Org, tmp_path: Path, bots: list[App], strategy: str, message: str, files: dict[str, str | None], said: str,
    missing: str,
) -> None:  # fmt: skip
    bot = bot_of(org, tmp_path, bots, strategy=strategy)
    request = proposed(org, files, message)
    look(bot)
    (note,) = ours(request)
    assert said in note.body
    assert ("**In the release notes**" in note.body) is bool(said)
    assert missing in note.body
    assert ("**Missing**" in note.body) is bool(missing)


def test_a_branch_that_is_released_tells_whether_the_version_is_new(org: Org, tmp_path: Path, bots: list[App]) -> None:
    org.world.commit(org.project, "main", "Say the version", metadata("1.0.0"), org.people["owner"])
    bot = bot_of(org, tmp_path, bots, refs="branches: [main]")
    request = proposed(org, {"README.md": "x\n"}, "Change it", "bug")
    look(bot)
    assert ours(request)[0].body.startswith("⏸️ Merges without a new version: the metadata says **1.0.0**")
    pushed(org, metadata("1.1.0"))
    look(bot)
    assert ours(request)[0].body.startswith("🚀 Merges as **1.1.0**")


def test_the_note_about_hygiene_is_linked_and_not_repeated(org: Org, tmp_path: Path, bots: list[App]) -> None:
    bot = bot_of(org, tmp_path, bots, hygiene=True)
    request = proposed(org, {".gitlab-ci.yml": LEAKY})
    look(bot)
    hygiene, preview = ours(request)
    assert "RW202" in hygiene.body
    assert "RW202" not in preview.body
    assert f"#note_{hygiene.id}" in preview.body


@pytest.mark.parametrize("kind", ["reset", "truncated", "status"])
def test_an_answer_that_is_lost_makes_no_second_note(org: Org, tmp_path: Path, bots: list[App], kind: str) -> None:
    """Nor does a bot that was killed before it could write down what it told."""
    bot = bot_of(org, tmp_path, bots)
    request = proposed(org, {"README.md": "x\n"})
    fault = {"kind": kind, "method": "POST", "path": "/notes$", "after_effect": True, "times": 1}
    org.control("POST", "faults", json=fault)
    look(bot)
    look(bot)
    assert len(ours(request)) == 1
    assert bot.store.reviews.seen(f"{org.project.id}!{request.iid} preview") is not None


@pytest.mark.parametrize("asked", [True, False])
def test_nothing_is_told_unless_policy_asks_for_it(org: Org, tmp_path: Path, bots: list[App], asked: bool) -> None:
    """Nor on a merge request into a branch from which nothing is released."""
    bot = bot_of(org, tmp_path, bots, refs='tags: ["v*"]' if asked else 'tags: ["v*"], notes: {previews: false}')
    assert wants_reviews(bot.settings.policy) is asked
    developer = org.people["developer"]
    flow.commit(org.world, org.project, "side", "Begin", {"a": "a\n"}, developer)
    flow.commit(org.world, org.project, "change", "Change", {"b": "b\n"}, developer)
    aside = flow.open_merge_request(org.world, org.project, developer, "change", "side", "Aside")
    look(bot)
    assert ours(aside) == []
    request = proposed(org, {"README.md": "x\n"})
    look(bot)
    assert len(ours(request)) is int(asked)
