"""Audits of what the configuration says: the same for the command line and for the daemon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.domain.ci import CiFacts
from bot.domain.errors import ConfigError
from bot.domain.estate import ProjectFacts, Wish, Wishes
from bot.domain.estate import Scope as AuditScope
from bot.domain.gitlab import Level
from bot.domain.refs import Project
from bot.hygiene.audit import Audited, Order, Progress, audit
from bot.hygiene.catalogue import RULES, Rule
from bot.hygiene.history import Noted, note
from bot.hygiene.select import gathered
from bot.hygiene.targets import scope_of, watched
from bot.hygiene.waivers import waive

if TYPE_CHECKING:
    from bot.app import App


def _unseen(done: int, total: int | None) -> None:
    """Progress that nobody looks at."""
    del done, total


class Auditor:
    """Audits with one bot's settings, token and history."""

    def __init__(self, bot: App) -> None:
        self._bot = bot

    def scope(self, targets: Sequence[str]) -> AuditScope:
        """What an audit covers: the targets, or what is watched when there are none. Raises: ConfigError."""
        if targets:
            return scope_of(targets, membership="**" not in targets or not self._bot.identity.admin)
        watch = self._bot.settings.watch
        if not (watch.groups or watch.projects or watch.topics):
            remedy = "Name a TARGET, or set watch.groups"
            raise ConfigError(what="nothing is watched, so there is nothing to audit", where="watch", remedy=remedy)
        scope = watched(watch.groups, watch.projects, topics=bool(watch.topics), keep=self._watches)
        return replace(scope, membership=not (scope.everything and self._bot.identity.admin))

    def _watches(self, facts: ProjectFacts) -> bool:
        return self._bot.scope.covers(
            Project(
                id=facts.project_id,
                full_path=facts.full_path,
                web_url="",
                default_branch=None,
                archived=facts.archived,
                topics=facts.topics,
            )
        )

    def audit(
        self, targets: Sequence[str], rules: Sequence[Rule], progress: Progress = _unseen
    ) -> tuple[Audited, Noted]:
        """Audit the targets (what is watched when there are none) and write what was found into the history."""
        order = Order(scope=self.scope(targets), rules=rules, release_tags=self._bot.settings.policy.tags_of)
        audited = audit(self._bot.estate(), order, self._bot.clock, progress)
        judged = {rule.info.id for rule in rules}
        return audited, note(self._bot.store.findings, audited, judged, whole=not targets)

    def audit_watched(self) -> Noted:
        """Audit everything watched by all rules, with waivers heeded."""
        audited, noted = self.audit((), RULES)
        if audited.error is not None:
            raise audited.error
        report = waive(noted.report, self._bot.settings.policy.hygiene.waivers, noted.report.at.date())
        return replace(noted, report=gathered(report))

    def places_of(
        self, target: str, access: Wish = lambda _: True, *, linted: bool = False
    ) -> tuple[ProjectFacts, ...]:
        """All there is to know of what a target names and of the groups above. Raises: RefusedError with 404.

        Who may do what is asked for the projects that `access` names; with `linted` GitLab is asked of every CI file
        whether it takes it.
        """
        everything = Wishes(
            ci=lambda _: True,
            merged=lambda facts: isinstance(facts.ci, CiFacts) and (linted or not facts.ci.whole),
            access=access,
        )
        return self._places(target, everything)

    def _places(self, target: str, wishes: Wishes) -> tuple[ProjectFacts, ...]:
        tags = self._bot.settings.policy.tags_of
        places = self._bot.estate().sweep(self.scope([target]), wishes)
        return tuple(replace(facts, release_tags=tags(facts.full_path)) for facts in places)

    def settings_of(self, target: str) -> tuple[ProjectFacts, ...]:
        """The projects that a target names, with variables and who may do what, but without their CI files."""
        wishes = Wishes(ci=lambda _: False, merged=lambda _: False, access=lambda _: True, files=False)
        return tuple(one for one in self._places(target, wishes) if one.level is Level.PROJECT)

    def facts_of(self, target: str, *, linted: bool = False) -> tuple[ProjectFacts, ...]:
        """The projects among `places_of`."""
        return tuple(facts for facts in self.places_of(target, linted=linted) if facts.level is Level.PROJECT)
