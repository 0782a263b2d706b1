"""`ropewalk watch`: what the daemon's watch does, one tick of it, in the open."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.exits import Exit
from bot.cli.options import Format, Options, command
from bot.domain.errors import ConfigError
from bot.log import visible

if TYPE_CHECKING:
    from bot.app import App
    from bot.watch.poll import Tick

SCHEMA = "ropewalk.watch/1"
LOOKS = 1_000  # projects looked at in one tick unless told otherwise

app = typer.Typer(no_args_is_help=True)


@command(app, "once")
def once(
    options: Options,
    limit: Annotated[int, typer.Option(min=0, help="Look at no more than so many projects.")] = LOOKS,
) -> Exit:
    """One tick: what was asked, found, decided and why. What it finds is taken in, for a daemon to go on with.

    ropewalk watch once --format json
    """
    from bot.app import App
    from bot.cli.process import harden

    harden()
    bot = App(options.settings(), options.redactor)
    try:
        must_agree(bot)
        watcher = bot.watcher  # asks who we are, which is no part of a tick
        before = bot.meter.count()
        with bot.budget.work():
            tick = watcher.tick(limit)
        requests = bot.meter.count() - before
        if options.format is Format.JSON:
            options.result(json.dumps(_json(bot, tick, requests)))
        else:
            _tell(options, bot, tick, requests)
    finally:
        bot.close()
    unseen = tick.skipped or tick.stopped
    return Exit.UNKNOWN if unseen else Exit.DONE


def must_agree(bot: App) -> None:
    """Raises: ConfigError if replicas live that watch something else: one would undo what the other does."""
    others = bot.apart()
    if others:
        what = f"is watched by {', '.join(one.id for one in others)} with another `watch` or `releases`"
        remedy = "Use their configuration, or give this organisation a database of its own"
        raise ConfigError(what=what, where=bot.settings.state.shown, remedy=remedy)


def _json(bot: App, tick: Tick, requests: int) -> dict[str, object]:
    watched, unseen = bot.store.enrolment.counts()
    return {
        "schema": SCHEMA,
        "enrolled": watched,
        "without_baseline": unseen,
        "requests": requests,
        "listed": tick.enrolled is not None,
        "active": tick.active,
        "looked": tick.looked,
        "left": list(tick.left),
        "skipped": [{"project": path, "reason": reason} for path, reason in tick.skipped],
        "stopped": tick.stopped or None,
        "changes": [
            {
                "project": one.change.project,
                "kind": one.change.kind.value,
                "ref": one.change.ref,
                "sha": one.change.sha,
                "action": one.change.action.value,
                "decision": one.decision,
                "reason": one.reason,
            }
            for one in tick.changes
        ],
    }


def _tell(options: Options, bot: App, tick: Tick, requests: int) -> None:
    watched, unseen = bot.store.enrolment.counts()
    if tick.enrolled is not None:
        options.say(f"asked for everything in scope: {tick.enrolled.projects} projects")
    options.say(f"asked which projects were active since the last poll: {tick.active}")
    options.say(f"compared the refs of {tick.looked} with those known")
    for path in tick.left:
        options.result(f"- {visible(path)} is not watched any more: gone, archived, or out of scope")
    for path, reason in tick.skipped:
        options.result(f"? {visible(path)} could not be looked at: {visible(reason)}")
    for one in tick.changes:
        change = one.change
        where = f"{visible(change.project)}@{visible(change.ref)}"
        options.result(f"{one.decision:<8} {where} {change.action.value} at {change.sha[:8]}: {visible(one.reason)}")
    if tick.stopped:
        options.result(f"? stopped looking: {visible(tick.stopped)}; the rest is looked at next time")
    rest = f", {unseen} of them not looked at yet" if unseen else ""
    news = f"{len(tick.changes)} ref changes" if tick.changes else "nothing new"
    options.result(f"{news}; {watched} projects watched{rest}; {requests} requests")
