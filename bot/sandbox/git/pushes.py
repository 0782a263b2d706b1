"""What a push may do: the command list of `git-receive-pack`, GitLab's checks, and its way of saying no.

Source: gitprotocol-pack(5), lib/gitlab/checks/{branch,tag}_check.rb.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

from bot.sandbox.git.changes import BLANK, RefChange, valid_ref_name
from bot.sandbox.world import access
from bot.sandbox.world.people import Level, User
from bot.sandbox.world.places import Project

_LENGTH = 4
_COMMANDS_LIMIT_BYTES = 16 * 1024 * 1024
_SHA_LIKE = re.compile(r"[0-9a-f]{40}")


class PushRefusedError(Exception):
    """The push must not happen; the message is what the user reads after `remote: GitLab: `."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRequest:
    """The head of a receive-pack body: what it asks for, and the bytes read so far."""

    changes: tuple[RefChange, ...]
    capabilities: frozenset[str]
    options: tuple[str, ...]
    consumed: bytes


async def read_push(chunks: AsyncIterator[bytes]) -> PushRequest:
    """Read commands and push options, leaving the pack unread in `chunks`. Raises: ValueError when malformed."""
    buffer = bytearray()
    at = 0

    async def line() -> bytes | None:
        nonlocal at
        while len(buffer) < at + _LENGTH or len(buffer) < at + max(_LENGTH, int(bytes(buffer[at : at + 4]), 16)):
            if len(buffer) > _COMMANDS_LIMIT_BYTES:
                raise ValueError("too many commands")
            try:
                buffer.extend(await anext(chunks))
            except StopAsyncIteration:
                raise ValueError("the push ended within its commands") from None
        size = int(bytes(buffer[at : at + _LENGTH]), 16)
        data = None if size == 0 else bytes(buffer[at + _LENGTH : at + size])
        at += size or _LENGTH
        return data

    changes: list[RefChange] = []
    capabilities: frozenset[str] = frozenset()
    while (command := await line()) is not None:
        text, _, features = command.decode(errors="replace").rstrip("\n").partition("\0")
        if features:
            capabilities = frozenset(features.split())
        if text.startswith("shallow "):
            continue
        before, after, ref = text.split(" ", 2)
        changes.append(RefChange(ref=ref, before=before, after=after))
    options: list[str] = []
    if changes and "push-options" in capabilities:
        while (option := await line()) is not None:
            options.append(option.decode(errors="replace").rstrip("\n"))
    return PushRequest(
        changes=tuple(changes), capabilities=capabilities, options=tuple(options), consumed=bytes(buffer)
    )


_RESERVED = (
    "refs/environments/",
    "refs/keep-around/",
    "refs/merge-requests/",
    "refs/pipelines/",
    "refs/remotes/",
    "refs/tmp/",
)
"""Refs GitLab keeps for itself. Others beside branches and tags, such as `refs/notes/`, are anybody's who may push.

Source: app/models/repository.rb `RESERVED_REFS_NAMES`.
"""


def check_push(project: Project, user: User | None, changes: tuple[RefChange, ...]) -> None:
    """Apply GitLab's rules for branches and tags. One refusal refuses the whole push.

    Raises:
        PushRefusedError: with GitLab's sentence.
    """
    if access.project_level(user, project) < Level.DEVELOPER:
        raise PushRefusedError("You are not allowed to push code to this project.")
    for one in changes:
        if one.ref.startswith("refs/tags/"):
            _check_tag(project, user, one)
        elif one.ref.startswith("refs/heads/"):
            _check_branch(project, user, one)
        elif one.ref.startswith(_RESERVED) or not one.ref.startswith("refs/"):
            raise PushRefusedError("You are not allowed to push code to this project.")


def _check_tag(project: Project, user: User | None, one: RefChange) -> None:
    if one.action != "created" and access.project_level(user, project) < Level.MAINTAINER:
        raise PushRefusedError("You are not allowed to change existing tags on this project.")
    if one.action == "created" and one.name == project.default_branch:
        raise PushRefusedError("You cannot use default branch name to create a tag")
    if one.after != BLANK and not valid_ref_name(one.name):
        raise PushRefusedError("You cannot create a tag with a prohibited pattern.")
    if one.after != BLANK and _SHA_LIKE.match(one.name):
        raise PushRefusedError("You cannot create a tag with a SHA-1 or SHA-256 tag name.")
    if not project.protects(one.name, tag=True):
        return
    if one.action == "pushed":
        raise PushRefusedError("Protected tags cannot be updated.")
    if one.action == "removed":
        raise PushRefusedError("You can only delete protected tags using the web interface.")
    if not access.can_create_tag(user, project, one.name):
        raise PushRefusedError("You are not allowed to create this tag as it is protected.")


def _check_branch(project: Project, user: User | None, one: RefChange) -> None:
    if one.after == BLANK and one.name == project.default_branch:
        raise PushRefusedError("The default branch of a project cannot be deleted.")
    if one.after != BLANK and re.match(r"[0-9a-f]{40}(-/|/|$)", one.name):
        raise PushRefusedError("You cannot create a branch with a 40-character hexadecimal branch name.")
    if not project.protects(one.name, tag=False):
        return
    if one.after == BLANK:
        if access.project_level(user, project) < Level.MAINTAINER:
            raise PushRefusedError(
                "You are not allowed to delete protected branches from this project. "
                "Only a project maintainer or owner can delete a protected branch."
            )
        raise PushRefusedError("You can only delete protected branches using the web interface.")
    if not access.can_push_branch(user, project, one.name):
        if one.action == "created":
            raise PushRefusedError("You are not allowed to create protected branches on this project.")
        raise PushRefusedError("You are not allowed to push code to protected branches on this project.")


def forbids_force(project: Project, changes: tuple[RefChange, ...]) -> bool:
    """Whether the push moves a protected branch that may only go forward."""
    return any(
        one.action == "pushed" and not one.tag and any(not rule.allow_force_push for rule in rules)
        for one in changes
        for rules in [access.branch_rules(project, one.name)]
    )


def _packet(data: bytes) -> bytes:
    return f"{len(data) + _LENGTH:04x}".encode() + data


def refusal(request: PushRequest, sentence: str) -> bytes:
    """The receive-pack answer a declining pre-receive hook leads to."""
    declined = (f"ng {one.ref} pre-receive hook declined\n" for one in request.changes)
    report = b"".join(_packet(line.encode()) for line in ("unpack ok\n", *declined)) + b"0000"
    if "side-band-64k" not in request.capabilities:
        return report
    told = _packet(b"\x02" + f"GitLab: {sentence}\n".encode())
    return told + _packet(b"\x01" + report) + b"0000"
