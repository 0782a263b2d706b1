"""Records as GraphQL nodes: dicts whose callables are resolved only when a query selects them.

A field the viewer has no right to is null, without an error.
"""

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from graphql import GraphQLError

from bot.sandbox.git.repository import Commit
from bot.sandbox.graphql import records
from bot.sandbox.graphql.paging import Info, Node, connection
from bot.sandbox.world import access
from bot.sandbox.world.clock import stamp
from bot.sandbox.world.people import Level, User
from bot.sandbox.world.places import Group, Project
from bot.sandbox.world.settings import ProtectedBranch
from bot.sandbox.world.starts import Schedule
from bot.sandbox.world.world import World


class Nodes:
    """Builds nodes for one viewer."""

    def __init__(self, world: World, viewer: User | None) -> None:
        self.world = world
        self.viewer = viewer
        self._called: set[str] = set()

    def _once(self, field: str) -> None:
        """Fields that one query may ask of one project. Source: lib/gitlab/graphql/limit/field_call_count.rb.

        Raises: GraphQLError.
        """
        if field in self._called:
            raise GraphQLError(f'"{field}" field can be requested only for 1 Project(s) at a time.')
        self._called.add(field)

    def project(self, one: Project) -> Node:
        """A project the viewer sees."""

        def guarded(least: Level) -> bool:
            return access.project_level(self.viewer, one) >= least

        def ci_variables(_: Info, **arguments: object) -> Node | None:
            return records.variables("Ci::Variable", one.variables, arguments) if guarded(Level.MAINTAINER) else None

        def inherited(_: Info, **arguments: object) -> Node | None:
            if not guarded(Level.MAINTAINER):
                return None
            rows = [(group, each) for group in one.namespace.lineage() for each in list(group.variables)]
            column, direction = str(arguments["sort"]).rsplit("_", 1)
            rows.sort(key=lambda row: (row[1].key if column == "KEY" else "", row[1].id), reverse=direction == "DESC")
            return connection(
                rows,
                arguments,
                lambda row: row[1].id,
                lambda row: (
                    records.variable("Ci::GroupVariable", row[1])
                    | {
                        "groupName": row[0].name,
                        "groupCiCdSettingsPath": f"/groups/{row[0].full_path}/-/settings/ci_cd",
                    }
                ),
            )

        def branch_rules(_: Info, **arguments: object) -> Node | None:
            return self._branch_rules(one, arguments) if guarded(Level.MAINTAINER) else None

        def releases(_: Info, **arguments: object) -> Node:
            column, direction = str(arguments["sort"]).rsplit("_", 1)
            by_creation = column == "CREATED"
            rows = sorted(
                one.releases.values(),
                key=lambda each: each.created_at if by_creation else each.released_at,
                reverse=direction == "DESC",
            )
            return connection(rows, arguments, lambda each: each.tag, records.release)

        def pipelines(_: Info, **arguments: object) -> Node | None:
            runner = self.world.activity.pipelines
            if runner is None or not access.can_read_code(self.viewer, one):
                return None
            rows = [
                pipe
                for pipe in runner.pipelines(one.id)
                if arguments.get("ref") in (None, pipe.ref)
                and arguments.get("sha") in (None, pipe.sha)
                and arguments.get("status") in (None, pipe.status.upper())
            ]
            return connection(rows, arguments, lambda pipe: pipe.id, records.pipeline)

        def jobs(_: Info, **arguments: object) -> Node | None:
            self._once("jobs")
            runner, statuses = self.world.activity.pipelines, arguments.get("statuses")
            if runner is None or not access.can_read_code(self.viewer, one):
                return None
            wanted = {str(each).lower() for each in statuses} if isinstance(statuses, list) else None
            rows = [job for job in runner.project_jobs(one.id) if wanted is None or job.status in wanted]
            return connection(rows, arguments, lambda job: job.id, records.job)

        def schedules(_: Info, **arguments: object) -> Node | None:
            self._once("pipelineSchedules")
            if not guarded(Level.REPORTER):
                return None
            status = arguments.get("status")
            rows = [
                each for each in one.schedules.values() if status in (None, "ACTIVE" if each.active else "INACTIVE")
            ]
            return connection(rows, arguments, lambda each: each.id, lambda each: self._schedule(one, each))

        return {
            "id": f"gid://gitlab/Project/{one.id}",
            "maxAccessLevel": {"integerValue": int(access.project_level(self.viewer, one))},
            "fullPath": one.full_path,
            "name": one.name,
            "path": one.path,
            "nameWithNamespace": f"{one.namespace.full_path.replace('/', ' / ')} / {one.name}",
            "description": one.description,
            "webUrl": f"{self.world.url}/{one.full_path}",
            "archived": one.archived,
            "visibility": one.visibility,
            "topics": list(one.topics),
            "createdAt": stamp(one.created_at),
            "lastActivityAt": stamp(one.last_activity_at),
            "ciConfigPathOrDefault": one.ci_config_path,
            "group": lambda _: self.group(one.namespace),
            "namespace": lambda _: self.group(one.namespace),
            "repository": lambda _: self._repository(one) if access.can_read_code(self.viewer, one) else None,
            "ciVariables": ci_variables,
            "inheritedCiVariables": inherited,
            "branchRules": branch_rules,
            "releases": releases,
            "pipelines": pipelines,
            "jobs": jobs,
            "pipelineSchedules": schedules,
        }

    def _schedule(self, project: Project, one: Schedule) -> Node:
        """Its variables are there for Maintainers and its owner; for others the list is empty, without a word.

        Source: app/graphql/types/ci/pipeline_schedule_variable_type.rb, app/policies/ci/pipeline_schedule_policy.rb.
        """
        level = access.project_level(self.viewer, project)
        seen = level >= Level.MAINTAINER or (self.viewer is one.owner and level >= Level.DEVELOPER)

        def kept(_: Info, **arguments: object) -> Node:
            return connection(
                list(enumerate(one.variables)) if seen else [], arguments, lambda row: row[0], records.kept
            )

        return records.schedule(one) | {"variables": kept}

    def _branch_rules(self, one: Project, arguments: dict[str, object]) -> Node:
        def show(rule: ProtectedBranch | None) -> Node:
            if rule is None:
                return {"name": "All branches", "isDefault": False, "isProtected": False, "branchProtection": None}
            return {
                "name": rule.name,
                "isDefault": rule.name == one.default_branch,
                "isProtected": True,
                "branchProtection": {"allowForcePush": rule.allow_force_push},
            }

        rows: list[ProtectedBranch | None] = [None, *one.protected_branches]
        return connection(rows, arguments, lambda rule: rule.id if rule else 0, show)

    def _repository(self, one: Project) -> Node:
        def blobs(_: Info, **arguments: object) -> Node:
            sha = one.git.resolve(str(arguments.get("ref") or one.default_branch))
            paths = arguments["paths"]
            found = []
            for path in paths if isinstance(paths, list) and sha else []:
                blob = one.git.blob(sha, path) if sha else None
                if blob is not None:
                    found.append((path, *blob))
            return connection(found, arguments, lambda row: row[0], lambda row: records.blob(*row))

        def branch_names(_: Info, *, searchPattern: str, offset: int, limit: int) -> list[str]:  # noqa: N803  # GraphQL's name
            names = [ref.name for ref in one.git.branches() if fnmatchcase(ref.name, searchPattern)]
            return names[offset : offset + limit]

        def tree(_: Info, *, path: str, ref: str | None = None) -> Node | None:
            sha = one.git.resolve(ref or one.default_branch)
            newest = one.git.log(sha, options=("--max-count=1",), paths=(path,) if path else ()) if sha else []
            return {"lastCommit": self._commit(newest[0]) if newest else None} if sha else None

        return {
            "tree": tree,
            "rootRef": None if one.git.empty() else one.default_branch,
            "empty": one.git.empty(),
            "exists": True,
            "tagCount": lambda _: len(one.git.tags()),
            "branchNames": branch_names,
            "blobs": blobs,
        }

    def _commit(self, one: Commit) -> Node:
        """A commit; its author is whoever has the address, public or not. Source: app/models/commit.rb, `author`."""
        email = one.author_email.lower()
        whose = (user for user in self.world.users.values() if email in map(str.lower, (user.email, *user.more_emails)))
        author = next(whose, None)
        return {
            "id": f"gid://gitlab/Commit/{one.id}",
            "sha": one.id,
            "title": one.title,
            "authorName": one.author_name,
            "authorEmail": one.author_email,
            "committerName": one.committer_name,
            "committerEmail": one.committer_email,
            "author": None if author is None else records.user(self.world, author),
        }

    def note(self, gid: str) -> Node | None:
        """A note the viewer sees. One that was never edited was edited by nobody, and last when it was last touched.

        Source: app/models/note.rb, `last_edited_at` and `edited?`.
        """
        number = gid.removeprefix("gid://gitlab/Note/")
        for project in list(self.world.projects.values()):
            requests, issues = list(project.merge_requests.values()), list(project.issues.values())
            for notes in (*(one.notes for one in requests), *(one.notes for one in issues)):
                one = notes.get(int(number)) if number.isdigit() else None
                if one is not None:
                    seen = access.can_see(self.viewer, project)
                    least = Level.REPORTER if one.internal else Level.NONE
                    good = seen and access.project_level(self.viewer, project) >= least
                    return records.note(self.world, one) if good else None
        return None

    def group(self, one: Group) -> Node:
        """A group the viewer sees."""

        def ci_variables(_: Info, **arguments: object) -> Node | None:
            if access.group_level(self.viewer, one) < Level.OWNER:
                return None
            return records.variables("Ci::GroupVariable", one.variables, arguments)

        def projects(_: Info, **arguments: object) -> Node:
            groups = list(one.tree()) if arguments.get("includeSubgroups") else [one]
            search = str(arguments.get("search") or "").lower()
            archived = bool(arguments.get("includeArchived"))
            return self.projects(
                [each for group in groups for each in list(group.projects)],
                arguments,
                keep=lambda each: (archived or not each.archived) and search in each.name.lower(),
            )

        def descendants(_: Info, **arguments: object) -> Node:
            search = str(arguments.get("search") or "").lower()
            rows = [
                each
                for each in one.tree()
                if each is not one and search in each.name.lower() and access.can_see(self.viewer, each)
            ]
            return connection(rows, arguments, lambda each: each.id, self.group)

        return {
            "id": f"gid://gitlab/Group/{one.id}",
            "fullPath": one.full_path,
            "name": one.name,
            "path": one.path,
            "description": one.description,
            "visibility": one.visibility,
            "webUrl": f"{self.world.url}/groups/{one.full_path}",
            "parent": lambda _: self.group(one.parent) if one.parent else None,
            "packageSettings": {"pypiPackageRequestsForwarding": one.forwards_pypi},
            "ciVariables": ci_variables,
            "projects": projects,
            "descendantGroups": descendants,
        }

    def projects(
        self, rows: Iterable[Project], arguments: dict[str, object], *, keep: Callable[[Project], bool]
    ) -> Node:
        """A connection of the projects to `keep` that the viewer sees, newest first."""
        ordered = sorted(rows, key=lambda one: one.id, reverse=True)
        viewer = self.viewer
        return connection(
            ordered,
            arguments,
            lambda one: one.id,
            self.project,
            keep=lambda one: keep(one) and access.can_see(viewer, one),
        )
