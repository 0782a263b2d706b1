"""The uploads of a job: which its script comes to for certain, and what runs before one in the same shell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bot.domain.ci import CiCommand, CiFacts, CiJob, CiLine
from bot.hygiene.ci_judging import uploads

# What runs tasks that another file describes, or uploads by a name of its own.
_RUNNERS = frozenset(
    {"make", "gmake", "just", "task", "tox", "nox", "invoke", "inv", "doit", "hatch", "npm", "yarn"}
) | {
    "npx",
    "pnpm",
    "rake",
    "ant",
    "bazel",
    "pants",
    "scons",
    "semantic-release",
    "docker",
    "podman",
    "ssh",
    "eval",
    "ansible-playbook",
}
# What leaves no file behind that twine could send.
_MAKE_NOTHING = frozenset(
    {"twine", "pip", "pip3", "apt-get", "apt", "apk", "echo", "ls", "cat", "set", "export", "true"}
)
_INTERPRETERS = frozenset({"sh", "bash", "dash", "zsh", "ksh", ".", "source"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A command that uploads, the entry of the script that it stands in, and whether the script comes to it."""

    command: CiCommand
    line: CiLine
    certain: bool


def sent(job: CiJob) -> tuple[Upload, ...]:
    """The uploads that the script certainly comes to; where there are none, all of them."""
    found = tuple(_uploads(job))
    return tuple(one for one in found if one.certain) or found


def before(job: CiJob, upload: Upload) -> Iterator[CiCommand]:
    """The commands of the upload's own shell before it, in order."""
    for line in job.script:
        for command in line.commands if line.after == upload.line.after else ():
            if command is upload.command:
                return
            if upload.command.apart or not command.apart:
                yield command


def opaque(job: CiJob) -> str:
    """A program in a job that runs what the CI file does not show: the project's own scripts, a task runner; its name,
    empty for none.
    """
    for command in job.commands:
        program = command.words[0] if command.words else ""
        if program in _RUNNERS or program.endswith((".sh", ".py")):
            return program
        if program in _INTERPRETERS and len(command.words) > 1 and "-c" not in command.words:
            return command.words[1]
    return ""


def makes_nothing(job: CiJob) -> bool:
    """Whether the script for certain makes and fetches no file that could be uploaded."""
    return not job.builds and all(one.words[:1] == () or one.words[0] in _MAKE_NOTHING for one in job.commands)


def takes_from(ci: CiFacts, job: CiJob) -> tuple[CiJob, ...]:
    """The jobs whose artifacts it is given, as far as the file tells: those that keep none left out."""
    names = job.needs if job.dependencies is None else job.dependencies
    others = (one for one in ci.jobs if one is not job and (names is None or made_from(one, names)))
    return tuple(one for one in others if one.artifacts or not one.complete)


def made_from(job: CiJob, names: tuple[str, ...]) -> bool:
    """Whether one of these names is the job's, or that of one of several made from it."""
    return any(name == job.name or name.startswith((f"{job.name} ", f"{job.name}: ")) for name in names)


def _uploads(job: CiJob) -> Iterator[Upload]:
    wanted = list(uploads(job))
    left = {False: False, True: False}  # by shell: whether the script may have ended
    for line in job.script:
        for command in line.commands:
            left[line.after] = left[line.after] or _ends(command)
            if any(command is one for one in wanted):
                yield Upload(command=command, line=line, certain=not (command.doubtful or left[line.after]))


def _ends(command: CiCommand) -> bool:
    """Whether it ends a script that is well."""
    return command.words[:1] == ("exit",) and not command.apart and command.words[1:2] in ((), ("0",))
