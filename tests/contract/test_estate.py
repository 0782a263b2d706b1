"""Sweeping an organisation: every place once, in few requests, and nothing that may not be seen passes for seen."""

from __future__ import annotations

from datetime import date

import pytest
from graphql import FieldNode, Visitor, parse, visit

from bot.adapters.ci.service import parse_ci
from bot.adapters.gitlab.estate import queries
from bot.domain.ci import CiFacts, CiUnknown
from bot.domain.errors import CredentialsError, RefusedError, TransientError
from bot.domain.estate import Access, ProjectFacts, ProjectSettings, Unread, Wishes
from bot.domain.gitlab import Level
from bot.sandbox.world.places import Project
from tests.contract.estate_parts import EVERYTHING, estate, groups, projects, sweep
from tests.contract.sandbox_org import LEVELS, Org

pytestmark = pytest.mark.usefixtures("calm")
SECRET = "NeverToBeSeenElsewhere-42"


def fleet(org: Org, group: str, number: int) -> list[Project]:
    """Projects of which the maintainer is one by the group."""
    made = [org.world.create_project(f"{group}/t{n % 3}/p{n:03}", files={"README.md": "x\n"}) for n in range(number)]
    org.world.add_member(org.world.groups[group], org.people["maintainer"], LEVELS["maintainer"])
    return made


def keys(facts: object) -> list[tuple[str, str, str]]:
    return [(one.key, one.level, one.owner) for one in facts.variables.flags]  # type: ignore[attr-defined]  # facts


@pytest.mark.parametrize("name", [name for name in dir(queries) if name.isupper() and not name.startswith("_")])
def test_no_query_asks_for_a_value(name: str) -> None:
    """Neither `value` nor anything that holds it is selected, and the text stays far below GitLab's limit."""
    asked: list[str] = []

    class Fields(Visitor):
        def enter_field(self, node: FieldNode, *_: object) -> None:
            asked.append(node.name.value)

    text = getattr(queries, name)
    visit(parse(text), Fields())
    assert asked
    assert "value" not in asked
    assert len(text) < 1000


def test_every_level_is_read_once_and_no_value_is_in_it(org: Org) -> None:
    """A project has its own variables and all above; each group and the instance come once, as places of their own."""
    made = fleet(org, "levels", 4)
    outer, inner = org.world.groups["levels"], org.world.groups["levels/t0"]
    org.world.set_variable(None, "INSTANCE_KEY", SECRET)
    org.world.set_variable(outer, "TWINE_USERNAME", SECRET, protected=True)
    org.world.set_variable(inner, "TWINE_PASSWORD", SECRET, masked=True, environment_scope="pypi")
    org.world.set_variable(made[0], "OWN_TOKEN", SECRET, hidden=True, raw=True, variable_type="file")
    found = sweep(org, "levels", who="admin")
    assert keys(projects(found)["levels/t0/p000"]) == [
        ("OWN_TOKEN", "project", "levels/t0/p000"),
        ("TWINE_PASSWORD", "group", "levels/t0"),
        ("TWINE_USERNAME", "group", "levels"),
        ("INSTANCE_KEY", "instance", org.url.partition("//")[2]),
    ]
    assert keys(projects(found)["levels/t1/p001"])[0] == ("TWINE_USERNAME", "group", "levels")
    assert {path: [one.key for one in facts.own] for path, facts in groups(found).items()} == {
        "levels": ["TWINE_USERNAME"],
        "levels/t0": ["TWINE_PASSWORD"],
    }
    assert [facts.level for facts in found].count(Level.INSTANCE) == 1
    own = projects(found)["levels/t0/p000"].own[0]
    assert (own.masked, own.hidden, own.raw, own.file, own.protected) == (True, True, True, True, False)
    assert SECRET not in repr(found)
    org.world.instance_variables.clear()


def test_what_the_role_may_not_read_is_unread(org: Org) -> None:
    """A Developer sees the project and none of its variables; the reason names the role that does."""
    found = sweep(org, "acme/tools/widget", who="developer")
    (facts,) = projects(found).values()
    assert facts.own == ()
    assert facts.unread is not None
    assert "Maintainer" in facts.unread.remedy
    assert "variables of the project" in {one.words for one in facts.variables.unreadable}
    (group,) = groups(found).values()
    assert group.full_path == "acme/tools"
    assert group.unread is not None
    assert next(one for one in found if one.level is Level.INSTANCE).unread is not None


def test_one_project_with_the_right_role_is_enough_to_see_its_group(org: Org) -> None:
    """Group variables are the group's: another project of it shows them."""
    made = [org.world.create_project(f"mixed/p{n}", files={"a": "b"}) for n in range(3)]
    org.world.set_variable(org.world.groups["mixed"], "PYPI_TOKEN", SECRET)
    for project, level in zip(made, (30, 40, 20), strict=True):
        org.world.add_member(project, org.people["maintainer"], level)
    found = sweep(org, "mixed")
    assert [one.key for one in groups(found)["mixed"].own] == ["PYPI_TOKEN"]
    seen = {path: (facts.unread is None, len(facts.variables.flags)) for path, facts in projects(found).items()}
    assert seen == {"mixed/p0": (False, 1), "mixed/p1": (True, 1), "mixed/p2": (False, 1)}


def test_a_few_hundred_projects_take_a_handful_of_requests(org: Org) -> None:
    """At most a request for forty projects, and twenty-five."""
    made = fleet(org, "many", 930)
    reads = estate(org)
    assert len(projects(sweep(org, "many/**", reads=reads))) == len(made)
    assert reads.requests() <= len(made) / 40 + 25
    assert reads.requests() <= 16
    assert reads.expected() == len(made)


def test_long_lists_are_read_to_their_end(org: Org) -> None:
    """More than a page of variables, in a project and in its group."""
    made = fleet(org, "long", 2)
    for number in range(350):
        org.world.set_variable(made[0], f"OWN_{number:03}", SECRET)
        org.world.set_variable(org.world.groups["long"], f"GROUP_{number:03}", SECRET)
    found = projects(sweep(org, "long"))
    assert len({one.key for one in found["long/t0/p000"].variables.flags}) == 700
    assert len({one.key for one in found["long/t1/p001"].variables.flags}) == 350


def test_targets_are_paths_patterns_ids_and_groups(org: Org) -> None:
    """What overlaps comes once; archived projects only by their own name."""
    made = fleet(org, "named", 9)
    made[0].archived = True
    every = {one.full_path for one in made[1:]}
    assert set(projects(sweep(org, "named"))) == every
    assert set(projects(sweep(org, "named/**"))) == every
    assert set(projects(sweep(org, "named/*/p00[1]", "named/t1/**"))) == {one for one in every if "/t1/" in one}
    assert set(projects(sweep(org, "named/t0", "named/t0/p003"))) == {"named/t0/p003", "named/t0/p006"}
    assert set(projects(sweep(org, str(made[4].id)))) == {made[4].full_path}
    assert set(projects(sweep(org, "named/t0/p000"))) == {"named/t0/p000"}
    assert every <= set(projects(sweep(org, "**")))
    for nothing in ("named/none", "none/**", "9999999"):
        with pytest.raises(RefusedError) as caught:
            sweep(org, nothing)
        assert caught.value.status == 404


def test_a_time_out_is_answered_by_smaller_pages(org: Org) -> None:
    """GitLab gives up on a page: it is asked for in halves, and nothing is missing in the end."""
    made = fleet(org, "slow", 120)
    fault = {"kind": "graphql_timeout", "fields": r"Project\.ciVariables", "times": 3, "skip": 2}
    org.control("POST", "faults", json=fault)
    reads = estate(org)
    found = projects(sweep(org, "slow", reads=reads))
    assert len(found) == len(made)
    assert all(facts.unread is None for facts in found.values())
    assert reads.requests() < 25


def test_what_never_answers_is_unread_and_hides_nobody(org: Org) -> None:
    """Every single project comes, with the reason why its variables are not known."""
    made = fleet(org, "stuck", 9)
    org.control(
        "POST", "faults", json={"kind": "graphql_timeout", "fields": r"Project\.ciVariables", "times": None, "skip": 0}
    )
    places = sweep(org, "stuck")
    found = projects(places)
    assert len(found) == len(made)
    unread = [facts.unread for facts in (*found.values(), *groups(places).values())]
    assert len(unread) > len(made), "nor are the variables that they inherit"
    assert all(one is not None and "Timeout" in one.what and "again" in one.remedy for one in unread), unread


def test_rate_limits_are_waited_out(org: Org) -> None:
    """Both kinds: as long as GitLab says, then on from where it was."""
    fleet(org, "limited", 60)
    for kind, seconds in (("throttled", 7), ("application_limit", 11)):
        org.control(
            "POST", "faults", json={"kind": kind, "path": "/graphql", "times": 1, "seconds": seconds, "skip": 2}
        )
        waits: list[float] = []
        assert len(projects(sweep(org, "limited", reads=estate(org, waits=waits)))) == 60
        assert sum(waits) >= seconds
        org.control("DELETE", "faults")


def test_a_limit_that_never_opens_ends_the_sweep(org: Org) -> None:
    """It says how long GitLab wants us to wait; nothing hangs."""
    org.control("POST", "faults", json={"kind": "throttled", "path": "/graphql", "times": None, "seconds": 7200})
    with pytest.raises(TransientError) as caught:
        sweep(org, "acme")
    assert caught.value.retry_after is not None


def test_a_bad_token_is_no_empty_organisation(org: Org) -> None:
    """401 ends the sweep by name."""
    org.tokens["nobody"] = "glpat-of-nobody-at-all"
    with pytest.raises(CredentialsError):
        sweep(org, "acme", who="nobody")


def test_access_is_read_as_gitlab_has_it(org: Org) -> None:
    """Settings, protected tags and branches, job tokens, schedules, triggers without their tokens, forwarding."""
    project = org.new_project("doors/p")
    org.world.protect_tag(project, "v*", 30)
    base = f"/projects/{project.id}"
    schedule = {"description": "nightly", "ref": "refs/heads/main", "cron": "0 1 * * *"}
    assert org.call("POST", f"{base}/pipeline_schedules", json=schedule).status_code == 201
    schedules = org.call("GET", f"{base}/pipeline_schedules").json()
    kept = {"key": "TWINE_PASSWORD", "value": "a-secret-of-a-schedule"}
    variables = f"{base}/pipeline_schedules/{schedules[0]['id']}/variables"
    assert org.call("POST", variables, json=kept).status_code == 201
    trigger = org.call("POST", f"{base}/triggers", json={"description": "deploy"}).json()
    made = [
        org.call("POST", f"{base}/{kind}", json={"name": "ci", "scopes": [scope], "expires_at": "2027-01-31"}).json()
        for kind, scope in (("access_tokens", "api"), ("access_tokens", "read_api"), ("deploy_tokens", "read_registry"))
    ]
    gone = org.call("POST", f"{base}/access_tokens", json={"name": "old", "scopes": ["api"]}).json()
    assert org.call("DELETE", f"{base}/access_tokens/{gone['id']}").status_code == 204
    org.call("PATCH", f"{base}/job_token_scope", json={"enabled": False})
    (facts,) = projects(sweep(org, "doors/p", wishes=EVERYTHING)).values()
    access = facts.access
    assert isinstance(access, Access)
    assert isinstance(access.settings, ProjectSettings)
    assert (access.settings.default_branch, access.settings.variables_role) == ("main", "maintainer")
    assert [(one.pattern, one.create) for one in access.tags] == [("v*", (30,))]  # type: ignore[union-attr]  # read
    assert [(one.pattern, one.push, one.force_push) for one in access.branches] == [("main", (40,), False)]  # type: ignore[union-attr]  # read
    assert (access.allowlist, access.forwards_pypi) == (False, True)
    (nightly,) = access.schedules  # type: ignore[misc]  # read
    assert (nightly.ref, nightly.keys) == ("refs/heads/main", ("TWINE_PASSWORD",))
    assert kept["value"] not in repr(facts)
    answers = org.control("GET", "requests").json()
    assert not [
        one
        for one in answers
        if one["path"].startswith("/api/v4/projects")
        and "/pipeline_schedules/" in one["path"]
        and one["method"] == "GET"
    ]
    assert [one.owner for one in access.triggers] == ["maintainer"]  # type: ignore[union-attr]  # read
    tokens = [*access.access_tokens, *access.deploy_tokens]  # type: ignore[misc]  # read
    assert sorted(one.id for one in tokens) == sorted(one["id"] for one in made)
    assert {one.expires_on for one in tokens} == {date(2027, 1, 31)}
    assert all(one["token"] not in repr(facts) for one in (trigger, gone, *made))


def test_access_that_is_refused_is_unread(org: Org) -> None:
    """A Developer's answers are in part Unread, never an empty list that looks in order."""
    (facts,) = projects(sweep(org, "acme/tools/widget", who="developer", wishes=EVERYTHING)).values()
    assert facts.access is not None
    tokens = (facts.access.access_tokens, facts.access.deploy_tokens)
    for part in (facts.access.tags, facts.access.allowlist, facts.access.triggers, *tokens):
        assert isinstance(part, Unread)
        assert "Maintainer" in part.remedy
    body = {"description": "nightly", "ref": "main", "cron": "0 1 * * *"}
    assert org.call("POST", "/projects/1/pipeline_schedules", json=body).status_code == 201
    (facts,) = projects(sweep(org, "acme/tools/widget", who="developer", wishes=EVERYTHING)).values()
    assert facts.access is not None
    assert [one.keys for one in facts.access.schedules] == [None]  # type: ignore[union-attr]  # read


def test_the_tokens_of_groups_are_read_once_for_all_their_projects(org: Org) -> None:
    """Of every group above, by those who may; the texts are nowhere, and who may not is told whose role could."""
    several = [org.new_project(f"keys/inner/p{number}") for number in range(3)]
    people = org.people
    for name in ("owner", "maintainer"):
        org.world.add_member(org.world.groups["keys"], people[name], 50 if name == "owner" else 40)
    made = [
        org.call("POST", f"/groups/{group}/{kind}", who="owner", json=row | {"name": "ci"}).json()
        for group, kind, row in (
            ("keys", "access_tokens", {"scopes": ["api"], "expires_at": "2027-01-31"}),
            ("keys%2Finner", "deploy_tokens", {"scopes": ["write_package_registry"]}),
        )
    ]
    org.control("DELETE", "requests")
    found = projects(sweep(org, "keys", who="owner", wishes=EVERYTHING))
    asked = [one["path"] for one in org.control("GET", "requests").json() if "/groups/" in one["path"]]
    assert len(asked) == 4
    assert len(found) == len(several)
    for facts in found.values():
        assert facts.access is not None
        inner, outer = facts.access.groups
        assert (inner.group, outer.group) == ("keys/inner", "keys")
        assert [one.id for one in outer.access_tokens] == [made[0]["id"]]  # type: ignore[union-attr]  # read
        assert [one.expires_on for one in inner.deploy_tokens] == [None]  # type: ignore[union-attr]  # read
        assert (inner.access_tokens, outer.deploy_tokens) == ((), ())
        assert all(one["token"] not in repr(facts) for one in made)
    (facts, *_) = projects(sweep(org, "keys", who="maintainer", wishes=EVERYTHING)).values()
    assert facts.access is not None
    unread = facts.access.groups[1].access_tokens
    assert isinstance(unread, Unread)
    assert unread.remedy.startswith("Owner of the group")


def test_a_ci_file_that_many_have_is_read_once(org: Org) -> None:
    """Blob ids first, in bulk; each text once; no file is None, one that may not be read is unknown."""
    same = [org.new_project(f"files/p{n}", {".gitlab-ci.yml": "a: {script: x}\n"}) for n in range(5)]
    org.new_project("files/other", {".gitlab-ci.yml": "longer: {script: [x, y]}\n"})
    org.new_project("files/none")
    big = org.new_project("files/big", {".gitlab-ci.yml": "#" * 1_100_000})
    wishes = Wishes(ci=lambda _: True, merged=lambda _: False, access=lambda _: False)
    reads = estate(org)
    found = projects(sweep(org, "files", wishes=wishes, reads=reads))
    lengths = {path: facts.ci.variables.get("LENGTH") for path, facts in found.items() if isinstance(facts.ci, CiFacts)}
    assert lengths == {**{one.full_path: "15" for one in same}, "files/other": "25"}
    assert found["files/none"].ci is None
    ci = found[big.full_path].ci
    assert isinstance(ci, CiUnknown)
    assert "larger" in ci.reason
    assert reads.requests() <= 7
    (hidden,) = projects(sweep(org, "files/p0", who="guest", wishes=wishes)).values()
    assert isinstance(hidden.ci, CiUnknown)


def test_a_project_that_goes_away_meanwhile_is_told(org: Org) -> None:
    """Its CI file is unknown, its access unread; the others are as they were."""
    made = fleet(org, "leaving", 3)
    gone: list[Project] = []

    def remove(facts: object) -> bool:
        if not gone:
            gone.append(made[0])
            org.world.remove_project(made[0])
        return True

    wishes = Wishes(ci=remove, merged=lambda _: False, access=lambda _: True)
    found = projects(sweep(org, "leaving", wishes=wishes))
    assert len(found) == 3
    left = found["leaving/t0/p000"]
    assert isinstance(left.ci, CiUnknown)
    assert left.access is not None
    assert isinstance(left.access.settings, Unread)
    assert found["leaving/t1/p001"].ci is None


MERGED = Wishes(
    ci=lambda _: True,
    merged=lambda facts: isinstance(facts.ci, CiFacts) and not facts.ci.whole,
    access=lambda _: False,
)
UPLOADS = "publish: {extends: .base}\n.base: {script: twine upload dist/*}\n"


def test_gitlab_is_asked_whether_it_takes_a_file(org: Org) -> None:
    """Its own first word, without what looks like a credential; a file that it does not answer about stays as read."""
    token = "glpat-" + "aB3dEfGh1JkLmN0pQrSt"
    org.new_project("taken/good", {".gitlab-ci.yml": UPLOADS})
    org.new_project("taken/wrong", {".gitlab-ci.yml": f"publish: {{script: twine upload dist/*, {token}: x}}\n"})
    wishes = Wishes(ci=lambda _: True, merged=lambda _: True, access=lambda _: False)

    def refused() -> dict[str, str]:
        found = projects(sweep(org, "taken", wishes=wishes))
        return {path: facts.ci.refused for path, facts in found.items() if isinstance(facts.ci, CiFacts)}

    said = refused()
    assert said["taken/good"] == ""
    assert said["taken/wrong"] == "jobs:publish config contains unknown keys: [hidden]"
    fault = {"kind": "status", "status": 403, "method": "GET", "path": "/ci/lint$", "times": None}
    org.control("POST", "faults", json=fault)
    assert refused() == {"taken/good": "", "taken/wrong": ""}


def linted(org: Org) -> list[str]:
    """The projects whose CI file GitLab was asked to merge."""
    ids = {str(one.id): one.full_path for one in org.world.projects.values()}
    asked = [one["path"] for one in org.control("GET", "requests", params={"path": "ci/lint"}).json()]
    return sorted(ids[path.split("/")[4]] for path in asked)


def publishers(facts: ProjectFacts) -> list[str]:
    ci = facts.ci
    assert isinstance(ci, CiFacts), ci
    assert ci.whole
    return [job.name for job in ci.jobs if job.publishes]


def test_what_hides_jobs_is_merged_once_for_the_same_blobs(org: Org) -> None:
    """GitLab puts includes and extends in; files of the project itself count by their blobs, however deep they are."""
    same = ".hidden: {script: [twine upload dist/*]}\npublish: {extends: .gone}\n"
    nested = {".gitlab-ci.yml": "include: /ci/a.yml\n", "ci/a.yml": "include: {local: ci/b.yml}\n"}
    for number in range(3):
        org.new_project(f"lint/p{number}", {".gitlab-ci.yml": same})
        org.new_project(f"lint/own{number}", {**nested, "ci/b.yml": UPLOADS, "README.md": str(number)})
    org.new_project("lint/own3", {**nested, "ci/b.yml": UPLOADS.replace("publish", "release")})
    org.new_project("lint/own4", nested)  # a file that is missing is a difference, too
    reads = estate(org, read_ci=parse_ci)
    org.control("DELETE", "requests")
    found = projects(sweep(org, "lint", wishes=MERGED, reads=reads))
    asked = linted(org)
    assert len(asked) == 4, asked
    assert sum(path.startswith("lint/p") for path in asked) == 1
    assert {"lint/own3", "lint/own4"} <= set(asked)
    broken = found["lint/p0"].ci
    assert isinstance(broken, CiFacts), "what stands in a file that GitLab refuses is there for all to see"
    assert (broken.whole, [job.name for job in broken.jobs]) == (False, ["publish"])
    assert "extends" in broken.refused
    assert broken.unmerged
    assert not found["lint/own4"].ci.whole  # type: ignore[union-attr]  # the file was read
    assert [publishers(found[f"lint/own{number}"]) for number in range(4)] == [["publish"]] * 3 + [["release"]]


@pytest.mark.parametrize("deep", [False, True])
def test_what_varies_from_project_to_project_is_merged_for_each(org: Org, deep: bool) -> None:
    """An include that names a variable, in the file itself or in one that it takes in."""
    group = f"varies{int(deep)}"
    names = "include: {local: 'ci/$CI_PROJECT_NAME.yml'}\n"
    for name, job in (("one", "publish"), ("two", "release")):
        files = {
            f"ci/{each}.yml": UPLOADS.replace("publish", word)
            for each, word in (("one", "publish"), ("two", "release"))
        }
        root = {".gitlab-ci.yml": "include: ci/all.yml\n", "ci/all.yml": names} if deep else {".gitlab-ci.yml": names}
        org.new_project(f"{group}/{name}", {**files, **root, "README.md": job})
    org.control("DELETE", "requests")
    list(sweep(org, group, wishes=MERGED, reads=estate(org, read_ci=parse_ci)))
    assert linted(org) == [f"{group}/one", f"{group}/two"]


def test_the_ci_file_is_read_where_the_settings_say_it_is(org: Org) -> None:
    """Another path, another project, another ref of it; one that cannot be read is unknown, with the reason."""
    text = "publish: {script: twine upload dist/*}\n"
    shared = org.new_project("moved/shared", {"ci/build.yml": text})
    first = shared.git.branch("main")
    assert first is not None
    org.world.commit(
        shared, "main", "Two jobs", {"ci/build.yml": text + text.replace("publish", "again")}, org.people["owner"]
    )
    hidden = org.world.create_project("hidden/shared", files={"ci.yml": text})
    paths = {
        "own": "deploy/ci.yml",
        "none": "deploy/ci.yml",
        "shared": "",
        "away": "ci/build.yml@moved/shared",
        "pinned": f"ci/build.yml@moved/shared:{first.commit}",
        "gone": "ci/none.yml@moved/shared",
        "secret": f"ci.yml@{hidden.full_path}",
        "url": "https://example.com/ci.yml",
    }
    for name, path in paths.items():
        files = (
            {"deploy/ci.yml": text, ".gitlab-ci.yml": "other: {script: echo}\n"}
            if name == "own"
            else {"README.md": "x\n"}
        )
        made = shared if name == "shared" else org.new_project(f"moved/{name}", files)
        made.settings.ci_config_path = path
    found = projects(sweep(org, "moved", wishes=MERGED, reads=estate(org, read_ci=parse_ci)))
    assert {name: found[f"moved/{name}"].ci_path for name in paths} == {**paths, "shared": ".gitlab-ci.yml"}
    assert publishers(found["moved/own"]) == publishers(found["moved/pinned"]) == ["publish"]
    assert publishers(found["moved/away"]) == ["publish", "again"]
    assert found["moved/none"].ci is None
    for name, why in (("gone", "no such file"), ("secret", "needs Reporter"), ("url", "URL")):
        ci = found[f"moved/{name}"].ci
        assert isinstance(ci, CiUnknown)
        assert why in ci.reason
