"""devpi: files are sent, read back, never replaced, and never taken for something else by what it answers."""

from __future__ import annotations

import base64
import hashlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bot.adapters.index.service import IndexAdapter
from bot.domain.policy import IndexKind, IndexSpec
from bot.domain.releases import AttemptOutcome
from bot.domain.secrets import Secret
from tests.contract.index_parts import PASSWORD, keep, sdist_bytes, wheel_bytes
from tests.waiting import until

pytestmark = pytest.mark.slow

TOOLS = Path(__file__).parents[2] / ".tools" / "devpi" / "bin"
USER, INDEX = "robot", "prod"
PATIENCE = 60.0  # seconds for its start
# It spends half a minute on the key for its login tokens, which nobody attacks here.
QUICK_SECRET = ("--argon2-memory", "1024", "--argon2-time", "1", "--argon2-parallelism", "1")


def _program(name: str) -> str:
    found = shutil.which(name, path=str(TOOLS)) or shutil.which(name)
    if found is None:
        pytest.skip("devpi is not installed: `make devpi` does it")
    return found


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A devpi of its own with one index that replaces nothing; its address."""
    folder = tmp_path_factory.mktemp("devpi")
    init, server = _program("devpi-init"), _program("devpi-server")
    subprocess.run(
        [init, "--serverdir", str(folder), "--no-root-pypi", "--root-passwd", PASSWORD], check=True, capture_output=True
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [server, "--serverdir", str(folder), "--host", "127.0.0.1", "--port", port, *QUICK_SECRET],
            stdout=log,
            stderr=log,
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=PATIENCE) as client:
            _lay_out(client, running)
        yield f"http://127.0.0.1:{port}/{USER}/{INDEX}/"
    finally:
        running.terminate()
        running.wait(20)


def _lay_out(client: httpx.Client, running: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        assert running.poll() is None, "devpi ended"
        try:
            return client.get("/+api").status_code == 200
        except httpx.TransportError:
            return False

    until(answers, PATIENCE)
    client.put(f"/{USER}", json={"password": PASSWORD, "email": "robot@example.com"}).raise_for_status()
    said = client.post("/+login", json={"user": USER, "password": PASSWORD}).raise_for_status().json()
    pair = base64.b64encode(f"{USER}:{said['result']['password']}".encode()).decode()
    index = {"type": "stage", "bases": [], "volatile": False}
    client.put(f"/{USER}/{INDEX}", json=index, headers={"X-Devpi-Auth": pair}).raise_for_status()


def _spec(root: str, password: str = PASSWORD) -> IndexSpec:
    return IndexSpec(
        name="devpi",
        kind=IndexKind.SIMPLE,
        upload_url=root,
        simple_url=f"{root}+simple/",
        username=USER,
        password=Secret(password),
    )


def test_a_release_is_sent_read_back_and_never_replaced(adapter: IndexAdapter, tmp_path: Path, root: str) -> None:
    """Absent, accepted, identical; the same again is unclear and the look decides; other bytes are refused."""
    place = adapter.place(_spec(root), 1, "Acme.Widget")
    assert adapter.files(place, "Acme.Widget") == ()
    files = {
        "acme_widget-1.0-py3-none-any.whl": wheel_bytes("acme_widget"),
        "acme_widget-1.0.tar.gz": sdist_bytes("acme_widget"),
    }
    for filename, data in files.items():
        sent = adapter.send(place, keep(adapter, tmp_path, data, filename))
        assert sent.outcome is AttemptOutcome.ACCEPTED, sent
    wanted = {filename: hashlib.sha256(data).hexdigest() for filename, data in files.items()}
    assert {file.filename: file.sha256 for file in adapter.files(place, "acme-widget")} == wanted

    wheel = next(iter(files))
    again = adapter.send(place, keep(adapter, tmp_path, files[wheel], wheel))
    assert again.outcome is not AttemptOutcome.ACCEPTED, again
    other = adapter.send(place, keep(adapter, tmp_path, wheel_bytes("acme_widget", description="Other.\n"), wheel))
    assert other.outcome is AttemptOutcome.REFUSED, other
    assert {file.filename: file.sha256 for file in adapter.files(place, "acme-widget")} == wanted


def test_wrong_credentials_are_named_and_leave_nothing(adapter: IndexAdapter, tmp_path: Path, root: str) -> None:
    place = adapter.place(_spec(root, password="wrong"), 1, "gadget")
    kept = keep(adapter, tmp_path, wheel_bytes("gadget"), "gadget-1.0-py3-none-any.whl")
    sent = adapter.send(place, kept)
    assert (sent.outcome, sent.again) == (AttemptOutcome.DENIED, False), sent
    assert "refuses the credentials of indexes.devpi" in sent.reason
    assert adapter.files(adapter.place(_spec(root), 1, "gadget"), "gadget") == ()
