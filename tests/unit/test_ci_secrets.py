"""Forty secrets, eight encodings, everywhere in a CI file: none in a finding, and none of known form in the facts."""

from __future__ import annotations

import base64
import json
import random
import string
from dataclasses import asdict
from urllib.parse import quote

import pytest

from bot.adapters.ci.reading import read_ci
from bot.domain.ci import CiFacts
from tests.unit.ci_texts import RULE, judged, of, project

CI_RULES = [rule for name, rule in RULE.items() if name.startswith("RW2")]
_DRAW = random.Random(20_261_201)
_ALPHABET = string.ascii_letters + string.digits
_PREFIXES = ("glpat-", "gldt-", "glptt-", "glcbt-", "pypi-AgEIcHlwaS5vcmc", "ghp_", "npm_", "dckr_pat_", "whsec_", "")


def _secret(prefix: str) -> str:
    return prefix + "".join(_DRAW.choice(_ALPHABET) for _ in range(28)) + _DRAW.choice("aA1") + "9Zq"


SECRETS = [_secret(prefix) for prefix in _PREFIXES for _ in range(4)]


def encodings(secret: str) -> dict[str, str]:
    """The eight forms it may be written in."""
    raw = secret.encode()
    return {
        "plain": secret,
        "base64": base64.b64encode(raw).decode(),
        "base64 for URLs": base64.urlsafe_b64encode(raw).decode().rstrip("="),
        "basic auth": base64.b64encode(b"__token__:" + raw).decode(),
        "hexadecimal": raw.hex(),
        "URL": quote(secret, safe="").replace("-", "%2D").replace("_", "%5F"),
        "JSON": json.dumps(secret)[1:-1].replace("-", "\\u002d"),
        "reversed": secret[::-1],
    }


FORMS = list(encodings(SECRETS[0]))
SOME = pytest.mark.parametrize(
    "secrets", [SECRETS[::20], pytest.param(SECRETS, marks=pytest.mark.slow)], ids=["two", "all"]
)


def planted(text: str) -> str:
    """A CI file that has the text wherever a text may stand."""
    return f"""
# {text}
include:
  - remote: https://user:{text}@host.example/ci.yml?private_token={text}
  - project: acme/{text}
    ref: {text}
variables:
  TWINE_PASSWORD: '{text}'
  HARMLESS: '{text}'
  NOTE: {{value: '{text}', description: '{text}'}}
default:
  image: registry.example/{text}:{text}
.hidden:
  script: [echo '{text}']
deploy:
  stage: '{text}'
  image: 'registry.example/python:{text}'
  environment: {{name: 'pypi/{text}', url: 'https://x/{text}'}}
  variables: {{TWINE_REPOSITORY_URL: 'http://me:{text}@x', API_TOKEN: '{text}'}}
  id_tokens: {{PYPI_ID_TOKEN: {{aud: ['pypi', '{text}']}}}}
  needs: ['{text}']
  tags: ['{text}']
  rules:
    - if: '$X == "{text}"'
      variables: {{A_SECRET: '{text}'}}
    - when: on_success
  artifacts: {{paths: ['{text}'], reports: {{dotenv: '{text}'}}}}
  script:
    - echo "{text}" && export PYPI_TOKEN={text}
    - TWINE_PASSWORD={text} twine upload --password {text} -p {text} --repository-url http://x/{text} dist/* || true
    - 'curl -k -u me:{text} -H "PRIVATE-TOKEN: {text}" https://me:{text}@x/{text} | sh'
    - pip install "https://me:{text}@x/simple" twine {text}
    - echo $TOKEN{text} > {text}
    - |
      cat > ~/.pypirc <<E
      password = {text}
      E
    - env {text}=x printenv {text}
    - set -x
'{text}':
  script: ['{text}']
child:
  trigger: {{project: 'acme/{text}', forward: {{pipeline_variables: true}}}}
  variables: {{T: '{text}', U: '$TOKEN{text}'}}
test:
  only: ['{text}']
  except: {{variables: ['$A == "{text}"']}}
  script: [pytest]
"""


def texts(secret: str, form: str) -> set[str]:
    """What must not be seen: the form that was planted and the secret itself."""
    return {secret, encodings(secret)[form]}


@pytest.mark.parametrize("form", FORMS)
@SOME
def test_no_finding_repeats_a_secret(form: str, secrets: list[str]) -> None:
    seen = 0
    for secret in secrets:
        found = read_ci(planted(encodings(secret)[form]), merged=False)
        said = json.dumps([asdict(one) for rule in CI_RULES for one in rule.judge(of(found))], ensure_ascii=False)
        assert isinstance(found, CiFacts), found
        assert not [text for text in texts(secret, form) if text in said]
        seen += said.count("RW2")
    assert seen >= 15 * len(secrets)  # there was much to say


@pytest.mark.parametrize("form", FORMS)
@SOME
def test_facts_do_not_keep_a_secret_either(form: str, secrets: list[str]) -> None:
    """Not by their place alone: what has the shape of a token or looks drawn at random is gone from every text."""
    for secret in secrets:
        kept = repr(read_ci(planted(encodings(secret)[form]), merged=True))
        assert not [text for text in texts(secret, form) if text in kept]


def test_a_secret_of_no_form_is_found_by_its_place() -> None:
    for text in ("correcthorsebatterystaple", "hunter two hunter", "p@ss-w0rd"):
        found = read_ci(
            f"""
variables: {{TWINE_PASSWORD: '{text}'}}
deploy:
  script:
    - export PYPI_TOKEN='{text}'
    - twine upload --password '{text}' dist/*
    - |
      curl -u 'me:{text}' https://x
""",
            merged=False,
        )
        assert isinstance(found, CiFacts)
        assert [one.line for one in found.credentials] == [2, 5, 6, 8]
        assert text not in repr(found)


def test_a_broken_file_is_not_quoted() -> None:
    for text in (f"a: '{SECRETS[0]}", f"a: *{SECRETS[0]}", f"{SECRETS[0]}: [", f"a: &{SECRETS[0]} *{SECRETS[0]}"):
        assert SECRETS[0] not in repr(read_ci(text, merged=False))


TOKEN = "glpat-" + "aB3dEfGh1JkLmN0pQrSt"


@pytest.mark.parametrize(
    "text",
    [
        f"p:\n  script: [git clone https://ci:{TOKEN}@host/x]\n",
        f"p:\n  variables:\n    TWINE_PASSWORD: >-\n      {TOKEN}\n  script: [x]\n",
        f"p:\n  variables:\n    TWINE_PASSWORD: |\n      {TOKEN}\n  script: [x]\n",
        f"p:\n  variables:\n    TWINE_PASSWORD:\n      {TOKEN}\n  script: [x]\n",
        f"p:\n  variables:\n    TWINE_PASSWORD: 'postgres://ci:{TOKEN}@host/x'\n  script: [x]\n",
        f"p:\n  script: [export TWINE_PASSWORD={TOKEN}]\n",
    ],
)
def test_a_token_is_told_once_and_by_its_form(text: str) -> None:
    """Not again as the password of a URL, or as the value of the variable whose name says so."""
    (found,) = judged("RW201", project(text))
    assert found.reason.count(" stands in ") == 1
    assert found.reason.startswith("a GitLab access token stands in ")
    assert found.severity.word == "high"
