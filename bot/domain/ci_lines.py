"""Merged facts of a CI file with the lines of the file that people edit."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import replace

from bot.domain.ci import CiCommand, CiFacts, CiJob, CiLine


def located(merged: CiFacts, written: CiFacts) -> CiFacts:
    """`merged`, in which every job, entry and command that `written` has as well stands where it does there.

    `merged` is what CI Lint made of the file that `written` was read from. What included files bring has no line. The
    includes themselves, and the credentials of the file with their lines, come from `written`.
    """
    known = {job.name: job for job in written.jobs}
    jobs = tuple(_located(job, known[job.name]) if job.name in known else job for job in merged.jobs)
    told = {(one.form, one.place) for one in written.credentials}
    brought = tuple(one for one in merged.credentials if (one.form, one.place) not in told)
    return replace(
        merged,
        jobs=jobs,
        included=written.included,
        credentials=(*written.credentials, *brought),
        lines=written.lines,
    )


def _located(job: CiJob, written: CiJob) -> CiJob:
    lines: defaultdict[str, deque[int | None]] = defaultdict(deque)
    commands: defaultdict[tuple[str, ...], deque[int | None]] = defaultdict(deque)
    for entry in written.script:
        lines[entry.text].append(entry.line)
        for command in entry.commands:
            commands[command.words].append(command.line)

    def command_at(command: CiCommand) -> CiCommand:
        places = commands[command.words]
        return replace(command, line=places.popleft() if places else None)

    def entry_at(entry: CiLine) -> CiLine:
        places = lines[entry.text]
        line = places.popleft() if places else None
        return replace(entry, line=line, commands=tuple(map(command_at, entry.commands)))

    return replace(job, line=written.line, lines=written.lines, script=tuple(map(entry_at, job.script)))
