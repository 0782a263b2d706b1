"""The runner of the embedded GitLab runs real jobs, from real git repositories, as GitLab's runner would."""

import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.sandbox.ci.model import CiError, CiVariable
from tests.contract.runner_bench import WAIT, Bench, alive, open_bench, written


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with open_bench(tmp_path) as opened:
        yield opened


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
    assert not alive(int(pid.read_text()))


def test_a_finished_job_leaves_no_process_behind(bench: Bench) -> None:
    pid = bench.folder / "pid"
    pipeline = bench.run(f"x:\n  script: setsid sleep 300 & echo $! > {pid}\n")
    assert pipeline.status == "success"
    assert not alive(int(pid.read_text()))


def test_closing_ends_running_jobs_and_refuses_new_ones(bench: Bench) -> None:
    pid = bench.folder / "pid"
    project = bench.project(_daemon_config(pid, "1m"))
    pipeline = bench.start(project)
    number = written(pid)
    bench.pipelines.close()
    assert bench.jobs(pipeline)["x"].status == "canceled"
    assert not alive(number)
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
        numbers = [written(shell), written(pid)]
        server.kill()
    deadline = time.monotonic() + WAIT
    while any(alive(number) for number in numbers):
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
