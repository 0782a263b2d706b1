"""A large organisation, `fleet`: any number of projects in nested groups, cheap to build.

`fleet/area-N/team-N/service-NNNNN`: ten teams in an area, a hundred projects in a team. Every project has a first
commit, tags, a protected branch, a protected tag pattern and variables; about one in fifty keeps its publishing token
unmasked or unprotected, so that an audit has something to find. Nothing touches the disk before somebody looks.
"""

import random

from bot.sandbox.world import World
from bot.sandbox.world.people import Level
from bot.sandbox.worlds.acme import BOT, CI, DEVELOPER, MAINTAINER, OWNER

GROUP = "fleet"
PROJECTS_IN_TEAM = 100
TEAMS_IN_AREA = 10
TAGS = ("v1.0.0", "v1.1.0", "v1.2.0")
DEFAULT_SEED = 1
CARELESS = 0.02
"""The part of projects whose publishing token is not kept as it must be."""

_TOKEN = "pypi-AgEIcHlwaS5vcmcCJDAwMDAwMDAw"  # noqa: S105  # the same meaningless text everywhere
_PYPROJECT = b'[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
_FILES = {".gitlab-ci.yml": CI.encode(), "README.md": b"# A service of the fleet\n", "pyproject.toml": _PYPROJECT}


def full_path(number: int) -> str:
    """Where the project with this number (from 0) lives."""
    team = number // PROJECTS_IN_TEAM
    return f"{GROUP}/area-{team // TEAMS_IN_AREA}/team-{team}/service-{number:05}"


def build(world: World, projects: int, seed: int | None = None) -> None:
    """Fill an empty world with `projects` projects; the same seed makes the same flags."""
    dice = random.Random(DEFAULT_SEED if seed is None else seed)
    owner, maintainer, developer, bot = (world.create_user(name) for name in (OWNER, MAINTAINER, DEVELOPER, BOT))
    group = world.create_group(GROUP)
    for user, level in (
        (owner, Level.OWNER),
        (maintainer, Level.MAINTAINER),
        (developer, Level.DEVELOPER),
        (bot, Level.MAINTAINER),
    ):
        world.add_member(group, user, level)
    world.set_variable(group, "TWINE_USERNAME", "__token__", masked=True, protected=True)
    for number in range(projects):
        project = world.create_project(full_path(number), files=_FILES, creator=owner, tags=TAGS)
        world.protect_tag(project, "v*")
        careless = dice.random() < CARELESS
        masked, protected = (dice.random() < 0.5, False) if careless else (True, True)
        world.set_variable(project, "TWINE_PASSWORD", _TOKEN, masked=masked, protected=protected)
        world.set_variable(project, "DEPLOY_REGION", "eu-west-1")
        if number % PROJECTS_IN_TEAM == 0:
            world.set_variable(project.namespace, "TEAM_CHANNEL", f"team-{number // PROJECTS_IN_TEAM}")
    for user in (owner, maintainer, developer):
        world.create_token(user, ["api", "write_repository"], f"{user.username}'s own")
    world.create_token(bot, ["api"], "ropewalk")
