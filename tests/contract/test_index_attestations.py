"""What a job says of a file goes along with it to an index that takes it, and to no other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bot.adapters.index.service import IndexAdapter
from bot.domain.distributions import Distribution
from bot.domain.releases import AttemptOutcome
from tests.contract.index_parts import Scripted, artifacts, says, sdist_bytes, simple_spec, wheel_bytes

WHEEL, SDIST = "widget-1.0-py3-none-any.whl", "widget-1.0.tar.gz"
SAID = {"version": 1, "verification_material": {"certificate": "x"}, "envelope": {"statement": "y"}}


def gathered(adapter: IndexAdapter, folder: Path, attestation: bytes) -> dict[str, Distribution]:
    """A wheel with something said of it, and an sdist with nothing."""
    files = {f"dist/{WHEEL}": wheel_bytes(), f"dist/{SDIST}": sdist_bytes()}
    said = {f"dist/{WHEEL}.publish.attestation": attestation}
    found = adapter.gather([(7, "build", artifacts(folder, files | said))])
    assert found.problems == ()
    return {file.filename: file for file in found.files}


def sent_to(adapter: IndexAdapter, distribution: Distribution, *, attestations: bool) -> bytes:
    """The body of the one upload."""
    with Scripted(says("200 OK")).running() as server:
        spec = replace(simple_spec(server.url), attestations=attestations)
        sent = adapter.send(adapter.place(spec, 1, "widget"), distribution)
        assert sent.outcome is AttemptOutcome.ACCEPTED
        (request,) = server.requests
    return request.body


def test_it_goes_along_where_the_index_takes_it(adapter: IndexAdapter, tmp_path: Path) -> None:
    files = gathered(adapter, tmp_path, json.dumps(SAID).encode())
    body = sent_to(adapter, files[WHEEL], attestations=True)
    assert b'name="attestations"\r\n\r\n' + json.dumps([SAID]).encode() in body
    assert b'name="attestations"' not in sent_to(adapter, files[SDIST], attestations=True)
    assert adapter.has(files[WHEEL].sha256)


def test_it_does_not_go_where_nobody_asked_for_it(adapter: IndexAdapter, tmp_path: Path) -> None:
    files = gathered(adapter, tmp_path, json.dumps(SAID).encode())
    assert b'name="attestations"' not in sent_to(adapter, files[WHEEL], attestations=False)


def test_a_job_that_ran_again_replaces_what_was_said_and_forgetting_drops_it(
    adapter: IndexAdapter, tmp_path: Path
) -> None:
    gathered(adapter, tmp_path, b'{"first": 1}')
    files = gathered(adapter, tmp_path, b'{"second": 2}')
    assert b'[{"second": 2}]' in sent_to(adapter, files[WHEEL], attestations=True)
    adapter.forget(files[WHEEL].sha256)
    assert not list((tmp_path / "state").rglob("*.attestation"))


@pytest.mark.parametrize("said", [b"no JSON", b"[]", b"[" * 100_000, b""])
def test_what_is_no_attestation_is_a_problem_that_names_the_job(
    said: bytes, adapter: IndexAdapter, tmp_path: Path
) -> None:
    files = {f"dist/{WHEEL}": wheel_bytes(), f"dist/{WHEEL}.publish.attestation": said}
    (problem,) = adapter.gather([(7, "build", artifacts(tmp_path, files))]).problems
    name = f"dist/{WHEEL}.publish.attestation"
    assert problem == f"{WHEEL} of job 7 (build) is refused: it comes with '{name}', which is no attestation."


def test_a_huge_one_is_not_read(adapter: IndexAdapter, tmp_path: Path) -> None:
    files = {f"dist/{WHEEL}": wheel_bytes(), f"dist/{WHEEL}.publish.attestation": b"{" + b" " * (2 << 20) + b"}"}
    (problem,) = adapter.gather([(7, "build", artifacts(tmp_path, files))]).problems
    assert "more than 1,048,576 bytes" in problem
