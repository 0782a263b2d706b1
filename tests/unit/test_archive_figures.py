"""Three hundred hostile archives are refused within bounds, two hundred honest ones are read."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

MOST_SECONDS, MOST_MIB = 10, 256


@pytest.mark.slow
def test_hostile_archives_are_refused_in_time_and_memory_and_honest_ones_are_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In a process of its own, whose memory is what reading took."""
    command = [sys.executable, "-m", "tests.unit.archive_figures"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    figures = json.loads(done.stdout)
    with capsys.disabled():
        print(f"\narchives: {', '.join(f'{name} {value}' for name, value in figures.items())}")
    assert figures["hostile"] >= 300
    assert figures["honest"] >= 200
    assert figures["hostile accepted"] == []
    assert figures["honest refused"] == []
    assert figures["slowest seconds"] <= MOST_SECONDS
    assert figures["peak MiB"] <= MOST_MIB
