"""Looking after hooks, on the fakes: each place gets one of ours, and whatever refuses stops only itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.hooks import HookWish
from bot.domain.secrets import Secret
from bot.watch.hook_mending import Errand
from bot.watch.scope import Scope
from tests.contract.hook_bench import (
    CANNOT_LOOK,
    CHECK,
    GROUP,
    INSTALL,
    MISSING,
    OK,
    PLAIN,
    REPAIR,
    SIGNING,
    URL,
    WRONG_EVENTS,
    WRONG_SECRET,
    Bench,
    place_of,
)


@pytest.mark.parametrize("secret", [SIGNING, PLAIN], ids=["signing token", "secret token"])
def test_a_group_gets_one_hook_that_covers_its_projects(secret: Secret) -> None:
    """Installed once, however often; then it is what the check wants."""
    bench = Bench(secret=secret)
    assert bench.verdicts(CHECK) == {"acme": MISSING}
    assert bench.writes() == []
    report = bench.tend(INSTALL)
    assert [(row.place, row.verdict, row.actions) for row in report.rows] == [(GROUP, OK, ("make the hook",))]
    assert report.ready
    assert bench.writes() == ["create_hook"]
    assert bench.gitlab.secrets[bench.hook().id] == secret
    for errand in Errand:
        assert bench.verdicts(errand) == {"acme": OK}
    assert bench.writes() == []


def test_without_group_hooks_each_project_in_scope_gets_its_own() -> None:
    """404 on Free, 403 without the role Owner; projects out of scope and archived ones have none."""
    for status in (403, 404):
        bench = Bench(scope=Scope(groups=("acme",), projects=("else/d", "gone/x"), exclude=("acme/b",)))
        bench.gitlab.closed[GROUP.name] = status
        bench.projects.projects[1] = replace(bench.projects.projects[1], archived=True)
        assert bench.verdicts(INSTALL) == {"acme/tools/c": OK, "else/d": OK}
        assert bench.verdicts(REPAIR) == {"acme/tools/c": OK, "else/d": OK}
        assert bench.writes() == ["create_hook"] * 2


def test_a_group_that_may_be_looked_at_and_not_written_falls_back_to_its_projects() -> None:
    bench = Bench()
    bench.gitlab.barred[GROUP.name] = 403
    assert bench.verdicts(INSTALL) == {"acme/a": OK, "acme/b": OK, "acme/tools/c": OK}


def test_a_subgroup_is_asked_only_where_no_hook_above_covers_it() -> None:
    """`acme` covers all; without it, the subgroup may still have one, and the rest of the projects theirs."""
    bench = Bench(scope=Scope(groups=("acme/tools", "acme", "**")))
    bench.projects.member = {1, 4}
    assert bench.verdicts(INSTALL) == {"acme": OK, "else/d": OK}
    bench = Bench(scope=Scope(groups=("acme/tools", "acme")))
    assert bench.free().verdicts(INSTALL) == {"acme/tools": OK, "acme/a": OK, "acme/b": OK}


def test_a_project_that_refuses_is_named_and_the_others_go_on() -> None:
    """Without the role Maintainer: said so by project; the poll finds its tags."""
    bench = Bench().free()
    bench.gitlab.closed[place_of(2).name] = 403
    report = bench.tend(INSTALL)
    assert {row.place.path: row.verdict for row in report.rows} == {
        "acme/a": OK,
        "acme/b": CANNOT_LOOK,
        "acme/tools/c": OK,
    }
    assert "Maintainer" in next(row.remedy for row in report.rows if row.verdict is CANNOT_LOOK)
    assert not report.ready


def test_a_hook_that_is_refused_says_why() -> None:
    """422: GitLab may not call that address, or holds as many hooks as it allows."""
    bench = Bench().free()
    bench.gitlab.barred[place_of(1).name] = 422
    row = next(row for row in bench.tend(INSTALL).rows if row.place.path == "acme/a")
    assert row.verdict is MISSING
    assert "422" in row.reason
    assert "Outbound requests" in row.remedy


def test_a_dry_run_says_what_would_be_done_and_does_nothing() -> None:
    """It sends nothing but questions, and leaves no record of its own."""
    bench = Bench().free()
    bench.gitlab.create(place_of(2), HookWish(url=URL, secret=PLAIN))
    bench.writes()
    report = bench.tend(INSTALL, dry_run=True)
    assert {row.place.path: row.actions for row in report.rows} == {
        "acme/a": ("make the hook",),
        "acme/b": ("set its events and its secret",),
        "acme/tools/c": ("make the hook",),
    }
    assert not report.ready
    assert bench.writes() == []
    assert bench.records.rows == {}


def test_events_and_surplus_hooks_are_put_right() -> None:
    """Somebody switched tag pushes off and made the hook a second time: the oldest stays."""
    bench = Bench()
    bench.tend(INSTALL)
    oldest = bench.hook()
    bench.gitlab.there[GROUP.name][oldest.id] = replace(oldest, tag_push=False, verifies_tls=False)
    bench.gitlab.create(GROUP, HookWish(url=URL, secret=PLAIN))
    bench.writes()
    (row,) = bench.tend(CHECK).rows
    assert row.verdict is WRONG_EVENTS
    assert "tag push events" in row.reason
    assert "2 hooks have our address" in row.reason
    assert bench.verdicts(INSTALL) == {"acme": OK}
    assert bench.hook() == oldest
    assert bench.writes() == ["remove_hook", "correct_hook"]


def test_a_new_secret_is_set_in_every_hook_once() -> None:
    """GitLab shows no secret: a digest of the one we set last tells that it is another now."""
    bench = Bench().free()
    bench.tend(INSTALL)
    bench.secret = PLAIN
    bench.writes()
    assert set(bench.verdicts(CHECK).values()) == {WRONG_SECRET}
    assert set(bench.verdicts(INSTALL).values()) == {OK}
    assert bench.writes() == ["correct_hook"] * 3
    assert set(bench.gitlab.secrets.values()) == {PLAIN}
    bench.tend(REPAIR)
    assert bench.writes() == []
    assert PLAIN.reveal() not in repr(bench.records).replace(f"digest of {PLAIN.reveal()}", "")


def test_a_hook_that_a_person_made_gets_our_secret() -> None:
    """Which secret it has, nobody can know."""
    bench = Bench()
    bench.gitlab.create(GROUP, HookWish(url=URL, secret=Secret("whsec_another")))
    assert bench.verdicts(CHECK) == {"acme": WRONG_SECRET}
    assert bench.verdicts(INSTALL) == {"acme": OK}
    assert bench.gitlab.secrets[bench.hook().id] == SIGNING


def test_a_gitlab_that_signs_nothing_gets_no_hook_that_we_would_refuse() -> None:
    """Before 19.0 a signing token is ignored without a word: the hook would fail for ever."""
    bench = Bench()
    bench.gitlab.signs = False
    (row,) = bench.tend(INSTALL).rows
    assert row.verdict is MISSING
    assert "does not sign" in row.reason
    assert "whsec_" in row.remedy
    assert bench.gitlab.there[GROUP.name] == {}
