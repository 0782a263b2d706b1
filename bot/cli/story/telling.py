"""How the demo speaks: one line per thing that happens, with the seconds since it began."""

from __future__ import annotations

import os
import sys
import threading
import time

from rich.console import Console
from rich.markup import escape

from bot.cli.output import STATE_STYLE
from bot.domain.releases import Release

SHORT = 140  # characters of a reason on a terminal; a pipe gets all of it


class Teller:
    """Writes the story to stderr; safe to use from several threads."""

    def __init__(self, *, color: bool, quiet: bool) -> None:
        self._terminal = sys.stderr.isatty()
        color = color and (self._terminal or "FORCE_COLOR" in os.environ)
        self._console = Console(
            stderr=True, force_terminal=color, no_color=not color, highlight=False, quiet=quiet, soft_wrap=True
        )
        self._began = time.monotonic()
        self._lock = threading.Lock()

    @property
    def seconds(self) -> float:
        """Since the story began."""
        return time.monotonic() - self._began

    def chapter(self, title: str) -> None:
        """A new chapter."""
        with self._lock:
            self._console.print(f"\n[bold]{escape(title)}[/]")

    def line(self, who: str, what: str, style: str = "") -> None:
        """Somebody did something."""
        with self._lock:
            shown = f"[{style}]{escape(what)}[/]" if style else escape(what)
            self._console.print(f"[dim]{self.seconds:6.1f}s[/]  [cyan]{escape(who):<9}[/] {shown}")

    def release(self, release: Release) -> None:
        """A release took a step."""
        name = release.project.rsplit("/", 1)[-1]
        style = STATE_STYLE.get(release.state, "blue")
        reason = f"  [dim]{escape(self._short(release.next))}[/]" if release.next else ""
        with self._lock:
            self._console.print(
                f"[dim]{self.seconds:6.1f}s[/]  [cyan]{escape(name):<9}[/] "
                f"[{style}]{release.state.value:<10}[/]{reason}"
            )

    def _short(self, text: str) -> str:
        return text[: SHORT - 1] + "…" if self._terminal and len(text) > SHORT else text
