"""What the adapters read from the embedded GitLab: projects, tags, files, variables."""

import json
from datetime import timedelta

import pytest

from bot.adapters.gitlab.client import Api
from bot.adapters.gitlab.events import GitLabEvents
from bot.adapters.gitlab.projects import GitLabProjects
from bot.adapters.gitlab.refs import GitLabRefs
from bot.adapters.gitlab.variables import GitLabVariables
from bot.domain.errors import RefusedError, TransientError
from bot.domain.gitlab import Level, VariableFlags
from tests.contract.hostile import Asked, api, hostile, reply
from tests.contract.sandbox_org import Org, organisation


def as_(org: Org, who: str = "maintainer") -> Api:
    return api(org.url, token=org.tokens[who])


def requests(org: Org, path: str = "") -> list[str]:
    found = [one["path"] for one in org.control("GET", "requests", params={"path": path}).json()]
    org.control("DELETE", "requests")
    return found


# projects


def test_a_project_is_found_by_id_and_by_path(org: Org) -> None:
    """Id and full path lead to the same record; what the token may not see is None."""
    projects = GitLabProjects(as_(org))
    by_path = projects.project("acme/tools/widget")
    assert by_path is not None
    assert by_path == projects.project(org.project.id)
    assert (by_path.id, by_path.full_path, by_path.default_branch) == (org.project.id, "acme/tools/widget", "main")
    assert not by_path.archived
    assert projects.project("acme/tools/none") is None
    assert projects.project("acme/../../user") is None
    assert projects.project(10**9) is None
    assert GitLabProjects(as_(org, "outsider")).project("acme/tools/widget") is None


def test_active_projects_come_through_every_keyset_page_once() -> None:
    """More than one page of projects, in order of id, each once; `membership` leaves out what is not ours."""
    with organisation() as org:
        mine = [org.project.id]
        for number in range(230):
            made = org.world.create_project(f"acme/many/p{number:03}", files=None)
            if number % 2:
                org.world.add_member(made, org.people["maintainer"], 40)
                mine.append(made.id)
        got = [one.id for one in GitLabProjects(as_(org)).active_since(None, membership=True)]
        assert got == mine
        asked = requests(org, "/projects")
        assert len(asked) == 2
        assert all("pagination=keyset" in one for one in asked)
        everything = [one.id for one in GitLabProjects(as_(org, "admin")).active_since(None, membership=False)]
        assert everything == sorted(org.world.projects)


def test_active_since_is_exclusive_and_by_gitlabs_clock(org: Org) -> None:
    """Only projects whose last activity is after the moment; an archived one is never among them."""
    projects = GitLabProjects(as_(org, "owner"))
    quiet, archived = org.new_project("acme/since/quiet"), org.new_project("acme/since/archived")
    moment = org.world.clock.now().replace(microsecond=0)
    quiet.last_activity_at = moment
    archived.last_activity_at = moment + timedelta(hours=1)
    archived.archived = True
    assert [one.id for one in projects.active_since(moment - timedelta(seconds=1), membership=True)].count(
        quiet.id
    ) == 1
    later = {one.id for one in projects.active_since(moment, membership=True)}
    assert quiet.id not in later
    assert archived.id not in later


def test_a_group_gives_its_own_projects_and_those_of_its_subgroups(org: Org) -> None:
    """All pages, subgroups included, archived ones left out; a group that is not there is refused by name."""
    made = [org.new_project(f"acme/deep/{'sub/' * (n % 3)}g{n:03}") for n in range(104)]
    made[3].archived = True
    projects = GitLabProjects(as_(org, "owner"))
    assert {one.id for one in projects.of_group("acme/deep")} == {one.id for one in made} - {made[3].id}
    with pytest.raises(RefusedError) as caught:
        list(projects.of_group("acme/none"))
    assert caught.value.status == 404
    assert "acme%2Fnone" in str(caught.value)


# refs


def test_tags_are_told_apart_and_lead_to_their_commit(org: Org) -> None:
    """An annotated tag has an object, a message and a time of its own; a lightweight one has its commit's."""
    project = org.new_project("acme/refs/kinds")
    org.world.protect_tag(project, "v*")
    sha = org.world.create_tag(project, "v1.0", "main", org.people["maintainer"], "Release\n\nwith words")
    org.world.create_tag(project, "light", "main", org.people["maintainer"])
    refs = GitLabRefs(as_(org))
    annotated, light = refs.tag(project.id, "v1.0"), refs.tag(project.id, "light")
    assert annotated is not None
    assert light is not None
    assert (annotated.sha, annotated.protected) == (sha, True)
    assert annotated.target != sha
    assert annotated.message.startswith("Release")
    assert annotated.created_at is not None
    assert annotated.created_at.utcoffset() == timedelta()
    assert (light.sha, light.target, light.protected, light.created_at) == (sha, sha, False, None)
    assert light.committed_at is not None
    assert {one.name for one in refs.tags(project.id)} == {"v1.0", "light"}
    assert refs.tag(project.id, "v2.0") is None


@pytest.mark.parametrize(
    "name", ["a/b", "v1.0+local", "50%", "ü-1", "a#b", "a&b=c", "a b".replace(" ", "\u00a0"), "x;y"]
)
def test_any_tag_name_git_allows_is_found(org: Org, name: str) -> None:
    """Names are quoted whole; none of them reaches another address."""
    project = org.world.project_paths.get("acme/refs/names") or org.new_project("acme/refs/names")
    org.world.create_tag(project, name, "main", org.people["maintainer"])
    found = GitLabRefs(as_(org)).tag(project.id, name)
    assert found is not None
    assert found.name == name


def test_all_tags_of_all_pages_come_once(org: Org) -> None:
    """1,203 tags on one commit, over thirteen pages."""
    names = [f"v{n}" for n in range(1203)]
    project = org.world.create_project("acme/refs/thousand", files={"a": "b"}, tags=names)
    org.world.add_member(project, org.people["maintainer"], 40)
    requests(org)
    found = [one.name for one in GitLabRefs(as_(org)).tags(project.id)]
    assert sorted(found) == sorted(names)
    assert len(requests(org)) == 13


def test_an_empty_repository_has_no_tags(org: Org) -> None:
    """A project without a commit is nothing to be alarmed about."""
    project = org.world.create_project("acme/refs/empty")
    org.world.add_member(project, org.people["maintainer"], 40)
    assert GitLabRefs(as_(org)).tags(project.id) == ()


def test_a_branch_is_read_with_its_head_and_contains_what_came_before(org: Org) -> None:
    """A branch that moved on contains its older commits; one that was rewritten does not."""
    refs = GitLabRefs(as_(org))
    project, maintainer = org.world.create_project("acme/branches", files={"a": "b"}), org.people["maintainer"]
    org.world.add_member(project, maintainer, 40)
    first = project.git.resolve("main")
    assert first is not None
    second = org.world.commit(project, "main", "two", {"two": "x"}, maintainer)
    side = org.world.commit(project, "side/way", "three", {"three": "x"}, maintainer)
    branch = refs.branch(project.id, "main")
    assert branch is not None
    assert (branch.name, branch.sha, branch.protected) == ("main", second, True)
    assert branch.committed_at is not None
    assert refs.branch(project.id, "none") is None
    assert {one.name: one.protected for one in refs.branches(project.id)} == {"main": True, "side/way": False}
    assert refs.contains(project.id, "main", first)
    assert refs.contains(project.id, second, second)
    assert not refs.contains(project.id, "main", side)
    assert not refs.contains(project.id, "main", "f" * 40), "a commit that nobody has"


def test_pushes_are_told_by_ref_and_commit_from_a_moment_on(org: Org) -> None:
    """FACTS: `after` is a day; a push of several refs names none of them; a removed ref is no push."""
    events = GitLabEvents(as_(org))
    project, maintainer = org.world.create_project("acme/pushed", files={"a": "b"}), org.people["maintainer"]
    org.world.add_member(project, maintainer, 40)
    org.world.create_tag(project, "v0", "main", maintainer, "")
    org.world.clock.offset += timedelta(days=2)
    since = org.world.clock.now()
    head = org.world.commit(project, "main", "two", {"two": "x"}, maintainer)
    org.world.create_tag(project, "v1", "main", maintainer, "")
    found = {(one.kind.value, one.ref, one.sha) for one in events.pushed(project.id, since)}
    assert found == {("branch", "main", head), ("tag", "v1", head)}
    assert events.pushed(project.id, since + timedelta(hours=1)) == ()


def test_a_file_is_read_at_a_commit(org: Org) -> None:
    """The text as it was then; None for no such file, no such commit, or more than 1 MiB."""
    big = "ü" * 600_000
    project = org.new_project("acme/refs/files", {"dir/pyproject.toml": "one\n", "big": big})
    first = project.git.resolve("main")
    assert first is not None
    maintainer = org.people["maintainer"]
    second = org.world.commit(project, "main", "two", {"dir/pyproject.toml": "two\n"}, maintainer)
    refs = GitLabRefs(as_(org))
    assert refs.file(project.id, "dir/pyproject.toml", first) == "one\n"
    assert refs.file(project.id, "dir/pyproject.toml", second) == "two\n"
    assert refs.file(project.id, "none", second) is None
    assert refs.file(project.id, "dir/pyproject.toml", "0" * 40) is None
    assert refs.file(project.id, "big", second) is None
    assert refs.names(project.id, "dir", second) == ("dir/pyproject.toml",)
    assert refs.names(project.id, "none", second) == ()
    assert refs.names(project.id, "dir", "0" * 40) == ()


# variables


def flag(key: str, level: str, owner: str, **flags: bool | str | None) -> VariableFlags:
    given: dict[str, bool | str | None] = {
        "protected": False,
        "masked": False,
        "hidden": False if level == "project" else None,
        "raw": False,
        "environment_scope": "*",
    }
    return VariableFlags(key=key, level=level, owner=owner, **(given | flags))  # type: ignore[arg-type]  # names match


def test_variables_of_every_level_come_with_flags_and_owner(org: Org) -> None:
    """Project, inherited and (for an admin) instance variables; a level the role cannot read is named."""
    project = org.new_project("acme/vars/levels")
    world = org.world
    world.set_variable(project, "TWINE_PASSWORD", "s3cret-value", masked=True, protected=True)
    world.set_variable(project, "TWINE_PASSWORD", "s3cret-other", environment_scope="prod", raw=True)
    world.set_variable(project, "PYPI_TOKEN", "s3cret-hidden", hidden=True)
    world.set_variable(world.groups["acme/vars"], "GROUPED", "s3cret-group", masked=True)
    world.set_variable(None, "INSTANCE", "s3cret-inst", protected=True)
    mine = {
        flag("TWINE_PASSWORD", "project", "acme/vars/levels", masked=True, protected=True),
        flag("TWINE_PASSWORD", "project", "acme/vars/levels", raw=True, environment_scope="prod"),
        flag("PYPI_TOKEN", "project", "acme/vars/levels", masked=True, hidden=True),
    }
    group = {one for one in GitLabVariables(as_(org)).variables("acme/vars/levels").flags if one.level == "group"}
    assert {(one.key, one.owner.split("/")[-1], one.masked) for one in group} == {("GROUPED", "vars", True)}
    seen = GitLabVariables(as_(org)).variables("acme/vars/levels")
    assert {one for one in seen.flags if one.level == "project"} == mine
    assert [hidden.level for hidden in seen.unreadable] == [Level.INSTANCE]
    whole = GitLabVariables(as_(org, "admin")).variables("acme/vars/levels")
    assert whole.unreadable == ()
    assert {one.key for one in whole.flags if one.level == "instance"} == {"INSTANCE"}
    assert "s3cret" not in repr(whole)


def test_a_level_the_role_cannot_read_is_unknown_not_empty(org: Org) -> None:
    """A developer learns nothing about the project's own variables and is told so; an empty list is readable."""
    org.new_project("acme/vars/roles")
    seen = GitLabVariables(as_(org, "developer")).variables("acme/vars/roles")
    assert {Level.PROJECT, Level.GROUP} <= {hidden.level for hidden in seen.unreadable}
    assert not any(one.level == "project" for one in seen.flags)
    allowed = GitLabVariables(as_(org)).variables("acme/vars/roles")
    assert [hidden.level for hidden in allowed.unreadable] == [Level.INSTANCE]
    with pytest.raises(RefusedError):
        GitLabVariables(as_(org, "outsider")).variables("acme/vars/roles")


def test_more_than_a_page_of_variables_at_two_levels(org: Org) -> None:
    """250 of the project and 120 of its group: each once, whichever list ends first."""
    project = org.new_project("acme/crowd/many")
    for number in range(250):
        org.world.set_variable(project, f"OWN_{number}", "value-of-it")
    for number in range(120):
        org.world.set_variable(org.world.groups["acme/crowd"], f"GROUP_{number}", "value-of-it")
    requests(org)
    flags = GitLabVariables(as_(org)).variables("acme/crowd/many").flags
    keys = [one.key for one in flags if one.level != "instance"]
    assert sorted(keys) == sorted([f"OWN_{n}" for n in range(250)] + [f"GROUP_{n}" for n in range(120)])
    assert len(requests(org, "/graphql")) == 3


def test_no_request_for_variables_selects_a_value() -> None:
    """The query names keys and flags; a server that sends values all the same finds no field for them."""
    nodes = [{"key": "A", "value": "s3cret", "protected": True, "masked": True, "raw": False, "hidden": False}]
    connection = {"nodes": nodes, "pageInfo": {"hasNextPage": False, "endCursor": None}}
    data = {"project": {"ciVariables": connection, "inheritedCiVariables": None}, "ciVariables": None}
    with hostile(lambda _: reply(200, {"data": data})) as server:
        found = GitLabVariables(api(server.url)).variables("acme/x")
    assert "s3cret" not in repr(found)
    assert len(found.unreadable) == 2
    (asked,) = server.asked
    assert asked.method == "POST"
    assert asked.target == "/api/graphql"
    query = json.loads(asked.body)["query"]
    assert "value" not in query.lower()
    assert "mutation" not in query


def test_a_page_of_variables_that_goes_missing_is_not_an_end() -> None:
    """A second page that comes back null (a role lost meanwhile) must not pass for a complete list."""

    def answer(asked: Asked) -> bytes:
        first = json.loads(asked.body)["variables"]["own"] is None
        page = {"nodes": [], "pageInfo": {"hasNextPage": True, "endCursor": "x"}}
        own = page if first else None
        return reply(200, {"data": {"project": {"ciVariables": own, "inheritedCiVariables": None}}})

    with hostile(answer) as server, pytest.raises(TransientError):
        GitLabVariables(api(server.url)).variables("acme/x")
