"""`telemetry` in the configuration: off unless asked for, and every mistake told with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.secrets import Secret
from bot.settings import check, load
from bot.settings.model import TelemetrySettings
from tests.unit.test_settings_notes import BASE, ENVIRONMENT

URL = "https://otel.example.com:4318"


def written(folder: Path, top: str) -> Path:
    path = folder / "ropewalk.yaml"
    path.write_text(BASE.format(top=top, rule="source: auto"))
    return path


def test_without_a_word_nothing_is_traced(tmp_path: Path) -> None:
    assert load(written(tmp_path, ""), ENVIRONMENT, tmp_path).telemetry is None


@pytest.mark.parametrize("share", ["0.25", "0", "1"])
def test_what_is_said_counts(tmp_path: Path, share: str) -> None:
    secret, authority = tmp_path / "otel-token", tmp_path / "ca.pem"
    secret.touch(mode=0o600)
    secret.write_text("a-token-for-the-collector\n")
    authority.touch()
    top = f"telemetry: {{otlp_endpoint: '{URL}/', sample: {share}, token_file: otel-token, ca_file: ca.pem}}"
    settings = load(written(tmp_path, top), ENVIRONMENT, tmp_path)
    token = Secret("a-token-for-the-collector")
    assert settings.telemetry == TelemetrySettings(
        otlp_endpoint=URL, sample=float(share), token=token, ca_file=authority
    )
    assert token in settings.secrets()


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{otlp_endpoin: 'x'}", "Did you mean `otlp_endpoint`?"),
        ("{sample: 0.1}", "`telemetry.otlp_endpoint` is missing"),
        (f"{{otlp_endpoint: '{URL}', sample: 1.5}}", "less than or equal to 1"),
        (f"{{otlp_endpoint: '{URL}', sample: 'all'}}", "`telemetry.sample`"),
        (f"{{otlp_endpoint: '{URL}/v1/traces'}}", "Remove `/v1/traces` from its end"),
        ("{otlp_endpoint: 'otel.example.com:4318'}", "must be a URL"),
        (f"{{otlp_endpoint: '{URL}', token: abc}}", "would hold a secret in the file itself"),
        ("{otlp_endpoint: 'http://otel.example.com', token_env: OTEL_TOKEN}", "there is a token"),
        (f"{{otlp_endpoint: '{URL}', proxy: 'proxy:3128'}}", "must be a URL"),
        (f"{{otlp_endpoint: '{URL}', ca_file: missing.pem}}", "which is not a file"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, section: str, said: str) -> None:
    environment = {**ENVIRONMENT, "OTEL_TOKEN": "a-token-for-the-collector"}
    problems = [str(one) for one in check(written(tmp_path, f"telemetry: {section}"), environment, tmp_path)]
    assert any(said in one for one in problems), problems
    assert problems[0].startswith("ropewalk.yaml:13: ")


def test_plain_http_without_a_token_is_warned_of(tmp_path: Path) -> None:
    far = load(written(tmp_path, "telemetry: {otlp_endpoint: 'http://otel.example.com'}"), ENVIRONMENT, tmp_path)
    assert any("names of projects and refs cross the network unencrypted" in one for one in far.warnings)
    near = load(written(tmp_path, "telemetry: {otlp_endpoint: 'http://127.0.0.1:4318'}"), ENVIRONMENT, tmp_path)
    assert not any("telemetry" in one for one in near.warnings)
