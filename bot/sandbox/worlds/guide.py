"""Two packages that upload themselves, each with one of the two jobs of a widely read guide to twine in GitLab CI.

The jobs are written anew with the same commands and the same weaknesses: `setup.py` builds, an unpinned twine, an old
image, variables that name themselves, a password on the command line.
"""

from dataclasses import dataclass

from bot.sandbox.world import World
from bot.sandbox.world.people import User

_PYPI_CI = """\
stages: [deploy]

variables:
  TWINE_USERNAME: $TWINE_USERNAME
  TWINE_PASSWORD: $TWINE_PASSWORD

deploy_to_pypi:
  stage: deploy
  image: python:3.10
  before_script:
    - pip install twine
  script:
    - python setup.py sdist bdist_wheel
    - twine check dist/*
    - twine upload dist/*
  only:
    - main
"""

_REGISTRY_CI = """\
stages: [deploy]

deploy_to_gitlab_registry:
  stage: deploy
  image: python:3.10
  before_script:
    - pip install twine
  script:
    - python setup.py sdist bdist_wheel
    - twine check dist/*
    - |
      twine upload dist/* \\
        --repository-url "$CI_API_V4_URL/projects/$CI_PROJECT_ID/packages/pypi" \\
        --username "gitlab-ci-token" \\
        --password "$CI_JOB_TOKEN"
  only:
    - main
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guided:
    """One of the two projects, with its one job."""

    path: str
    summary: str
    job: str
    ci: str

    @property
    def name(self) -> str:
        """The distribution's name, which is also the import package's."""
        return self.path.rsplit("/", 1)[-1]


PYPI = Guided(path="acme/guide/pennant", summary="Its own job uploads it to PyPI", job="deploy_to_pypi", ci=_PYPI_CI)
REGISTRY = Guided(
    path="acme/guide/halyard",
    summary="Its own job uploads it to GitLab",
    job="deploy_to_gitlab_registry",
    ci=_REGISTRY_CI,
)


def build(world: World, creator: User) -> None:
    """Add both projects to the organisation `acme`; what PyPI's job signs in with is set where that is known."""
    for project in (PYPI, REGISTRY):
        world.create_project(project.path, files=files(project, "1.0.0"), creator=creator)


def files(project: Guided, version: str) -> dict[str, str]:
    """A project's files at a version."""
    return {
        ".gitlab-ci.yml": project.ci,
        "README.md": f"# {project.name}\n\n{project.summary}.\n",
        f"{project.name}.py": f'"""{project.summary}."""\n',
        "setup.py": f"""\
from setuptools import setup

setup(
    name="{project.name}",
    version="{version}",
    description="{project.summary}",
    long_description=open("README.md").read(),
    long_description_content_type="text/markdown",
    py_modules=["{project.name}"],
    python_requires=">=3.9",
)
""",
    }
