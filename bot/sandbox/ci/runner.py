"""Runs one job: a clean checkout, its scripts in bash, its artifacts into a zip, its trace into a file."""

import io
import os
import shutil
import subprocess
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bot.sandbox.ci.artifacts import collect, dotenv, unpack
from bot.sandbox.ci.masking import Masker
from bot.sandbox.ci.model import When
from bot.sandbox.ci.processes import Ended, Stop, run
from bot.sandbox.ci.python_home import PythonHome, remove_tree
from bot.sandbox.ci.release import create_release
from bot.sandbox.ci.shell import CYAN, END, GREEN, RED, YELLOW, compose
from bot.sandbox.ci.source import git_environment
from bot.sandbox.ci.spec import ArtifactSpec, JobSpec
from bot.sandbox.ci.variables import Variable, as_paths, expand, expand_all, secrets

AFTER_SCRIPT_TIMEOUT = 300  # seconds; GitLab's RUNNER_AFTER_SCRIPT_TIMEOUT
MAX_TRACE = 4 << 20  # bytes; the runner's output_limit is 4 MiB


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Everything one job needs. `timeout` in seconds; `unpack` are archives of earlier jobs, in order."""

    spec: JobSpec
    job_id: int
    project_id: int
    full_path: str
    repository: Path
    ref: str
    sha: str
    api: str
    token: str
    variables: Mapping[str, Variable]
    timeout: int
    unpack: Sequence[tuple[str, Path]]
    trace: Path
    archive: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How a job ended. `status` is success, failed or canceled; `files` counts those in the archive."""

    status: str
    failure_reason: str | None = None
    exit_code: int | None = None
    files: int = 0
    archive_name: str = "artifacts.zip"
    dotenv: Mapping[str, str] = field(default_factory=dict)


class _Trace:
    """The log of a job: masked, cut at its limit, on disk at once."""

    def __init__(self, sink: io.FileIO, masker: Masker) -> None:
        self._sink, self._masker, self._room = sink, masker, MAX_TRACE

    def raw(self, text: bytes) -> None:
        self._put(self._masker.feed(text))

    def say(self, line: str, colour: str = "") -> None:
        self._put(self._masker.finish())  # what a command left unfinished cannot go on in our own line
        self.raw(f"{colour}{line}{END if colour else ''}\n".encode())

    def finish(self) -> None:
        self._put(self._masker.finish())

    def _put(self, text: bytes) -> None:
        if self._room <= 0:
            return
        if len(text) > self._room:
            text = text[: self._room] + b"\nJob's log exceeded limit of 4194304 bytes.\n"
            self._room = 0
        self._room -= len(text)
        self._sink.write(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where and how the scripts of one job run."""

    home: Path
    checkout: Path
    environment: Mapping[str, str]
    trace: _Trace


class Runner:
    """Runs jobs below one folder; may be used from several threads at once.

    `forced` is set over whatever a job's variables say.
    """

    def __init__(self, folder: Path, forced: Mapping[str, str]) -> None:
        self._builds = folder / "builds"
        self._forced = dict(forced)
        self._python = PythonHome(folder)
        self._bash = shutil.which("bash") or "/bin/bash"

    def builds_dir(self, job_id: int) -> Path:
        """The folder that holds one job's checkout (below it: the project's full path)."""
        return self._builds / str(job_id)

    def run(self, order: Order, stop: Stop) -> Result:
        """Run the job to its end. What breaks in the runner itself fails the job, and its trace says so."""
        home = self.builds_dir(order.job_id)
        variables = as_paths(order.variables, str(home / "files"))
        values = expand_all(variables)
        hidden = secrets(variables, values) | {each.value for each in order.variables.values() if each.masked}
        order.trace.parent.mkdir(parents=True, exist_ok=True)
        with order.trace.open("wb", buffering=0) as sink:
            trace = _Trace(sink, Masker(hidden))
            try:
                result = self._run(order, home, values, trace, stop)
            except (OSError, ValueError, subprocess.SubprocessError, zipfile.BadZipFile) as error:
                trace.say(f"ERROR: Job failed (system failure): {error}", RED)
                result = Result(status="failed", failure_reason="runner_system_failure")
            finally:
                trace.finish()
                remove_tree(home)
        return result

    def _run(self, order: Order, home: Path, values: Mapping[str, str], trace: _Trace, stop: Stop) -> Result:
        checkout = home / order.full_path
        trace.say("Running with the embedded runner (bash, on this machine)")
        if order.spec.ignored:
            trace.say(f"WARNING: accepted without effect here: {', '.join(order.spec.ignored)}", YELLOW)
        environment = self._environment(order, home, values)
        trace.say("Getting source from Git repository", CYAN)
        self._check_out(order, checkout, values, trace)
        for name, archive in order.unpack:
            count = unpack(archive, checkout)
            trace.say(f"Downloading artifacts for {name}... ok: {count} files", GREEN)
        place = _Place(home=home, checkout=checkout, environment=environment, trace=trace)
        ended = self._scripts(order, place, stop)
        if ended.how == "stopped":
            trace.say("ERROR: Job failed: canceled", RED)
            return Result(status="canceled")
        if order.spec.release is not None and ended.good:
            created, line = create_release(
                order.spec.release, values, api=order.api, project_id=order.project_id, token=order.token
            )
            trace.say(line)
            ended = ended if created else Ended(how="exit", code=1)
        return self._conclude(order, checkout, values, trace, ended)

    def _scripts(self, order: Order, place: _Place, stop: Stop) -> Ended:
        """How `before_script` and `script` ended; `after_script` changes nothing about it."""
        place.trace.say('Executing "step_script" stage of the job script', CYAN)
        commands = (*order.spec.before_script, *order.spec.script)
        ended = self._bash_run(commands, place, seconds=order.timeout, stop=stop)
        if order.spec.after_script and ended.how != "stopped":
            place.trace.say("Running after_script", CYAN)
            status = {"CI_JOB_STATUS": "success" if ended.good else "failed"}
            later = replace(place, environment={**place.environment, **status})
            after = self._bash_run(order.spec.after_script, later, seconds=AFTER_SCRIPT_TIMEOUT, stop=stop)
            if after.how == "stopped":
                return after
            if not after.good:
                place.trace.say("WARNING: after_script failed, but job will continue unaffected", YELLOW)
        return ended

    def _conclude(self, order: Order, checkout: Path, values: Mapping[str, str], trace: _Trace, ended: Ended) -> Result:
        good = ended.good
        spec = order.spec.artifacts
        files, found = 0, {}
        if spec is not None and _uploads(spec.when, good):
            trace.say(f"Uploading artifacts for {'successful' if good else 'failed'} job", CYAN)
            files = self._collect(order, spec, checkout, values, trace)
            found = _read_dotenv(spec, checkout, values, trace.say)
        trace.say("Cleaning up project directory and file based variables", CYAN)
        name = expand(spec.name, values) if spec is not None else "artifacts"
        if good:
            trace.say("Job succeeded", GREEN)
            return Result(status="success", exit_code=0, files=files, archive_name=f"{name}.zip", dotenv=found)
        timed_out = ended.how == "timeout"
        why = f"execution took longer than {_go_duration(order.timeout)}" if timed_out else f"exit code {ended.code}"
        trace.say(f"ERROR: Job failed: {why}", RED)
        return Result(
            status="failed",
            failure_reason="job_execution_timeout" if timed_out else "script_failure",
            exit_code=None if timed_out else ended.code,
            files=files,
            archive_name=f"{name}.zip",
        )

    def _collect(
        self, order: Order, spec: ArtifactSpec, checkout: Path, values: Mapping[str, str], trace: _Trace
    ) -> int:
        if not spec.paths:
            return 0
        trace.say("Uploading artifacts...")
        count = collect(
            checkout,
            paths=[expand(path, values) for path in spec.paths],
            exclude=[expand(path, values) for path in spec.exclude],
            archive=order.archive,
            say=trace.say,
        )
        if count:
            trace.say(
                f'Uploading artifacts as "archive" to coordinator... 201 Created  id={order.job_id} '
                "responseStatus=201 Created"
            )
        else:
            trace.say("ERROR: No files to upload", RED)
        return count

    def _environment(self, order: Order, home: Path, values: Mapping[str, str]) -> dict[str, str]:
        """The job's whole environment; the runner's own variables are not part of it."""
        for name in ("home", "tmp", "files"):
            (home / name).mkdir(parents=True)
        for key, variable in order.variables.items():
            if variable.file:
                (home / "files" / key).write_text(variable.value)
        path = self._python.create(home / "python")
        return {
            "PATH": path,
            "LANG": "C.UTF-8",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
            **values,
            "HOME": str(home / "home"),
            "TMPDIR": str(home / "tmp"),
            **self._forced,
        }

    def _check_out(self, order: Order, checkout: Path, values: Mapping[str, str], trace: _Trace) -> None:
        checkout.parent.mkdir(parents=True, exist_ok=True)
        trace.say("Fetching changes...", GREEN)
        git = ("git", "-c", "advice.detachedHead=false")
        _git(*git, "clone", "--quiet", "--shared", "--no-checkout", str(order.repository), str(checkout))
        _git(*git, "-C", str(checkout), "checkout", "--quiet", "--detach", order.sha)
        _git(*git, "-C", str(checkout), "remote", "set-url", "origin", values["CI_REPOSITORY_URL"])
        trace.say(f"Checking out {order.sha[:8]} as detached HEAD (ref is {order.ref})...", GREEN)
        trace.say("Skipping Git submodules setup")

    def _bash_run(self, commands: Sequence[str], place: _Place, *, seconds: int, stop: Stop) -> Ended:
        script = place.home / "script.sh"
        script.write_text(compose(commands))
        return run(
            [self._bash, "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=place.checkout,
            env=place.environment,
            output=place.trace.raw,
            deadline=time.monotonic() + seconds,
            stop=stop,
        )


def _uploads(when: When, good: bool) -> bool:
    return when == "always" or (when == "on_success") == good


def _read_dotenv(
    spec: ArtifactSpec, checkout: Path, values: Mapping[str, str], say: Callable[[str], None]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for pattern in spec.dotenv:
        path = (checkout / expand(pattern, values)).resolve()
        if path.is_relative_to(checkout.resolve()) and path.is_file():
            found |= dotenv(path.read_text())
        else:
            say(f"WARNING: {pattern}: no matching files.")
    return found


def _git(*command: str) -> None:
    done = subprocess.run(
        command, env=git_environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OSError(f"git: {done.stderr.strip() or os.strerror(done.returncode)}")


def _go_duration(seconds: int) -> str:
    """Seconds as the runner, written in Go, shows them: `1h0m0s`."""
    hours, rest = divmod(seconds, 3600)
    minutes, last = divmod(rest, 60)
    return f"{hours}h{minutes}m{last}s" if hours else f"{minutes}m{last}s" if minutes else f"{last}s"
