"""docs/house.svg: the rooms of `bot/`, floor by floor as import-linter keeps them."""

from __future__ import annotations

import tomllib
from pathlib import Path

from docs.pages.drawing import box, picture, text, way

WIDTH, LEFT, RIGHT, TOP = 960, 60, 700, 78
FLOOR, GAP = 62, 10
MOST = 4  # rooms side by side
TOLD = {
    "cli": "commands, each a file",
    "web": "hooks in, health and metrics out",
    "app": "where a port meets its adapter",
    "publishing": "the same for one CI job",
    "engine": "turns, when they run, replicas",
    "watch": "which refs changed",
    "release": "gates, targets, plan",
    "hygiene": "the audit, its rules",
    "notes": "all that is posted",
    "onboarding": "proposed pipelines",
    "adapters": "GitLab, twine, store",
    "settings": "files, environment",
    "log": "redacted at the sink",
    "ports": "what the jobs need of the world",
    "domain": "the words: plain frozen data",
}
LAST = "adapters"  # the room beside the way out


def floors() -> list[list[str]]:
    """The layers, from the top; the rooms of one do not know each other."""
    path = Path(__file__).parents[2] / "pyproject.toml"
    contracts = tomllib.loads(path.read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one["type"] == "layers")
    return [sorted((room.strip() for room in layer.split("|")), key=lambda room: room == LAST) for layer in layers]


def drawn() -> str:
    """The picture."""
    parts: list[str] = []
    places: dict[str, tuple[float, float]] = {}
    y: float = TOP
    for floor in floors():
        for row in [floor[at : at + MOST] for at in range(0, len(floor), MOST)]:
            width = (RIGHT - LEFT - GAP * (len(row) - 1)) / len(row)
            for number, room in enumerate(row):
                x = LEFT + number * (width + GAP)
                parts.append(box(x, y, width, FLOOR, room, TOLD[room]))
                places[room] = (x + width, y + FLOOR / 2)
            y += FLOOR + GAP
    middle = (LEFT + RIGHT) / 2
    roof = f'<path class="roof" d="M{LEFT - 14} {TOP - 10} {middle:g} 16 {RIGHT + 14} {TOP - 10}z"/>'
    height = int(y + 14)
    parts += [roof, text(middle, 56, "bot/", kind="name")]
    parts += [way(f"M30 {TOP} V{y - GAP:g}"), _upright(20, (TOP + y) / 2, "imports go down, never up")]
    parts += _outside(places, y - GAP)
    title = "The house, floor by floor: " + "; ".join(", ".join(floor) for floor in floors())
    return picture(WIDTH, height, title, parts)


def _upright(x: float, y: float, words: str) -> str:
    return f'<g transform="rotate(-90 {x} {y:g})">{text(x, y, words)}</g>'


def _outside(places: dict[str, tuple[float, float]], bottom: float) -> list[str]:
    """What is beyond the house, and how one gets there."""
    far, width = 760, 176
    parts = []
    for room, name, told in (("cli", "people", "scripts, CI jobs"), ("web", "GitLab's hooks", "and your monitoring")):
        x, y = places[room]
        parts += [box(far, y - FLOOR / 2, width, FLOOR, name, told, kind="far"), way(f"M{far} {y:g} H{x + 3:g}")]
    x, y = places[LAST]
    parts.append(box(far, y - FLOOR / 2, width, FLOOR, "the world", "GitLab, indexes, state", kind="far"))
    parts.append(way(f"M{x + 3:g} {y:g} H{far - 3}", both=True))
    low = bottom - 2 * FLOOR - GAP
    parts.append(
        box(
            far,
            low + 30,
            width,
            bottom - low - 30,
            "sandbox",
            "a GitLab and an index\nof its own; knows\nnothing of the house",
            kind="room",
        )
    )
    parts.append(way(f"M{far + width / 2} {low + 27:g} V{y + FLOOR / 2 + 3:g}"))
    parts.append(text(far + width / 2 + 8, (low + 30 + y + FLOOR / 2) / 2 + 5, "stands in", anchor="start"))
    return parts
