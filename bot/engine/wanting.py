"""What the configuration wants of a release, or why it has nothing to say of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.domain.errors import RefusedError
from bot.domain.policy import Policy, ReleaseRule, Source
from bot.domain.refs import Project, RefKind
from bot.domain.releases import Acceptance, Release, ReleaseState
from bot.domain.tightening import Effective, effective
from bot.domain.verdicts import Consequence
from bot.engine.layering import Layering
from bot.ports.policy_files import Age
from bot.release.facts import Wanted

# A release in these comes back again and again: what its project's own file said minutes ago is good enough.
_AT_WORK = (ReleaseState.WAITING, ReleaseState.PUBLISHING, ReleaseState.VERIFYING)


def waiting_for(release: Release) -> str | None:
    """The gate that made a release wait at its last turn, unless something woke it since."""
    if release.state is not ReleaseState.WAITING or release.woken or release.faults:
        return None
    return next((gate.name for gate in release.gates if gate.consequence is Consequence.WAIT), None)


def _age(release: Release) -> Age:
    return Age.RECENT if release.state in _AT_WORK else Age.NEW


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanting:
    """All that wanting needs: `path` is the configuration's, `gitlab` the host that a missing project is missing on.

    `project` gives a project as last seen, or as GitLab has it; `published_before` the commit that a release's branch
    published before it, `accepted` what people accepted of what the release of that key changes. `tags` are
    those of the wheels that can be installed here. `begun` is whether anything was tried for a release yet. `layering`
    tightens the policy for a project.
    """

    policy: Policy
    path: Path
    gitlab: str
    project: Callable[[int], Project | None]
    published_before: Callable[[Release], str | None]
    begun: Callable[[Release], bool]
    accepted: Callable[[str], tuple[Acceptance, ...]]
    tags: Callable[[], frozenset[str]]
    layering: Layering | None = None

    def wanted(self, release: Release, *, sparing: bool = False) -> Wanted:
        """What policy wants of a release; with `sparing`, by what is known, as long as the release may wait on.

        Raises: RefusedError if no rule covers it, or the project is gone.
        """
        project = self.project(release.id.project_id)
        if project is None:
            raise RefusedError(
                what=f"project {release.id.project_id} ({release.project}) is not there or not visible to the token",
                where=self.gitlab,
            )
        whole = self.rule(project.full_path, release.id.kind, release.id.ref)
        waits = waiting_for(release)
        spared = sparing and waits is not None
        holds = self._tightened(project, whole, Age.ANY if spared else _age(release))
        rule = holds.rule
        return Wanted(
            id=release.id,
            project=project,
            rule=rule,
            indexes=self.policy.indexes_of(rule),
            hygiene=holds.hygiene,
            asked=release.asked_at,
            waiting_for=waits,
            spared=spared,
            heard=release.heard_at is not None,
            previous=self.published_before(release) if release.id.kind is RefKind.BRANCH else None,
            source=self._source(release, rule),
            may_build=self.policy.build is not None,
            freezes=tuple(freeze for freeze in holds.freezes if freeze.covers(project.full_path)),
            accepted=self.accepted(release.key) if rule.hold_on else (),
            tags=self.tags() if rule.install_check else frozenset(),
            own_policy=holds.own,
        )

    def _tightened(self, project: Project, rule: ReleaseRule, age: Age) -> Effective:
        if self.layering is None:
            return effective(rule, self.policy.hygiene, freezes=self.policy.freezes)
        return self.layering.effective(project, rule, age)

    def _source(self, release: Release, rule: ReleaseRule) -> Source:
        """What the release was begun with. A policy that was changed to another counts as long as nothing was tried."""
        if rule.source in (Source.AUTO, release.source) or self.begun(release):
            return release.source
        return rule.source

    def rule(self, project: str, kind: RefKind, ref: str) -> ReleaseRule:
        """The rule that covers a ref. Raises: RefusedError with status 404 if none does."""
        rule = self.policy.rule_for(project, kind, ref)
        if rule is None:
            raise RefusedError(
                what=f"no rule of `releases` covers {kind.value} {ref} of {project}",
                where=str(self.path),
                remedy=f"Add one, or use a {kind.value} that matches",
                status=404,
            )
        return rule
