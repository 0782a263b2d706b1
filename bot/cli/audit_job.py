"""The daemon's audits: at each slot of `hygiene.audit` everything watched, into the history and into issues."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from bot.domain.errors import ConfigError, RefusedError, TransientError
from bot.domain.rolling import IssueMode, NewsState
from bot.log import get

if TYPE_CHECKING:
    from bot.app import App
    from bot.hygiene.history import Noted

log = get("audit")


def audit_watched(bot: App, stopping: Callable[[], bool]) -> None:
    """One audit; whatever goes wrong is logged, and the next one tries anew."""
    from bot.cli.auditor import Auditor

    try:
        noted = Auditor(bot).audit_watched()
        _told(noted)
        if bot.settings.policy.hygiene.issues.mode is not IssueMode.NONE and noted.report.complete:
            _keep(bot, noted, stopping)
    except (TransientError, RefusedError, ConfigError) as error:
        log.warning("audit.put_off", reason=str(error))
    except Exception as error:
        log.error("audit.fault", exc_info=error)


def _told(noted: Noted) -> None:
    report = noted.report
    log.info(
        "audit.finished",
        projects=report.projects,
        complete=report.complete,
        findings=len(report.findings),
        unknown=len(report.unknown),
        waived=len(report.waived),
        new=noted.new,
        fixed=noted.fixed,
        requests=report.requests,
        seconds=round(report.seconds, 1),
    )


def _keep(bot: App, noted: Noted, stopping: Callable[[], bool]) -> None:
    from bot.cli.rolling import Keeper

    for one in Keeper(bot, noted).keep(stopping):
        where = one.place.path or one.place.key
        if one.state is NewsState.FAILED:
            log.warning("audit.issue_failed", deed=one.deed, where=where, reason=one.reason)
        else:
            log.info("audit.issue", deed=one.deed, where=where, findings=one.findings)
