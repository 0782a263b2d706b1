"""The daemon's side of the install check: one child, and what its end means."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from packaging.tags import sys_tags

from bot.adapters.index.anatomist import LONGEST_DOWNLOAD, Reaching
from bot.adapters.index.answers import one_line
from bot.adapters.index.children import Children
from bot.adapters.index.kept import KeptFiles
from bot.adapters.index.messages import Fetch, Installed, InstallJob, Unreadable
from bot.domain.distributions import IndexFile
from bot.domain.policy import IndexKind
from bot.domain.releases import AttemptOutcome
from bot.ports.index import IndexPlace, Sent

SECONDS = 600.0  # the whole life of the child; mostly the download


@cache
def own_tags() -> frozenset[str]:
    """The tags of wheels that this Python on this machine can install."""
    return frozenset(map(str, sys_tags()))


class IndexInstaller:
    """See bot.ports.index.Installer."""

    def __init__(self, children: Children, kept: KeptFiles, reaching: Reaching, redact: Callable[[str], str]) -> None:
        self._children = children
        self._kept = kept
        self._reaching = reaching
        self._redact = redact

    def tags(self) -> frozenset[str]:
        """The tags of wheels that can be installed here."""
        return own_tags()

    def install(self, place: IndexPlace, file: IndexFile, name: str, version: str) -> Sent:
        """See Installer.install."""
        if file.sha256 is None:
            return _refused(f"{file.filename} is listed without a sha256")
        access = self._reaching.access(place.spec)
        fetch = Fetch(
            url=file.url,
            home=place.simple_url,
            sha256=file.sha256,
            most=LONGEST_DOWNLOAD,
            access=access,
            storage=place.spec.kind is IndexKind.GITLAB,
        )
        job = InstallJob(
            filename=file.filename, name=name, version=version, scratch=str(self._kept.incoming), fetch=fetch
        )
        ended = self._children.run(job, deadline=SECONDS)
        if isinstance(ended.reply, Installed | Unreadable):
            self._reaching.count(place, ended.reply.requests)
        match ended.reply:
            case Installed(complaint=""):
                return Sent(outcome=AttemptOutcome.ACCEPTED, again=False)
            case Installed(complaint=complaint):
                return _refused(one_line(complaint, self._redact))
            case Unreadable() as fault:
                again = fault.fault == "transient"
                outcome = AttemptOutcome.UNCLEAR if again else AttemptOutcome.REFUSED
                return Sent(outcome=outcome, reason=one_line(fault.what, self._redact), again=again)
            case _:
                return Sent(outcome=AttemptOutcome.UNCLEAR, reason=ended.why, again=True)


def _refused(reason: str) -> Sent:
    return Sent(outcome=AttemptOutcome.REFUSED, reason=reason, again=False)
