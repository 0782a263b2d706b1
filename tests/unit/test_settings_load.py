"""A good configuration becomes settings, with the defaults and the look-up order the contract promises."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.anatomy import DifferenceKind
from bot.domain.errors import ConfigError
from bot.domain.findings import Waiver
from bot.domain.policy import ExpectedFiles, HygienePolicy, IndexKind, IndexSpec, PipelinePolicy, ReleaseRule, Source
from bot.domain.secrets import Secret
from bot.domain.verdicts import Severity
from bot.settings import ExampleName, Listener, Settings, check, example, load, schema
from bot.settings.model import PostgresState, SignInSettings, SqliteState
from bot.settings.values import parse_duration

TOKEN = "glpat-0123456789abcdefghij"
ENVIRON = {"ROPEWALK_GITLAB_TOKEN": TOKEN, "PYPI_TOKEN": "pypi-0123456789abcdefghij", "INHOUSE": "in house secret"}
SMALLEST = "gitlab: {url: https://gitlab.example.com}\n"

# Every key of the contract, also those whose feature comes later.
WHOLE = """
gitlab:
  url: https://gitlab.example.com/base/
  token_env: ROPEWALK_GITLAB_TOKEN
  marker_key_env: ROPEWALK_MARKER_KEY
  ca_file: ca.pem
  proxy: http://proxy.example.com:3128
watch:
  groups: [acme, "**"]
  projects: [solo/thing]
  topics: [python]
  exclude: ["acme/archive/**"]
  poll: 1m30s
  since: 2026-01-31T12:00:00+02:00
  hook_secret_env: ROPEWALK_HOOK_SECRET
state: sqlite:///data/ropewalk.db
web: {host: 0.0.0.0, port: 80, public_url: "https://bot.example.com/rope/", allow_plain_http: false}
dashboard: {host: 127.0.0.1, port: 8931}
indexes:
  registry: {kind: gitlab, username: deployer, password_env: INHOUSE, ca_file: ca.pem, proxy: "https://p.example.com"}
  pypi: {repository: pypi, username: __token__, password_env: PYPI_TOKEN}
  test: {repository: testpypi, password_env: PYPI_TOKEN, ca_file: ca.pem, proxy: "socks5://p.example.com"}
  inhouse:
    {upload_url: "https://i.example.com/up/", simple_url: "http://127.0.0.1/s", username: u, password_env: INHOUSE}
releases:
  - {projects: ["acme/**"], tags: ["v*"], source: artifacts, indexes: [registry, pypi], names: ["acme-*"],
     hold_on: [new_top_level, license], install_check: true,
     expect: {wheels: 2, sdist: false, files: ["*-win_amd64.whl"]}}
  - projects: ["**"]
    branches: [main]
    source: pipeline
    indexes: [test]
    pipeline: {job: "publish*", start: true, play: true, patience: 90s, inputs: {to: pypi, n: 3, b: true, l: [a]}}
hygiene: {block_at: never, unknown: block, audit: "0 6 * * 1-5", waivers: waivers.yaml}
"""

WAIVERS = """\
# accepted
waivers:
  - rule: RW1
    project: acme/**
    owner: Jane
    reason: Known.
    expires: 2027-03-31
  - {rule: RW104, project: /acme/web, resource: "project/*/variables/A",
     owner: Ann, reason: Short-lived., expires: "2028-02-29"}
"""


def _write(folder: Path, text: str) -> Path:
    (folder / "ca.pem").write_text("-")
    (folder / "waivers.yaml").write_text(WAIVERS, encoding="utf-8")
    path = folder / "ropewalk.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def _load(folder: Path, text: str, **environ: str) -> Settings:
    return load(_write(folder, text), ENVIRON | environ, folder)


def test_every_key_of_the_contract_is_accepted(tmp_path: Path) -> None:
    settings = _load(tmp_path, WHOLE, ROPEWALK_MARKER_KEY="marker key", ROPEWALK_HOOK_SECRET="whsec_c2VjcmV0")
    assert settings.path == tmp_path / "ropewalk.yaml"
    assert settings.gitlab.url == "https://gitlab.example.com/base"
    assert settings.gitlab.token == Secret(TOKEN)
    assert settings.gitlab.marker_key == Secret("marker key")
    assert settings.gitlab.ca_file == tmp_path / "ca.pem"
    assert settings.gitlab.proxy == "http://proxy.example.com:3128"
    assert settings.watch.groups == ("acme", "**")
    assert settings.watch.projects == ("solo/thing",)
    assert settings.watch.topics == ("python",)
    assert settings.watch.exclude == ("acme/archive/**",)
    assert settings.watch.poll == timedelta(seconds=90)
    assert settings.watch.since == datetime(2026, 1, 31, 10, tzinfo=UTC)
    assert settings.watch.hook_secret == Secret("whsec_c2VjcmV0")
    assert settings.state == SqliteState(path=tmp_path / "data" / "ropewalk.db")
    assert settings.state.engine_path == tmp_path / "data" / "ropewalk.engine.db"
    assert settings.web == Listener(host="0.0.0.0", port=80, public_url="https://bot.example.com/rope")
    assert settings.dashboard == Listener(host="127.0.0.1", port=8931)


def test_indexes_and_rules_become_the_policy(tmp_path: Path) -> None:
    policy = _load(tmp_path, WHOLE, ROPEWALK_MARKER_KEY="m", ROPEWALK_HOOK_SECRET="h").policy
    ca_file = str(tmp_path / "ca.pem")
    pypi, inhouse = Secret(ENVIRON["PYPI_TOKEN"]), Secret(ENVIRON["INHOUSE"])
    assert policy.indexes == (
        IndexSpec(
            name="registry",
            kind=IndexKind.GITLAB,
            username="deployer",
            password=inhouse,
            ca_file=ca_file,
            proxy="https://p.example.com",
        ),
        IndexSpec(name="pypi", kind=IndexKind.PYPI, username="__token__", password=pypi),
        IndexSpec(
            name="test",
            kind=IndexKind.TESTPYPI,
            username="__token__",
            password=pypi,
            ca_file=ca_file,
            proxy="socks5://p.example.com",
        ),
        IndexSpec(
            name="inhouse",
            kind=IndexKind.SIMPLE,
            upload_url="https://i.example.com/up/",
            simple_url="http://127.0.0.1/s",
            username="u",
            password=inhouse,
        ),
    )
    assert policy.releases == (
        ReleaseRule(
            projects=("acme/**",),
            tags=("v*",),
            source=Source.ARTIFACTS,
            indexes=("registry", "pypi"),
            names=("acme-*",),
            hold_on=(DifferenceKind.NEW_TOP_LEVEL, DifferenceKind.LICENSE),
            install_check=True,
            expect=ExpectedFiles(wheels=2, sdist=False, files=("*-win_amd64.whl",)),
        ),
        ReleaseRule(
            projects=("**",),
            branches=("main",),
            source=Source.PIPELINE,
            indexes=("test",),
            pipeline=PipelinePolicy(
                job="publish*",
                play=True,
                patience=timedelta(seconds=90),
                inputs={"to": "pypi", "n": 3, "b": True, "l": ("a",)},
            ),
        ),
    )
    assert policy.hygiene == HygienePolicy(
        audit="0 6 * * 1-5",
        block_at=None,
        block_unknown=True,
        waivers=(
            Waiver(
                rule="RW1",
                project="acme/**",
                owner="Jane",
                reason="Known.",
                expires=date(2027, 3, 31),
                where="waivers.yaml:3",
            ),
            Waiver(
                rule="RW104",
                project="acme/web",
                resource="project/*/variables/A",
                owner="Ann",
                reason="Short-lived.",
                expires=date(2028, 2, 29),
                where="waivers.yaml:8",
            ),
        ),
    )


def test_a_whole_configuration_is_in_effect_without_a_warning(tmp_path: Path) -> None:
    assert _load(tmp_path, WHOLE, ROPEWALK_MARKER_KEY="m", ROPEWALK_HOOK_SECRET="h").warnings == ()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_the_dashboard_listens_where_it_is_told_on_this_machine(tmp_path: Path, host: str) -> None:
    settings = _load(tmp_path, f"{SMALLEST}dashboard: {{host: '{host}', port: 9000}}\n")
    assert settings.dashboard == Listener(host=host, port=9000)


def test_the_smallest_configuration_has_the_defaults(tmp_path: Path) -> None:
    settings = _load(tmp_path, SMALLEST)
    assert settings.watch.poll == timedelta(seconds=60)
    assert settings.watch.since == "now"
    assert settings.watch.hook_secret is None
    assert settings.gitlab.marker_key is None
    assert settings.state == SqliteState(path=tmp_path / "ropewalk.db")
    assert settings.web == Listener(host="127.0.0.1", port=8930)
    assert settings.dashboard is None
    assert settings.policy.hygiene == HygienePolicy(block_at=Severity.HIGH, block_unknown=False)
    assert settings.policy.releases == ()


def test_pypi_needs_no_password_where_the_pipeline_publishes(tmp_path: Path) -> None:
    rule = "releases: [{projects: [a], tags: [v*], source: pipeline, indexes: [pypi]}]\n"
    settings = _load(tmp_path, SMALLEST + "watch: {groups: [a]}\nindexes: {pypi: {repository: pypi}}\n" + rule)
    assert settings.policy.releases[0].pipeline == PipelinePolicy()
    assert settings.warnings == ()


def test_settings_are_frozen(tmp_path: Path) -> None:
    settings = _load(tmp_path, SMALLEST)
    with pytest.raises(FrozenInstanceError):
        settings.path = tmp_path  # type: ignore[misc]  # the promise under test


def test_no_secret_shows_in_the_representation_and_all_are_known_to_the_redactor(tmp_path: Path) -> None:
    settings = _load(tmp_path, WHOLE, ROPEWALK_MARKER_KEY="marker key", ROPEWALK_HOOK_SECRET="hook secret")
    held = {secret.reveal() for secret in settings.secrets()}
    assert held == {*ENVIRON.values(), "marker key", "hook secret"}
    assert not [value for value in held if value in repr(settings)]
    assert set(settings.secret_names()) == {*ENVIRON, "ROPEWALK_MARKER_KEY", "ROPEWALK_HOOK_SECRET"}


def test_the_look_up_order_is_argument_variable_folder(tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in ("argument", "variable", "cwd")}
    for name, folder in places.items():
        folder.mkdir()
        _write(folder, f"gitlab: {{url: https://{name}.example.com}}\n")
    variable = ENVIRON | {"ROPEWALK_CONFIG": "../variable/ropewalk.yaml"}
    cwd = places["cwd"]
    assert load(places["argument"] / "ropewalk.yaml", variable, cwd).gitlab.url == "https://argument.example.com"
    assert load(Path("../argument/ropewalk.yaml"), variable, cwd).gitlab.url == "https://argument.example.com"
    assert load(None, variable, cwd).gitlab.url == "https://variable.example.com"
    assert load(None, ENVIRON, cwd).gitlab.url == "https://cwd.example.com"


def test_without_a_configuration_the_error_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ropewalk config init"):
        load(None, ENVIRON, tmp_path)
    with pytest.raises(ConfigError, match="--config"):
        load(tmp_path / "absent.yaml", ENVIRON, tmp_path)
    with pytest.raises(ConfigError, match="ROPEWALK_CONFIG"):
        load(None, ENVIRON | {"ROPEWALK_CONFIG": "absent.yaml"}, tmp_path)


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        (
            {"GITLAB_URL": "https://one.example.com/", "CI_SERVER_URL": "https://two.example.com"},
            "https://one.example.com",
        ),
        ({"CI_SERVER_URL": "https://two.example.com:8443"}, "https://two.example.com:8443"),
    ],
)
def test_the_environment_gives_the_url_when_the_file_does_not(
    tmp_path: Path, environ: dict[str, str], url: str
) -> None:
    assert _load(tmp_path, "watch: {groups: [acme]}\n", **environ).gitlab.url == url


@pytest.mark.parametrize(
    ("url", "warns"),
    [
        ("http://127.0.0.1:8080", False),
        ("http://localhost", False),
        ("http://[::1]:80", False),
        ("https://gitlab.example.com", False),
        ("http://gitlab:80", True),
    ],
)
def test_plain_http_to_another_machine_is_warned_of(tmp_path: Path, url: str, warns: bool) -> None:
    settings = _load(tmp_path, f"gitlab: {{url: '{url}'}}\nwatch: {{groups: [a]}}\n")
    assert any("plain http" in warning for warning in settings.warnings) is warns


def test_a_state_with_four_slashes_is_absolute(tmp_path: Path) -> None:
    settings = _load(tmp_path, SMALLEST + "state: sqlite:////var/lib/ropewalk/my%20state.db\n")
    assert settings.state == SqliteState(path=Path("/var/lib/ropewalk/my state.db"))


def test_the_token_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("secret of a file\r\n")
    secret.chmod(0o640)
    text = "gitlab: {url: https://g.example.com, token_file: token}\nwatch: {groups: [a]}\nreleases: []\n"
    path = _write(tmp_path, text)
    settings = load(path, {}, Path("/"))
    assert settings.gitlab.token == Secret("secret of a file")
    assert settings.secret_names() == ()
    assert not [warning for warning in settings.warnings if "chmod" in warning]
    secret.chmod(0o644)
    assert [warning for warning in load(path, {}, Path("/")).warnings if "chmod o-r" in warning]


def test_how_long_a_file_is_sent_again_is_for_each_index_to_say(tmp_path: Path) -> None:
    text = SMALLEST + (
        "indexes:\n  a: {kind: gitlab, retry_for: 10m}\n  b: {repository: pypi, password_env: PYPI_TOKEN}\n"
    )
    settings = _load(tmp_path, text)
    assert [spec.retry_for for spec in settings.policy.indexes] == [timedelta(minutes=10), timedelta()]


def test_attestations_are_sent_where_asked_and_warned_of_where_a_token_cannot_bring_them(tmp_path: Path) -> None:
    text = SMALLEST + (
        "indexes:\n"
        "  a: {upload_url: 'https://i.example.com/', simple_url: 'https://i.example.com/s', attestations: true}\n"
        "  b: {repository: testpypi, password_env: PYPI_TOKEN, attestations: true}\n"
        "  c: {repository: pypi, password_env: PYPI_TOKEN}\n"
    )
    settings = _load(tmp_path, text)
    assert [spec.attestations for spec in settings.policy.indexes] == [True, True, False]
    told = [warning for warning in settings.warnings if "attestations" in warning]
    assert len(told) == 1
    assert "indexes.b" in told[0]


@pytest.mark.parametrize(
    ("order", "warns"),
    [("[a, p]", False), ("[p]", False), ("[a, t]", False), ("[t, a]", False), ("[p, a]", True), ("[p, t]", True)],
)
def test_an_index_that_forgets_nothing_should_come_last(tmp_path: Path, order: str, warns: bool) -> None:
    text = SMALLEST + (
        "indexes:\n  a: {kind: gitlab}\n  p: {repository: pypi, password_env: PYPI_TOKEN}\n"
        f"  t: {{repository: testpypi, password_env: PYPI_TOKEN}}\nreleases:\n"
        f"  - {{projects: [x], tags: [y], indexes: {order}}}\n"
    )
    assert any("should come last" in warning for warning in _load(tmp_path, text).warnings) is warns


def test_twine_token_stands_for_a_token_with_a_warning(tmp_path: Path) -> None:
    text = SMALLEST + "indexes: {pypi: {repository: pypi, password_env: TWINE_TOKEN}}\n"
    settings = _load(tmp_path, text, TWINE_TOKEN="pypi-0123456789abcdefghij")
    assert settings.policy.indexes[0].username == "__token__"
    assert any("TWINE_TOKEN" in warning and "never reads" in warning for warning in settings.warnings)


def test_a_named_marker_key_may_be_absent_for_one_is_derived(tmp_path: Path) -> None:
    settings = _load(tmp_path, "gitlab: {url: https://g.example.com, marker_key_env: ROPEWALK_MARKER_KEY}\n")
    assert settings.gitlab.marker_key is None
    assert any("derived" in warning for warning in settings.warnings)


def test_releases_and_hygiene_may_live_in_the_policy_file(tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(
        "releases:\n  - {projects: [a], tags: [v*], indexes: [here]}\nhygiene: {block_at: low}\n"
    )
    settings = _load(tmp_path, SMALLEST + "indexes: {here: {kind: gitlab}}\npolicy: policy.yaml\n")
    assert settings.policy.releases == (ReleaseRule(projects=("a",), tags=("v*",), indexes=("here",)),)
    assert settings.policy.hygiene.block_at is Severity.LOW


def test_the_shipped_examples_are_accepted_without_a_warning(tmp_path: Path) -> None:
    names: tuple[ExampleName, ...] = ("ropewalk.yaml", "policy.yaml", "waivers.yaml")
    for name in names:
        (tmp_path / name).write_text(example(name))
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy.read_text().replace("# waivers: waivers.yaml", "waivers: waivers.yaml"))
    assert check(None, ENVIRON, tmp_path) == []
    settings = load(None, ENVIRON, tmp_path)
    assert settings.warnings == ()
    assert [rule.indexes for rule in settings.policy.releases] == [("registry",), ("registry", "pypi")]


MARKED = "gitlab: {url: https://gitlab.example.com, marker_key_env: KEY}\n"
SHARED = [
    (
        "postgresql://me@db.example.com/ropewalk?sslmode=verify-full",
        {"host": "db.example.com", "port": "5432", "user": "me", "dbname": "ropewalk", "sslmode": "verify-full"},
        "postgresql://me@db.example.com:5432/ropewalk",
        0,
    ),
    (
        "postgresql://me@one:5433,[::1]/a%20b",
        {"host": "one,::1", "port": "5433,5432", "user": "me", "dbname": "a b", "target_session_attrs": "read-write"},
        "postgresql://me@one:5433,[::1]:5432/a b",
        1,
    ),
    (
        "postgresql://me@%2Fvar%2Frun%2Fpostgresql/ropewalk",
        {"host": "/var/run/postgresql", "port": "5432", "user": "me", "dbname": "ropewalk"},
        "postgresql://me@/var/run/postgresql:5432/ropewalk",
        0,
    ),
]


@pytest.mark.parametrize(("text", "words", "shown", "warned"), SHARED)
def test_a_database_that_replicas_share_is_named_without_its_password(
    tmp_path: Path, text: str, words: dict[str, str], shown: str, warned: int
) -> None:
    """The password comes from the variable, is among the secrets, and is shown nowhere."""
    (tmp_path / "ropewalk.yaml").write_text(f"{MARKED}state: '{text}'\nfiles: work\n")
    environ = {"ROPEWALK_GITLAB_TOKEN": "glpat-x", "KEY": "marker", "ROPEWALK_STATE_PASSWORD": "hunter2hunter2"}
    settings = load(None, environ, tmp_path)
    assert isinstance(settings.state, PostgresState)
    assert settings.state.conninfo() == words | {"password": "hunter2hunter2"}
    assert (settings.state.shown, settings.state.files) == (shown, tmp_path / "work")
    assert len([one for one in settings.warnings if "unencrypted" in one]) == warned
    assert Secret("hunter2hunter2") in settings.secrets()
    assert "ROPEWALK_STATE_PASSWORD" in settings.secret_names()
    assert "hunter2" not in repr(settings)


@pytest.mark.parametrize("url", ["https://dash.example.com", "http://127.0.0.1:8931", "http://localhost:1/"])
def test_who_signs_in_is_read_and_the_secret_hidden(tmp_path: Path, url: str) -> None:
    """Roles of commands count for buttons, too, so they are no idle words then."""
    text = (
        f"{SMALLEST}commands: {{roles: {{hold: owner}}}}\ndashboard:\n  host: 0.0.0.0\n  public_url: {url}\n"
        "  sign_in: {client_id: app, client_secret_env: SIGN_IN}\n"
    )
    settings = _load(tmp_path, text, SIGN_IN="gloas-hunter2hunter2")
    assert settings.sign_in == SignInSettings(client_id="app", client_secret=Secret("gloas-hunter2hunter2"))
    assert settings.dashboard == Listener(host="0.0.0.0", port=8931, public_url=url.rstrip("/"))
    assert Secret("gloas-hunter2hunter2") in settings.secrets() and "SIGN_IN" in settings.secret_names()
    assert "hunter2" not in repr(settings)
    assert not [warning for warning in settings.warnings if "commands" in warning]


def test_the_schema_knows_every_section_and_refuses_others() -> None:
    document = schema()
    json.dumps(document)
    assert document["additionalProperties"] is False
    properties = document["properties"]
    assert isinstance(properties, dict)
    assert set(properties) == {
        "gitlab",
        "watch",
        "state",
        "telemetry",
        "state_password_env",
        "state_password_file",
        "files",
        "web",
        "commands",
        "build",
        "dashboard",
        "indexes",
        "releases",
        "notes",
        "hygiene",
        "freeze",
        "layers",
        "policy",
    }


@given(st.integers(0, 999), st.integers(0, 999), st.integers(0, 999), st.integers(0, 999))
def test_a_duration_is_the_sum_of_its_parts(days: int, hours: int, minutes: int, seconds: int) -> None:
    meant = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    assert parse_duration(f"{days}d{hours}h{minutes}m{seconds}s") == meant


@pytest.mark.parametrize("text", ["", "60", "1.5h", "-1m", "1m1h", "5 m", "1w", "m", "٣s", 60, None, "9" * 400 + "s"])
def test_anything_else_is_no_duration(text: object) -> None:
    with pytest.raises(ValueError, match="must be a duration"):
        parse_duration(text)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8930", "http://localhost:8930/", "https://bot.example.com"])
def test_hooks_may_lead_to_this_machine_or_to_an_encrypted_address(tmp_path: Path, url: str) -> None:
    text = SMALLEST + f"watch: {{groups: [a], hook_secret_env: S}}\nweb: {{public_url: '{url}'}}\n"
    settings = _load(tmp_path, text, S="a secret of ours")
    assert settings.web.public_url == url.rstrip("/")
    assert not any("public_url" in warning for warning in settings.warnings)


def test_an_address_for_hooks_without_a_secret_is_warned_of(tmp_path: Path) -> None:
    text = SMALLEST + "watch: {groups: [a]}\nweb: {public_url: 'http://bot.example.com', allow_plain_http: true}\n"
    settings = _load(tmp_path, text)
    assert settings.web.public_url == "http://bot.example.com"
    assert any("hook secret" in warning for warning in settings.warnings)
