"""`release cancel`: what was under way is told, and who stopped it."""

from __future__ import annotations

import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
from filelock import FileLock

from bot.adapters.store.store import Store
from bot.cli.deciding import caller
from bot.domain.releases import AttemptOutcome, ReleaseState
from tests.contract.states import file_store
from tests.contract.turn_bench import planned
from tests.unit.release_facts import NOON, attempt

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
CONFIG = """
gitlab: {url: http://127.0.0.1:9, token_file: token}
watch: {groups: [acme]}
state: sqlite:///ropewalk.db
indexes: {registry: {kind: gitlab}}
releases: [{projects: ["acme/**"], tags: ["v*"], indexes: [registry]}]
"""


def interrupted_store(folder: Path) -> Store:
    """A state as a daemon leaves it that was killed in the midst of an upload."""
    store = file_store(folder / "ropewalk.db")
    store.releases.add(planned())
    store.ledger.attempt(planned().key, attempt(AttemptOutcome.CLAIMED, reason=""))
    return store


def cancel(folder: Path) -> subprocess.CompletedProcess[str]:
    (folder / "token").write_text("glpat-0123456789abcdefghij")
    (folder / "ropewalk.yaml").write_text(CONFIG)
    target = f"{planned().project}@{planned().id.ref}"
    command = [sys.executable, "-m", "bot", "release", "cancel", target, "--config", str(folder / "ropewalk.yaml")]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("at_work", [False, True], ids=["nobody is at work", "a daemon is at work"])
def test_what_a_killed_process_left_is_unclear_once_its_release_is_cancelled(tmp_path: Path, at_work: bool) -> None:
    """As a resume would note it; a daemon that is at work notes itself how its upload ends. GitLab is asked nothing."""
    store = interrupted_store(tmp_path)
    with FileLock(tmp_path / "ropewalk.engine.db.lock") if at_work else nullcontext():
        done = cancel(tmp_path)
    assert done.returncode == 5, done.stderr
    row = store.releases.release(planned().key)
    assert row is not None
    assert (row.state, row.due_at) == (ReleaseState.BLOCKED, None)
    outcome = AttemptOutcome.CLAIMED if at_work else AttemptOutcome.UNCLEAR
    (tried,) = store.ledger.attempts(row.key)
    assert (tried.outcome, tried.at == NOON) == (outcome, at_work)
    asked = ("command", f"cancel v1.1.0 by {caller()}: it was planned, on the command line", "done")
    unclear = ("attempt", f"{tried.target} {tried.item}", "unclear")
    told = [(one.written.kind.value, one.written.words, one.written.outcome) for one in store.journal.entries()]
    assert told == ([asked] if at_work else [asked, unclear])
    assert store.journal.verify()[1] is None
    again = cancel(tmp_path)
    assert "nothing to cancel" in again.stderr
    assert len(list(store.journal.entries())) == 2, "once nobody is at work it is noted all the same, and once"
    store.close()
