"""What docs/start.md tells a newcomer to type works as it stands, in the order in which it stands."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
PAGE = Path(__file__).parents[2] / "docs" / "start.md"
PORT = "8080"  # on the page


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def test_the_commands_of_the_second_step_work(tmp_path: Path) -> None:
    """The whole step as one script, which ends at the first command that fails."""
    step = PAGE.read_text("utf-8").partition("\n## 2.")[2].partition("\n## 3.")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", step, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    script = "\n".join(["trap 'kill $(jobs -p) 2>/dev/null; true' EXIT", *blocks]).replace(PORT, str(free_port()))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        env={"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "HOME": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "ropewalk.yaml: good" in done.stdout
    assert "ready: tag v9999.0.0 of acme/tools/widget" in done.stdout
    assert done.stdout.count("acme/tools/widget@v1.1.0 1.1.0 published") == 2
    assert "not ready: tag v9999.0.0 of acme/tools/beacon\nended with 5" in done.stdout
    assert "# RW101" in done.stdout
