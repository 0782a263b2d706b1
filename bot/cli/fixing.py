"""What `ropewalk fix variables` does: gather, plan, and with --apply switch flags on, one variable at a time."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bot.cli.exits import Exit
from bot.cli.options import Format, Options, complain
from bot.domain.errors import RefusedError, TransientError
from bot.hygiene.judging import called
from bot.hygiene.publishing import publishing_jobs
from bot.hygiene.repair import Change, Step, repairs
from bot.hygiene.spelling import visible

if TYPE_CHECKING:
    from bot.app import App
    from bot.domain.estate import ProjectFacts
    from bot.domain.gitlab import VariableFlags

SCHEMA = "ropewalk.fix/1"
MARKS = {"planned": "·", "done": "✓", "refused": "✗", "failed": "✗", "recipe": "!"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a change: planned, done, refused, failed or recipe."""

    change: Change
    state: str
    reason: str


def fix_variables(options: Options, target: str, *, apply: bool) -> Exit:
    """Plan; do what is planned if told to."""
    from bot.app import App
    from bot.cli.auditor import Auditor
    from bot.cli.process import harden

    harden()
    bot = App(options.settings(), options.redactor, reads=not apply)
    try:
        if apply:
            bot.must_write()
        places = Auditor(bot).places_of(target, access=lambda facts: bool(publishing_jobs(facts)))
        outcomes = [_outcome(bot, change, apply=apply) for change in repairs(places, _within(places, target))]
        if any(one.state == "done" for one in outcomes):
            seen = {
                flags
                for facts in Auditor(bot).places_of(target, access=lambda _: False)
                for flags in facts.variables.flags
            }
            outcomes = [_proven(one, seen) for one in outcomes]
    finally:
        bot.close()
    unread = sorted({facts.unread.what for facts in places if facts.project_id and facts.unread is not None})
    matched = any(facts.project_id for facts in places)
    if options.format is Format.JSON:
        document = {"schema": SCHEMA, "applied": apply, "changes": [_json(one) for one in outcomes], "unknown": unread}
        options.result(json.dumps(document))
    elif matched:
        _tell(options, outcomes, unread, planned=not apply)
    if not matched:
        complain(options, visible(f"nothing matched: {target}"))
        return Exit.NOTHING
    if any(one.state in ("refused", "failed") for one in outcomes):
        return Exit.BLOCKED
    return Exit.UNKNOWN if unread else Exit.DONE


def _tell(options: Options, outcomes: Collection[Outcome], unread: Iterable[str], *, planned: bool) -> None:
    for one in outcomes:
        options.result(visible(_text(one)))
    for what in unread:
        options.result(visible(f"? could not look at {what}"))
    if not outcomes:
        options.result("nothing to repair")
    elif planned and any(one.state == "planned" for one in outcomes):
        options.say("nothing was changed: --apply does what is planned")


def _within(places: Iterable[ProjectFacts], target: str) -> str | None:
    """The group whose own variables are meant: the target, unless it is a project."""
    path = target.strip("/").removesuffix("/**").rstrip("/")
    projects = [facts for facts in places if facts.project_id]
    named = any(path.lower() in (facts.full_path.lower(), str(facts.project_id)) for facts in projects)
    return None if named or "*" in path else path


def _proven(one: Outcome, seen: Collection[VariableFlags]) -> Outcome:
    """Done is what GitLab shows to be done."""
    wanted = one.change.variable
    shown = [flags for flags in seen if _same(flags, wanted)]
    if one.state != "done" or any(all(getattr(flags, name) for name in one.change.flags) for flags in shown):
        return one
    return replace(one, state="failed", reason="GitLab accepted it, but the flag is not set")


def _same(one: VariableFlags, other: VariableFlags) -> bool:
    return (one.key, one.level, one.owner, one.environment_scope) == (
        other.key,
        other.level,
        other.owner,
        other.environment_scope,
    )


def _outcome(bot: App, change: Change, *, apply: bool) -> Outcome:
    match change.step:
        case Step.REFUSED:
            return Outcome(change=change, state="refused", reason=change.reason)
        case Step.RECIPE:
            return Outcome(change=change, state="recipe", reason=change.reason)
        case Step.SET if not apply:
            return Outcome(change=change, state="planned", reason=change.reason)
        case Step.SET:
            pass
    try:
        bot.flag_switch.switch_on(change.variable, change.project_id, change.flags)
    except TransientError as error:
        return Outcome(change=change, state="failed", reason=str(error))
    except RefusedError as error:
        unmaskable = error.status == 400 and "masked" in change.flags
        hint = ". Its value cannot be masked: eight characters or more, one line, no spaces" if unmaskable else ""
        return Outcome(change=change, state="failed", reason=f"{error}{hint}")
    return Outcome(change=change, state="done", reason=change.reason)


def _json(one: Outcome) -> dict[str, object]:
    flags = one.change.variable
    return {
        "level": flags.level,
        "owner": flags.owner,
        "variable": flags.key,
        "scope": flags.environment_scope,
        "set": list(one.change.flags),
        "state": one.state,
        "reason": one.reason,
    }


def _text(one: Outcome) -> str:
    verb = {"planned": "would set ", "done": "set "}.get(one.state, "")
    what = f"{verb}{' and '.join(one.change.flags)}" if one.change.flags else "hide"
    if one.state in ("refused", "failed"):
        what = f"{one.state} to set {' and '.join(one.change.flags)}"
    reason = f": {one.reason}" if one.reason else ""
    return f"{MARKS[one.state]} {called(one.change.variable)}: {what}{reason}"
