"""Quick actions: lines of a note or description that are commands, and what they do with the caller's rights.

Source: lib/gitlab/quick_actions/extractor.rb, lib/banzai/filter/quick_action_filter.rb.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from markdown_it import MarkdownIt

from bot.sandbox.answers import Json
from bot.sandbox.git.changes import MergeConflictError
from bot.sandbox.rest.call import Call
from bot.sandbox.rest.states import noun, set_state
from bot.sandbox.world import access, flow
from bot.sandbox.world.people import Level
from bot.sandbox.world.places import Project
from bot.sandbox.world.work import Award, MergeRequest, Noteable

_LINE = re.compile(r"/([a-zA-Z_]+)(?:[ \t]+(.*))?")
_MARKDOWN = MarkdownIt("commonmark").enable("table")


@dataclass(frozen=True, slots=True)
class Command:
    """One command line: the name in lower case, and the rest."""

    name: str
    argument: str


@dataclass(slots=True)
class Outcome:
    """What commands did: `changes` as `commands_changes`, `summary` as sentences."""

    changes: Json = field(default_factory=dict)
    summary: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def extract(body: str) -> tuple[str, list[Command]]:
    """The body without its command lines, and the commands in order.

    Only lines of top-level paragraphs count; code, quotes, lists, tables, HTML and indented lines are inert.
    Carriage returns are dropped first, so they cannot hide a line start.
    """
    lines = body.replace("\r", "").split("\n")
    found: dict[int, Command] = {}
    for token in _MARKDOWN.parse("\n".join(lines)):
        if token.type != "paragraph_open" or token.level != 0 or token.map is None:
            continue
        for number in range(token.map[0], token.map[1]):
            match = _LINE.fullmatch(lines[number].rstrip())
            if match and match[1].lower() in COMMANDS:
                found[number] = Command(match[1].lower(), (match[2] or "").strip())
    kept = "\n".join(line for number, line in enumerate(lines) if number not in found)
    return kept.strip(), [found[number] for number in sorted(found)]


def _labels(argument: str) -> list[str]:
    quoted = re.findall(r'~"([^"]+)"|~(\S+)', argument)
    return [long or short for long, short in quoted] or argument.split()


def _close(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del argument
    if one.state == "opened":
        set_state(call, project, one, "close")
        outcome.changes["state_event"] = "close"
        outcome.summary.append(f"Closed this {noun(one)}.")


def _reopen(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del argument
    if one.state == "closed":
        set_state(call, project, one, "reopen")
        outcome.changes["state_event"] = "reopen"
        outcome.summary.append(f"Reopened this {noun(one)}.")


def _merge(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del argument
    user = call.user()
    if not isinstance(one, MergeRequest):
        outcome.errors.append("Could not apply merge command.")
        return
    if one.state != "opened" or not access.can_merge_branch(user, project, one.target_branch):
        outcome.errors.append("Could not apply merge command.")
        return
    try:
        flow.merge(call.world, project, one, user, squash=one.squash)
    except (MergeConflictError, flow.NotFastForwardError, flow.NotMergeableError):
        outcome.errors.append("Could not apply merge command.")
        return
    outcome.changes["merge"] = one.head_sha
    outcome.summary.append("Merged this merge request.")


def _label(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del call, project
    names = [name for name in _labels(argument) if name not in one.labels]
    one.labels += names
    outcome.changes["add_label_ids"] = [*names]
    outcome.summary.append(f"Added {' '.join('~' + name for name in names)} label(s).")


def _unlabel(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del call, project
    names = _labels(argument) or list(one.labels)
    one.labels = [name for name in one.labels if name not in names]
    outcome.changes["remove_label_ids"] = [*names]
    outcome.summary.append(f"Removed {' '.join('~' + name for name in names)} label(s).")


def _title(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del call, project
    one.title = argument or one.title
    outcome.changes["title"] = one.title
    outcome.summary.append(f'Changed the title to "{one.title}".')


def _draft(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del call, project, argument
    if not one.title.lower().startswith("draft:"):
        one.title = f"Draft: {one.title}"
    outcome.changes["wip_event"] = "draft"
    outcome.summary.append("Marked this merge request as a draft.")


def _ready(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del call, project, argument
    one.title = re.sub(r"(?i)^draft:\s*", "", one.title)
    outcome.changes["wip_event"] = "ready"
    outcome.summary.append("Marked this merge request as ready.")


def _approve(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del argument
    user = call.user()
    if not isinstance(one, MergeRequest):
        outcome.errors.append("Could not apply approve command.")
        return
    if user not in one.approved_by:
        one.approved_by.append(user)
        call.world.activity.merge_request(project, one, user, "approved")
    outcome.changes["approve"] = True
    outcome.summary.append("Approved the current merge request.")


def _unapprove(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del argument
    if not isinstance(one, MergeRequest):
        outcome.errors.append("Could not apply unapprove command.")
        return
    one.approved_by = [user for user in one.approved_by if user is not call.user()]
    call.world.activity.merge_request(project, one, call.user(), "unapproved")
    outcome.changes["unapprove"] = True
    outcome.summary.append("Unapproved the current merge request.")


def _target_branch(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del call
    if not isinstance(one, MergeRequest) or project.git.branch(argument) is None:
        outcome.errors.append("Could not apply target_branch command.")
        return
    one.target_branch = argument
    outcome.changes["target_branch"] = argument
    outcome.summary.append(f"Set target branch to {argument}.")


def _assign(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del project
    found = [call.world.user_named(name.lstrip("@")) for name in argument.split()]
    people = [call.user() if name == "me" else user for name, user in zip(argument.split(), found, strict=True)]
    one.assignees = [user for user in people if user is not None]
    outcome.changes["assignee_ids"] = [user.id for user in one.assignees]
    outcome.summary.append(f"Assigned {' '.join('@' + user.username for user in one.assignees)}.")


def _lock(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del call, project, argument
    one.discussion_locked = True
    outcome.changes["discussion_locked"] = True
    outcome.summary.append("Locked the discussion.")


def _unlock(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del call, project, argument
    one.discussion_locked = False
    outcome.changes["discussion_locked"] = False
    outcome.summary.append("Unlocked the discussion.")


def _nothing(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    """`/cc`: it names people, and does nothing itself."""
    del call, project, one, argument, outcome


def _unknown_effect(name: str) -> "Action":
    """GitLab knows the command; what it does there, the sandbox does not have. Nothing is made up."""

    def refuse(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
        del call, project, one, argument
        outcome.errors.append(f"Could not apply {name} command.")

    return refuse


def _milestone(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del call
    wanted = argument.removeprefix("%").strip('"')
    found = next((each for each in project.milestones.values() if each.title == wanted), None)
    if found is None:
        outcome.errors.append("Could not apply milestone command.")
        return
    one.milestone = found
    outcome.changes["milestone_id"] = found.id
    outcome.summary.append(f"Set the milestone to %{found.title}.")


def _remove_milestone(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del call, project, argument
    if one.milestone is not None:
        outcome.changes["milestone_id"] = None
        outcome.summary.append(f"Removed %{one.milestone.title} milestone.")
        one.milestone = None


def _confidential(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del call, project, argument
    if isinstance(one, MergeRequest):
        outcome.errors.append("Could not apply confidential command.")
        return
    one.confidential = True
    outcome.changes["confidential"] = True
    outcome.summary.append("Made this issue confidential.")


def _react(call: Call, project: Project, one: Noteable, argument: str, outcome: Outcome) -> None:
    del project
    name, now = argument.strip().strip(":"), call.world.clock.now()
    if not name:
        outcome.errors.append("Could not apply react command.")
        return
    one.emoji.append(Award(id=call.world.next_id("emoji"), name=name, user=call.user(), created_at=now))
    outcome.changes["emoji_award"] = name
    outcome.summary.append(f"Toggled :{name}: emoji award.")


Action = Callable[[Call, Project, Noteable, str, Outcome], None]

COMMANDS: dict[str, Action] = {
    "close": _close,
    "reopen": _reopen,
    "merge": _merge,
    "label": _label,
    "labels": _label,
    "unlabel": _unlabel,
    "remove_label": _unlabel,
    "title": _title,
    "draft": _draft,
    "ready": _ready,
    "approve": _approve,
    "unapprove": _unapprove,
    "target_branch": _target_branch,
    "assign": _assign,
    "lock": _lock,
    "unlock": _unlock,
    "cc": _nothing,
    "milestone": _milestone,
    "remove_milestone": _remove_milestone,
    "confidential": _confidential,
    "react": _react,
    "award": _react,
} | {
    name: _unknown_effect(name)
    for name in (
        "assign_reviewer",
        "copy_metadata",
        "done",
        "estimate",
        "rebase",
        "relabel",
        "remove_estimate",
        "remove_time_spent",
        "request_review",
        "shrug",
        "spend",
        "submit_review",
        "subscribe",
        "tableflip",
        "todo",
        "unassign",
        "unassign_reviewer",
        "unsubscribe",
    )
}
"""Known commands. Those without a record to change are taken out of the text and refused."""

_GUEST_COMMANDS = frozenset({"todo", "done", "subscribe", "unsubscribe", "award", "react", "cc", "shrug", "tableflip"})


def added(before: str, after: str) -> tuple[str, list[Command]]:
    """The new text without its commands, and the commands it has beyond those the old text already had.

    Source: app/services/issuable_base_service.rb.
    """
    text, commands = extract(after)
    known = extract(before)[1]
    for command in known:
        if command in commands:
            commands.remove(command)
    return text, commands


def described(call: Call, project: Project, one: Noteable, text: str) -> None:
    """Give `one` this description; commands new in it are carried out and leave no trace in it."""
    kept, commands = added(one.description, text)
    one.description = kept if kept != text.strip() else text
    if commands:
        apply(call, project, one, commands)


def apply(call: Call, project: Project, one: Noteable, commands: list[Command]) -> Outcome:
    """Carry out the commands with the caller's rights."""
    outcome = Outcome()
    may_change = call.level(project) >= Level.REPORTER or call.user() is one.author
    for command in commands:
        if not may_change and command.name not in _GUEST_COMMANDS:
            outcome.errors.append(f"Could not apply {command.name} command.")
            continue
        COMMANDS[command.name](call, project, one, command.argument, outcome)
    one.updated_at = call.world.clock.now()
    return outcome
