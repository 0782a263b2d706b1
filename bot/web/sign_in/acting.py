"""What forms on the pages of releases post to: approve, hold, retry. Rights are asked for at this moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never
from urllib.parse import quote

from bot.domain.commands import Outcome, Verb
from bot.domain.consents import Approver
from bot.domain.errors import CredentialsError, TransientError
from bot.domain.releases import Release
from bot.engine.pressing import Pressed, Presser, Presses
from bot.log import get
from bot.web.sign_in.pages import Notice, sign_in_again
from bot.web.sign_in.sessions import PersonalViews, Session, Sessions
from bot.web.viewer import Act

VERBS: Mapping[Act, Verb] = {Act.APPROVE: Verb.APPROVE, Act.HOLD: Verb.HOLD, Act.RETRY: Verb.RETRY}
LONGEST_KEY = 2_000

log = get("sign_in")


def release_path(key: str) -> str:
    """The page of a release."""
    return f"/releases/{quote(key, safe='/@')}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acting:
    """What presses are carried out with. `release` finds one by its key; `wake` tells the daemon that one is due."""

    sessions: Sessions
    views: PersonalViews
    presses: Callable[[], Presses]
    release: Callable[[str], Release | None]
    wake: Callable[[], None]

    def may(self, session: Session, project_id: int) -> frozenset[Act]:
        """What a person may do there, asked at this moment; nothing for whoever is out. Raises: TransientError."""
        level, presses = self.level(session, project_id), self.presses()
        return frozenset(act for act, verb in VERBS.items() if presses.allowed(verb, level))

    def approvers(self, session: Session, release: Release) -> str:
        """Whom policy asks to approve a release, where that is others than they; else empty. Raises: TransientError."""
        user, level = session.user, self.level(session, release.id.project_id)
        return self.presses().approvers(release, Presser(user_id=user.user_id, username=user.username, level=level))

    def level(self, session: Session, project_id: int) -> int | None:
        """Their access level there at this moment; None for whoever is out. Raises: TransientError."""
        try:
            return self.views.of(session).role(project_id, session.user.user_id)
        except CredentialsError:
            self.sessions.close(session)
            return None

    def press(self, session: Session, act: Act, key: str, form: Mapping[str, str]) -> Notice | None:
        """Carry out a press; None once it is done, else what stands in the way."""
        page = release_path(key)
        if not self.sessions.press(session.user.user_id):
            words = "There were too many presses of yours of late; wait some minutes."
            return Notice(status=429, title="Not so fast", words=words, link=page, word="Back to the release")
        try:
            return self._press(session, act, key, form)
        except CredentialsError:
            self.sessions.close(session)
            words = "GitLab does not let you in any more, so nothing was done."
            return sign_in_again(words, status=401, next_=page)
        except TransientError as error:
            log.warning("press.put_off", act=act.value, user=session.user.username, reason=str(error))
            words = "GitLab could not be asked whether you may, so nothing was done. Try again in a minute."
            return Notice(status=503, title="Not now", words=words, link=page, word="Back to the release")

    def _press(self, session: Session, act: Act, key: str, form: Mapping[str, str]) -> Notice | None:
        release = self.release(key) if len(key) <= LONGEST_KEY and key.isprintable() else None
        view, user = self.views.of(session), session.user
        if release is None or release.id.project_id not in view.visible([release.id.project_id]):
            return Notice(status=404, title="Not here", words="There is no such release, or it is not for you to see.")
        level = view.role(release.id.project_id, user.user_id)
        presser = Presser(user_id=user.user_id, username=user.username, level=level)
        allowed = self.presses().allowed(VERBS[act], level)
        approver = view.approver() if allowed and act is Act.APPROVE else None
        try:
            pressed = self._carried_out(act, release, presser, form, approver)
        except CredentialsError as error:  # the bot's own token, not the person's
            log.error("press.not_done", act=act.value, release=release.key, reason=str(error))
            words = "GitLab refuses Ropewalk's own token, so nothing was done. Tell whoever runs it; its log says why."
            return Notice(status=503, title="Not now", words=words, link=release_path(key), word="Back to the release")
        log.info("press.done", act=act.value, release=release.key, user=user.username, outcome=pressed.outcome.value)
        if pressed.outcome is Outcome.DONE:
            self.wake()
            return None
        return Notice(
            status=409 if allowed else 403,
            title="Refused",
            words=f"{pressed.words}.",
            link=release_path(key),
            word="Back to the release",
        )

    def _carried_out(
        self, act: Act, release: Release, presser: Presser, form: Mapping[str, str], approver: Approver | None
    ) -> Pressed:
        presses = self.presses()
        match act:
            case Act.APPROVE:
                return presses.approve(release, presser, form.get("sha", ""), approver)
            case Act.HOLD:
                return presses.hold(release, presser, form.get("span", ""), form.get("reason", ""))
            case Act.RETRY:
                return presses.retry(release, presser)
        assert_never(act)
