"""What each field of the schema costs, by GitLab's formula.

A field without a resolver class costs 1, one more if it asks Gitaly, and its children. A field with a resolver costs
1 and its children, +1 for `sort`, +5 for `search`, +1 for Gitaly, and its own extras; as a connection all of that grows
by one percent for each row the page may have, cut to a whole number.
Source: app/graphql/types/base_field.rb, app/graphql/resolvers/base_resolver.rb and the resolvers named below.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from bot.sandbox.graphql.paging import PAGE_LIMIT

Arguments: TypeAlias = Mapping[str, object]
ROW_COST = 0.01


def _nothing(_: Arguments) -> int:
    return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """How a field is counted. `constant` replaces the formula, children are added to it.

    `sorted_by_default`: the resolver's `sort` argument has a default, which counts as sent.
    """

    resolver: bool = False
    connection: bool = False
    gitaly: bool = False
    sorted_by_default: bool = False
    constant: int | None = None
    extras: Callable[[Arguments], int] = _nothing

    def of(self, arguments: Arguments, children: int) -> int:
        """The field's score with its arguments and what is selected below it."""
        if self.constant is not None:
            return self.constant + children
        total = children + 1 + (1 if self.gitaly else 0)
        if not self.resolver:
            return total
        total += 1 if self.sorted_by_default or arguments.get("sort") is not None else 0
        total += 5 if arguments.get("search") is not None else 0
        total += self.extras(arguments)
        return int(total + total * self._rows(arguments) * ROW_COST) if self.connection else total

    @staticmethod
    def _rows(arguments: Arguments) -> int:
        if arguments.get("iid") is not None or arguments.get("iids") is not None:
            return 0
        asked = [value for value in (arguments.get("first"), arguments.get("last")) if isinstance(value, int)]
        return min([*asked, PAGE_LIMIT])


PLAIN = Cost()
_GITALY = Cost(gitaly=True)
_LIST = Cost(resolver=True, connection=True)
_SORTED_LIST = Cost(resolver=True, connection=True, sorted_by_default=True)


def _pipelines(arguments: Arguments) -> int:
    return sum(2 for name in ("ref", "sha") if arguments.get(name) is not None)


def _paths(arguments: Arguments) -> int:
    paths = arguments.get("paths")
    return len(paths) if isinstance(paths, list) else 0


COSTS: Mapping[tuple[str, str], Cost] = {
    ("Query", "projects"): _LIST,
    ("Query", "ciVariables"): _LIST,
    ("Project", "ciVariables"): _LIST,
    ("Project", "inheritedCiVariables"): _SORTED_LIST,
    # Source: app/graphql/resolvers/projects/branch_rules_resolver.rb; its score in 19.3 is that of a Gitaly call
    ("Project", "branchRules"): Cost(resolver=True, connection=True, gitaly=True),
    ("Project", "releases"): _SORTED_LIST,
    # Source: app/graphql/resolvers/concerns/resolves_pipelines.rb
    ("Project", "pipelines"): Cost(resolver=True, connection=True, extras=_pipelines),
    ("Project", "jobs"): _LIST,
    ("Project", "pipelineSchedules"): _LIST,
    ("Group", "ciVariables"): _LIST,
    # Source: app/graphql/resolvers/namespace_projects_resolver.rb
    ("Group", "projects"): Cost(resolver=True, connection=True, extras=lambda _: 10),
    ("Group", "descendantGroups"): _LIST,
    ("BranchRule", "isDefault"): _GITALY,
    # Source: app/graphql/types/repository_type.rb, app/graphql/types/repository/blob_type.rb
    ("Repository", "rootRef"): _GITALY,
    ("Repository", "empty"): _GITALY,
    ("Repository", "exists"): _GITALY,
    ("Repository", "tagCount"): _GITALY,
    ("Repository", "branchNames"): Cost(constant=170),
    # Source: app/graphql/resolvers/blobs_resolver.rb
    ("Repository", "blobs"): Cost(resolver=True, connection=True, gitaly=True, extras=_paths),
    # Source: app/graphql/resolvers/tree_resolver.rb, last_commit_resolver.rb
    ("Repository", "tree"): Cost(resolver=True, gitaly=True),
    ("Tree", "lastCommit"): Cost(resolver=True, gitaly=True),
    ("RepositoryBlob", "rawBlob"): _GITALY,
    ("RepositoryBlob", "rawTextBlob"): _GITALY,
}
"""Fields that do not cost 1."""


def cost_of(parent: str, field: str) -> Cost:
    """How the field of a type is counted."""
    return COSTS.get((parent, field), PLAIN)
