"""How much of GitLab's time and bytes one answer may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of the other side's time and bytes we take: seconds without a byte, seconds for a whole answer and for
    a whole download, bytes (unpacked) of either, pages of one list.
    """

    silence: float = 20.0
    answer: float = 60.0
    download: float = 900.0
    answer_bytes: int = 64 * 1024 * 1024
    download_bytes: int = 4 * 1024**3
    pages: int = 2_000


LIMITS = Limits()
