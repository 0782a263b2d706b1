"""One way to run git: no user or system configuration, no prompts, the sandbox's own identity."""

import errno
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

_UNUSABLE = 128
"""git's own status for what it cannot use."""


class GitError(Exception):
    """git refused. `stderr` is what it said."""

    def __init__(self, arguments: Sequence[str], status: int, stderr: str) -> None:
        super().__init__(f"git {arguments[0]} ended with status {status}: {stderr.strip()}")
        self.status = status
        self.stderr = stderr


def git_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment in which git reads no configuration but the repository's own."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C.UTF-8",
        "HOME": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_COMMITTER_NAME": "GitLab",
        "GIT_COMMITTER_EMAIL": "noreply@localhost",
        "GIT_AUTHOR_NAME": "GitLab",
        "GIT_AUTHOR_EMAIL": "noreply@localhost",
    }
    environment.update(extra or {})
    return environment


def git(
    repository: Path,
    *arguments: str,
    stdin: bytes = b"",
    environment: Mapping[str, str] | None = None,
    accept: tuple[int, ...] = (0,),
) -> bytes:
    """Run `git ARGUMENTS` in the bare `repository` and return its standard output.

    Raises:
        GitError: the exit status is not in `accept`, or no process takes the arguments.
    """
    try:
        done = subprocess.run(
            ["git", f"--git-dir={repository}", *arguments],
            input=stdin,
            capture_output=True,
            env=git_environment(environment),
            check=False,
        )
    except ValueError as error:  # NUL, or half a character
        raise GitError(arguments, _UNUSABLE, str(error)) from None
    except OSError as error:
        if error.errno != errno.E2BIG:
            raise
        raise GitError(arguments, _UNUSABLE, error.strerror or "") from None
    if done.returncode not in accept:
        raise GitError(arguments, done.returncode, done.stderr.decode(errors="replace"))
    return done.stdout
