"""The store as a dry run sees it: what is there can be read, what would be written is dropped."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.distributions import Distribution
from bot.domain.releases import Attempt, Receipt
from bot.ports.store import Kept, Ledger


class ReadOnlyLedger:
    """See bot.ports.store.Ledger. A dry run makes no try; what it proves it does not record."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def attempts(self, key: str) -> tuple[Attempt, ...]:
        """All tries of a release, oldest first."""
        return self._ledger.attempts(key)

    def attempt(self, key: str, attempt: Attempt) -> None:
        """Never called: raises AssertionError, since a dry run that acts is a fault."""
        raise AssertionError(f"a dry run of {key} tried {attempt.target}")

    def receipts(self, key: str) -> tuple[Receipt, ...]:
        """All proofs of a release, oldest first."""
        return self._ledger.receipts(key)

    def record(self, key: str, receipts: Sequence[Receipt]) -> None:
        """Dropped."""


class ReadOnlyKept:
    """See bot.ports.store.Kept."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept

    def files(self, key: str) -> tuple[Distribution, ...]:
        """The kept distributions of a release."""
        return self._kept.files(key)

    def keep(self, key: str, files: Sequence[Distribution]) -> None:
        """Dropped."""

    def owner(self, name: str) -> int | None:
        """The project recorded for a normalised name, or None."""
        return self._kept.owner(name)

    def own(self, name: str, project_id: int) -> int:
        """Dropped; returns who would own it."""
        owner = self._kept.owner(name)
        return project_id if owner is None else owner
