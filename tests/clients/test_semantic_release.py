"""Two release tools of other people publish a version on the sandbox as they would on GitLab."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.throwaway import environment_with, node_with, quiet_environment, run
from tests.contract.sandbox_org import Org, organisation

pytestmark = pytest.mark.slow

PYPROJECT = """\
[project]
name = "widget"
version = "1.0.0"

[tool.semantic_release]
version_toml = ["pyproject.toml:project.version"]
commit_author = "Ada <ada@acme.example>"

[tool.semantic_release.remote]
type = "gitlab"
domain = "{url}"
api_domain = "{url}"
insecure = true
ignore_token_for_push = true
token = {{ env = "GITLAB_TOKEN" }}
"""
RELEASERC = """\
{"branches": ["main"],
 "plugins": ["@semantic-release/commit-analyzer", "@semantic-release/release-notes-generator",
             "@semantic-release/gitlab"]}
"""


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as made:
        yield made


def prepared(org: Org, files: dict[str, str]) -> Path:
    """A project with version 1.0.0 tagged, a feature merged since, and a clone of it."""
    user = org.people["maintainer"]
    project = org.new_project("acme/shipped", files)
    org.world.create_tag(project, "v1.0.0", "main", user)
    org.world.commit(project, "topic", "feat: turn both ways", {"turn.txt": "1\n"}, user)
    request = org.world.create_merge_request(project, user, "topic", "feat: turn both ways")
    org.world.merge(project, request, user)
    return org.clone(project, "checkout")


def test_python_semantic_release_publishes_a_version(org: Org, tmp_path: Path) -> None:
    binaries = environment_with(tmp_path, "python-semantic-release>=10,<11")
    checkout = prepared(org, {"pyproject.toml": PYPROJECT.format(url=org.url), "README.md": "hello\n"})
    environment = quiet_environment(tmp_path, binaries, GITLAB_TOKEN=org.tokens["maintainer"], CI_SERVER_URL=org.url)
    done = run([str(binaries / "semantic-release"), "-v", "version"], checkout, environment)
    assert done.returncode == 0, done.stdout
    project = org.client().projects.get("acme/shipped")
    release = project.releases.get("v1.1.0")
    assert "turn both ways" in release.description.lower()
    assert 'version = "1.1.0"' in project.files.get("pyproject.toml", ref="v1.1.0").decode().decode()
    assert org.tokens["maintainer"] not in done.stdout


def test_semantic_release_publishes_a_version_and_tells_the_merge_request(org: Org, tmp_path: Path) -> None:
    node = node_with(tmp_path, "semantic-release@^25", "@semantic-release/gitlab@^13")
    checkout = prepared(org, {"package.json": '{"name": "widget", "private": true}', ".releaserc.json": RELEASERC})
    environment = quiet_environment(
        tmp_path,
        tmp_path / "environment" / "bin",
        GL_TOKEN=org.tokens["maintainer"],
        GL_URL=org.url,
        GITLAB_CI="true",
        CI="true",
        CI_SERVER_URL=org.url,
        CI_PROJECT_URL=f"{org.url}/acme/shipped",
        CI_PROJECT_PATH="acme/shipped",
        CI_COMMIT_REF_NAME="main",
        CI_COMMIT_BRANCH="main",
        NODE_PATH=str(node / "node_modules"),
    )
    (checkout / "node_modules").symlink_to(node / "node_modules")
    remote = org.remote(org.world.project_paths["acme/shipped"])
    command = [str(node / "node_modules/.bin/semantic-release"), "--no-ci", "--repository-url", remote]
    done = run(command, checkout, environment)
    assert done.returncode == 0, done.stdout
    project = org.client().projects.get("acme/shipped")
    assert "turn both ways" in project.releases.get("v1.1.0").description
    (note,) = [one for one in project.mergerequests.get(1).notes.list(get_all=True) if not one.system]
    assert "version 1.1.0" in note.body
    assert org.tokens["maintainer"] not in done.stdout
