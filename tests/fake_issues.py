"""Issues of one project in memory, behind the same wire as the other fakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from bot.domain.gitlab import Issue
from tests.fakes import Wire


@dataclass(slots=True)
class FakeIssues:
    """See bot.ports.gitlab.Issues."""

    author_id: int
    there: dict[int, Issue] = field(default_factory=dict)
    wire: Wire = field(default_factory=Wire)

    def by(self, project_id: int, author_id: int) -> tuple[Issue, ...]:
        """Oldest first."""
        with self.wire.call("issues"):
            return tuple(one for _, one in sorted(self.there.items()) if one.author_id == author_id)

    def create(self, project_id: int, *, title: str, description: str, labels: Sequence[str]) -> None:
        """With the next number."""
        with self.wire.call("create_issue", write=True):
            iid = 1 + max(self.there, default=0)
            self.there[iid] = Issue(
                iid=iid,
                title=title,
                description=description,
                author_id=self.author_id,
                open=True,
                web_url=f"https://gitlab.example.com/-/issues/{iid}",
                project_id=project_id,
            )

    def update(self, project_id: int, iid: int, *, description: str, opened: bool | None) -> None:
        """Replace the description, close or reopen."""
        with self.wire.call("update_issue", write=True):
            there = self.there[iid]
            self.there[iid] = replace(there, description=description, open=there.open if opened is None else opened)
