"""The daemon looks after its hooks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.errors import RopewalkError
from bot.log import get

if TYPE_CHECKING:
    from bot.app import App
    from bot.watch.hook_care import HookReport

HOOKS_EVERY = timedelta(minutes=15)
AGAIN_AFTER = timedelta(minutes=1)  # GitLab's window for redeliveries and tests
MOST_PROJECTS = 200  # in one round, at about two requests each; the others have their turn in the next
PATIENCE = 10.0  # seconds for our own listener to come up
LOOK_EVERY = 0.05  # seconds

log = get("hooks")


def tend_hooks(bot: App, again: Callable[[timedelta], None], stop: Callable[[], bool]) -> None:
    """One round of the daemon, ended by `stop`. `again` is asked for another while failed deliveries are left."""
    from bot.watch.hook_mending import Errand

    _listening(bot.settings.web.host, bot.settings.web.port)
    with bot.budget.work():  # GitLab redelivers five a minute: to wait a little beats beginning the round anew
        one_round(lambda: bot.hook_care.tend(Errand.REPAIR, most=MOST_PROJECTS, stop=stop), again)


def one_round(tend: Callable[[], HookReport], again: Callable[[timedelta], None]) -> None:
    """Tend, and tell the log. What goes wrong is only told: the next round tries again, and the poll finds all."""
    try:
        report = tend()
    except RopewalkError as error:
        log.warning("hooks.put_off", reason=str(error))
        return
    _tell(report)
    if report.more:
        again(AGAIN_AFTER)


def _tell(report: HookReport) -> None:
    from bot.watch.hook_health import HookVerdict

    for row in report.rows:
        if row.actions:
            log.info("hooks.mended", where=row.place.path, actions=list(row.actions))
        if row.verdict is not HookVerdict.OK:
            log.warning("hooks.unwell", where=row.place.path, verdict=row.verdict.value, reason=row.reason)
    if report.stopped:
        log.warning("hooks.put_off", reason=report.stopped)
    log.debug("hooks.tended", places=len(report.rows), left_out=report.left_out)


def _listening(host: str, port: int) -> None:
    """Wait until we take connections ourselves: a hook that was disabled is enabled by a delivery that we take."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / LOOK_EVERY)):
        with suppress(OSError), socket.create_connection((host, port), timeout=LOOK_EVERY):
            return
        pause.wait(LOOK_EVERY)
