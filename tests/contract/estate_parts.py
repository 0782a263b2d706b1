"""An auditor over the embedded GitLab."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from bot.adapters.gitlab.budget import Budget, monotonic
from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.estate.files import Read
from bot.adapters.gitlab.estate.sweep import GitLabEstate
from bot.adapters.meter import Meter
from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.estate import ProjectFacts, Wishes
from bot.domain.gitlab import Level
from bot.domain.secrets import Redactor, Secret
from bot.hygiene.targets import scope_of
from tests.contract.sandbox_org import Org

NOTHING = Wishes(ci=lambda _: False, merged=lambda _: False, access=lambda _: False)
EVERYTHING = Wishes(ci=lambda _: True, merged=lambda _: False, access=lambda _: True)


def no_ci(text: str, *, merged: bool = False) -> CiFacts | CiUnknown:
    """A reader of CI files that sees how long they are."""
    del merged
    return CiFacts(jobs=(), variables={"LENGTH": str(len(text))})


class _Time:
    """Time that passes a hundred times as fast while somebody waits, so that other threads get on; waits are noted."""

    def __init__(self, waits: list[float]) -> None:
        self._waits = waits
        self._passed = 0.0

    def __call__(self, seconds: float) -> None:
        """Wait."""
        threading.Event().wait(min(seconds / 100, 0.1))
        self._waits.append(seconds)
        self._passed += seconds

    def now(self) -> int:
        """Milliseconds, as a budget counts them."""
        return monotonic() + int(self._passed * 1000)


def estate(org: Org, who: str = "maintainer", waits: list[float] | None = None, read_ci: Read = no_ci) -> GitLabEstate:
    """What an audit reads, with patience that takes no time."""
    secret = Secret(org.tokens[who])
    meter, time = Meter(), _Time([] if waits is None else waits)
    budget = Budget(org.url, clock=time.now, sleep=time)
    api = Api(url=org.url, token=secret, redactor=Redactor([secret]), meter=meter, budget=budget)
    return GitLabEstate(api, meter.count, read_ci, wait=time)


def sweep(
    org: Org, *targets: str, who: str = "maintainer", wishes: Wishes = NOTHING, reads: GitLabEstate | None = None
) -> list[ProjectFacts]:
    """All places of a scope."""
    return list((reads or estate(org, who)).sweep(scope_of(targets, membership=True), wishes))


def projects(found: Sequence[ProjectFacts]) -> dict[str, ProjectFacts]:
    """Projects by path."""
    return {facts.full_path: facts for facts in found if facts.level is Level.PROJECT}


def groups(found: Sequence[ProjectFacts]) -> dict[str, ProjectFacts]:
    """Groups by path."""
    return {facts.full_path: facts for facts in found if facts.level is Level.GROUP}
