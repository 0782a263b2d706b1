"""The runner of the embedded GitLab runs real jobs, from real git repositories, as GitLab's runner would."""

import json
import os
import re
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import ClassVar

import pytest

from bot.sandbox.ci.model import COMPLETED, CiError, CiProject, CiVariable, Job, Pipeline
from bot.sandbox.ci.pipelines import Pipelines

WAIT = 5.0  # seconds; far beyond what any of these jobs takes
NO_COMMIT = "0" * 40


def git(folder: Path, *arguments: str) -> str:
    environment = {
        "PATH": os.environ["PATH"],
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@acme.example",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@acme.example",
    }
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


@dataclass
class Clock:
    present: datetime = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)

    def now(self) -> datetime:
        return self.present


@dataclass
class Widget:
    """A project with one commit."""

    repository: Path
    id: int = 7
    full_path: str = "acme/tools/widget"
    name: str = "Widget"
    default_branch: str = "main"
    visibility: str = "private"
    protected: frozenset[str] = frozenset()
    variables: list[CiVariable] = field(default_factory=list)

    def protects(self, ref: str, *, tag: bool) -> bool:
        return ref in self.protected

    def ci_variables(self) -> list[CiVariable]:
        return list(self.variables)


@dataclass
class Bench:
    """The pipelines under test, with everything around them written down."""

    pipelines: Pipelines
    folder: Path
    clock: Clock
    told: list[tuple[str, str]]
    minted: list[str]
    revoked: list[str]
    changed: threading.Condition

    def project(self, config: str, files: Mapping[str, str] | None = None, message: str = "Begin") -> Widget:
        work = self.folder / "work"
        work.mkdir()
        git(work, "init", "-q", "-b", "main")
        for name, text in {".gitlab-ci.yml": config, **(files or {})}.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(text)
        git(work, "add", ".")
        git(work, "commit", "-q", "-m", message)
        git(work, "tag", "-a", "v1.2.3", "-m", "The third")
        git(self.folder, "clone", "-q", "--bare", str(work), "widget.git")
        return Widget(self.folder / "widget.git")

    def start(
        self,
        project: Widget,
        *,
        ref: str = "main",
        source: str = "push",
        variables: Sequence[Mapping[str, str]] = (),
        inputs: Mapping[str, object] | None = None,
    ) -> Pipeline:
        return self.pipelines.create(
            project,
            ref=ref,
            tag=ref.startswith("v"),
            sha=git(project.repository, "rev-parse", f"{ref}^{{commit}}"),
            before_sha=NO_COMMIT,
            source=source,
            user_id=3,
            username="ada",
            variables=variables,
            inputs=inputs,
        )

    def until(self, condition: Callable[[], bool]) -> None:
        with self.changed:
            assert self.changed.wait_for(condition, WAIT), self.told

    def finish(self, pipeline: Pipeline, *statuses: str) -> None:
        wanted = statuses or tuple(COMPLETED)
        self.until(lambda: ("pipeline", pipeline.status) in self.told and pipeline.status in wanted)

    def run(self, config: str, *, ref: str = "main", variables: Sequence[Mapping[str, str]] = ()) -> Pipeline:
        pipeline = self.start(self.project(config), ref=ref, variables=variables)
        self.finish(pipeline)
        return pipeline

    def jobs(self, pipeline: Pipeline) -> dict[str, Job]:
        return {job.name: job for job in self.pipelines.jobs(pipeline.id)}

    def log(self, job: Job) -> str:
        return self.pipelines.trace(job).decode()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    changed = threading.Condition()
    told: list[tuple[str, str]] = []
    minted: list[str] = []
    revoked: list[str] = []
    ids = {"pipeline": count(100), "job": count(1000)}

    def mint(project: CiProject, job: Job) -> str:
        minted.append(f"glcbt-64_token{job.id}")
        return minted[-1]

    def on_change(project: CiProject, pipeline: Pipeline, job: Job | None) -> None:
        with changed:
            told.append(("pipeline", pipeline.status) if job is None else (job.name, job.status))
            changed.notify_all()

    clock = Clock()
    pipelines = Pipelines(
        clock=clock,
        server_url=lambda: "http://127.0.0.1:4567",
        workdir=tmp_path / "runner",
        forced_environment={"TWINE_REPOSITORY_URL": "http://127.0.0.1:9/", "PIP_NO_INDEX": "1"},
        max_jobs=3,
        mint_job_token=mint,
        revoke_job_token=revoked.append,
        on_change=on_change,
        next_id=lambda kind: next(ids[kind]),
    )
    yield Bench(pipelines, tmp_path, clock, told, minted, revoked, changed)
    pipelines.close()


def test_a_job_runs_in_a_clean_checkout_and_its_trace_shows_each_command(bench: Bench) -> None:
    pipeline = bench.run(
        "hello:\n  script:\n    - echo $((40 + 2))\n    - git status --short | wc -l\n    - cat x || true\n"
    )
    job = bench.jobs(pipeline)["hello"]
    log = bench.log(job)
    assert (pipeline.status, job.status, job.failure_reason) == ("success", "success", None)
    assert "$ echo $((40 + 2))" in log
    assert "\n42\n" in log
    assert "\n0\n" in log
    assert f"Checking out {pipeline.sha[:8]} as detached HEAD (ref is main)..." in log
    assert log.endswith("Job succeeded\x1b[0;m\n")


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


def test_a_failure_in_the_middle_of_a_pipe_fails_the_job(bench: Bench) -> None:
    assert bench.run("x:\n  script: false | cat\n").status == "failed"


def test_a_job_sees_only_its_own_environment(bench: Bench) -> None:
    os.environ["ROPEWALK_TEST_LEAK"] = "leaked"
    try:
        pipeline = bench.run("x:\n  variables: {HOME: /nowhere}\n  script: [env, ls -A ~ | wc -l]\n")
    finally:
        del os.environ["ROPEWALK_TEST_LEAK"]
    log = bench.log(bench.jobs(pipeline)["x"])
    assert "leaked" not in log
    assert "HOME=/nowhere" not in log
    assert "\n0\n" in log
    assert "TWINE_REPOSITORY_URL=http://127.0.0.1:9/" in log


def test_predefined_variables_of_a_tag(bench: Bench) -> None:
    names = (
        "CI GITLAB_CI CI_COMMIT_TAG CI_COMMIT_BRANCH CI_COMMIT_REF_NAME CI_COMMIT_REF_SLUG CI_PIPELINE_SOURCE "
        "CI_PIPELINE_ID "
        "CI_PIPELINE_IID CI_JOB_NAME CI_JOB_STAGE CI_PROJECT_PATH CI_PROJECT_NAME CI_PROJECT_NAMESPACE CI_API_V4_URL "
        "CI_SERVER_HOST CI_SERVER_PORT CI_COMMIT_TAG_MESSAGE CI_COMMIT_TITLE GITLAB_USER_LOGIN CI_COMMIT_REF_PROTECTED"
    )
    pipeline = bench.run(f'x:\n  script: for n in {names}; do echo "$n=${{!n-none}}."; done\n', ref="v1.2.3")
    seen = dict(line.split("=", 1) for line in bench.log(bench.jobs(pipeline)["x"]).splitlines() if line.endswith("."))
    assert seen == {
        "CI": "true.",
        "GITLAB_CI": "true.",
        "CI_COMMIT_TAG": "v1.2.3.",
        "CI_COMMIT_BRANCH": "none.",
        "CI_COMMIT_REF_NAME": "v1.2.3.",
        "CI_COMMIT_REF_SLUG": "v1-2-3.",
        "CI_PIPELINE_SOURCE": "push.",
        "CI_PIPELINE_ID": "100.",
        "CI_PIPELINE_IID": "1.",
        "CI_JOB_NAME": "x.",
        "CI_JOB_STAGE": "test.",
        "CI_PROJECT_PATH": "acme/tools/widget.",
        "CI_PROJECT_NAME": "widget.",
        "CI_PROJECT_NAMESPACE": "acme/tools.",
        "CI_API_V4_URL": "http://127.0.0.1:4567/api/v4.",
        "CI_SERVER_HOST": "127.0.0.1.",
        "CI_SERVER_PORT": "4567.",
        "CI_COMMIT_TAG_MESSAGE": "The third.",
        "CI_COMMIT_TITLE": "Begin.",
        "GITLAB_USER_LOGIN": "ada.",
        "CI_COMMIT_REF_PROTECTED": "false.",
    }


@pytest.mark.parametrize(("protected", "length"), [(True, 14), (False, len("$TWINE_PASSWORD"))])
def test_a_protected_variable_on_an_unprotected_ref_leaves_the_self_reference(
    bench: Bench, protected: bool, length: int
) -> None:
    """`TWINE_PASSWORD: $TWINE_PASSWORD` is harmless where the setting is seen, and a literal text where it is not."""
    project = bench.project(
        "variables: {TWINE_PASSWORD: $TWINE_PASSWORD}\nx:\n  script: echo length=${#TWINE_PASSWORD}\n"
    )
    project.variables = [CiVariable(key="TWINE_PASSWORD", value="glpat-12345678", level="project", protected=True)]
    project.protected = frozenset({"main"}) if protected else frozenset()
    pipeline = bench.start(project)
    bench.finish(pipeline)
    assert f"\nlength={length}\n" in bench.log(bench.jobs(pipeline)["x"])


def test_an_environment_chooses_the_scoped_value(bench: Bench) -> None:
    project = bench.project(
        "x:\n  environment: review/$CI_COMMIT_REF_NAME\n"
        "  script: echo $CI_ENVIRONMENT_NAME $CI_ENVIRONMENT_SLUG $WHERE\n"
        "y:\n  script: echo to $WHERE\n"
    )
    project.variables = [
        CiVariable(key="WHERE", value="everywhere", level="project"),
        CiVariable(key="WHERE", value="naïve ✓", level="project", environment_scope="review/*"),
    ]
    pipeline = bench.start(project)
    bench.finish(pipeline)
    jobs = bench.jobs(pipeline)
    assert jobs["x"].environment == "review/main"
    assert re.search(r"\nreview/main review-main-\w{6} naïve ✓\n", bench.log(jobs["x"]))
    assert "\nto everywhere\n" in bench.log(jobs["y"])


def test_masked_values_and_the_job_token_are_hidden_even_when_printed_in_pieces(bench: Bench) -> None:
    project = bench.project(
        "x:\n  script:\n    - echo $SECRET and $CI_JOB_TOKEN and $CI_REPOSITORY_URL\n"
        "    - printf %s ${SECRET:0:5}; sleep 0.05; printf '%s\\n' ${SECRET:5}\n"
    )
    project.variables = [CiVariable(key="SECRET", value="s3cr3t-value", level="group", masked=True)]
    pipeline = bench.start(project)
    bench.finish(pipeline)
    log = bench.log(bench.jobs(pipeline)["x"])
    assert "\n[MASKED] and [MASKED] and [MASKED]\n" in log
    assert log.count("[MASKED]") == 4
    assert "s3cr3t" not in log
    assert bench.minted == bench.revoked == ["glcbt-64_token1000"]


def test_a_file_variable_is_a_path_to_its_content(bench: Bench) -> None:
    project = bench.project('x:\n  script: cat "$PYPIRC"\n')
    project.variables = [CiVariable(key="PYPIRC", value="[distutils]\n$x\n", level="project", file=True)]
    pipeline = bench.start(project)
    bench.finish(pipeline)
    assert "\n[distutils]\n$x\n" in bench.log(bench.jobs(pipeline)["x"])


def test_artifacts_are_zipped_passed_on_and_expire(bench: Bench) -> None:
    pipeline = bench.run(
        "build:\n  stage: build\n  script:\n"
        "    - mkdir -p dist/deep; echo a > dist/a.whl; echo b > dist/deep/b.txt; echo c > dist/c.log\n"
        "    - ln -s /etc/hostname dist/out; ln -s a.whl dist/in\n"
        "  artifacts: {paths: [dist, /etc/hostname, ../../x], exclude: ['dist/**/*.log'],"
        " expire_in: 2 days, name: all}\n"
        "test:\n  script: cat dist/in dist/deep/b.txt\n"
        "lone:\n  dependencies: []\n  script: test ! -e dist\n"
    )
    assert pipeline.status == "success"
    job = bench.jobs(pipeline)["build"]
    path = bench.pipelines.artifacts_path(job)
    assert path is not None
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["dist/a.whl", "dist/deep/b.txt", "dist/in"]
        assert archive.read("dist/a.whl") == b"a\n"
    assert [(each.file_type, each.filename) for each in job.artifacts] == [("archive", "all.zip"), ("trace", "job.log")]
    assert job.artifacts[0].size == path.stat().st_size
    assert job.artifacts_expire_at == bench.clock.present + timedelta(days=2)
    assert "WARNING: ../../x: no matching files." in bench.log(job)
    bench.clock.present += timedelta(days=2)
    assert bench.pipelines.artifacts_path(job) is None


def test_dotenv_reports_reach_later_jobs(bench: Bench) -> None:
    pipeline = bench.run(
        "a:\n  stage: build\n  script: echo VERSION=1.2 > build.env\n  artifacts: {reports: {dotenv: build.env}}\n"
        "b:\n  script: echo version=$VERSION.\n"
    )
    assert "\nversion=1.2.\n" in bench.log(bench.jobs(pipeline)["b"])


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


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _written(pid: Path) -> int:
    deadline = time.monotonic() + WAIT
    while not (pid.exists() and pid.read_text().strip()):
        assert time.monotonic() < deadline
    return int(pid.read_text())


def _daemon_config(pid: Path, timeout: str) -> str:
    return (
        f"x:\n  timeout: {timeout}\n  script:\n"
        f"    - setsid sh -c 'echo $$ > {pid}; exec sleep 300' &\n    - sleep 300\n"
    )


def test_a_job_that_takes_too_long_is_killed_with_everything_it_started(bench: Bench) -> None:
    pid = bench.folder / "pid"
    pipeline = bench.run(_daemon_config(pid, "1s"))
    job = bench.jobs(pipeline)["x"]
    assert (job.status, job.failure_reason) == ("failed", "job_execution_timeout")
    assert "ERROR: Job failed: execution took longer than 1s" in bench.log(job)
    assert not _alive(int(pid.read_text()))


def test_a_finished_job_leaves_no_process_behind(bench: Bench) -> None:
    pid = bench.folder / "pid"
    pipeline = bench.run(f"x:\n  script: setsid sleep 300 & echo $! > {pid}\n")
    assert pipeline.status == "success"
    assert not _alive(int(pid.read_text()))


def test_cancel_stops_a_running_job_and_what_follows(bench: Bench) -> None:
    pid = bench.folder / "pid"
    pipeline = bench.start(bench.project(_daemon_config(pid, "1m") + "y:\n  stage: deploy\n  script: 'true'\n"))
    bench.until(lambda: ("x", "running") in bench.told)
    bench.pipelines.cancel_pipeline(pipeline)
    bench.finish(pipeline)
    assert pipeline.status == "canceled"
    assert {job.status for job in bench.jobs(pipeline).values()} == {"canceled"}
    assert ("x", "canceling") in bench.told


def test_closing_ends_running_jobs_and_refuses_new_ones(bench: Bench) -> None:
    pid = bench.folder / "pid"
    project = bench.project(_daemon_config(pid, "1m"))
    pipeline = bench.start(project)
    number = _written(pid)
    bench.pipelines.close()
    assert bench.jobs(pipeline)["x"].status == "canceled"
    assert not _alive(number)
    with pytest.raises(CiError, match="shutting down"):
        bench.start(project)


def test_nothing_of_a_job_survives_a_kill_of_the_server(tmp_path: Path) -> None:
    """Neither the shell nor a daemon it started outlives `kill -9` of the process that runs jobs."""
    pid, shell = tmp_path / "pid", tmp_path / "shell"
    script = f"echo $$ > {shell}; setsid sh -c 'echo $$ > {pid}; exec sleep 300' & sleep 300"
    program = (
        "import pathlib, time; from bot.sandbox.ci.processes import Stop, run\n"
        f"run(['/bin/sh', '-c', {script!r}], cwd=pathlib.Path('/'), env={{'PATH': {os.environ['PATH']!r}}},"
        " output=lambda _: None, deadline=time.monotonic() + 300, stop=Stop())"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as server:
        numbers = [_written(shell), _written(pid)]
        server.kill()
    deadline = time.monotonic() + WAIT
    while any(_alive(number) for number in numbers):
        assert time.monotonic() < deadline


@pytest.mark.slow
def test_the_tools_of_the_guide_work_and_install_into_the_job_only(bench: Bench) -> None:
    """A setup.py project is built and checked offline, and what pip installs is gone with the job."""
    project = bench.project(
        "x:\n  script:\n"
        "    - pip install twine\n"
        "    - python setup.py -q sdist bdist_wheel\n"
        "    - twine check dist/*\n"
        "    - pip install --no-deps dist/*.whl\n"
        "    - python3 -c 'import widget_of_test; print(widget_of_test.__file__)'\n"
        "    - command -v python\n"
        "  artifacts: {paths: [dist/*]}\n",
        {
            "setup.py": "from setuptools import setup\n"
            "setup(name='widget-of-test', version='1.2.3', py_modules=['widget_of_test'])\n",
            "widget_of_test.py": "",
        },
    )
    pipeline = bench.start(project)
    bench.finish(pipeline)
    job = bench.jobs(pipeline)["x"]
    assert pipeline.status == "success", bench.log(job)
    path = bench.pipelines.artifacts_path(job)
    assert path is not None
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 2
    assert not (bench.folder / "runner" / "builds" / str(job.id)).exists()
    with pytest.raises(ModuleNotFoundError):
        __import__("widget_of_test")


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
