"""A bench for the runner of the embedded GitLab: a real repository, the pipelines, and all they tell."""

import os
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from bot.sandbox.ci.model import COMPLETED, CiProject, CiVariable, Job, Pipeline
from bot.sandbox.ci.pipelines import Pipelines

WAIT = 30.0  # seconds; far beyond what any of these jobs takes
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
    ci_config_path: str = ".gitlab-ci.yml"
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


@contextmanager
def open_bench(tmp_path: Path) -> Iterator[Bench]:
    """Pipelines with three workers, closed at the end."""
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
    try:
        yield Bench(pipelines, tmp_path, clock, told, minted, revoked, changed)
    finally:
        pipelines.close()


def alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def written(pid: Path) -> int:
    """The process id in a file, once a job has written it."""
    deadline = time.monotonic() + WAIT
    while not (pid.exists() and pid.read_text().strip()):
        assert time.monotonic() < deadline
    return int(pid.read_text())
