"""The daemon tags and proposes by itself, where policy lets it: the new commits that looks at projects have found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from bot.domain.errors import RopewalkError, TransientError
from bot.domain.policy import Policy
from bot.domain.refs import Project
from bot.domain.verdicts import Verdict
from bot.domain.versioning import Auto, NewHead
from bot.log import get
from bot.release.heads import Minded, Minder, Outcome

if TYPE_CHECKING:
    from bot.app import App

MIND_EVERY = timedelta(minutes=1)
AT_ONCE = 50  # of one round
FIRST_RETRY = timedelta(seconds=30)
LONGEST_RETRY = timedelta(hours=1)

log = get("tagging")


def wants_heads(policy: Policy) -> bool:
    """Whether any project's new commits are tagged or proposed by the daemon."""
    return any(rule.versioning is not None and rule.versioning.auto is not Auto.NONE for rule in policy.releases)


def mind_heads(
    bot: App, again: Callable[[timedelta], None], stopping: Callable[[], bool], look_soon: Callable[[], None]
) -> None:
    """One round; one that goes wrong holds up no other. `look_soon` is for the tags that were made."""
    try:
        with bot.budget.work():
            minder = _minder(bot)
            for head in bot.store.heads.due(bot.clock(), AT_ONCE):
                if stopping():
                    return
                minded = _minded(bot, minder, head)
                if minded is None:
                    continue
                if minded.outcome is Outcome.TAGGED:
                    bot.store.enrolment.ask(head.project_id, head.project, bot.clock())
                    look_soon()
                if minded.outcome is Outcome.WAITS and minded.head.due_at is not None:
                    again(max(minded.head.due_at - bot.clock(), timedelta()))
    except RopewalkError as error:
        log.warning("tagging.put_off", reason=str(error))
    except Exception as error:
        log.error("tagging.fault", exc_info=error)


def _minded(bot: App, minder: Minder, head: NewHead) -> Minded | None:
    """What came of one, None if it is tried again. Raises: TransientError if GitLab asks to be left alone."""
    try:
        minded = minder.mind(head)
    except TransientError as error:
        _put_off(bot, head, str(error), error.retry_after)
        if error.retry_after is not None:
            raise
        log.warning("tagging.put_off", project=head.project, reason=str(error))
        return None
    except RopewalkError:
        raise
    except Exception as error:
        _put_off(bot, head, f"fault in the bot ({type(error).__name__})", None)
        log.error("tagging.fault", project=head.project, exc_info=error)
        return None
    bot.store.heads.settle(minded.head)
    log.info(
        "tagging.minded",
        project=head.project,
        branch=head.branch,
        sha=head.sha,
        outcome=minded.outcome.value,
        reason=minded.head.told,
    )
    return minded


def _put_off(bot: App, head: NewHead, why: str, asked: timedelta | None) -> None:
    delay = max(min(FIRST_RETRY * 2 ** min(head.tries, 20), LONGEST_RETRY), asked or timedelta())
    bot.store.heads.settle(replace(head, due_at=bot.clock() + delay, tries=head.tries + 1, told=why))


def _minder(bot: App) -> Minder:
    return Minder(
        tagger=bot.tagger,
        proposer=bot.release_proposer,
        projects=bot.projects,
        pipelines=bot.eyes.pipelines,
        contents=bot.refs,
        obstacles=lambda project, tag: obstacles(bot, project, tag),
        clock=bot.clock,
    )


def obstacles(bot: App, project: Project, tag: str) -> tuple[str, ...]:
    """What `ropewalk doctor PROJECT --tag TAG` says stands in the way of it."""
    from bot.cli.auditor import Auditor
    from bot.cli.next_tag import question
    from bot.hygiene.readiness import readiness

    found = Auditor(bot).facts_of(str(project.id), linted=True)
    checks = [check for facts in found for check in readiness(facts, question(bot, facts, tag))]
    return tuple(check.reason for check in checks if check.verdict is Verdict.FAIL)
