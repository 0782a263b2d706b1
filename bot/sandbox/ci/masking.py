"""Hides secrets in a stream of bytes, wherever the stream happens to be cut."""

import re
from collections.abc import Iterable

MASK = b"[MASKED]"


class Masker:
    """Replaces every occurrence of a secret, also one that arrives in pieces; of two that fit, the longer."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({text.encode() for text in secrets if text}, key=lambda item: (-len(item), item))
        self._pattern = re.compile(b"|".join(re.escape(secret) for secret in self._secrets))
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """What may be shown so far; the beginning of a possible secret is held back."""
        return self._take(self._held + chunk, last=False)

    def finish(self) -> bytes:
        """The rest, once nothing more will come."""
        return self._take(self._held, last=True)

    def _take(self, text: bytes, *, last: bool) -> bytes:
        self._held = b""
        if not self._secrets:
            return text
        out: list[bytes] = []
        position = 0
        while True:
            hold = len(text) if last else self._undecided(text, position)
            match = self._pattern.search(text, position)
            if match is None or match.start() >= hold:
                out.append(text[position:hold])
                self._held = text[hold:]
                return b"".join(out)
            out += (text[position : match.start()], MASK)
            position = match.end()

    def _undecided(self, text: bytes, start: int) -> int:
        """The first place from which the rest of the text could still grow into a secret."""
        longest = len(self._secrets[0])
        for place in range(max(start, len(text) - longest + 1), len(text)):
            tail = text[place:]
            if any(len(secret) > len(tail) and secret.startswith(tail) for secret in self._secrets):
                return place
        return len(text)
