"""A wrong configuration is refused with the line, the near miss and the next step, and never shows a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain.errors import ConfigError
from bot.settings import check, load

ENVIRON = {"ROPEWALK_GITLAB_TOKEN": "glpat-0123456789abcdefghij", "PW": "a password", "EMPTY": "", "TWO": "a\nb"}
GITLAB = "gitlab: {url: https://gitlab.example.com}\n"
INDEX = GITLAB + "indexes: {registry: {kind: gitlab}, pypi: {repository: pypi}}\nreleases:\n"

RULE = INDEX + "- {projects: [a], tags: [v*], indexes: [registry], "

SIGN_IN, PUBLIC = GITLAB + "dashboard: {", GITLAB + "dashboard: {public_url: https://dash.example.com, "

# text of the file, line, parts of the sentence
REFUSED = [
    # keys
    (GITLAB + "wach: {}\n", 2, ("`wach`", "Did you mean `watch`?")),
    (GITLAB + "watch:\n  pol: 60s\n", 3, ("`watch.pol`", "`poll`")),
    (GITLAB + "watch:\n  marker_key_env: X\n", 3, ("`watch.marker_key_env`", "under `gitlab`")),
    (GITLAB + "port: 1\n", 2, ("`port`", "under `web`")),
    (GITLAB + "web:\n  releases: []\n", 3, ("`web.releases`", "top level")),
    (GITLAB + "web: {zzz: 1}\n", 2, ("Known here: `host`, `port`, `public_url` or `allow_plain_http`",)),
    ("gitlab:\n  url: https://g.example.com\n  token_evn: X\n", 3, ("`token_env`",)),
    # types
    (GITLAB + "watch: {groups: acme}\n", 2, ("`watch.groups` must be a list, not a text", "Write `watch.groups: […]`")),
    (GITLAB + "watch: {groups: [acme, 7]}\n", 2, ("`watch.groups[2]` must be a text, not a number", "in quotes")),
    (GITLAB + "watch: {groups: [true]}\n", 2, ("not true or false", "in quotes")),
    (GITLAB + "watch: []\n", 2, ("`watch` must be a mapping, not a list",)),
    (GITLAB + "web:\n", 2, ("`web` must be a mapping, not empty", "leave the key out")),
    (GITLAB + "web: {port: '80'}\n", 2, ("must be a whole number, not a text", "without quotes")),
    (GITLAB + "web: {port: true}\n", 2, ("must be a whole number, not true or false",)),
    (GITLAB + "web: {port: 0}\n", 2, ("`web.port`", "equal to 1")),
    (GITLAB + "web: {port: 65536}\n", 2, ("`web.port`", "65535")),
    (GITLAB + "indexes: [a]\n", 2, ("`indexes` must be a mapping",)),
    (GITLAB + "releases: {}\n", 2, ("`releases` must be a list",)),
    (GITLAB + "policy: 3\n", 2, ("`policy` must be the path",)),
    (GITLAB + "state: 3\n", 2, ("`state` must be a text",)),
    (GITLAB + "dashboard:\n", 2, ("`dashboard` must be a mapping",)),
    (GITLAB + "dashboard: {host: 0.0.0.0}\n", 2, ("`dashboard.host`", "nobody signs in", "Use 127.0.0.1")),
    (GITLAB + "dashboard: {host: dash.example.com}\n", 2, ("`dashboard.host`", "other machines")),
    (SIGN_IN + "sign_in: {client_id: x, client_secret_env: PW}}\n", 2, ("needs `public_url`",)),
    (PUBLIC + "sign_in: {client_id: x}}\n", 2, ("needs the secret of the application", "`client_secret_file`")),
    (PUBLIC + "sign_in: {client_secret_env: PW}}\n", 2, ("`dashboard.sign_in.client_id`",)),
    (PUBLIC + "sign_in: {client_id: x, client_secret: abcdefgh}}\n", 2, ("Use `client_secret_env`",)),
    (PUBLIC + "sign_in: {client_id: x, client_secret_evn: PW}}\n", 2, ("Did you mean `client_secret_env`?",)),
    (PUBLIC + "sign_in: {client_id: x, client_secret_env: NOT}}\n", 2, ("`NOT` is not set",)),
    (PUBLIC + "sign_in: {client_id: x, client_secret_env: PW, client_secret_file: y}}\n", 2, ("Keep one",)),
    (PUBLIC + "sign_in: yes please}\n", 2, ("`dashboard.sign_in` must be a mapping",)),
    (SIGN_IN + "public_url: http://dash.example.com}\n", 2, ("plain http", "proxy with TLS")),
    (SIGN_IN + "public_url: https://example.com/ropewalk}\n", 2, ("must have no path",)),
    (SIGN_IN + "public_url: https://me:secret1234@example.com}\n", 2, ("credentials",)),
    (SIGN_IN + "public_url: dash.example.com}\n", 2, ("must be a URL",)),
    (SIGN_IN + "public_url: https://dash.example.com}\n", 2, ("for people who sign in", "`dashboard.sign_in`")),
    # how far the bot may steer pipelines
    (INDEX + "- {projects: [a], tags: [v*], indexes: [registry], pipeline: []}\n", 4, ("`releases[1].pipeline`",)),
    (RULE + "pipeline: {paly: true}}\n", 4, ("`releases[1].pipeline.paly`", "Did you mean `play`?")),
    (RULE + "pipeline: {play: 'yes'}}\n", 4, ("`releases[1].pipeline.play` must be true or false",)),
    (RULE + "pipeline: {patience: 10}}\n", 4, ("`releases[1].pipeline.patience` must be a duration",)),
    (RULE + "pipeline: {inputs: [a]}}\n", 4, ("`releases[1].pipeline.inputs`",)),
    (RULE + "pipeline: {inputs: {a: {b: c}}}}\n", 4, ("`releases[1].pipeline.inputs.a",)),
    (RULE + "pipeline: {job: ''}}\n", 4, ("`releases[1].pipeline.job` must not be empty",)),
    (RULE + "pipeline: {start: false, inputs: {a: b}}}\n", 4, ("`start: false` forbids", "Take them out")),
    (RULE + "source: artifacts, pipeline: {play: true}}\n", 4, ("means nothing with `source: artifacts`",)),
    (
        INDEX + "- {projects: [a], tags: [v*], indexes: [pypi], source: auto}\n",
        4,
        ("has no password", "`source: pipeline`"),
    ),
    # values
    (GITLAB + "watch: {poll: 60}\n", 2, ("`watch.poll` must be a duration", "`60s`")),
    (GITLAB + "watch: {poll: 0s}\n", 2, ("at least `1s`",)),
    (GITLAB + "watch: {since: yesterday}\n", 2, ("`now`, `all` or an ISO time",)),
    (GITLAB + "watch: {groups: ['https://g.example.com/acme']}\n", 2, ("a path such as", "not a URL")),
    (GITLAB + "watch: {groups: ['acme/**']}\n", 2, ("full paths of groups", "Did you mean `acme`?")),
    (GITLAB + "watch: {groups: ['acme/*/tools']}\n", 2, ("Did you mean `acme`?",)),
    (GITLAB + "watch: {groups: ['*']}\n", 2, ("or `**`",)),
    (GITLAB + "watch: {groups: ['']}\n", 2, ("must not be empty",)),
    (GITLAB + 'watch: {groups: ["a\\nb"]}\n', 2, ("line breaks",)),
    (GITLAB + "hygiene: {block_at: hihg}\n", 2, ("Did you mean `high`?",)),
    (GITLAB + "hygiene: {block_at: false}\n", 2, ("not true or false",)),
    (GITLAB + "hygiene: {audit: daily}\n", 2, ("cron",)),
    (GITLAB + "state: postgresql://db/ropewalk\n", 2, ("`postgresql://USER@HOST[:PORT]/DATABASE`",)),
    (GITLAB + "state: postgres://me@db/ropewalk\n", 2, ("`postgresql://USER@HOST[:PORT]/DATABASE`",)),
    (GITLAB + "state: postgresql://me@db\n", 2, ("`postgresql://USER@HOST[:PORT]/DATABASE`",)),
    (GITLAB + "state: postgresql://me@db:99999/ropewalk\n", 2, ("`postgresql://USER@HOST[:PORT]/DATABASE`",)),
    (GITLAB + "state: postgresql://me@db/ropewalk?sslmod=require\n", 2, ("`sslmode`", "each once")),
    (GITLAB + "state: postgresql://me@db/ropewalk?sslmode=on\n", 2, ("`verify-full`",)),
    (GITLAB + "state: postgresql://me@db/ropewalk\n", 2, ("no marker key", "`gitlab.marker_key_file`")),
    (GITLAB + "state_password_env: PW\n", 2, ("of no use", "`state` is a file")),
    (GITLAB + "state_password_env: 3\n", 2, ("`state_password_env` must be a text",)),
    (GITLAB + "state_pasword_env: PW\n", 2, ("Did you mean `state_password_env`?",)),
    (GITLAB + "files: []\n", 2, ("`files` must be the path of a folder",)),
    (
        GITLAB + "state: postgresql://me@db/ropewalk\nstate_password_env: NONE\n",
        3,
        ("the environment variable `NONE` is not set", "`state_password_file`"),
    ),
    (GITLAB + "state: ropewalk.db\n", 2, ("sqlite:///FILE",)),
    (GITLAB + "state: 'sqlite:///:memory:'\n", 2, ("sqlite:///FILE",)),
    (GITLAB + "state: sqlite:///data/\n", 2, ("folder",)),
    ("watch: {}\n", 1, ("`gitlab.url` is missing", "$GITLAB_URL")),
    ("gitlab: {url: gitlab.example.com}\n", 1, ("`gitlab.url` must be a URL",)),
    ("gitlab: {url: 'https://g.example.com?x=1'}\n", 1, ("no query",)),
    ("gitlab: {url: 'https://g.example.com:port'}\n", 1, ("is not a URL",)),
    ("gitlab: {url: 'https://g.example.com/api/v4'}\n", 1, ("Remove `/api/v4`",)),
    ("gitlab: {url: https://g.example.com, proxy: 'ftp://p'}\n", 1, ("`gitlab.proxy` must be a URL", "`socks5://`")),
    ("gitlab: {url: https://g.example.com, ca_file: no.pem}\n", 1, ("no.pem`, which is not a file",)),
    # indexes
    (GITLAB + "indexes:\n  a: {}\n", 3, ("does not say what kind", "`kind: gitlab`")),
    (GITLAB + "indexes:\n  a: {kind: gitlab, repository: pypi}\n", 3, ("says more than once",)),
    (GITLAB + "indexes:\n  a: {kind: pypi}\n", 3, ("must be `gitlab`, not `pypi`",)),
    (GITLAB + "indexes:\n  a: {repository: testpipy}\n", 3, ("Did you mean `testpypi`?",)),
    (GITLAB + "indexes:\n  a: {upload_url: 'https://i.example.com/'}\n", 3, ("no `simple_url`", "reading it back")),
    (
        GITLAB + "indexes:\n  a: {upload_url: 'http://i.example.com/', simple_url: 'https://i.example.com'}\n",
        3,
        ("https",),
    ),
    (GITLAB + "indexes:\n  a: {upload_url: 'https://i/#x', simple_url: 'https://i'}\n", 3, ("fragment",)),
    (GITLAB + "indexes:\n  a: {kind: gitlab, password_env: PW}\n", 3, ("no `username`", "`__token__`")),
    (GITLAB + "indexes:\n  a: {repository: pypi, username: u}\n", 3, ("no password",)),
    (GITLAB + "indexes:\n  'a b': {kind: gitlab}\n", 3, ("short name",)),
    # releases
    (INDEX + "- {projects: [a], indexes: [registry]}\n", 4, ("neither `tags` nor `branches`",)),
    (INDEX + "- {tags: [v*], indexes: [registry]}\n", 4, ("`releases[1].projects` is missing",)),
    (INDEX + "- {projects: [], tags: [v*], indexes: [registry]}\n", 4, ("matches nothing",)),
    (INDEX + "- {projects: [a], tags: [v*]}\n", 4, ("`releases[1].indexes` is missing",)),
    (INDEX + "- {projects: [a], tags: [v*], indexes: []}\n", 4, ("`registry` or `pypi`",)),
    (INDEX + "- projects: [a]\n  tags: [v*]\n  indexes:\n  - regstry\n", 7, ("`regstry`", "Did you mean `registry`?")),
    (INDEX + "- {projects: [a], tags: [v*], indexes: [registry, registry]}\n", 4, ("a second time",)),
    (INDEX + "- {projects: [a], tags: [v*], source: artefacts, indexes: [registry]}\n", 4, ("`artifacts`",)),
    (INDEX + "- {projects: [a], tags: [v*], indexes: [pypi]}\n", 4, ("no password", "`source: pipeline`")),
    (INDEX + "- acme\n", 4, ("`releases[1]` must be a mapping",)),
    (INDEX + "- {projects: [a], tags: [v*], source: build, indexes: [registry]}\n", 4, ("no `build` section",)),
    # builds
    (GITLAB + "build: {}\n", 2, ("`build.wheelhouse` is missing",)),
    (GITLAB + "build: {wheelhouse: nowhere}\n", 2, ("which is not a folder",)),
    (GITLAB + "build: {wheelhouse: ropewalk.yaml}\n", 2, ("which is not a folder",)),
    (GITLAB + "build: {wheelhouse: ., isolation: bubble}\n", 2, ("`bubblewrap` or `none`",)),
    (GITLAB + "build: {wheelhouse: ., memory: 2048}\n", 2, ("must be a size", "`2GiB`")),
    (GITLAB + "build: {wheelhouse: ., disk: 2GB}\n", 2, ("must be a size",)),
    (GITLAB + "build: {wheelhouse: ., memory: 16MiB}\n", 2, ("at least `128MiB`",)),
    (GITLAB + "build: {wheelhouse: ., time: 5s}\n", 2, ("between `10s` and `2h`",)),
    (GITLAB + "build: {wheelhouse: ., limit: 3}\n", 2, ("unknown key `build.limit`",)),
    # secrets
    ("gitlab: {url: https://g.example.com, token_env: ABSENT}\n", 1, ("`ABSENT` is not set", "`token_file`")),
    ("gitlab: {url: https://g.example.com, token_env: EMPTY}\n", 1, ("`EMPTY` is empty",)),
    ("gitlab: {url: https://g.example.com, token_env: TWO}\n", 1, ("on one line",)),
    ("gitlab: {url: https://g.example.com, token_env: PW, token_file: x}\n", 1, ("both", "Keep one")),
    ("gitlab: {url: https://g.example.com, token_file: x}\n", 1, ("not a file",)),
    (GITLAB + "watch: {hook_secret_env: ABSENT}\n", 2, ("`ABSENT` is not set",)),
    (GITLAB + "watch: {hook_secret_env: 'A B'}\n", 2, ("name of an environment variable",)),
    # the address for hooks
    (GITLAB + "web: {public_url: 'bot.example.com'}\n", 2, ("`web.public_url` must be a URL",)),
    (GITLAB + "web: {public_url: 'http://bot.example.com'}\n", 2, ("unencrypted", "`web.allow_plain_http: true`")),
    (GITLAB + "web: {public_url: 'https://b.example.com/hooks/gitlab/'}\n", 2, ("Remove `/hooks/gitlab`",)),
    (GITLAB + "web: {public_url: 'https://b.example.com?x=1'}\n", 2, ("must have no query",)),
    (GITLAB + "web: {public_url: 'https://b.example.com', allow_plain_http: 1}\n", 2, ("true or false",)),
]


def _check(folder: Path, text: str) -> list[ConfigError]:
    (folder / "ropewalk.yaml").write_text(text, encoding="utf-8")
    return check(None, ENVIRON, folder)


@pytest.mark.parametrize(("text", "line", "parts"), REFUSED)
def test_one_mistake_is_one_sentence_with_its_line(
    tmp_path: Path, text: str, line: int, parts: tuple[str, ...]
) -> None:
    errors = _check(tmp_path, text)
    assert [error.where for error in errors] == [f"ropewalk.yaml:{line}"], errors
    for part in parts:
        assert part in str(errors[0])


PASTED = [
    ("gitlab: {url: https://g.example.com, token: 'PLANTED'}\n", "token_env"),
    ("gitlab: {url: https://g.example.com, private_token: 'PLANTED'}\n", "token_env"),
    ("gitlab: {url: https://g.example.com, token_env: 'Planted-0123!'}\n", "name of an environment variable"),
    ("gitlab: {url: https://g.example.com, token_env: 'planted0123'}\n", "not shown"),
    ("gitlab: {url: https://g.example.com, token_env: 'glpat-planted0123456789'}\n", "looks like a secret"),
    ("gitlab: {url: 'https://user:PLANTED@g.example.com'}\n", "credentials"),
    (GITLAB + "indexes: {a: {repository: pypi, password: 'PLANTED'}}\n", "password_env"),
    (GITLAB + "indexes: {a: {repository: pypi, username: 'pypi-planted0123456789012'}}\n", "looks like a secret"),
    (GITLAB + "watch: {hook_secret: 'PLANTED'}\n", "hook_secret_env"),
    (GITLAB + "watch: {webhook_secret: 'PLANTED'}\n", "hook_secret_env"),
    (GITLAB + "watch: {groups: ['whsec_planted0123456789']}\n", "looks like a secret"),
    (GITLAB + "state: postgresql://user:PLANTED@db/ropewalk\n", "credentials"),
    (GITLAB + "glpat-planted0123456789: x\n", "looks like a secret"),
    (GITLAB + "x: 'PLANTED\n", "not valid YAML"),
]


@pytest.mark.parametrize(("text", "part"), PASTED)
def test_a_pasted_secret_is_refused_and_not_shown(tmp_path: Path, text: str, part: str) -> None:
    errors = _check(tmp_path, text)
    assert any(part in str(error) for error in errors), errors
    assert not [error for error in errors if "planted" in (str(error) + repr(error)).lower()]


def test_check_tells_all_problems_in_the_order_of_lines_and_load_counts_them(tmp_path: Path) -> None:
    text = (
        "gitlab:\n  url: https://g.example.com\n  tokn: X\n  token_env: ABSENT\n"
        "watch:\n  poll: 5\n  hook_secret_env: NONE\n"
        "indexes:\n  a: {}\nreleases:\n  - {projects: [x], tags: [y], indexes: [a, b]}\nhygiene: {unknown: maybe}\n"
    )
    errors = _check(tmp_path, text)
    assert [error.where.partition(":")[2] for error in errors] == ["3", "4", "6", "7", "9", "11", "12"]
    with pytest.raises(ConfigError, match=r"There are 6 more problems; `ropewalk config check` lists them") as refusal:
        load(None, ENVIRON, tmp_path)
    assert refusal.value.where == "ropewalk.yaml:3"


def test_a_section_in_both_files_is_refused_naming_both_places(tmp_path: Path) -> None:
    (tmp_path / "p.yaml").write_text("# policy\nhygiene: {}\n")
    (error,) = _check(tmp_path, GITLAB + "policy: p.yaml\nhygiene: {}\n")
    assert error.where == "ropewalk.yaml:3"
    assert "p.yaml:2" in str(error)


@pytest.mark.parametrize(
    ("policy", "line", "part"),
    [
        ("relases: []\n", 1, "`releases`"),
        ("hygiene: {}\nwatch: {}\n", 2, "belongs at the top level of the configuration"),
        ("hygiene: {}\nhygiene: {}\n", 2, "second time"),
        ("releases:\n- {projects: [a], tags: [b], indexes: [nowhere]}\n", 2, "`nowhere`"),
    ],
)
def test_the_policy_file_is_as_strict(tmp_path: Path, policy: str, line: int, part: str) -> None:
    (tmp_path / "p.yaml").write_text(policy)
    (error,) = _check(tmp_path, GITLAB + "policy: p.yaml\n")
    assert error.where == f"p.yaml:{line}"
    assert part in str(error)


def test_what_can_never_be_is_refused(tmp_path: Path) -> None:
    """Attestations for a registry that takes none, and a rule under which nothing could be released."""
    (attested,) = _check(tmp_path, GITLAB + "indexes: {a: {kind: gitlab, attestations: true}}\n")
    assert "takes no attestations" in str(attested)
    rule = "{projects: [x], tags: [y], indexes: [a], expect: {wheels: 0, sdist: false}}"
    (nothing,) = _check(tmp_path, GITLAB + f"indexes: {{a: {{kind: gitlab}}}}\nreleases:\n  - {rule}\n")
    assert "nothing could be released" in str(nothing)


def test_foreign_text_in_a_message_stays_on_one_line(tmp_path: Path) -> None:
    for error in _check(tmp_path, GITLAB + '"a\\nforged: \\e[31m\\u202e": 1\nhygiene: {unknown: "x\\ny"}\n'):
        assert str(error).isprintable()


@pytest.mark.parametrize("secret", ["whsec_", "whsec_%%%", "whsec_==="])
def test_a_signing_token_that_anyone_could_sign_with_is_refused(tmp_path: Path, secret: str) -> None:
    path = tmp_path / "ropewalk.yaml"
    path.write_text(
        "gitlab: {url: https://gitlab.example.com}\nwatch: {groups: [acme], hook_secret_env: HOOK_SECRET}\n"
    )
    problems = check(path, {"ROPEWALK_GITLAB_TOKEN": "a-token-of-ours", "HOOK_SECRET": secret}, tmp_path)
    assert any("signing tokens" in problem.what and problem.where == "ropewalk.yaml:2" for problem in problems), (
        problems
    )


WAIVER = "- {rule: RW1, project: a, owner: o, reason: r, expires: 2027-01-31"


@pytest.mark.parametrize(
    ("waivers", "line", "part"),
    [
        ("waiver: []\n", 1, "Did you mean `waivers`?"),
        ("- rule: RW1\n", 1, "Start with `waivers:`"),
        ("waivers: {}\n", 1, "`waivers` must be a list"),
        ("waivers:\n- RW1\n", 2, "`waivers[1]` must be a mapping"),
        (f"waivers:\n{WAIVER}}}\n{WAIVER}, projects: [b]}}\n", 3, "Did you mean `project`?"),
        (f"waivers:\n{WAIVER}, resource: 3}}\n", 2, "`waivers[1].resource` must be a text"),
        (f"waivers:\n{WAIVER.replace('RW1', 'rw101')}}}\n", 2, "must be a rule's id such as `RW101`"),
        (f"waivers:\n{WAIVER.replace('RW1', 'RW1*')}}}\n", 2, "must be a rule's id such as `RW101`"),
        (f"waivers:\n{WAIVER.replace('2027-01-31', '2027-02-31')}}}\n", 2, "must be a day, for example"),
        (f"waivers:\n{WAIVER.replace('2027-01-31', 'never')}}}\n", 2, "must be a day, for example"),
        (f"waivers:\n{WAIVER.replace('2027-01-31', '20270131')}}}\n", 2, "must be a day, for example"),
        (f"waivers:\n{WAIVER.replace('owner: o', 'owner: ' + chr(34) * 2)}}}\n", 2, "must not be empty"),
        (f"waivers:\n{WAIVER.replace('reason: r, ', '')}}}\n", 2, "`waivers[1].reason` is missing"),
        (f"waivers:\n{WAIVER.replace('reason: r', 'reason: glpat-planted0123456789')}}}\n", 2, "looks like a secret"),
    ],
)
def test_the_waivers_file_is_as_strict(tmp_path: Path, waivers: str, line: int, part: str) -> None:
    (tmp_path / "w.yaml").write_text(waivers)
    (error,) = _check(tmp_path, GITLAB + "hygiene: {waivers: w.yaml}\n")
    assert error.where == f"w.yaml:{line}"
    assert part in str(error)


def test_a_waivers_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    (error,) = _check(tmp_path, GITLAB + "hygiene: {waivers: none.yaml}\n")
    assert error.where == "ropewalk.yaml:2"
    assert "which is not a file" in str(error)
