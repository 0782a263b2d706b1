"""The pipelines of the embedded GitLab come to be, go on and end as GitLab's do."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import ClassVar

import pytest

from bot.sandbox.ci.model import CiError, CiProject, Job, Pipeline
from bot.sandbox.ci.pipelines import Pipelines
from tests.contract.runner_bench import Bench, Clock, git, open_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        yield opened


def test_changes_are_told_in_order(bench: Bench) -> None:
    bench.run("hello:\n  script: 'true'\n")
    assert bench.told == [
        ("pipeline", "created"),
        ("hello", "pending"),
        ("pipeline", "pending"),
        ("hello", "running"),
        ("pipeline", "running"),
        ("hello", "success"),
        ("pipeline", "success"),
    ]


def test_a_failing_command_ends_the_job_and_skips_later_stages(bench: Bench) -> None:
    pipeline = bench.run(
        "one:\n  stage: build\n  script: [exit 3, echo never]\n  after_script: ['echo after: $CI_JOB_STATUS']\n"
        "two:\n  stage: test\n  script: 'true'\n"
        "three:\n  stage: deploy\n  when: on_failure\n  script: echo sorry\n"
    )
    jobs = bench.jobs(pipeline)
    assert {name: job.status for name, job in jobs.items()} == {"one": "failed", "two": "skipped", "three": "success"}
    assert pipeline.status == "failed"
    assert jobs["one"].failure_reason == "script_failure"
    log = bench.log(jobs["one"])
    assert "ERROR: Job failed: exit code 3" in log
    assert "\nafter: failed\n" in log
    assert "\nnever\n" not in log


def test_a_required_manual_job_holds_the_pipeline_until_it_is_played(bench: Bench) -> None:
    project = bench.project(
        "build:\n  stage: build\n  script: 'true'\n"
        "publish:\n  stage: test\n  script: echo to $WHERE\n  rules: [{if: $CI_COMMIT_TAG, when: manual}]\n"
        "tell:\n  stage: deploy\n  script: 'true'\n"
    )
    pipeline = bench.start(project, ref="v1.2.3")
    bench.finish(pipeline, "manual")
    jobs = bench.jobs(pipeline)
    assert {name: job.status for name, job in jobs.items()} == {
        "build": "success",
        "publish": "manual",
        "tell": "created",
    }
    bench.pipelines.play(jobs["publish"], [{"key": "WHERE", "value": "the index"}], user_id=9)
    bench.finish(pipeline)
    assert pipeline.status == "success"
    assert "\nto the index\n" in bench.log(jobs["publish"])
    assert jobs["publish"].user_id == 9
    with pytest.raises(CiError, match="Unplayable Job"):
        bench.pipelines.play(jobs["build"])


def test_a_plain_manual_job_is_optional(bench: Bench) -> None:
    pipeline = bench.run("build:\n  script: 'true'\npublish:\n  when: manual\n  stage: deploy\n  script: 'true'\n")
    assert pipeline.status == "success"
    assert bench.jobs(pipeline)["publish"].status == "manual"


def test_retry_gives_a_new_job_and_brings_skipped_ones_back(bench: Bench) -> None:
    flag = bench.folder / "flag"
    project = bench.project(
        f"one:\n  stage: build\n  script: test -e {flag}\ntwo:\n  script: 'true'\n"
        "fine:\n  stage: build\n  script: exit 7\n  allow_failure: {exit_codes: 7}\n"
    )
    pipeline = bench.start(project)
    bench.finish(pipeline)
    assert pipeline.status == "failed"
    flag.touch()
    old = bench.jobs(pipeline)["one"]
    new = bench.pipelines.retry(old)
    bench.finish(pipeline, "success")
    assert (new.id > old.id, old.retried, old.status, new.status) == (True, True, "failed", "success")
    assert bench.jobs(pipeline)["two"].status == "success"
    assert len(bench.pipelines.jobs(pipeline.id, include_retried=True)) == 4
    with pytest.raises(CiError, match="Job is not retryable"):
        bench.pipelines.retry(old)


def test_the_retry_keyword_tries_again_by_itself(bench: Bench) -> None:
    pipeline = bench.run("x:\n  retry: 2\n  script: exit 1\n")
    bench.until(lambda: bench.told.count(("x", "failed")) == 3)
    bench.finish(pipeline)
    jobs = bench.pipelines.jobs(pipeline.id, include_retried=True)
    assert [(job.status, job.retried) for job in jobs] == [("failed", True), ("failed", True), ("failed", False)]


def test_needs_start_before_their_stage(bench: Bench) -> None:
    flag = bench.folder / "flag"
    pipeline = bench.run(
        f"slow:\n  stage: build\n  script: until test -e {flag}; do sleep 0.02; done\n"
        "quick:\n  stage: build\n  script: 'true'\n"
        f"next:\n  stage: deploy\n  needs: [quick]\n  script: touch {flag}\n"
    )
    assert pipeline.status == "success"


def test_cancel_stops_a_running_job_and_what_follows(bench: Bench) -> None:
    pipeline = bench.start(bench.project("x:\n  script: sleep 300\ny:\n  stage: deploy\n  script: 'true'\n"))
    bench.until(lambda: ("x", "running") in bench.told)
    bench.pipelines.cancel_pipeline(pipeline)
    bench.finish(pipeline)
    assert pipeline.status == "canceled"
    assert {job.status for job in bench.jobs(pipeline).values()} == {"canceled"}
    assert ("x", "canceling") in bench.told


def test_a_pushed_configuration_with_an_error_makes_a_failed_pipeline(bench: Bench) -> None:
    project = bench.project("x:\n  script: 'true'\n  trigger: other/project\n")
    pipeline = bench.start(project)
    assert (pipeline.status, pipeline.yaml_errors) == ("failed", "jobs:x config contains unknown keys: trigger")
    with pytest.raises(CiError) as caught:
        bench.start(project, source="api")
    assert caught.value.messages == ["jobs:x config contains unknown keys: trigger"]


def test_a_commit_without_configuration_gets_no_pipeline(bench: Bench) -> None:
    project = bench.project("x: {script: 'true'}")
    git(bench.folder / "work", "rm", "-q", ".gitlab-ci.yml")
    git(bench.folder / "work", "commit", "-q", "--allow-empty", "-m", "None")
    git(bench.folder / "work", "push", "-q", str(project.repository), "main")
    with pytest.raises(CiError, match="Missing CI config file"):
        bench.start(project)
    assert bench.pipelines.pipelines(project.id) == []


def test_skip_ci_makes_a_skipped_pipeline_of_a_push_only(bench: Bench) -> None:
    project = bench.project("x: {script: 'true'}", message="Quietly [skip ci]")
    assert bench.start(project).status == "skipped"
    pipeline = bench.start(project, source="api")
    bench.finish(pipeline)
    assert pipeline.status == "success"
    assert [each.iid for each in bench.pipelines.pipelines(project.id)] == [2, 1]


def test_no_more_jobs_run_at_once_than_allowed(bench: Bench) -> None:
    folder = bench.folder / "running"
    folder.mkdir()
    jobs = "".join(
        f"job{number}:\n  script:\n    - cd {folder}; touch {number}; ls | wc -l; sleep 0.1; rm {number}\n"
        for number in range(8)
    )
    pipeline = bench.run(jobs)
    seen = [int(bench.log(job).split("\x1b[0;m\n")[-3].split()[0]) for job in bench.pipelines.jobs(pipeline.id)]
    assert (len(seen), min(seen), max(seen) <= 3) == (8, 1, True)


def test_pipelines_side_by_side_see_their_own_variables_only(bench: Bench) -> None:
    project = bench.project("x:\n  script: echo for $WHO.\n")
    both = [bench.start(project, source="api", variables=[{"key": "WHO", "value": who}]) for who in ("ada", "bob")]
    for pipeline, who in zip(both, ("ada", "bob"), strict=True):
        bench.finish(pipeline)
        assert f"\nfor {who}.\n" in bench.log(bench.jobs(pipeline)["x"])
        assert pipeline.variables == [{"variable_type": "env_var", "key": "WHO", "value": who}]


def test_id_tokens_are_refused_by_name_without_a_signer(bench: Bench) -> None:
    project = bench.project("x:\n  id_tokens: {T: {aud: pypi}}\n  script: 'true'\n")
    with pytest.raises(CiError, match="jobs:x config contains unknown keys: id_tokens"):
        bench.start(project, source="api")


class _Releases(BaseHTTPRequestHandler):
    """Takes one release and keeps what came."""

    seen: ClassVar[list[tuple[str, str | None, object]]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.seen.append((self.path, self.headers["JOB-TOKEN"], body))
        self.send_response(201 if len(self.seen) == 1 else 409)
        self.end_headers()
        self.wfile.write(b'{"message":"Release already exists"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        pass


def test_id_tokens_and_release_use_what_the_server_gives(tmp_path: Path) -> None:
    """`id_tokens` become masked variables; `release:` is sent with the job token, and a refusal fails the job."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Releases)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    ids, changed, told = count(1), threading.Condition(), list[tuple[str, str]]()

    def on_change(project: CiProject, pipeline: Pipeline, job: Job | None) -> None:
        with changed:
            told.append(("pipeline", pipeline.status) if job is None else (job.name, job.status))
            changed.notify_all()

    clock = Clock()
    pipelines = Pipelines(
        clock=clock,
        server_url=lambda: f"http://127.0.0.1:{server.server_address[1]}",
        workdir=tmp_path / "runner",
        forced_environment={},
        max_jobs=1,
        mint_job_token=lambda project, job: "the-job-token",
        revoke_job_token=lambda token: None,
        on_change=on_change,
        next_id=lambda kind: next(ids),
        mint_id_token=lambda project, pipeline, job, audiences: f"jwt-for-{'-'.join(audiences)}",
    )
    bench = Bench(pipelines, tmp_path, clock, told, [], [], changed)
    config = (
        "x:\n  id_tokens: {T: {aud: pypi}}\n  script: echo ${#T} $T\n"
        "  release: {tag_name: $CI_COMMIT_TAG, description: New in $CI_COMMIT_TAG}\n"
    )
    try:
        project = bench.project(config)
        first = bench.start(project, ref="v1.2.3")
        bench.finish(first, "success")
        second = bench.start(project, ref="v1.2.3")
        bench.finish(second, "failed")
    finally:
        pipelines.close()
        server.shutdown()
        server.server_close()
    assert "\n12 [MASKED]\n" in bench.log(bench.jobs(first)["x"])
    body = {"tag_name": "v1.2.3", "description": "New in v1.2.3", "ref": first.sha}
    assert _Releases.seen == [("/api/v4/projects/7/releases", "the-job-token", body)] * 2
    assert "Release already exists" in bench.log(bench.jobs(second)["x"])


def test_includes_and_inputs_are_resolved_at_the_commit(bench: Bench) -> None:
    project = bench.project(
        "spec:\n  inputs:\n    where: {options: [here, there], default: here}\n---\n"
        "include: /ci/*.yml\nx:\n  extends: .base\n  variables: {WHERE: '$[[ inputs.where ]]'}\n",
        {"ci/base.yml": ".base:\n  script: echo in $WHERE\n"},
    )
    pipeline = bench.start(project, source="api", inputs={"where": "there"})
    bench.finish(pipeline)
    assert "\nin there\n" in bench.log(bench.jobs(pipeline)["x"])
    with pytest.raises(CiError, match="not in the list of allowed options"):
        bench.start(project, source="api", inputs={"where": "nowhere"})
