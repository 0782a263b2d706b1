"""What of a release's jobs looks like a distribution and is published nowhere."""

from __future__ import annotations

from bot.domain.left_out import sentences
from bot.domain.policy import Source
from bot.release.facts import Facts, Wanted
from bot.release.sources import source_of

NAME = "left_out"
"""Of the gate that tells it."""


def left_out(wanted: Wanted, facts: Facts) -> str:
    """It and the reasons, without a full stop at the end; empty if nothing is, or nobody looked.

    Files that were kept are not gathered again: then it is what was said when they were. What a pipeline uploads by
    itself is not ours to leave out.
    """
    if facts.files is None or source_of(wanted, facts) is Source.PIPELINE:
        return ""
    left = facts.files.value.left_out
    if left is None:
        return next((gate.reason for gate in facts.said if gate.name == NAME), "")
    return sentences(left)
