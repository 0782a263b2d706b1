"""What the pictures share: one look, readable in light and in dark, with nothing fetched from anywhere."""

from __future__ import annotations

from html import escape

# The panel is part of the picture, so that it reads on whatever page it lies; who prefers dark gets a dark one.
STYLE = """\
<style>
  svg { --panel: #fbfaf7; --room: #ffffff; --far: #eef1f4; --line: #8a7f70;
    --ink: #1f2328; --soft: #5b6168; --rope: #a8641c }
  @media (prefers-color-scheme: dark) {
    svg { --panel: #1b1e22; --room: #262a30; --far: #20252b; --line: #857a6b;
      --ink: #eceff2; --soft: #aab1b9; --rope: #e0a45b }
  }
  .panel { fill: var(--panel) }
  .room { fill: var(--room); stroke: var(--line); stroke-width: 1.2 }
  .far { fill: var(--far); stroke: var(--line); stroke-dasharray: 5 4 }
  .name { font: 600 15px ui-monospace, Menlo, Consolas, monospace; fill: var(--ink) }
  .told { font: 13px system-ui, "Segoe UI", Roboto, sans-serif; fill: var(--soft) }
  .way { fill: none; stroke: var(--rope); stroke-width: 2 }
  .tip { fill: var(--rope) }
  .roof { fill: none; stroke: var(--line); stroke-width: 1.6 }
</style>
<defs><marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8"
  orient="auto-start-reverse">
  <path class="tip" d="M0 0 10 5 0 10z"/></marker></defs>
"""


def picture(width: int, height: int, title: str, parts: list[str]) -> str:
    """A whole picture, ending in a line break. `title` is what it shows, for those who do not see it."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(title)}">\n'
    )
    panel = f'<rect class="panel" width="{width}" height="{height}" rx="10"/>'
    return head + STYLE + "\n".join([panel, *parts]) + "\n</svg>\n"


def box(x: float, y: float, width: float, height: float, name: str, told: str = "", *, kind: str = "room") -> str:
    """A room with its name and, beneath, what it is for; `told` has a line for each line of text."""
    lines = [line for line in told.split("\n") if line]
    middle, top = x + width / 2, y + height / 2 - 9 * len(lines) + 5
    parts = [f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="6"/>']
    parts.append(text(middle, top, name, kind="name"))
    parts += [text(middle, top + 18 * number, line) for number, line in enumerate(lines, 1)]
    return "\n".join(parts)


def text(x: float, y: float, words: str, *, kind: str = "told", anchor: str = "middle") -> str:
    """One line of text."""
    return f'<text class="{kind}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'


def way(path: str, *, both: bool = False) -> str:
    """An arrow along a path."""
    start = ' marker-start="url(#tip)"' if both else ""
    return f'<path class="way" d="{path}"{start} marker-end="url(#tip)"/>'
