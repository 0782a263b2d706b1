"""docs/loop.svg: how a ref change becomes a release, and what the loop does with it."""

from __future__ import annotations

from docs.pages.drawing import box, picture, text, way

WIDTH, HEIGHT = 960, 430


def drawn() -> str:
    """The picture."""
    parts = [
        box(24, 40, 170, 62, "hook", "quick", kind="far"),
        box(24, 126, 170, 62, "poll", "dependable", kind="far"),
        box(24, 212, 170, 62, "a person", "release apply, /ropewalk", kind="far"),
        way("M194 71 C 235 71 225 150 262 152"),
        way("M194 157 H262"),
        way("M194 243 C 235 243 225 165 262 162"),
        box(266, 120, 130, 74, "release", "one project at\none commit"),
        box(462, 40, 190, 74, "observe", "GitLab and indexes,\nread only"),
        box(742, 40, 194, 74, "judge", "gates: pass, fail,\nor unknown"),
        box(742, 212, 194, 74, "plan", "what is missing?\nsame facts, same plan"),
        box(462, 212, 190, 74, "apply", "one write at a time:\nclaim, act, note"),
        way("M396 157 H420 C 470 157 500 150 519 118"),
        way("M652 77 H738"),
        way("M839 114 V208"),
        way("M742 249 H656"),
        way("M557 212 V118"),
        text(567, 168, "look again", anchor="start"),
        text(849, 166, "verdicts", anchor="start"),
        text(697, 240, "one action"),
        text(695, 68, "facts"),
        way("M839 286 V336"),
        box(
            462,
            340,
            474,
            70,
            "rest",
            "published, with proofs; or waits, until when and for what;\nor stopped, with whose turn it is",
        ),
    ]
    title = (
        "Hook, poll or a person begin a release; observe, judge, plan and apply go round until it is published or rests"
    )
    return picture(WIDTH, HEIGHT, title, parts)
