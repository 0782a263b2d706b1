"""The organisation `acme`: nested groups, small Python packages, and the people who work on them.

Each project shows one thing that can happen to a release; `PACKAGES` says which. `backends` has seven more, each built
in another way; two more upload themselves, see `guide`.
"""

from dataclasses import dataclass

from bot.sandbox.world import World
from bot.sandbox.world.people import Level, User
from bot.sandbox.world.places import Project
from bot.sandbox.worlds import backends, guide
from bot.sandbox.worlds.backends import CRAFTED

OWNER, MAINTAINER, DEVELOPER, BOT = "ada", "grace", "linus", "ropewalk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One project: where it lives, how it is built, what is special about it."""

    path: str
    summary: str
    legacy: bool = False
    broken_job: bool = False

    @property
    def name(self) -> str:
        """The distribution's name, which is also the import package's."""
        return self.path.rsplit("/", 1)[-1]


PACKAGES = (
    Package(path="acme/tools/widget", summary="Widgets, well oiled"),
    Package(path="acme/libs/gauge", summary="Measures things the old way", legacy=True),
    Package(path="acme/tools/beacon", summary="Its token is an open secret"),
    Package(path="acme/libs/almanac", summary="Its tag and its metadata disagree"),
    Package(path="acme/libs/anvil", summary="Its file is on the index already, with other bytes"),
    Package(path="acme/apps/furnace", summary="Its pipeline fails", broken_job=True),
    Package(path="acme/tools/capstan", summary="Released while the bot is killed"),
)

CI = """\
stages: [build, publish]

build:
  stage: build
  image: python:3.13-slim
  rules:
    - if: $CI_COMMIT_TAG
  script:
    - python -m build --no-isolation
    - python -m twine check --strict dist/*
  artifacts:
    paths: [dist/]
    expire_in: 1 week

announce:
  stage: publish
  image: python:3.13-slim
  script: echo "released by the bot"
  rules:
    - if: $CI_COMMIT_TAG && $CI_COMMIT_REF_PROTECTED == "true"
      when: manual
"""

FAILING_CI = CI.replace("    - python -m build --no-isolation\n", "    - python -m furnace.selftest\n", 1)


def build(world: World) -> None:
    """Fill an empty world."""
    owner, maintainer, developer, bot = (world.create_user(name) for name in (OWNER, MAINTAINER, DEVELOPER, BOT))
    group = world.create_group("acme")
    world.add_member(group, owner, Level.OWNER)
    world.add_member(group, maintainer, Level.MAINTAINER)
    world.add_member(group, developer, Level.DEVELOPER)
    world.add_member(group, bot, Level.MAINTAINER)
    # Kept as it must be: every project below inherits a masked and protected publishing token.
    world.set_variable(group, "TWINE_USERNAME", "__token__", masked=True, protected=True)
    world.set_variable(group, "TWINE_PASSWORD", world.secret(), masked=True, protected=True)
    for package in PACKAGES:
        _project(world, package.path, owner)
    for crafted in CRAFTED:
        _project(world, crafted.path, owner)
    beacon = world.project_paths["acme/tools/beacon"]
    world.set_variable(beacon, "TWINE_PASSWORD", world.secret(), masked=False, protected=False)
    guide.build(world, owner)
    for user in (owner, maintainer, developer):
        world.create_token(user, ["api", "write_repository"], f"{user.username}'s own")
    world.create_token(bot, ["api"], "ropewalk")


def _project(world: World, path: str, creator: User) -> Project:
    project = world.create_project(path, files=tree_of(path, "1.0.0"), creator=creator, tags=["v1.0.0"])
    world.protect_tag(project, "v*")
    return project


def tree_of(path: str, version: str) -> dict[str, str]:
    """The files of any project of `acme` at a version."""
    crafted = next((one for one in CRAFTED if one.path == path), None)
    if crafted is not None:
        return dict(backends.files(crafted, version, CI))
    return files(next(package for package in PACKAGES if package.path == path), version)


def files(package: Package, version: str) -> dict[str, str]:
    """A project's files at a version."""
    name = package.name
    tree = {
        ".gitlab-ci.yml": FAILING_CI if package.broken_job else CI,
        "README.md": f"# {name}\n\n{package.summary}.\n",
        f"src/{name}/__init__.py": f'"""{package.summary}."""\n',
        f"src/{name}/py.typed": "",
    }
    if package.legacy:
        return tree | {"setup.py": _setup_py(package, version), "MANIFEST.in": "include README.md\n"}
    return tree | {"pyproject.toml": _pyproject(package, version)}


def _pyproject(package: Package, version: str) -> str:
    return f"""\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{package.name}"
version = "{version}"
description = "{package.summary}"
readme = "README.md"
requires-python = ">=3.9"

[tool.hatch.build.targets.wheel]
packages = ["src/{package.name}"]
"""


def _setup_py(package: Package, version: str) -> str:
    return f"""\
from pathlib import Path

from setuptools import find_packages, setup

setup(
    name="{package.name}",
    version="{version}",
    description="{package.summary}",
    long_description=Path("README.md").read_text(),
    long_description_content_type="text/markdown",
    package_dir={{"": "src"}},
    packages=find_packages("src"),
    package_data={{"{package.name}": ["py.typed"]}},
    python_requires=">=3.9",
)
"""
