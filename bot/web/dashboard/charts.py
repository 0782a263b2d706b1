"""Pictures that pages hold: plain SVG, coloured by classes of our style sheet."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from bot.domain.verdicts import Verdict
from bot.hygiene.exposure import Exposure, Reader
from bot.hygiene.spelling import visible

OPEN = {Verdict.FAIL: "open", Verdict.PASS: "limited", Verdict.UNKNOWN: "unknown"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendDay:
    """One day: what was new, what was fixed, and what stood at its end."""

    day: date
    seen: int
    fixed: int
    standing: int


WIDTH, HEIGHT, MARGIN = 720, 150, 6
MIDDLE, HALF = 124, 22  # where the bars stand, and how tall the tallest is


def trend_picture(days: Sequence[TrendDay]) -> Markup:
    """What stood as an area, what was new and fixed as bars up and down from the middle line below it."""
    most = max((one.standing for one in days), default=0) or 1
    bar = max((max(one.seen, one.fixed) for one in days), default=0) or 1
    step = (WIDTH - 2 * MARGIN) / max(len(days) - 1, 1)
    ground = 96
    points = [(MARGIN + number * step, ground - one.standing / most * (ground - 10)) for number, one in enumerate(days)]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    area = f"{MARGIN},{ground} {line} {points[-1][0] if points else MARGIN:.1f},{ground}"
    last = days[-1].standing if days else 0
    words = f"{last} findings stand; over {len(days)} days {sum(one.seen for one in days)} were new and "
    words += f"{sum(one.fixed for one in days)} fixed"
    bars = Markup("").join(_bars(zip(points, days, strict=True), bar, max(step * 0.6, 1.5)))
    return Markup(
        '<svg class="trend" viewBox="0 0 {} {}" role="img" aria-label="{}"><polygon class="area" points="{}"/>'
        '<polyline class="line" points="{}"/><line class="axis" x1="{}" y1="{y}" x2="{}" y2="{y}"/>{}</svg>'
    ).format(WIDTH, HEIGHT, words, area, line, MARGIN, WIDTH - MARGIN, bars, y=MIDDLE)


def _bars(days: Iterable[tuple[tuple[float, float], TrendDay]], most: int, wide: float) -> Iterator[Markup]:
    for (x, _), one in days:
        for name, count, up in (("new", one.seen, True), ("fixed", one.fixed, False)):
            tall = max(count / most * HALF, 2)
            if count:
                yield Markup(
                    '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}"><title>{}</title></rect>'
                ).format(name, x - wide / 2, MIDDLE - tall if up else MIDDLE, wide, tall, f"{one.day}: {count} {name}")


ROW, TOP, LEFT, RIGHT, PICTURE = 46, 20, 250, 560, 760


def exposure_picture(exposure: Exposure) -> Markup:
    """Who reads it, by which way: people on the left, the credential on the right, a line for each way."""
    rows = sorted(exposure.readers, key=lambda one: list(OPEN).index(one.open))
    tall = max(len(rows) * ROW, 90) + 2 * TOP
    middle = tall / 2
    flags = exposure.variable
    marks = [word if on else f"not {word}" for word, on in (("masked", flags.masked), ("protected", flags.protected))]
    key = textwrap.shorten(visible(flags.key), 24, placeholder="…") if " " in flags.key else _cut(flags.key, 24)
    box = Markup(
        '<g class="credential"><rect x="{x}" y="{y}" width="{w}" height="76" rx="10"/>'
        '<text class="name" x="{tx}" y="{t1}">{key}</text><text x="{tx}" y="{t2}">{level}, scope {scope}</text>'
        '<text x="{tx}" y="{t3}">{marks}</text></g>'
    ).format(
        x=RIGHT, y=middle - 38, w=PICTURE - RIGHT - 4, tx=RIGHT + 14, t1=middle - 12, t2=middle + 8, t3=middle + 26,
        key=key, level=flags.level, scope=_cut(flags.environment_scope, 14), marks=", ".join(marks),
    )  # fmt: skip
    label = f"{len(rows)} ways to {visible(flags.key)}, {sum(one.open is Verdict.FAIL for one in rows)} of them open"
    return Markup('<svg class="exposure" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>').format(
        PICTURE, tall, label, Markup("").join(_ways(rows, middle)), box
    )


def _ways(rows: Sequence[Reader], middle: float) -> Iterator[Markup]:
    spread = min(8.0, 60 / max(len(rows), 1))
    for number, one in enumerate(rows):
        y = TOP + number * ROW + ROW / 2
        end = middle + (number - (len(rows) - 1) / 2) * spread
        yield Markup(
            '<g class="way {kind}"><path d="M{a} {y}C{b} {y} {c} {end} {d} {end}"/>'
            '<rect x="4" y="{top}" width="{w}" height="36" rx="8"/><circle cx="20" cy="{y}" r="5"/>'
            '<text class="name" x="34" y="{t1}">{who}</text><text x="34" y="{t2}">{by} · {word}</text></g>'
        ).format(
            kind=OPEN[one.open], word=OPEN[one.open], a=LEFT + 4, b=LEFT + 140, c=RIGHT - 140, d=RIGHT, y=y, end=end,
            top=y - 18, w=LEFT, t1=y - 2, t2=y + 13, who=_cut(one.who, 26), by=one.kind,
        )  # fmt: skip


def _cut(text: str, most: int) -> str:
    shown = visible(text)
    return shown if len(shown) <= most else f"{shown[: most - 1]}…"
