"""python-gitlab's GraphQL clients, with the extra they need, ask the sandbox what the bot asks GitLab."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.throwaway import environment_with, quiet_environment, run
from tests.contract.sandbox_org import Org, organisation

pytestmark = pytest.mark.slow

SCRIPT = """\
import asyncio, json, os
import gitlab

QUERY = '''query($paths: [String!]) {
  projects(fullPaths: $paths, first: 100) { nodes { fullPath ciVariables { nodes { key masked protected } } } }
}'''
URL, TOKEN, PATHS = os.environ["URL"], os.environ["TOKEN"], {"paths": ["acme/tools/widget"]}
told = [gitlab.GraphQL(URL, token=TOKEN).execute(QUERY, variable_values=PATHS)]


async def ask():
    async with gitlab.AsyncGraphQL(URL, token=TOKEN) as client:
        return await client.execute(QUERY, variable_values=PATHS)


told.append(asyncio.run(ask()))
print(json.dumps(told))
"""


@pytest.fixture
def org() -> Iterator[Org]:
    with organisation() as made:
        made.world.set_variable(made.project, "TWINE_PASSWORD", "12345678", masked=True)
        yield made


def test_graphql_and_asyncgraphql_read_the_flags_of_variables(org: Org, tmp_path: Path) -> None:
    binaries = environment_with(tmp_path, "python-gitlab[graphql]>=8.6,<9")
    environment = quiet_environment(tmp_path, binaries, URL=org.url, TOKEN=org.tokens["maintainer"])
    done = run([str(binaries / "python"), "-c", SCRIPT], tmp_path, environment)
    assert done.returncode == 0, done.stdout
    row = '{"key": "TWINE_PASSWORD", "masked": true, "protected": false}'
    one = f'{{"projects": {{"nodes": [{{"fullPath": "acme/tools/widget", "ciVariables": {{"nodes": [{row}]}}}}]}}}}'
    assert done.stdout.strip() == f"[{one}, {one}]"
