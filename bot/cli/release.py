"""`ropewalk release …`"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli import output
from bot.cli.accepting import acceptance
from bot.cli.consent import desk_of, join
from bot.cli.deciding import caller, noted
from bot.cli.exits import Exit, exit_of_release, waits_for_index, waits_for_people
from bot.cli.options import Format, Options, command, complain
from bot.cli.planned import differences_text, moved, plan_json, read_plan, write_plan
from bot.cli.records import TargetArgument, looking
from bot.cli.records import opened as _app
from bot.cli.records import parsed as _target
from bot.cli.records import recorded as _recorded
from bot.cli.tagging import join as join_tagging
from bot.domain.readings import is_alive
from bot.domain.refs import Target
from bot.domain.releases import PUBLIC, AttemptOutcome, Receipt, Release, ReleaseState

if TYPE_CHECKING:
    from bot.app import App
    from bot.release.forecast import Step

app = typer.Typer(no_args_is_help=True)

# Without a daemon the command follows the release; so many failed looks in a row end its patience, not the release.
MOST_FAULTS = 4
LOOK_EVERY = 0.3  # seconds
LONG_WAIT = 60.0  # seconds: a command does not sit out what is put off for longer
GOES_ON = "nothing answers for now: a daemon goes on by itself, and without one `ropewalk release resume` does, at once"


@command(app, "plan")
def plan_command(
    options: Options,
    target: TargetArgument,
    out: Annotated[Path | None, typer.Option(help="Also write the plan as JSON to this file.")] = None,
) -> Exit:
    """What a run would do now. Only reads; a token with read_api suffices.

    ropewalk release plan acme/tools/widget@v1.2.3 --out plan.json
    """
    with _app(options, reads=True) as bot:
        found = bot.find(_target(target))
        preview = bot.preview(found.release)
        document = plan_json(preview)
        if out is not None:
            write_plan(out, document)
        if options.format is Format.JSON:
            options.result(output.dumps(document))
        else:
            _show(options, preview.release, preview.receipts, preview.steps)
            if preview.differences is not None:
                options.result(differences_text(preview.differences))
        return _code(bot, preview.release, preview.receipts)


@command(app, "apply")
def apply_command(
    options: Options,
    target: TargetArgument,
    plan: Annotated[Path | None, typer.Option(help="Refuse unless the plan is still this one.")] = None,
) -> Exit:
    """Release a tag and follow it to its end; beside a running daemon, the daemon does the work.

    ropewalk release apply acme/tools/widget@v1.2.3 --plan plan.json
    """
    with _app(options) as bot:
        found = bot.find(_target(target))
        bot.must_write()
        if plan is not None and (changes := moved(read_plan(plan), plan_json(bot.preview(found.release)))):
            what = "; ".join(changes)
            complain(options, f"{plan}: the world moved since the plan was written: {what}. Plan again and look at it")
            return Exit.BLOCKED
        with bot.store.database.gather():
            if not bot.store.releases.add(found.release):
                bot.store.releases.wake(found.release.key, bot.clock(), reopen=True)
            _noted(bot, "apply", found.release, "it was not on record" if not found.recorded else "")
        return _follow(options, bot, found.release.key)


@command(app, "resume")
def resume_command(
    options: Options,
    target: TargetArgument,
    accept_changes: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="Accept what the release changes, as its `changes` gate says it."),
    ] = None,
) -> Exit:
    """Run a stopped release again: only what is missing is done.

    ropewalk release resume acme/tools/widget@v1.2.3
    """
    with _app(options) as bot:
        release = _recorded(bot, target)
        bot.must_cover(release)
        bot.must_write()
        accepted = None if accept_changes is None else acceptance(accept_changes, bot.clock())
        desk = desk_of(bot)
        with bot.store.database.gather():
            if accepted is not None:
                bot.store.acceptances.accept(release.key, accepted)
                _noted(bot, "accept", release, f"the changes {accepted.digest}")
            desk.resume(release)
            _noted(bot, "resume", release)
        return _follow(options, bot, release.key)


@command(app, "cancel")
def cancel_command(options: Options, target: TargetArgument) -> Exit:
    """Stop a release that is under way, at once: nothing more is begun for it. `resume` goes on with it.

    ropewalk release cancel acme/tools/widget@v1.2.3
    """
    with _app(options) as bot:
        release = _recorded(bot, target)
        receipts = bot.store.ledger.receipts(release.key)
        state = ReleaseState.PARTIAL if _public(receipts) else ReleaseState.BLOCKED
        resume = f"`ropewalk release resume {Target(release.project, release.id.ref).typed}`"
        why = f"cancelled on the command line; {resume} goes on"
        stopped = replace(release, state=state, next=why, due_at=None)
        with bot.store.database.gather():
            under_way = bot.store.releases.stop(stopped, bot.clock())
            if under_way:
                _noted(bot, "cancel", release)
        if not under_way:
            options.say("nothing to cancel: the release has come to its end")
        _note_interrupted(bot, release.key)
        release = _row(bot, release.key)
        receipts = bot.store.ledger.receipts(release.key)
        _show(options, release, receipts, None)
        return exit_of_release(release, public=_public(receipts))


def _noted(bot: App, verb: str, release: Release, words: str = "") -> None:
    """Note what somebody decided about a release, and how it stood."""
    said = words or f"it was {release.state.value}"
    noted(bot, verb, release.key, f"{verb} {release.id.ref} by {caller()}: {said}")


def _note_interrupted(bot: App, key: str) -> None:
    """Note what a killed process left without an outcome: no turn will come that does. A daemon does it by itself."""
    if any(attempt.outcome is AttemptOutcome.CLAIMED for attempt in bot.store.ledger.attempts(key)):
        with bot.sole() as ours:
            if ours:
                bot.note_interrupted(_row(bot, key))


@command(app, "verify")
def verify_command(options: Options, target: TargetArgument) -> Exit:
    """Look whether every file, the GitLab Release and its links still stand as released. Only reads.

    ropewalk release verify acme/tools/widget@v1.2.3
    """
    with _app(options, reads=True) as bot:
        release = _recorded(bot, target)
        receipts = bot.store.ledger.receipts(release.key)
        if not _public(receipts):
            # Nothing of it was ever put anywhere: what is recorded is all there is to say.
            _show(options, release, receipts, None)
            return _code(bot, release, receipts)
        proven = bot.preview(release, proof=True)
        _show(options, proven.release, proven.receipts, None)
        return _code(bot, proven.release, receipts)  # what was public once is what a code speaks of


@command(app, "status")
def status_command(options: Options, target: TargetArgument) -> Exit:
    """What is recorded of a release: gates, targets, proofs, what comes next. Asks nobody.

    ropewalk release status acme/tools/widget@v1.2.3 --verbose
    """
    with looking(options) as bot:
        release = _recorded(bot, target)
        _show(options, release, bot.store.ledger.receipts(release.key), None)
        return Exit.DONE


@command(app, "list")
def list_command(
    options: Options,
    project: Annotated[str | None, typer.Argument(help="Only this project.", show_default=False)] = None,
) -> Exit:
    """All releases on record, newest first.

    ropewalk release list acme/tools/widget --format json
    """
    with looking(options) as bot:
        releases = bot.store.releases.releases(project)
        if options.format is Format.JSON:
            options.result(output.dumps(output.list_json(releases)))
        elif releases:
            options.result(output.list_text(releases, color=options.color))
        else:
            options.say("no releases on record")
        return Exit.DONE if releases or project is None else Exit.NOTHING


def _follow(options: Options, bot: App, key: str) -> Exit:
    """See a release to its end: run the turns here, or watch the daemon run them."""
    release = _work(options, bot, key)
    receipts = bot.store.ledger.receipts(key)
    _show(options, release, receipts, None)
    return code_left(bot, release, receipts)


def code_left(bot: App, release: Release, receipts: Sequence[Receipt]) -> Exit:
    """The code of a release as a command leaves it, at its end or not."""
    if release.state.open and _unanswered(bot, release):
        return Exit.PARTIAL if _public(receipts) else Exit.UNREACHABLE
    return _code(bot, release, receipts)


def _code(bot: App, release: Release, receipts: Sequence[Receipt]) -> Exit:
    return exit_of_release(release, public=_public(receipts), attempts=bot.store.ledger.attempts(release.key))


def run_here(options: Options, bot: App, key: str) -> Release:
    """Run the turns of a release in this process until it rests, or waits for what nobody can tell the end of."""
    from bot.engine.local import end_turn

    said = ""
    while True:
        release = _row(bot, key)
        said = _progress(options, release, said)
        if release.due_at is None or release.faults >= MOST_FAULTS or waits_for_people(release):
            return release
        if release.state is ReleaseState.PUBLISHED and release.turn > 0 and release.due_at > bot.clock():
            return release
        wait = (release.due_at - bot.clock()).total_seconds()
        if wait > 0:
            time.sleep(min(wait, LOOK_EVERY))
            continue
        ended = end_turn(bot.store.releases, release, bot.turn, bot.clock, bot.hold)
        if ended is None:
            continue  # another process took the turn: the row says how it went
        if ended.due_at is None or (ended.due_at - bot.clock()).total_seconds() <= LONG_WAIT:
            continue
        if _unanswered(bot, ended):
            options.say(GOES_ON)
            return ended


def _unanswered(bot: App, release: Release) -> bool:
    """Whether it waits for a GitLab or an index that is away, and nobody knows how long."""
    return release.faults > 0 or waits_for_index(release, bot.store.ledger.attempts(release.key))


def _work(options: Options, bot: App, key: str) -> Release:
    """Run the turns here or, where another process does on this state, watch.

    A daemon runs the turns of all releases; another command ends with its own. Once neither is there, it is ours to run
    them.
    """
    said, who = "", ""
    while True:
        daemon = _daemon(bot)
        if not (who and daemon):
            with bot.sole() as ours:
                if ours:
                    if who:
                        options.say("nobody else works on this state any more: this command does the work")
                    return run_here(options, bot, key)
        if not who:
            who = "a daemon runs on this state: it does the work, this command follows"
            who = who if daemon else "another command works on this state: this one waits for its turn"
            options.say(who)
        release = _row(bot, key)
        said = _progress(options, release, said)
        resting = release.state is ReleaseState.PUBLISHED and release.turn > 0
        if release.due_at is None or (resting and release.due_at > bot.clock()) or waits_for_people(release):
            return release
        time.sleep(LOOK_EVERY)


def _daemon(bot: App) -> bool:
    """Whether it is a daemon that runs on this state: one writes down now and then that it does."""
    replicas = bot.replicas.members() if bot.replicas is not None else ()
    return is_alive(bot.readings.last(), replicas, bot.clock())


def _progress(options: Options, release: Release, said: str) -> str:
    line = f"{release.project}@{release.id.ref} {release.state.value}" + (f": {release.next}" if release.next else "")
    if line != said:
        options.say(line)
    return line


def _row(bot: App, key: str) -> Release:
    release = bot.store.releases.release(key)
    assert release is not None, "a release on record stays on record"
    return release


def _public(receipts: Sequence[Receipt]) -> bool:
    return any(receipt.kind in PUBLIC for receipt in receipts)


def _show(options: Options, release: Release, receipts: Sequence[Receipt], steps: Sequence[Step] | None) -> None:
    """Write a release to stdout; `steps` None where none were asked for (nothing was planned)."""
    if options.format is Format.JSON:
        options.result(output.dumps(output.release_json(release, receipts, steps)))
    else:
        text = output.release_text(release, receipts, steps, color=options.color, verbose=options.verbose)
        options.result(text)


join(app)
join_tagging(app)
