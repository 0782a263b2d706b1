"""A user id without a name, and no home folder in the environment, as a container on a shared cluster may be given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.builds import need_bubblewrap
from tests.stories.bot import free_port

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
NAMELESS = "1000650000"  # no line of any passwd file has it
CONFIG = """
gitlab: {{url: "http://127.0.0.1:{port}", token_file: token}}
watch: {{groups: [acme]}}
state: sqlite:///ropewalk.db
web: {{port: {port}}}
indexes: {{registry: {{kind: gitlab}}}}
releases: [{{projects: ["acme/**"], tags: ["v*"], indexes: [registry]}}]
"""


@pytest.mark.parametrize("words", [["serve"], ["release", "hold", "42@v1.0.0"]], ids=lambda words: words[0])
def test_whoever_has_neither_name_nor_home_is_served_all_the_same(tmp_path: Path, words: list[str]) -> None:
    """What stands in the way here is a GitLab that is not there; nothing before that is a fault of ours."""
    need_bubblewrap()
    (tmp_path / "token").write_text("glpat-0123456789abcdefghij")
    (tmp_path / "ropewalk.yaml").write_text(CONFIG.format(port=free_port()))
    done = subprocess.run(
        [
            *("bwrap", "--unshare-user", "--uid", NAMELESS, "--gid", "0", "--dev-bind", "/", "/", "--"),
            *(sys.executable, "-m", "bot", *words, "--config", str(tmp_path / "ropewalk.yaml")),
        ],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (6, False), done.stderr
    assert "cannot be reached" in done.stderr
