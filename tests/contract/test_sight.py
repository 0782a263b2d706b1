"""What a viewer may be told of a group, held against the words of the promise; and how often GitLab is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.tokens import Expiries
from bot.domain.versioning import NewHead
from bot.domain.views import ProjectFilter, ProjectRow, ProjectTally
from bot.web.dashboard.sight import Sight
from tests.contract.dashboard_bench import Member

NAMES = st.sampled_from(["a", "ab", "b"])
PATHS = st.lists(NAMES, min_size=2, max_size=4).map("/".join)


@dataclass
class Record:
    """Projects on record that nobody looks at but for their paths. See bot.ports.views.ProjectViews."""

    on_record: Mapping[int, str]

    def paths(self) -> Mapping[int, str]:
        return self.on_record

    def projects(self, wanted: ProjectFilter, after: str | None, limit: int) -> tuple[ProjectRow, ...]:
        raise NotImplementedError

    def project(self, project_id: int) -> ProjectRow | None:
        raise NotImplementedError

    def tally(self, projects: Sequence[ProjectRow]) -> Mapping[int, ProjectTally]:
        raise NotImplementedError

    def head(self, project_id: int) -> NewHead | None:
        raise NotImplementedError

    def group_tokens(self, groups: Sequence[str]) -> Mapping[str, Expiries]:
        raise NotImplementedError


@given(
    on_record=st.dictionaries(st.integers(1, 12), PATHS, max_size=8),
    mine=st.frozensets(st.integers(1, 14)),
    first=st.lists(st.integers(1, 14)),
)
def test_what_is_said_of_a_group_is_for_those_who_see_every_project_below_it(
    on_record: dict[int, str], mine: frozenset[int], first: list[int]
) -> None:
    member = Member(projects=mine)
    sight = Sight(member, Record(on_record))
    assert sight.projects(first) == mine & set(first)
    for group in ("", "a", "ab", "b", "a/a", "a/ab", "a/b/a", "none"):
        below = {id_ for id_, path in on_record.items() if not group or path.startswith(f"{group}/")}
        assert sight.place(None, group) is (bool(below) and below <= mine), group
    assert sight.all() == tuple(sorted(mine & on_record.keys()))
    assert [sight.project(id_) for id_ in sorted({*first, *on_record})] == [
        id_ in mine for id_ in sorted({*first, *on_record})
    ]
    assert sorted(member.asked) == sorted({*first, *on_record}), "once about each, and about nobody else's"
