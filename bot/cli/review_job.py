"""The daemon looks at merge requests: hooks make it quick, the time slots make it dependable."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from bot.domain.errors import RefusedError, RopewalkError, TransientError
from bot.domain.estate import ProjectFacts
from bot.domain.merge_requests import MergeRequestPlaces, OpenMergeRequest
from bot.domain.policy import Policy
from bot.domain.refs import Project, matches_path
from bot.hygiene.reviews import Outcome, Reviewer
from bot.log import get

if TYPE_CHECKING:
    from bot.app import App

REVIEW_EVERY = timedelta(minutes=2)
AGAIN_AFTER = timedelta(seconds=30)
CURSOR = "merge requests"
SLACK = timedelta(minutes=2)  # GitLab's list may lag behind its clock
OLDEST = timedelta(days=1)  # what cannot be looked at for so long is left
MOST_LOOKS = 50  # in one round, at about eight requests each
UNAUTHORIZED = 401

log = get("reviews")


def review_merge_requests(bot: App, again: Callable[[timedelta], None], stopping: Callable[[], bool]) -> None:
    """One round; whatever goes wrong is logged, and the next one begins where this one began."""
    try:
        with bot.budget.work():
            _round(bot, again, stopping)
    except RopewalkError as error:
        log.warning("reviews.put_off", reason=str(error))
    except Exception as error:
        log.error("reviews.fault", exc_info=error)


def _round(bot: App, again: Callable[[timedelta], None], stopping: Callable[[], bool]) -> None:
    now = bot.account.now()
    cursor = bot.store.intake.cursor(CURSOR)
    if cursor is None:  # what is open at the first start is looked at when it changes
        bot.store.intake.cursor(CURSOR, now)
        return
    lookers, looks, left = _lookers(bot), 0, False
    for request in bot.merge_requests.open_since(places_of(bot), max(cursor, now - OLDEST) - SLACK):
        if stopping():
            return
        if not released(bot, request):
            continue
        if looks >= MOST_LOOKS:
            left = True
            again(AGAIN_AFTER)
            break
        for looker in lookers:
            outcome = _looked(looker, request)
            looks += outcome is not Outcome.SEEN
            left = left or outcome in (None, Outcome.UNPREPARED)
    if not left:
        bot.store.intake.cursor(CURSOR, now)


class Looker(Protocol):
    """What may be said on a merge request."""

    def review(self, request: OpenMergeRequest) -> Outcome:
        """Look, and say it."""

    def give_up(self, request: OpenMergeRequest) -> None:
        """Say nothing of this head."""


def wants_reviews(policy: Policy) -> bool:
    """Whether anything is said on open merge requests."""
    return policy.hygiene.merge_requests or any(rule.notes.previews for rule in policy.releases)


def _lookers(bot: App) -> list[Looker]:
    """Hygiene first: the preview says where that note stands."""
    policy = bot.settings.policy
    lookers: list[Looker] = [_reviewer(bot)] if policy.hygiene.merge_requests else []
    if any(rule.notes.previews for rule in policy.releases):
        lookers.append(bot.previewer)
    return lookers


def _reviewer(bot: App) -> Reviewer:
    from bot.cli.auditor import Auditor
    from bot.hygiene.catalogue import RULES

    auditor = Auditor(bot)

    def facts(path: str) -> ProjectFacts | None:
        return next((replace(one, at=bot.clock()) for one in auditor.settings_of(path)), None)

    return Reviewer(
        requests=bot.merge_requests,
        ci=bot.ci_texts(),
        notes=bot.notes,
        records=bot.store.reviews,
        texts=bot.review_texts,
        parse=bot.parse_ci,
        facts=facts,
        rules=RULES,
        waivers=bot.settings.policy.hygiene.waivers,
        now=bot.clock,
    )


def _looked(looker: Looker, request: OpenMergeRequest) -> Outcome | None:
    """What came of it; None if it is to be looked at again."""
    try:
        outcome = looker.review(request)
    except TransientError as error:
        if error.retry_after is not None:
            raise  # GitLab asks to be left alone
        log.warning("reviews.put_off", project=request.project, iid=request.iid, reason=str(error))
        return None
    except RefusedError as error:
        if error.status == UNAUTHORIZED:
            raise
        looker.give_up(request)
        log.warning("reviews.refused", project=request.project, iid=request.iid, reason=str(error))
        return Outcome.UNTOUCHED
    if outcome is not Outcome.SEEN:
        log.info("reviews.looked", project=request.project, iid=request.iid, outcome=outcome.value)
    return outcome


def places_of(bot: App) -> MergeRequestPlaces:
    """Where merge requests of what is watched lie."""
    watch = bot.settings.watch
    return MergeRequestPlaces(
        groups=tuple(group for group in watch.groups if group != "**"),
        projects=tuple(path for path in watch.projects if "*" not in path),
        everything=bool(watch.topics) or "**" in watch.groups or any("*" in path for path in watch.projects),
    )


def released(bot: App, request: OpenMergeRequest) -> bool:
    """A project that is watched, and that some rule of the policy releases."""
    patterns = (pattern for rule in bot.settings.policy.releases for pattern in rule.projects)
    if not request.sha or not any(matches_path(pattern, request.project) for pattern in patterns):
        return False
    place = Project(id=request.project_id, full_path=request.project, web_url="", default_branch=None)
    return bot.scope.covers(place) or bot.store.enrolment.watched(request.project_id)
