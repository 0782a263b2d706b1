"""`ropewalk release hold`, `approve` and `names`: what people decide about releases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import output
from bot.cli.deciding import caller, noted
from bot.cli.exits import Exit
from bot.cli.options import CALLER_VARIABLE, Format, Options, command, complain
from bot.cli.records import TargetArgument, opened, parsed, recorded
from bot.domain.consents import Hold, one_line
from bot.domain.errors import ConfigError, RefusedError
from bot.domain.refs import Target
from bot.domain.releases import Release
from bot.domain.verdicts import GateResult

if TYPE_CHECKING:
    from bot.app import App
    from bot.engine.consents import Desk


def hold_command(
    options: Options,
    target: TargetArgument,
    span: Annotated[str | None, typer.Option("--for", help="For so long, as 2h or 3d.", show_default=False)] = None,
    until: Annotated[
        str | None, typer.Option(help="Until an ISO time; UTC without offset.", show_default=False)
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for those who wonder.", show_default=False)] = "",
    lift: Annotated[bool, typer.Option("--lift", help="Let it go on.")] = False,
) -> Exit:
    """Hold a tag or branch back, also before it is there: nothing of it is published until the hold ends or is lifted.

    ropewalk release hold acme/tools/widget@v1.2.3 --for 2d --reason "wait for the audit"
    """
    place = parsed(target)
    if lift and (span or until or reason):
        raise ConfigError(what="says both to hold and to let go", where="--lift", remedy="Give one or the other")
    with opened(options) as bot:
        project_id, path = _project(bot, place)
        spoken = f"{path}@{place.ref}"
        key = f"{project_id}/{place.ref}@"  # as the keys of its releases begin
        if lift:
            with bot.store.database.gather():
                lifted = desk_of(bot).lift(project_id, place.ref)
                if lifted is not None:
                    noted(bot, "lift", key, f"the hold of {place.ref} is lifted by {caller()}")
            options.say(f"{spoken} is not held any more" if lifted else f"nobody holds {spoken}")
            release = _shown(options, bot, project_id, place.ref, ())
            _nobody_at_work(options, bot, release)
            return Exit.DONE if lifted else Exit.NOTHING
        ends = _end(bot, span, until)
        hold = Hold(by=caller(), since=bot.clock(), until=ends, reason=one_line(reason))
        with bot.store.database.gather():
            said = desk_of(bot).hold(project_id, spoken, place.ref, hold)
            noted(bot, "hold", key, f"hold {place.ref} by {hold.by}: {said.reason}")
        options.say(f"{spoken}: {said.reason}")
        release = _shown(options, bot, project_id, place.ref, (said,))
        if release is not None and not release.state.open and release.due_at is None and not _holds(release):
            options.say(f"the release on record is {release.state.value}: the hold is for what comes of {place.ref}")
        return Exit.DONE


def approve_command(
    options: Options,
    target: TargetArgument,
    sha: Annotated[str | None, typer.Option(help="Refuse unless it is at this commit.", show_default=False)] = None,
) -> Exit:
    """Say yes to a release, as policy asks for, with your own token in GITLAB_TOKEN (scope read_user suffices).

    Where `commands` are on, `/ropewalk approve` in a note on a merge request that it ships does the same.

    GITLAB_TOKEN=… ropewalk release approve acme/tools/widget@v1.2.3
    """
    from bot.engine.consents import Refused, names, needless

    token = options.caller_token()
    if token is None:
        remedy = "Put a token of your own there (scope read_user suffices); the bot's own is refused"
        raise ConfigError(what="is not set: who approves?", where=f"${CALLER_VARIABLE}", remedy=remedy)
    with opened(options) as bot:
        release = recorded(bot, target)
        if sha is not None and not names(sha, release):
            complain(options, f"{target} is at {release.id.sha}, not at {sha}: look at it again, then approve")
            return Exit.BLOCKED
        wanted = bot.wanting.wanted(release)
        why = needless(wanted, release)
        if why is not None:
            options.say(f"{target} needs no approval: {why}")
            return Exit.DONE
        said = desk_of(bot).weigh(wanted, bot.person(token))
        if isinstance(said, Refused):
            complain(options, f"not approved: {said.why}")
            return Exit.BLOCKED
        with bot.store.database.gather():
            said = desk_of(bot).record(release, said)
            who = f"{said.username} (user {said.user_id})"
            noted(bot, "approve", release.key, f"approve {release.id.ref} by {who}: at {release.id.sha[:12]}")
        options.say(f"{said.username} approves {target} at {release.id.sha}")
        _nobody_at_work(options, bot, _shown(options, bot, release.id.project_id, release.id.ref, ()))
        return Exit.DONE


def names_command(
    options: Options,
    name: Annotated[str | None, typer.Argument(help="A distribution name.", show_default=False)] = None,
    to: Annotated[str | None, typer.Option(metavar="PROJECT", help="Record it for this.", show_default=False)] = None,
    forget: Annotated[bool, typer.Option("--forget", help="Record it for nobody.")] = False,
) -> Exit:
    """Which project may publish which name; `--to` records a new name or hands one over.

    ropewalk release names acme-widget --to acme/tools/widget
    """
    from packaging.utils import canonicalize_name

    if (to is not None or forget) and (name is None or (to is not None and forget)):
        raise ConfigError(what="needs one NAME, and one of --to and --forget", where="release names")
    with opened(options, reads=to is None and not forget) as bot:
        wanted = None if name is None else canonicalize_name(name)
        if wanted is not None and to is not None:
            _give(bot, wanted, to)
        elif wanted is not None and forget and not _forget(bot, wanted):
            options.say(f"nobody is recorded for {wanted}")
            return Exit.NOTHING
        rows = [row for row in bot.store.names.all() if wanted in (None, row[0])]
        found = [(held, number, _path(bot, number)) for held, number in rows]
        if options.format is Format.JSON:
            options.result(
                output.dumps([{"name": held, "project_id": number, "project": path} for held, number, path in found])
            )
        elif found:
            options.result("\n".join(f"{held}  {path or f'project {number}'}" for held, number, path in found))
        elif not forget:
            options.say("nobody is recorded for it" if wanted else "no names on record")
        return Exit.DONE if found or forget or wanted is None else Exit.NOTHING


def join(app: typer.Typer) -> None:
    """Make these subcommands of `release`."""
    command(app, "hold")(hold_command)
    command(app, "approve")(approve_command)
    command(app, "names")(names_command)


def desk_of(bot: App) -> Desk:
    """What hears people."""
    from bot.engine.consents import Desk

    rows = bot.store.releases
    return Desk(eyes=bot.eyes, queue=rows, register=rows, robot=lambda: bot.identity.user_id, clock=bot.clock)


def _project(bot: App, target: Target) -> tuple[int, str]:
    """Id and path of a project, from our records or GitLab. Raises: RefusedError with status 404."""
    release = bot.store.releases.find(target.project, target.ref)
    if release is not None:
        return release.id.project_id, release.project
    found = bot.projects.project(int(target.project) if target.project.isdigit() else target.project)
    if found is None:
        what = f"there is no project {target.project} that the token may see"
        raise RefusedError(what=what, where=bot.api.where, remedy="Check the path and the token", status=404)
    return found.id, found.full_path


def _give(bot: App, name: str, to: str) -> None:
    """Record a name for a project. Raises: RefusedError with status 404."""
    project_id, path = _project(bot, Target(to.strip("/"), ""))
    with bot.store.database.gather():
        bot.store.names.give(name, project_id)
        noted(bot, "names", f"{project_id}/", f"{path} may publish {name}, says {caller()}")


def _forget(bot: App, name: str) -> bool:
    """Record a name for nobody; False if it was."""
    with bot.store.database.gather():
        owner = bot.store.kept.owner(name)
        if owner is not None and bot.store.names.forget(name):
            noted(bot, "names", f"{owner}/", f"project {owner} has {name} no more, says {caller()}")
    return owner is not None


def _path(bot: App, project_id: int) -> str | None:
    known = bot.store.enrolment.project(project_id)
    return None if known is None else known.full_path


def _end(bot: App, span: str | None, until: str | None) -> datetime | None:
    """When a hold ends; None for never. Raises: ConfigError."""
    from bot.settings.values import parse_duration, parse_since

    if span is not None and until is not None:
        raise ConfigError(what="says twice when the hold ends", where="--for, --until", remedy="Give one of them")
    now = bot.clock()
    try:
        ends = now + parse_duration(span) if span is not None else None
        if until is not None:
            moment = parse_since(until)
            if isinstance(moment, str):
                raise ValueError("must be an ISO time, for example `2027-01-31T12:00:00Z`")
            ends = moment
    except (ValueError, OverflowError) as error:
        raise ConfigError(what=str(error), where="--for" if span is not None else "--until") from None
    if ends is not None and ends <= now:
        where = "--for" if span is not None else "--until"
        raise ConfigError(what="is over already", where=where, remedy="Name a time to come")
    return ends


def _shown(options: Options, bot: App, project_id: int, ref: str, said: Sequence[GateResult]) -> Release | None:
    """Write the release on record to stdout, if there is one, with the newest word of its gates."""
    release = bot.store.releases.find(str(project_id), ref)
    if release is None:
        return None
    gates = {gate.name: gate for gate in (*release.gates, *said)}
    shown = replace(release, gates=tuple(gates.values()))
    receipts = bot.store.ledger.receipts(release.key)
    if options.format is Format.JSON:
        options.result(output.dumps(output.release_json(shown, receipts, None)))
    else:
        options.result(output.release_text(shown, receipts, None, color=options.color, verbose=options.verbose))
    return release


def _nobody_at_work(options: Options, bot: App, release: Release | None) -> None:
    """Say that the release goes on only once somebody runs it, where that is so."""
    if release is None or release.due_at is None:
        return
    with bot.sole() as ours:
        if ours:
            resume = f"`ropewalk release resume {Target(release.project, release.id.ref).typed}`"
            options.say(f"no daemon runs on this state: {resume} goes on with it")


def _holds(release: Release) -> bool:
    return any(gate.name == "hold" and gate.verdict.value == "fail" for gate in release.gates)
