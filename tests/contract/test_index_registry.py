"""The GitLab package registry, as the embedded GitLab serves it: upload, refusal, listing, absence, visibility."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.adapters.index.children import Children
from bot.adapters.index.service import IndexAdapter
from bot.domain.errors import CredentialsError, RefusedError
from bot.domain.policy import IndexKind, IndexSpec
from bot.domain.releases import AttemptOutcome
from bot.domain.secrets import Secret
from bot.sandbox.server import Gitlab, running
from bot.sandbox.world.people import Level, TokenKind
from bot.sandbox.world.places import Project
from bot.sandbox.world.world import World
from tests.contract.index_parts import keep, make_adapter, sdist_bytes, wheel_bytes

REGISTRY = IndexSpec(name="registry", kind=IndexKind.GITLAB)


@pytest.fixture(scope="module")
def gitlab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gitlab]:
    with running(World(tmp_path_factory.mktemp("gitlab"))) as server:
        yield server


@pytest.fixture
def project(gitlab: Gitlab, request: pytest.FixtureRequest) -> Project:
    return gitlab.world.create_project(f"acme/{request.function.__name__}", files={"README.md": "hello\n"})


def adapter_of(gitlab: Gitlab, project: Project, state: Path, children: Children, level: Level) -> IndexAdapter:
    token = gitlab.world.create_access_token(project, ["api"], "bot", level=level)
    return make_adapter(state, children, gitlab_url=gitlab.url, gitlab_token=Secret(token))


def test_files_sent_to_the_registry_are_listed_with_their_digests_and_never_taken_twice(
    gitlab: Gitlab, project: Project, tmp_path: Path, children: Children
) -> None:
    adapter = adapter_of(gitlab, project, tmp_path / "state", children, Level.MAINTAINER)
    place = adapter.place(REGISTRY, project.id, "widget")
    assert adapter.files(place, "widget") == ()
    files = {"widget-1.0-py3-none-any.whl": wheel_bytes(), "widget-1.0.tar.gz": sdist_bytes()}
    for filename, data in files.items():
        assert adapter.send(place, keep(adapter, tmp_path, data, filename)).outcome is AttemptOutcome.ACCEPTED
    listed = {file.filename: file.sha256 for file in adapter.files(place, "Widget")}
    assert listed == {filename: hashlib.sha256(data).hexdigest() for filename, data in files.items()}
    again = adapter.send(place, keep(adapter, tmp_path, wheel_bytes()))
    assert (again.outcome, again.again) == (AttemptOutcome.REFUSED, False)
    assert "already been taken" in again.reason


def test_a_deploy_token_serves_where_the_config_names_one(
    gitlab: Gitlab, project: Project, tmp_path: Path, children: Children
) -> None:
    username, secret = gitlab.world.create_deploy_token(
        project, ["read_package_registry", "write_package_registry"], "publisher"
    )
    adapter = make_adapter(tmp_path / "state", children, gitlab_url=gitlab.url)
    spec = IndexSpec(name="registry", kind=IndexKind.GITLAB, username=username, password=Secret(secret))
    place = adapter.place(spec, project.id, "widget")
    assert adapter.send(place, keep(adapter, tmp_path, wheel_bytes())).outcome is AttemptOutcome.ACCEPTED
    assert [file.filename for file in adapter.files(place, "widget")] == ["widget-1.0-py3-none-any.whl"]


def test_a_job_token_serves_as_long_as_its_job_runs(
    gitlab: Gitlab, project: Project, tmp_path: Path, children: Children
) -> None:
    """As `ropewalk` run inside a CI job would be given it: user `gitlab-ci-token`, password CI_JOB_TOKEN."""
    user = gitlab.world.create_user("ada")
    gitlab.world.add_member(project, user, Level.DEVELOPER)
    secret = gitlab.world.add_token(TokenKind.JOB, "job", ["api"], user=user, project_id=project.id, job_id=1).secret
    adapter = make_adapter(tmp_path / "state", children, gitlab_url=gitlab.url)
    spec = IndexSpec(name="registry", kind=IndexKind.GITLAB, username="gitlab-ci-token", password=Secret(secret))
    place = adapter.place(spec, project.id, "widget")
    distribution = keep(adapter, tmp_path, wheel_bytes())
    assert adapter.send(place, distribution).outcome is AttemptOutcome.ACCEPTED
    assert [file.filename for file in adapter.files(place, "widget")] == [distribution.filename]
    gitlab.world.revoke_token(secret)
    ended = adapter.send(place, distribution)
    assert (ended.outcome, ended.again) == (AttemptOutcome.DENIED, False)
    assert secret not in ended.reason
    with pytest.raises(CredentialsError):
        adapter.files(place, "widget")


def test_a_wrong_token_and_an_invisible_project_are_errors_and_never_absence(
    gitlab: Gitlab, project: Project, tmp_path: Path, children: Children
) -> None:
    stranger = make_adapter(tmp_path / "state", children, gitlab_url=gitlab.url)
    with pytest.raises(CredentialsError):
        stranger.files(stranger.place(REGISTRY, project.id, "widget"), "widget")
    other = gitlab.world.create_project("elsewhere/other", files={"README.md": "hello\n"})
    adapter = adapter_of(gitlab, project, tmp_path / "state", children, Level.MAINTAINER)
    with pytest.raises(RefusedError):
        adapter.files(adapter.place(REGISTRY, other.id, "widget"), "widget")
