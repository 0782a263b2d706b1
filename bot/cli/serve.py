"""`ropewalk serve`: the daemon."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

from bot.cli.exits import Exit
from bot.cli.options import Options, complain
from bot.domain.errors import ConfigError
from bot.log import get
from bot.watch.poll import ENROL_EVERY

if TYPE_CHECKING:
    from bot.app import App
    from bot.cli.instruments import Instruments
    from bot.engine.runner import Runner
    from bot.engine.timer import Timer
    from bot.settings.model import Listener
    from bot.watch.intake import Answer
    from bot.web.ops import Health

WORKERS = 8
CLEAN_EVERY = timedelta(days=1)
SETTLE_EVERY = timedelta(minutes=10)
LOOK_EVERY = timedelta(minutes=1)  # what was put off; all else is looked at when it is asked for
STOP_AT_MOST = 9.5  # seconds; whatever does not answer by then, a database that hangs say, is left as by a kill
SENT_WITHIN = 1.0  # seconds until a child that sends is seen dead, and the others know: half a second is long
CLOCK_EVERY = 5.0  # seconds between two looks whether the clock was set back
STOP_WITHIN = 6.0  # seconds for turns under way; what does not end by then is resumed at the next start

log = get("serve")


def serve(options: Options) -> Exit:
    """Watch, release, listen, until told to stop."""
    from bot.cli.process import harden

    harden()
    settings = options.settings()  # a mistake in it is told before anything else is imported
    from bot.app import App
    from bot.cli.instruments import Instruments

    bot = App(settings, options.redactor)
    last = threading.Timer(STOP_AT_MOST, os._exit, (Exit.DONE,))
    last.daemon = True
    try:
        with bot.serving() as ours:
            if not ours:
                raise ConfigError(
                    what="another daemon (or a `release apply`) works on this state",
                    where=bot.settings.state.shown,
                    remedy="Stop it, or give this one a `state` of its own",
                )
            for warning in bot.settings.warnings:
                log.warning("config.warning", text=warning)
            for name in ("web", "dashboard"):
                place: Listener | None = getattr(bot.settings, name)
                if place is not None:
                    _try_address(name, place)
            bot.index.start()
            bot.must_write()  # asks GitLab who we are: a token that cannot work ends the start here
            _ = bot.tools
            bot.watcher.begin()
            if _tends_hooks(bot):
                _ = bot.hook_care  # a secret that GitLab would not take ends the start here
            instruments = Instruments(bot)
            runner = _runner(bot)
            runner.start()
            if bot.membership is not None:
                bot.membership.adopting(runner.adopt)
            code = asyncio.run(_serve(options, bot, runner, instruments, last))
            if runner.busy:
                _leave(bot, instruments, code)
            return code
    finally:
        bot.close()
        last.cancel()


def _leave(bot: App, instruments: Instruments, code: Exit) -> NoReturn:
    """End at once: a thread that hangs in a request would hold the process up, and is resumed as after a kill.

    What is being sent is ended first, and the others are told of both, so that they wait neither for the child nor for
    signs of life; not by a state that just did not answer.
    """
    bot.index.stop(SENT_WITHIN)
    if bot.membership is not None and instruments.kept:
        bot.membership.leave()
    bot.close()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _try_address(name: str, place: Listener) -> None:
    """Raises: ConfigError if the address cannot be listened on; known before any turn runs."""
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((place.host, place.port))
            probe.listen()
    except OSError as error:
        what = f"cannot listen on {place.host}:{place.port} ({error.strerror})"
        raise ConfigError(what=what, where=name, remedy=f"Choose another {name}.port, or stop what holds it") from None


def _runner(bot: App) -> Runner:
    from bot.engine.runner import Runner

    return Runner(
        queue=bot.store.releases,
        turn=bot.turn,
        clock=bot.clock,
        workers=WORKERS,
        path=bot.engine_place(),
        hold=bot.hold,
        ours=None if bot.membership is None else bot.membership.falls_to_us,
        stopped=bot.note_interrupted,
    )


def _jobs(bot: App, runner: Runner, instruments: Instruments) -> Timer:
    """Teach the runner its jobs, and the timer when they run."""
    from bot.cli.audit_job import audit_watched
    from bot.cli.command_job import FIND_EVERY, HEED_EVERY, find_notes, heed_notes
    from bot.cli.head_job import MIND_EVERY, mind_heads, wants_heads
    from bot.cli.hook_job import HOOKS_EVERY, tend_hooks
    from bot.cli.review_job import REVIEW_EVERY, review_merge_requests, wants_reviews
    from bot.engine.timer import Timer
    from bot.engine.watching import Watching

    timer = Timer(runner.slot, bot.clock)
    watching = Watching(
        bot.watcher,
        wake=runner.wake,
        look_soon=lambda: timer.soon("look"),
        stopping=lambda: runner.stopping,
        work=bot.budget.work,
        polled=instruments.polled,
        failed=instruments.poll_failed,
        heads=lambda: timer.soon("heads"),
    )
    jobs: dict[str, Callable[[], None]] = {
        "poll": watching.poll,
        "look": watching.look,
        "enrol": lambda: enrol_unless_apart(bot, watching.enrol),
        "clean": lambda: _clean(bot, runner),
        "ledger": lambda: _settle(bot),
        "audit": lambda: audit_watched(bot, lambda: runner.stopping),
        "reviews": lambda: review_merge_requests(
            bot, lambda delay: timer.soon("reviews", after=delay), lambda: runner.stopping
        ),
        "commands": lambda: heed_notes(
            bot, lambda delay: timer.soon("commands", after=delay), lambda: runner.stopping, runner.wake
        ),
        "heads": lambda: mind_heads(
            bot,
            lambda delay: timer.soon("heads", after=delay),
            lambda: runner.stopping,
            lambda: timer.soon("look"),
        ),
        "unheard": lambda: find_notes(bot, lambda: timer.soon("commands"), lambda: runner.stopping),
        "hooks": lambda: tend_hooks(bot, lambda delay: timer.soon("hooks", after=delay), lambda: runner.stopping),
    }
    runner.jobs |= {name: instruments.job(name, work) for name, work in jobs.items()}
    timer.every(bot.settings.watch.poll, "poll", at_start=True)
    timer.every(LOOK_EVERY, "look")
    timer.every(ENROL_EVERY, "enrol", at_start=True)
    if bot.membership is not None:
        bot.membership.agreeing(lambda: timer.soon("enrol"))
    timer.every(CLEAN_EVERY, "clean")
    audit_at = bot.settings.policy.hygiene.audit
    if audit_at is not None:
        timer.cron(audit_at, "audit")
    if wants_reviews(bot.settings.policy):
        timer.every(REVIEW_EVERY, "reviews", at_start=True)
    timer.every(SETTLE_EVERY, "ledger", at_start=True)
    if bot.settings.commands.enabled:
        timer.every(HEED_EVERY, "commands", at_start=True)
        timer.every(FIND_EVERY, "unheard", at_start=True)
    if wants_heads(bot.settings.policy):
        timer.every(MIND_EVERY, "heads", at_start=True)
    if _tends_hooks(bot):
        timer.every(HOOKS_EVERY, "hooks", at_start=True)
    return timer


def enrol_unless_apart(bot: App, enrol: Callable[[], None]) -> None:
    """List what is in scope, unless another replica has another scope: each would throw out what the other lists.

    While a new configuration is rolled out that rests; it is made up for as soon as all have the same.
    """
    others = bot.apart()
    if others:
        log.warning("enrol.rests", replicas=[one.id for one in others])
    else:
        enrol()


def _tends_hooks(bot: App) -> bool:
    """Whether GitLab's hooks are ours to look after."""
    return bot.settings.web.public_url is not None and bot.settings.watch.hook_secret is not None


async def _serve(options: Options, bot: App, runner: Runner, instruments: Instruments, last: threading.Timer) -> Exit:
    from bot.cli.dashboard_job import dashboard_listening
    from bot.cli.review_job import wants_reviews
    from bot.web.hooks import Intake, Taken
    from bot.web.server import application, listen

    timer = _jobs(bot, runner, instruments)

    taken: list[Answer] = []
    reviews = wants_reviews(bot.settings.policy)

    def take(payload: dict[str, object]) -> Taken:
        answer = bot.hooks.take(payload)
        taken.append(answer)
        return Taken(answer.words, idle=answer.idle)

    @contextmanager
    def gather() -> Iterator[None]:
        taken.clear()
        with bot.store.database.gather():
            yield
        if not all(answer.idle for answer in taken):
            runner.wake()  # once it is stored, else nothing is found
        for answer in taken:
            instruments.metrics.hook(answer.words)
        if any(answer.look for answer in taken):
            timer.soon("look")
        if reviews and any(answer.merge_requests for answer in taken):
            timer.soon("reviews")
        if any(answer.commands for answer in taken):
            timer.soon("commands")

    intake = Intake(
        secret=bot.settings.watch.hook_secret,
        take=take,
        remember=lambda given: bot.store.deliveries.remember([(one.id, one.digest) for one in given], bot.clock()),
        poll_now=lambda: timer.soon("poll"),
        gitlab_now=bot.account.now,
        gather=gather,
        stored=instruments.metrics.hook_lag,
    )
    health = _health(bot, runner, instruments)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    failed: list[BaseException] = []

    def run() -> None:
        try:
            runner.run()
        except BaseException as error:  # noqa: BLE001  (carried to the main thread, which ends the process with it)
            failed.append(error)
            loop.call_soon_threadsafe(stop.set)

    thread = threading.Thread(target=run, name="runner", daemon=True)
    web = bot.settings.web
    thread.start()
    await asyncio.to_thread(
        timer.start
    )  # it asks the engine, which refuses to be asked from a thread with an event loop
    identity = bot.identity
    log.info(
        "serve.ready",
        gitlab=bot.settings.gitlab.url,
        user=identity.username,
        version=identity.version,
        listen=f"http://{web.host}:{web.port}",
        state=bot.settings.state.shown,
    )
    keeping = asyncio.create_task(instruments.keep_on())
    minding = asyncio.create_task(_mind_clock(bot, timer, runner))
    try:
        async with dashboard_listening(bot, stop, runner.wake):
            await listen(application(intake, health, metrics=instruments.metrics), web.host, web.port, stop)
    except OSError as error:
        complain(options, f"web: cannot listen on {web.host}:{web.port} ({error.strerror}). Choose another web.port")
        return Exit.USAGE
    finally:
        last.start()
        keeping.cancel()
        minding.cancel()
        timer.stop()
        ended = await asyncio.to_thread(runner.stop, STOP_WITHIN)
        thread.join(timeout=1)
        await asyncio.to_thread(instruments.keep, stopped=True)
        log.info("serve.stopped", turns_ended=ended)
    if failed:
        raise failed[0]
    return Exit.DONE


def _health(bot: App, runner: Runner, instruments: Instruments) -> Health:
    from bot.web.ops import Health

    return Health(
        heartbeat=lambda: runner.heartbeat,
        ordered=lambda: runner.ordered,
        polled=instruments.last_poll,
        trouble=lambda: instruments.trouble,
        poll=bot.settings.watch.poll,
        store=lambda: bot.store.intake.cursor("poll"),
        kept=lambda: instruments.kept,
        uploader=lambda: bot.index.alive,
        clock=bot.clock,
    )


def _clean(bot: App, runner: Runner) -> None:
    """Let go of what nobody will ask for again."""
    runner.clean()
    log.info("serve.cleaned", deliveries=bot.store.deliveries.forget(bot.clock()))


async def _mind_clock(bot: App, timer: Timer, runner: Runner) -> None:
    """Go on at once where the clock was set back, be it while nobody ran; until cancelled."""
    back: timedelta | None = timedelta()
    while True:
        if back is not None:
            try:
                woken = await asyncio.to_thread(bot.store.releases.wake_misdated, bot.clock())
                if back or woken:
                    log.warning("clock.set_back", seconds=round(back.total_seconds()), woken=woken)
                    runner.wake()
                back = None
            except Exception as error:  # noqa: BLE001  (whatever the database raises: it is tried again)
                log.warning("clock.unminded", reason=str(error))
        await asyncio.sleep(CLOCK_EVERY)
        back = timer.mind() or back


def _settle(bot: App) -> None:
    """Have the ledger tell of requests whose process died before it could."""
    settled = bot.store.journal.settle(bot.clock())
    if settled:
        log.warning("ledger.settled", requests=settled)
