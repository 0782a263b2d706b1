"""Our own pipeline, as it stands, on the embedded GitLab: every job is there when it should be, and the tag publishes.

The CI file and the components are what the repository holds. Only `.ci/setup`, which would fetch the locked environment
from the network, and the scripts beside it are stand-ins: they lay down tools that say how they were called.
Building, `twine check` and both uploads are real.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import bot
from bot.adapters.ci.reading import read_ci
from bot.sandbox.ci.model import Pipeline
from bot.sandbox.world.places import Project
from tests.contract.sandbox_org import Org, git, organisation
from tests.unit.ci_texts import RULE, of

ROOT = Path(__file__).parents[2]
CHECKS = {"lint", "types", "imports", "tests", "site", "stories", "chaos"}
ALWAYS = CHECKS | {"build-distributions", "check-distributions", "package"}
DEFAULT = ALWAYS | {"pages"}
TAGGED = ALWAYS | {"publish-gitlab", "publish-pypi"}
FILES = [f"ropewalk-{bot.__version__}-py3-none-any.whl", f"ropewalk-{bot.__version__}.tar.gz"]
STAND_IN = """\
#!/usr/bin/env bash
mkdir -p .venv/bin
for tool in ruff mypy lint-imports pytest; do
  printf '#!/bin/sh\\necho "called: %s $*"\\n' "$tool" >.venv/bin/"$tool"
  chmod +x .venv/bin/"$tool"
done
"""
ECHO = '#!/usr/bin/env bash\necho "called: $0 $*"\n'
SITE = f"{ECHO}mkdir -p public && touch public/index.html\n"


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with organisation(index=True) as made:
        yield made


@pytest.fixture(scope="module")
def project(org: Org) -> Project:
    """The repository, pushed by its maintainer; who releases may upload to the index from the environment `pypi`."""
    assert org.index is not None
    where = org.new_project("acme/ropewalk")
    folder = org.clone(where, "ropewalk")
    for name in subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True).split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for name, text in (("setup", STAND_IN), ("system", ECHO), ("site", SITE), ("package", ECHO)):
        (folder / ".ci" / name).write_text(text)
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "-q", "-m", "Ropewalk")
    git(folder, "push", "-q", "origin", "main")
    org.world.protect_tag(where, "v*")
    for name, value in (("TWINE_USERNAME", "__token__"), ("TWINE_PASSWORD", org.index.token)):
        org.world.set_variable(where, name, value, masked=True, protected=True, environment_scope="pypi")
    return where


def names(org: Org, pipeline: Pipeline) -> set[str]:
    """The jobs of a pipeline that is not to go on."""
    found = {job.name for job in org.gitlab.pipelines.jobs(pipeline.id)}
    org.gitlab.pipelines.cancel_pipeline(pipeline)
    return found


def test_branches_merge_requests_and_unprotected_tags_publish_nothing(org: Org, project: Project) -> None:
    runner, user = org.gitlab.pipelines, org.people["maintainer"]
    (pushed,) = runner.pipelines(project.id)
    assert (pushed.source, pushed.yaml_errors, names(org, pushed)) == ("push", None, DEFAULT)
    asked = runner.create(
        project,
        ref="main",
        tag=False,
        sha=pushed.sha,
        before_sha="0" * 40,
        source="merge_request_event",
        user_id=user.id,
        username=user.username,
        merge_request_iid=1,
    )
    assert names(org, asked) == ALWAYS
    org.world.create_tag(project, "rehearsal", "main", user)
    assert names(org, runner.pipelines(project.id)[0]) == ALWAYS


def test_a_protected_tag_is_built_checked_and_published_after_everything_else(org: Org, project: Project) -> None:
    assert org.index is not None
    runner = org.gitlab.pipelines
    org.world.create_tag(project, f"v{bot.__version__}", "main", org.people["maintainer"])
    pipeline = runner.pipelines(project.id)[0]
    org.pipelines_done(project, len(runner.pipelines(project.id)), within=120)
    jobs = {job.name: job for job in runner.jobs(pipeline.id)}
    said = {name: runner.trace(job).decode() for name, job in jobs.items()}
    assert {name: job.status for name, job in jobs.items()} == dict.fromkeys(TAGGED, "success"), said
    assert "called: pytest -n 2 --dist loadfile -m chaos" in said["chaos"]
    assert "called: .ci/package dist" in said["package"]
    assert said["check-distributions"].count("PASSED") == 2
    stored = sorted(file.file_name for one in project.packages.values() for file in one.files.values())
    assert (stored, org.index.files()) == (FILES, FILES)
    begun = {name: job.started_at for name, job in jobs.items()}
    ended = [job.finished_at for name, job in jobs.items() if name in ALWAYS]
    for name in ("publish-gitlab", "publish-pypi"):
        started = begun[name]
        assert started is not None
        assert all(end is not None and end <= started for end in ended), name


def test_the_audit_finds_nothing_in_it(org: Org, project: Project) -> None:
    answer = org.call("GET", f"/projects/{project.id}/ci/lint").json()
    assert answer["valid"], answer["errors"]
    facts = read_ci(answer["merged_yaml"], merged=True)
    rules = [rule for name, rule in RULE.items() if name.startswith("RW2")]
    assert [finding for rule in rules for finding in rule.judge(of(facts))] == []
    assert sorted(job.name for job in getattr(facts, "jobs", ()) if job.publishes) == ["publish-gitlab", "publish-pypi"]
