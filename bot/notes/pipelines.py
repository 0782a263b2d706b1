"""What is said when the bot proposes a pipeline to a project."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.proposals import Words

TITLE = "Build, check and publish the package in CI"


def proposal(jobs: Sequence[str], *, trusted: bool, marker: str) -> Words:
    """Title, description and commit subject. `jobs` are the components' names; `trusted` says that PyPI trusts this
    GitLab; `marker` is the hidden line by which the merge request is known again.
    """
    steps = [*_everywhere(), *(_registry() if "publish-gitlab" in jobs else ())]
    if "publish-pypi" in jobs:
        steps += _trusted() if trusted else _token()
    does = "\n".join(f"- {_DOES[name]}" for name in jobs)
    todo = "\n".join(f"- [ ] {step}" for step in steps)
    description = (
        f"This adds jobs that\n\n{does}\n\nNothing is published until a protected tag is pushed.\n\n"
        f"**Before the first tag**\n\n{todo}\n\n"
        "Change whatever you like on this branch: then it is yours, and the bot leaves it alone. If you do not want "
        f"any of this, close the merge request, and it will not come back.\n\n{marker}\n"
    )
    return Words(title=TITLE, description=description, subject=TITLE)


_DOES = {
    "build": "build sdist and wheel with `build`, once, without any credential in sight",
    "check": "check both with `twine check --strict`",
    "attest": "sign a PEP 740 attestation for each file",
    "publish-gitlab": "upload to this project's package registry with the job's own token",
    "publish-pypi": "upload to PyPI from the environment `pypi`",
}


def _everywhere() -> tuple[str, ...]:
    return (
        "Protect the tags that release (Settings, Repository, Protected tags): `v*`.",
        "Check that `workflow: rules`, if the project has any, lets pipelines for tags run.",
    )


def _registry() -> tuple[str, ...]:
    return ("Check that the package registry is switched on for the project.",)


def _trusted() -> tuple[str, ...]:
    return (
        "Name this project in PyPI's trusted publishers, with `.gitlab-ci.yml` and the environment `pypi`.",
        "Protect the environment `pypi` where your edition allows.",
        "Remove TWINE_PASSWORD from the settings: twine prefers it to the job's identity.",
    )


def _token() -> tuple[str, ...]:
    return (
        "PyPI does not trust identities of this GitLab. Keep a token of PyPI for this one package as TWINE_PASSWORD: "
        "masked, hidden, protected, scoped to the environment `pypi`; and `__token__` as TWINE_USERNAME.",
        "Protect the environment `pypi` where your edition allows.",
    )
