"""Our components, included as other projects include them, really build, check and publish on the embedded GitLab."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.sandbox.ci.model import Job
from bot.sandbox.world.places import Project
from tests.contract.sandbox_org import Org, organisation

ROOT = Path(__file__).parents[2]
PLACE = "$CI_SERVER_FQDN/acme/ci"
PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "gear"
version = "1.0.0"
description = "A gear."
readme = "README.md"
requires-python = ">=3.11"
"""
PACKAGE = {"pyproject.toml": PYPROJECT, "README.md": "# gear\n\nTurns.\n", "gear/__init__.py": ""}
FILES = ["gear-1.0.0-py3-none-any.whl", "gear-1.0.0.tar.gz"]


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    """An organisation whose project `acme/ci` has the components, as version 1.2.0, released."""
    with organisation(index=True) as made:
        texts = {
            str(path.relative_to(ROOT)): path.read_text() for path in (ROOT / "templates").rglob("*") if path.is_file()
        }
        shelf = made.new_project("acme/ci", {**texts, "README.md": "components\n"})
        made.world.create_tag(shelf, "1.2.0", "main", made.people["maintainer"], "Twelve")
        body = {"tag_name": "1.2.0", "description": "Twelve"}
        assert made.call("POST", "/projects/acme%2Fci/releases", json=body).status_code == 201
        yield made


def including(*lines: str) -> str:
    """A CI file that includes components."""
    return "include:\n" + "".join(f"  {line}\n" for line in lines)


def component(name: str, *inputs: str, version: str = "1.2.0") -> str:
    """One entry of it."""
    given = "".join(f", {one}" for one in inputs)[2:]
    return f"- {{component: {PLACE}/{name}@{version}" + (f", inputs: {{{given}}}" if given else "") + "}"


ALL = including(
    component("build", "options: --no-isolation"),
    component("check", version="1.2"),
    component("attest", version="1"),
    component("publish-gitlab", version="~latest"),
    component("publish-pypi", "when: manual"),
)


def jobs(org: Org, project: Project) -> dict[str, Job]:
    """The jobs of the newest pipeline, which is over."""
    pipelines = org.gitlab.pipelines
    org.pipelines_done(project, len(pipelines.pipelines(project.id)))
    return {job.name: job for job in pipelines.jobs(pipelines.pipelines(project.id)[0].id)}


def log(org: Org, job: Job) -> str:
    return org.gitlab.pipelines.trace(job).decode()


def test_a_protected_tag_is_built_checked_and_published_where_it_belongs(org: Org) -> None:
    assert org.index is not None
    world, user = org.world, org.people["maintainer"]
    project = org.new_project("acme/tools/gear", {**PACKAGE, ".gitlab-ci.yml": ALL})
    world.protect_tag(project, "v*")
    world.set_variable(
        project, "TWINE_PASSWORD", org.index.token, masked=True, protected=True, environment_scope="pypi"
    )
    world.set_variable(project, "TWINE_USERNAME", "__token__", masked=True, protected=True, environment_scope="pypi")
    world.create_tag(project, "v1.0.0", "main", user)
    found = jobs(org, project)
    said = {name: log(org, job) for name, job in found.items()}
    # PyPI and Sigstore know gitlab.com alone: there is nothing to attest with here.
    assert {name: job.status for name, job in found.items()} == {
        "build-distributions": "success",
        "check-distributions": "success",
        "publish-gitlab": "success",
        "publish-pypi": "manual",
    }, said
    assert "Successfully built gear-1.0.0.tar.gz and gear-1.0.0-py3-none-any.whl" in said["build-distributions"]
    assert said["check-distributions"].count("PASSED") == 2
    stored = sorted(file.file_name for one in project.packages.values() for file in one.files.values())
    assert stored == FILES
    assert org.index.files() == []

    org.gitlab.pipelines.play(found["publish-pypi"], user_id=user.id)
    published = jobs(org, project)["publish-pypi"]
    assert published.status == "success", log(org, published)
    assert published.environment == "pypi"
    assert org.index.files() == FILES
    assert org.index.token not in log(org, published)


def test_a_branch_and_an_unprotected_tag_see_nothing_of_publishing(org: Org) -> None:
    project, user = org.new_project("acme/tools/cog", {**PACKAGE, ".gitlab-ci.yml": ALL}), org.people["maintainer"]
    org.world.commit(project, "main", "Turn", {"gear/cog.py": "turns = 1\n"}, user)
    org.world.create_tag(project, "v1.0.0", "main", user)
    runner = org.gitlab.pipelines
    pipelines = runner.pipelines(project.id)
    assert [pipeline.ref for pipeline in pipelines] == ["v1.0.0", "main"]
    for pipeline in pipelines:
        assert {job.name for job in runner.jobs(pipeline.id)} == {"build-distributions", "check-distributions"}
        runner.cancel_pipeline(pipeline)


def undescribed() -> bytes:
    """An sdist without a description: a mere warning to `twine check`, unless it is strict."""
    out, info = io.BytesIO(), b"Metadata-Version: 2.1\nName: gear\nVersion: 1.0.0\n"
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, data in (("PKG-INFO", info), ("pyproject.toml", b"")):
            member = tarfile.TarInfo(f"gear-1.0.0/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return out.getvalue()


def test_a_warning_of_the_check_stops_before_any_upload(org: Org) -> None:
    own = "build-distributions:\n  script: [mkdir dist, cp made/* dist/]\n  artifacts: {paths: [dist/]}\n"
    files = {"made/gear-1.0.0.tar.gz": undescribed()}
    ci = including(component("check"), component("publish-gitlab")) + own
    project = org.new_project("acme/tools/undescribed", {**files, ".gitlab-ci.yml": ci})
    org.world.protect_tag(project, "v*")
    org.world.create_tag(project, "v1.0.0", "main", org.people["maintainer"])
    found = jobs(org, project)
    assert (found["check-distributions"].status, found["publish-gitlab"].status) == ("failed", "skipped")
    said = log(org, found["check-distributions"])
    assert "due to warnings" in said, said
    assert not project.packages


def test_what_lies_in_the_repositorys_dist_is_not_published(org: Org) -> None:
    files = {**PACKAGE, "dist/gear-0.9.tar.gz": "old", ".gitlab-ci.yml": including(component("build"))}
    project = org.new_project("acme/tools/tracked", files)
    org.world.create_tag(project, "v1.0.0", "main", org.people["maintainer"])
    (job,) = jobs(org, project).values()
    assert job.status == "failed"
    assert "dist/ is in the repository" in log(org, job)


def test_attestations_are_signed_on_gitlab_com_alone(org: Org) -> None:
    files = {**PACKAGE, ".gitlab-ci.yml": including(component("build"), component("check"), component("attest"))}
    project = org.new_project("acme/tools/attested", files)
    org.world.protect_tag(project, "v*")
    # What settings say wins over what is predefined: the rule sees the name that it would see there.
    org.world.set_variable(project, "CI_SERVER_HOST", "gitlab.com")
    org.world.create_tag(project, "v1.0.0", "main", org.people["maintainer"])
    pipeline = org.gitlab.pipelines.pipelines(project.id)[0]
    assert "attest-distributions" in {job.name for job in org.gitlab.pipelines.jobs(pipeline.id)}
    org.gitlab.pipelines.cancel_pipeline(pipeline)


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        (component("nothing"), "Component '{place}/nothing@1.2.0' - content not found"),
        (component("build", version="9.9.9"), "Component '{place}/build@9.9.9' - content not found"),
        (component("build", version="2"), "Component '{place}/build@2' - content not found"),
        (
            f"- component: {PLACE}s/build@main",
            "Component '{place}s/build@main' - project does not exist or you don't have sufficient permissions",
        ),
        (
            "- component: gitlab.example.com/acme/ci/build@main",
            "Component 'gitlab.example.com/acme/ci/build@main' - the component path is not supported",
        ),
        (component("build", "when: later"), "unknown input arguments: when"),
        (component("build", "image: python"), "`image` input: provided value does not match required RegEx pattern"),
        (
            component("publish-pypi", "when: never"),
            "`when` input: `never` cannot be used because it is not in the list of allowed options",
        ),
        (component("check", "rules: always"), "`rules` input: provided value is not an array"),
        ("- {component: a, local: b.yml}", "Each include must use only one of: local, component"),
    ],
)
def test_what_cannot_be_included_is_refused_in_gitlabs_words(org: Org, entry: str, error: str) -> None:
    text = including(entry) + "x: {script: a}\n"
    answer = org.call("POST", "/projects/acme%2Ftools%2Fwidget/ci/lint", json={"content": text}).json()
    place = org.url.removeprefix("http://") + "/acme/ci"
    assert (answer["valid"], answer["errors"]) == (False, [error.format(place=place)])


@pytest.mark.parametrize("version", ["main", "1.2.0", "1", "1.2", "~latest", "sha"])
def test_a_component_is_found_by_branch_tag_commit_and_partial_version(org: Org, version: str) -> None:
    shelf = org.world.project_paths["acme/ci"]
    named = version if version != "sha" else shelf.git.resolve("main")
    answer = org.call(
        "POST",
        "/projects/acme%2Ftools%2Fwidget/ci/lint",
        json={"content": including(component("build", version=str(named)))},
    ).json()
    assert answer["valid"], answer
    assert "build-distributions" in answer["merged_yaml"]


def test_the_audit_finds_nothing_in_a_pipeline_of_components_that_gitlab_merged(org: Org) -> None:
    from bot.adapters.ci.reading import read_ci
    from tests.unit.ci_texts import RULE, of

    answer = org.call("POST", "/projects/acme%2Ftools%2Fwidget/ci/lint", json={"content": ALL}).json()
    facts = read_ci(answer["merged_yaml"], merged=True)
    rules = [rule for name, rule in RULE.items() if name.startswith("RW2")]
    assert [finding for rule in rules for finding in rule.judge(of(facts))] == []
