"""Everything there is to say about a release, in one value: what texts are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bot.domain.anatomy import Differences
from bot.domain.consents import ApprovalRule
from bot.domain.distributions import Distribution
from bot.domain.gitlab import Changes
from bot.domain.notes import DEFAULT_NOTES, NotesPolicy, NotesSource
from bot.domain.refs import RefKind
from bot.domain.releases import Receipt, ReleaseState, TargetStatus
from bot.domain.verdicts import GateResult


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPage:
    """How a person reaches one index: its name in the policy, the page of the project there, the line that installs."""

    name: str
    page_url: str | None
    install: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseReport:
    """One release as it stands: state, reasons and proofs. All strings that came from GitLab or an index are foreign.

    `next` is the next step in one sentence, None when nothing is left to do. `release_url` is the page of the GitLab
    Release once it exists, `released_at` (UTC) when GitLab says that was. `changes` is None when they have not been
    read. `unusable` says that only another commit can bring files that can be released. `notes` is what policy says of
    texts, `source` what the release notes are made from (None: not chosen yet). `differences` are what the files change
    against the last published ones (None: not compared). `approval` is who has to approve, None for nobody.
    """

    project: str
    project_id: int
    project_url: str
    ref: str
    kind: RefKind
    sha: str
    version: str | None
    name: str | None
    state: ReleaseState
    gates: tuple[GateResult, ...]
    targets: tuple[TargetStatus, ...]
    receipts: tuple[Receipt, ...]
    files: tuple[Distribution, ...]
    indexes: tuple[IndexPage, ...]
    changes: Changes | None
    next: str | None
    release_url: str | None = None
    released_at: datetime | None = None
    unusable: bool = False
    notes: NotesPolicy = DEFAULT_NOTES
    source: NotesSource | None = None
    differences: Differences | None = None
    approval: ApprovalRule | None = None
