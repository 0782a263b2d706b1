"""Merge requests that change CI files, over the embedded GitLab: one note each, edited when the outcome changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bot.app import App
from bot.cli.review_job import review_merge_requests
from bot.domain.secrets import Redactor
from bot.sandbox.world import flow
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import MergeRequest, Note
from bot.settings import load
from tests.contract.sandbox_org import Org, organisation

pytestmark = pytest.mark.slow  # real git behind every change: seconds for what units tell of at once

CONFIG = """\
gitlab: {{url: "{url}", token_file: token}}
watch: {{groups: [acme]}}
state: sqlite:///state.db
indexes: {{registry: {{kind: gitlab}}}}
releases:
  - {{projects: ["acme/tools/**"], tags: ["v*"], source: artifacts, indexes: [registry]}}
"""
GOOD = """\
publish:
  environment: pypi
  rules: [{if: '$CI_COMMIT_TAG'}]
  script: [twine check --strict dist/*, twine upload dist/*]
"""
LEAKY = GOOD.replace("twine upload", "twine upload -p $TWINE_PASSWORD")


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as found:
        yield found


@pytest.fixture
def bot(org: Org, tmp_path: Path) -> Iterator[App]:
    (tmp_path / "token").write_text(org.tokens["maintainer"])
    (tmp_path / "token").chmod(0o600)
    (tmp_path / "ropewalk.yaml").write_text(CONFIG.format(url=org.url))
    app = App(load(tmp_path / "ropewalk.yaml", {}, tmp_path), Redactor())
    look(app)  # the first round only takes the time
    org.control("POST", "clock", json={"advance": 300})
    yield app
    app.close()


def look(app: App) -> None:
    review_merge_requests(app, lambda _: None, lambda: False)


def proposed(org: Org, project: Project, files: Mapping[str, str | None], name: str = "change") -> MergeRequest:
    developer = org.people["developer"]
    flow.commit(org.world, project, name, "Change it", files, developer)
    return flow.open_merge_request(org.world, project, developer, name, "main", f"Change {name}")


def pushed(org: Org, project: Project, files: Mapping[str, str | None], name: str = "change") -> None:
    flow.commit(org.world, project, name, "Change it again", files, org.people["developer"])


def ours(request: MergeRequest) -> list[Note]:
    return [note for note in request.notes.values() if not note.system]


def asked(org: Org) -> int:
    return len(org.control("GET", "requests").json())


def test_one_note_says_what_changes_and_is_edited_when_that_changes(org: Org, bot: App) -> None:
    """Nothing at first; then what is new; what is gone; and that nothing is left of it."""
    org.world.commit(org.project, "main", "Well kept", {".gitlab-ci.yml": GOOD}, org.people["owner"])
    request = proposed(org, org.project, {"README.md": "more\n"})
    look(bot)
    assert ours(request) == []
    pushed(org, org.project, {".gitlab-ci.yml": LEAKY})
    look(bot)
    (note,) = ours(request)
    assert note.author.username == "maintainer"
    assert "RW202" in note.body
    assert "New with this change" in note.body
    written = (note.body, note.updated_at)
    pushed(org, org.project, {"README.md": "still more\n"})
    look(bot)
    assert [(one.body, one.updated_at) for one in ours(request)] == [written]
    pushed(org, org.project, {".gitlab-ci.yml": GOOD + "lint: {script: ruff check}\n"})
    look(bot)
    assert [one.id for one in ours(request)] == [note.id]
    assert "RW202" not in note.body
    pushed(org, org.project, {".gitlab-ci.yml": GOOD})
    look(bot)
    assert [one.id for one in ours(request)] == [note.id]
    assert "changes nothing" in note.body


def test_a_head_is_looked_at_once(org: Org, bot: App) -> None:
    """Rounds in which nothing changed cost the list and the time, whatever else touches the merge request."""
    request = proposed(org, org.project, {".gitlab-ci.yml": LEAKY})
    look(bot)
    assert len(ours(request)) == 1
    request.updated_at = org.world.clock.now()
    org.control("DELETE", "requests")
    look(bot)
    assert asked(org) <= 2
    assert len(ours(request)) == 1


@pytest.mark.parametrize("kind", ["reset", "truncated", "status"])
def test_an_answer_that_is_lost_makes_no_second_note(org: Org, bot: App, kind: str) -> None:
    """Nor does a state that is lost."""
    request = proposed(org, org.project, {".gitlab-ci.yml": LEAKY})
    fault = {"kind": kind, "method": "POST", "path": "/notes$", "after_effect": True, "times": 1}
    org.control("POST", "faults", json=fault)
    look(bot)
    assert len(ours(request)) == 1
    look(bot)
    assert len(ours(request)) == 1
    bot.store.reviews.keep(f"{org.project.id}!{request.iid}", "another head main quiet", bot.clock())
    pushed(org, org.project, {"README.md": "more\n"})
    look(bot)
    assert len(ours(request)) == 1


def test_files_that_the_ci_file_takes_in_count(org: Org, bot: App) -> None:
    """One that changes is named; the CI file is where the settings put it."""
    org.project.settings.ci_config_path = "ci/main.yml"
    files = {"ci/main.yml": "include: ci/deploy.yml\n", "ci/deploy.yml": GOOD}
    org.world.commit(org.project, "main", "In parts", files, org.people["owner"])
    request = proposed(org, org.project, {"ci/deploy.yml": LEAKY})
    other = proposed(org, org.project, {".gitlab-ci.yml": LEAKY}, "unused")
    look(bot)
    (note,) = ours(request)
    assert "ci/deploy.yml#publish" in note.body
    assert ours(other) == []


def test_a_job_that_moves_where_nobody_looks_is_not_gone(org: Org, bot: App) -> None:
    """Into files that a pattern takes in; one that is taken in by name, by whatever file, is looked at."""
    org.world.commit(org.project, "main", "Leaky", {".gitlab-ci.yml": LEAKY}, org.people["owner"])
    moved = {".gitlab-ci.yml": "include: 'ci/*.yml'\n", "ci/publish.yml": LEAKY}
    request = proposed(org, org.project, moved)
    nested = {".gitlab-ci.yml": "include: ci/a.yml\n", "ci/a.yml": "include: ci/b.yml\n", "ci/b.yml": LEAKY}
    other = proposed(org, org.project, nested, "nested")
    look(bot)
    assert ours(request) == []
    (note,) = ours(other)
    assert "ci/b.yml#publish" in note.body
    assert "Gone with this change" in note.body


def test_only_projects_that_release_are_told(org: Org, bot: App) -> None:
    """A project that no rule of the policy covers is left alone, and one that is not watched."""
    aside = org.new_project("acme/aside")
    request = proposed(org, aside, {".gitlab-ci.yml": LEAKY})
    look(bot)
    assert ours(request) == []


def test_what_gitlab_refuses_is_not_asked_for_again_and_holds_up_nobody(org: Org, bot: App) -> None:
    """A 403 on one merge request; the other has its note."""
    first = proposed(org, org.project, {".gitlab-ci.yml": LEAKY}, "one")
    second = proposed(org, org.project, {".gitlab-ci.yml": LEAKY}, "two")
    path = f"/merge_requests/{first.iid}/notes$"
    org.control("POST", "faults", json={"kind": "status", "status": 403, "method": "POST", "path": path, "times": None})
    look(bot)
    assert (len(ours(first)), len(ours(second))) == (0, 1)
    org.control("DELETE", "requests")
    look(bot)
    assert asked(org) <= 2
