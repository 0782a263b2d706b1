"""What CI Lint merged is shown where people wrote it."""

from __future__ import annotations

from textwrap import dedent

from bot.adapters.ci.reading import read_ci
from bot.domain.ci import CiFacts
from bot.domain.ci_lines import located
from tests.unit.ci_texts import judged, of

WRITTEN = dedent(
    """\
    include: [{project: acme/ci, file: base.yml}]

    .setup:
      before_script: [pip install twine]

    variables: {API_TOKEN: hunter2hunter2}
    deploy:
      extends: .setup
      script:
        - echo one
        - |
          echo two
          twine upload dist/* || true
    """
)
MERGED = dedent(
    """\
    variables:
      API_TOKEN: hunter2hunter2
      OTHER_TOKEN: hunter3hunter3
    from_elsewhere:
      script: [echo $TOKEN]
    deploy:
      image: python:3.8
      environment: pypi
      before_script: [pip install twine]
      script:
      - echo one
      - |
        echo two
        twine upload dist/* || true
    """
)


def facts(text: str, *, merged: bool) -> CiFacts:
    found = read_ci(text, merged=merged)
    assert isinstance(found, CiFacts)
    return found


def test_jobs_commands_and_credentials_stand_where_they_were_written() -> None:
    found = located(facts(MERGED, merged=True), facts(WRITTEN, merged=False))
    elsewhere, deploy = found.jobs
    assert (elsewhere.line, [command.line for command in elsewhere.commands]) == (None, [None])
    assert (deploy.line, deploy.environment, deploy.image) == (7, "pypi", "python:3.8")
    places = [(command.words[0], command.line) for command in deploy.commands]
    assert places == [("pip", 4), ("echo", 10), ("echo", 12), ("twine", 13), ("true", 13)]
    assert [(one.place, one.line) for one in found.credentials] == [
        ("the variable API_TOKEN", 6),
        ("the variable OTHER_TOKEN", None),
    ]
    assert found.merged
    assert found.whole


def test_findings_about_merged_files_have_lines_and_know_the_includes() -> None:
    found = located(facts(MERGED, merged=True), facts(WRITTEN, merged=False))
    assert [one.line for one in judged("RW221", of(found))] == [13]
    assert [one.line for one in judged("RW224", of(found))] == [1]
    assert [one.line for one in judged("RW203", of(found))] == [None]
