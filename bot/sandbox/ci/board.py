"""The state of one pipeline: its jobs, whose turn it is, and the status that follows. No threads, no files."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from bot.sandbox.ci.creation import Blueprint, Extra
from bot.sandbox.ci.model import COMPLETED, CiProject, Job, Pipeline, Status
from bot.sandbox.ci.processes import Stop
from bot.sandbox.ci.selection import Chosen
from bot.sandbox.ci.status import composite, turn


@dataclass(slots=True, kw_only=True)
class Entry:
    """A job and what the runner keeps about it. `stop` is there while it runs."""

    job: Job
    chosen: Chosen
    attempts_left: int
    extra: Extra = field(default_factory=Extra)
    stop: Stop | None = None
    archive: Path | None = None
    dotenv: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Board:
    """A pipeline with its jobs, retried ones included, oldest first. `blueprint` is None if it could not be made."""

    project: CiProject
    pipeline: Pipeline
    blueprint: Blueprint | None = None
    entries: list[Entry] = field(default_factory=list)

    def latest(self) -> list[Entry]:
        """The jobs that count: those not retried."""
        return [entry for entry in self.entries if not entry.job.retried]

    def moves(self) -> Iterator[tuple[Entry, Status]]:
        """Every created job whose turn has come, with its next status; apply each before asking for the next."""
        for entry in self.latest():
            if entry.job.status != "created":
                continue
            dag = entry.chosen.spec.needs is not None
            before = composite(
                ((other.job.status, other.job.allow_failure) for other in self._followed(entry)), dag=dag
            )
            match turn(entry.job.when, before, dag=dag):
                case "enqueue":
                    yield entry, "pending"
                case "skip":
                    yield entry, "skipped"
                case "offer":
                    yield entry, "manual"
                case "wait":
                    continue

    def _followed(self, entry: Entry) -> list[Entry]:
        needs = entry.chosen.spec.needs
        if needs is not None:
            names = {need.job for need in needs}
            return [other for other in self.latest() if other.job.name in names]
        stage = self._stage(entry)
        return [other for other in self.latest() if self._stage(other) < stage]

    def after(self, entry: Entry) -> list[Entry]:
        """The skipped jobs that a retry of this one brings back: those of later stages and those that need it."""
        stage, names = self._stage(entry), {entry.job.name}
        found: list[Entry] = []
        for other in sorted(self.latest(), key=self._stage):
            wanted = {need.job for need in other.chosen.spec.needs or ()}
            if other.job.status == "skipped" and (self._stage(other) > stage or wanted & names):
                found.append(other)
                names.add(other.job.name)
        return found

    def feeding(self, entry: Entry) -> list[Entry]:
        """The jobs whose artifacts this one gets: named by `dependencies`, else by `needs`, else all earlier stages."""
        spec = entry.chosen.spec
        followed = self._followed(entry)
        if spec.dependencies is not None:
            return [other for other in self.latest() if other.job.name in spec.dependencies]
        if spec.needs is not None:
            wanted = {need.job for need in spec.needs if need.artifacts}
            return [other for other in followed if other.job.name in wanted]
        return followed

    def _stage(self, entry: Entry) -> int:
        return self.blueprint.file.stages.index(entry.job.stage) if self.blueprint else 0

    def settle(self, now: datetime) -> bool:
        """Bring the pipeline's status and times up to its jobs; returns whether the status is another one."""
        pipeline = self.pipeline
        status = composite((entry.job.status, entry.job.allow_failure) for entry in self.latest())
        if status is None or status == pipeline.status:
            return False
        pipeline.status = status
        pipeline.updated_at = now
        if status == "running" and pipeline.started_at is None:
            pipeline.started_at = now
        if status in COMPLETED:
            pipeline.finished_at = now
            pipeline.duration = self._busy()
        else:
            pipeline.finished_at = None
        return True

    def _busy(self) -> float:
        """Seconds during which at least one job ran. Source: gitlabhq `lib/gitlab/ci/pipeline/duration.rb`."""
        spans = sorted(
            (entry.job.started_at, entry.job.finished_at)
            for entry in self.latest()
            if entry.job.started_at is not None and entry.job.finished_at is not None
        )
        total, until = 0.0, None
        for start, end in spans:
            begin = start if until is None else max(start, until)
            total += max(0.0, (end - begin).total_seconds())
            until = end if until is None else max(until, end)
        return total
