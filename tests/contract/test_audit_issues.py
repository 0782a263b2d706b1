"""Rolling issues over the embedded GitLab: opened, kept, closed and reopened; never twice, whatever is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.app import App
from bot.cli.audit_job import audit_watched
from bot.cli.auditor import Auditor
from bot.cli.rolling import Keeper
from bot.domain.rolling import IssueNews
from bot.domain.secrets import Redactor
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import Issue
from bot.settings import load
from tests.contract.sandbox_org import LEVELS, Org, organisation

CONFIG = """\
gitlab: {{url: "{url}", token_file: token}}
watch: {{groups: [acme]}}
state: sqlite:///state.db
hygiene: {{{hygiene}}}
"""


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as found:
        found.world.add_member(found.world.groups["acme"], found.people["maintainer"], LEVELS["maintainer"])
        found.world.set_variable(found.project, "TWINE_PASSWORD", found.world.secret())
        yield found


@contextmanager
def bot(org: Org, folder: Path, hygiene: str) -> Iterator[App]:
    (folder / "token").write_text(org.tokens["maintainer"])
    (folder / "token").chmod(0o600)
    (folder / "ropewalk.yaml").write_text(CONFIG.format(url=org.url, hygiene=hygiene))
    app = App(load(folder / "ropewalk.yaml", {}, folder), Redactor())
    try:
        yield app
    finally:
        app.close()


def kept(app: App) -> list[tuple[str, str]]:
    return [(one.deed, one.state.value) for one in round_of(app)]


def round_of(app: App) -> tuple[IssueNews, ...]:
    return Keeper(app, Auditor(app).audit_watched()).keep(between=0)


def issues(project: Project) -> list[Issue]:
    return list(project.issues.values())


def test_one_issue_is_opened_edited_closed_and_reopened_in_place(org: Org, tmp_path: Path) -> None:
    """Confidential, in the project it is about; untouched while nothing changes."""
    with bot(org, tmp_path, "issues: project, issues_at: high") as app:
        assert kept(app) == [("open", "done")]
        (one,) = issues(org.project)
        assert (one.confidential, one.title, one.state) == (True, "Variable hygiene of acme/tools/widget", "opened")
        assert "RW101" in one.description
        changed = one.updated_at
        assert kept(app) == []
        assert one.updated_at == changed
        org.world.set_variable(org.project, "TWINE_PASSWORD", org.world.secret(), masked=True)
        assert kept(app) == [("edit", "done")]
        assert "RW101" not in one.description
        one.title = "Ours, by another name"
        org.project.variables.clear()
        assert kept(app) == [("close", "done")]
        assert (one.state, one.title) == ("closed", "Ours, by another name")
        org.world.set_variable(org.project, "PYPI_TOKEN", org.world.secret())
        assert kept(app) == [("reopen", "done")]
        assert one.state == "opened"
        assert "PYPI_TOKEN" in one.description
    assert issues(org.project) == [one]


@pytest.mark.parametrize("kind", ["reset", "truncated", "status"])
def test_an_answer_that_is_lost_makes_no_second_issue(org: Org, tmp_path: Path, kind: str) -> None:
    """The issue was made and nobody heard of it: the next round says so, and the next start finds it."""
    fault = {"kind": kind, "method": "POST", "path": r"/issues$", "after_effect": True, "times": 1}
    org.control("POST", "faults", json=fault)
    said: list[str] = []
    with bot(org, tmp_path, "issues: project, issues_at: high") as app:
        found = Keeper(app, Auditor(app).audit_watched()).keep(between=0, say=said.append)
        assert [(one.deed, one.state.value) for one in found] == [("open", "done")]
        assert len(issues(org.project)) == 1
    assert [one.partition(":")[0] for one in said] == ["issues are looked at again in 0 s"]
    (tmp_path / "state.db").unlink()
    with bot(org, tmp_path, "issues: project, issues_at: high") as app:
        assert kept(app) == []
    assert len(issues(org.project)) == 1


@pytest.mark.parametrize(("status", "pause"), [(502, 2), (429, 60)])
def test_what_is_waited_for_is_told(org: Org, tmp_path: Path, status: int, pause: int) -> None:
    """Shortly where only an answer is missing, longer where GitLab asks for time."""
    org.control("POST", "faults", json={"kind": "status", "status": status, "method": "POST", "path": r"/issues$"})
    said: list[str] = []
    with bot(org, tmp_path, "issues: project, issues_at: high") as app:
        keeper = Keeper(app, Auditor(app).audit_watched())
        assert keeper.keep(stopping=lambda: bool(said), say=said.append) == ()
    (one,) = said
    assert one.startswith(f"issues are looked at again in {pause} s: ")


def test_what_two_opened_at_once_is_folded_into_the_oldest(org: Org, tmp_path: Path) -> None:
    """One stays open; the other is closed and points to it."""
    with bot(org, tmp_path, "issues: project, issues_at: high") as app:
        keeper = Keeper(app, Auditor(app).audit_watched())
        (step,) = keeper.steps(())
        app.rolling_issues.create(step.place, title=step.title, description=step.body, confidential=True)
        app.rolling_issues.create(step.place, title=step.title, description=step.body, confidential=True)
        assert [(one.deed, one.state.value) for one in keeper.keep(between=0)] == [("fold", "done")]
        assert keeper.keep(between=0) == ()
    first, second = issues(org.project)
    assert (first.state, second.state) == ("opened", "closed")
    assert f"/issues/{first.iid}" in second.description


def test_a_group_has_one_issue_in_the_project_that_policy_names(org: Org, tmp_path: Path) -> None:
    """About all projects and groups below; open to all who see the project where policy says so."""
    security = org.new_project("acme/security")
    other = org.new_project("acme/tools/gadget")
    for holder in (other, org.world.groups["acme/tools"]):
        org.world.set_variable(holder, "PYPI_TOKEN", org.world.secret())
    with bot(org, tmp_path, "issues: group, issue_project: security, issues_at: high, confidential: false") as app:
        assert kept(app) == [("open", "done")]
        (one,) = issues(security)
        assert not one.confidential
        assert all(text in one.description for text in ("acme/tools/widget", "acme/tools/gadget", "`acme/tools`"))
        for holder in (org.project, other, org.world.groups["acme/tools"]):
            holder.variables.clear()
        assert kept(app) == [("close", "done")]
    assert [len(project.issues) for project in (org.project, other, security)] == [0, 0, 1]


def test_a_project_that_takes_no_issue_is_told_and_holds_up_nobody(org: Org, tmp_path: Path) -> None:
    """403 there; the other project has its issue."""
    other = org.new_project("acme/tools/gadget")
    org.world.set_variable(other, "TWINE_PASSWORD", org.world.secret())
    path = f"/projects/{org.project.id}/issues$"
    org.control("POST", "faults", json={"kind": "status", "status": 403, "method": "POST", "path": path, "times": None})
    with bot(org, tmp_path, "issues: project, issues_at: high") as app:
        assert kept(app) == [("open", "done"), ("open", "failed")]
    assert [len(project.issues) for project in (org.project, other)] == [0, 1]


def test_a_plan_writes_nothing(org: Org, tmp_path: Path) -> None:
    """It says what would be done."""
    with bot(org, tmp_path, "issues: project, issues_at: high") as app:
        (planned,) = Keeper(app, Auditor(app).audit_watched()).planned()
        assert (planned.deed, planned.state.value, planned.findings > 0) == ("open", "planned", True)
    assert issues(org.project) == []


def test_the_daemons_audit_keeps_the_issues_and_changes_none_when_it_is_not_complete(org: Org, tmp_path: Path) -> None:
    """What `hygiene.audit` runs at each slot; a sweep that breaks off leaves them as they are."""
    with bot(org, tmp_path, "issues: project, issues_at: high") as app:
        audit_watched(app, lambda: False)
        (one,) = issues(org.project)
        assert one.state == "opened"
        org.project.variables.clear()
        org.control("POST", "faults", json={"kind": "status", "status": 401, "path": "/graphql", "times": None})
        audit_watched(app, lambda: False)
        assert one.state == "opened"
        org.control("DELETE", "faults")
        audit_watched(app, lambda: True)  # the daemon stops: nothing more is written
        assert one.state == "opened"
        audit_watched(app, lambda: False)
        assert one.state == "closed"
