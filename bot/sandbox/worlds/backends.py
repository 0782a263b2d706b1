"""Packages of `acme` that show how projects are built: one for each build backend, and two names that need care."""

from collections.abc import Mapping
from dataclasses import dataclass

CHECK_CI = """\
check:
  image: python:3.13-slim
  rules:
    - if: $CI_COMMIT_TAG
  script:
    - python -m compileall -q src
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Crafted:
    """One project: where it lives, the distribution's name, the folder of its code, and the end of `pyproject.toml`.

    `computed` says that the version is not stated but read from git; `builds` that no job of its builds anything.
    """

    path: str
    name: str
    summary: str
    code: str
    requires: str
    backend: str
    settings: str = ""
    computed: bool = False
    builds: bool = True


CRAFTED = (
    Crafted(
        path="acme/libs/sextant",
        name="sextant",
        summary="Built by setuptools, declared in pyproject.toml",
        code="src/sextant",
        requires="setuptools>=77",
        backend="setuptools.build_meta",
    ),
    Crafted(
        path="acme/libs/quoin",
        name="quoin",
        summary="Built by flit",
        code="src/quoin",
        requires="flit_core>=3.11,<5",
        backend="flit_core.buildapi",
    ),
    Crafted(
        path="acme/libs/lantern",
        name="lantern",
        summary="Built by poetry-core",
        code="src/lantern",
        requires="poetry-core>=2.0",
        backend="poetry.core.masonry.api",
    ),
    Crafted(
        path="acme/libs/bollard",
        name="bollard",
        summary="Built by the bot itself, with pdm-backend",
        code="src/bollard",
        requires="pdm-backend>=2.4",
        backend="pdm.backend",
        settings='\n[tool.pdm.build]\npackage-dir = "src"\n',
        builds=False,
    ),
    Crafted(
        path="acme/tools/fathom",
        name="fathom",
        summary="Its version is its tag",
        code="src/fathom",
        requires='setuptools>=77", "setuptools-scm>=8',
        backend="setuptools.build_meta",
        settings="\n[tool.setuptools_scm]\n",
        computed=True,
    ),
    Crafted(
        path="acme/libs/hawser",
        name="acme-hawser",
        summary="A part of the namespace acme",
        code="src/acme/hawser",
        requires="hatchling",
        backend="hatchling.build",
        settings='\n[tool.hatch.build.targets.wheel]\npackages = ["src/acme"]\n',
    ),
    Crafted(
        path="acme/libs/splice",
        name="Acme.Rope_Splice",
        summary="Its name is spelt otherwise on every index",
        code="src/splice",
        requires="hatchling",
        backend="hatchling.build",
        settings='\n[tool.hatch.build.targets.wheel]\npackages = ["src/splice"]\n',
    ),
)


def files(package: Crafted, version: str, ci: str) -> Mapping[str, str]:
    """A project's files at a version. `ci` is the CI file of projects whose jobs build."""
    stated = 'dynamic = ["version"]' if package.computed else f'version = "{version}"'
    return {
        ".gitlab-ci.yml": ci if package.builds else CHECK_CI,
        "README.md": f"# {package.name}\n\n{package.summary}.\n",
        f"{package.code}/__init__.py": f'"""{package.summary}."""\n',
        f"{package.code}/py.typed": "",
        "pyproject.toml": f"""\
[build-system]
requires = ["{package.requires}"]
build-backend = "{package.backend}"

[project]
name = "{package.name}"
{stated}
description = "{package.summary}"
readme = "README.md"
requires-python = ">=3.9"
{package.settings}""",
    }
