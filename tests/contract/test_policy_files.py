"""A project's own file of policy on the embedded GitLab: read from the protected default branch, and seldom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.policy_files import GitLabPolicyFiles
from bot.adapters.gitlab.projects import GitLabProjects
from bot.adapters.meter import Meter
from bot.domain.errors import CredentialsError, TransientError
from bot.domain.layers import MOST_BYTES, OWN_FILE
from bot.domain.refs import Project
from bot.domain.secrets import Redactor, Secret
from bot.ports.policy_files import Age
from bot.sandbox.world.places import Project as Place
from tests.contract.hostile import api
from tests.contract.sandbox_org import Org

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("calm")]
TEXT = "hygiene: {block_at: low}\n"


def files(org: Org) -> GitLabPolicyFiles:
    return GitLabPolicyFiles(api(org.url, token=org.tokens["maintainer"]))


def known(org: Org, where: Place) -> Project:
    found = GitLabProjects(api(org.url, token=org.tokens["maintainer"])).project(where.id)
    assert found is not None
    return found


def test_the_file_comes_with_its_commit_and_blob_and_again_only_once_the_branch_moved(org: Org) -> None:
    where = org.new_project("acme/layers/own", {OWN_FILE: TEXT, "README": "a"})
    secret, meter = Secret(org.tokens["maintainer"]), Meter()
    ours, project = (
        GitLabPolicyFiles(Api(url=org.url, token=secret, redactor=Redactor(), meter=meter)),
        known(org, where),
    )
    first = ours.of(project, Age.NEW)
    assert (first.content, first.sha, first.fault) == (TEXT.encode(), where.git.resolve("main"), "")
    asked = meter.count()
    assert ours.of(project, Age.RECENT) is first
    assert meter.count() == asked
    assert ours.of(project, Age.NEW) is first
    assert meter.count() == asked + 1
    assert ours.of(project, Age.ANY) is first
    assert meter.count() == asked + 1
    org.world.commit(where, "main", "Say more", {"README": b"b"}, org.people["maintainer"])
    second = ours.of(project, Age.NEW)
    assert (second.blob, second.sha) == (first.blob, where.git.resolve("main"))
    assert meter.count() == asked + 3


def test_a_project_without_the_file_or_without_any_code_has_none(org: Org) -> None:
    empty = org.world.create_project("acme/layers/empty")
    org.world.add_member(empty, org.people["maintainer"], 40)
    for where in (org.new_project("acme/layers/none", {"README": "a"}), empty):
        found = files(org).of(known(org, where), Age.NEW)
        assert (found.content, found.fault) == (None, "")


def test_a_file_on_another_branch_says_nothing(org: Org) -> None:
    where = org.new_project("acme/layers/branch", {"README": "a"})
    person = org.people["maintainer"]
    org.world.commit(where, "wild", "Loosen", {OWN_FILE: TEXT.encode()}, person, start_branch="main")
    assert files(org).of(known(org, where), Age.NEW).content is None
    stale = replace(known(org, where), default_branch="wild")
    assert files(org).of(stale, Age.NEW).content is None


def test_a_default_branch_that_anybody_may_push_to_is_not_believed(org: Org) -> None:
    where = org.new_project("acme/layers/open", {OWN_FILE: TEXT})
    rules = list(where.protected_branches)
    where.protected_branches.clear()
    found = files(org).of(known(org, where), Age.NEW)
    assert found.content is None
    assert "the default branch main is not protected" in found.fault
    where.protected_branches.extend(rules)
    assert files(org).of(known(org, where), Age.NEW).content == TEXT.encode()


def test_a_file_that_is_too_large_is_a_fault(org: Org) -> None:
    where = org.new_project("acme/layers/large", {OWN_FILE: "#" * (MOST_BYTES + 1)})
    found = files(org).of(known(org, where), Age.NEW)
    assert found.content is None
    assert f"has {MOST_BYTES + 1} bytes" in found.fault


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, None), (401, CredentialsError), (502, TransientError), (429, TransientError)],
)
def test_what_cannot_be_read_is_said_or_tried_later_and_never_taken_for_nothing(
    org: Org, status: int, error: type[Exception] | None
) -> None:
    where = org.new_project(f"acme/layers/refused{status}", {OWN_FILE: TEXT})
    project = known(org, where)
    fault = {"kind": "status", "status": status, "method": "GET", "path": "/repository/files/", "times": None}
    assert org.control("POST", "faults", json=fault).status_code == 201
    if error is not None:
        with pytest.raises(error):
            files(org).of(project, Age.NEW)
        return
    found = files(org).of(project, Age.NEW)
    assert found.content is None
    assert "cannot be read" in found.fault
    assert "403" in found.fault
