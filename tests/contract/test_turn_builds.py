"""The loop over a release that the bot builds itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bot.domain.errors import TransientError
from bot.domain.policy import Source
from bot.domain.releases import Release, ReleaseState
from bot.ports.builder import BuildOrder, Built
from bot.release.facts import Wanted
from tests.contract.turn_bench import ARCHIVE, Bench, planned
from tests.unit.release_facts import PROJECT, SHA, tag

TREE = b"the tree of the commit"


@dataclass(slots=True)
class BuildBench(Bench):
    """A project without any pipeline, built from source."""

    def wanted(self, release: Release) -> Wanted:
        """As policy has it for the source `build`."""
        wanted = super(BuildBench, self).wanted(release)
        rule = replace(wanted.rule, source=Source.BUILD, tags=("*v*",))
        return replace(wanted, id=release.id, rule=rule, source=Source.BUILD)


@pytest.fixture
def bench(tmp_path: Path) -> BuildBench:
    """The tree is there, and it builds."""
    bench = BuildBench(folder=tmp_path)
    bench.pipelines.rows[PROJECT.id] = ()
    bench.archives.trees[PROJECT.id, SHA] = TREE
    bench.builder.makes[TREE] = ARCHIVE
    return bench


def test_a_tag_without_a_pipeline_is_built_once_and_published(bench: BuildBench) -> None:
    """The pinned commit, the tag's version, the declared name; and no file is left of archive or build."""
    release = bench.to_the_end()
    assert release.state is ReleaseState.PUBLISHED, release.next
    assert bench.builder.asked == [BuildOrder(sha=SHA, version="1.1.0", name="acme-widget")]
    green = next(gate for gate in release.gates if gate.name == "pipeline_green")
    assert green.reason.endswith("and the bot builds without one")
    assert list(bench.folder.iterdir()) == []


@pytest.mark.parametrize("folder", ["acme-widget", "packages/acme-widget"])
def test_a_prefixed_tag_builds_the_package_that_it_names(bench: BuildBench, folder: str) -> None:
    """The folder whose metadata declares that name, though another package stands at the top."""
    ref = "acme-widget/v1.1.0"
    bench.refs.heads[PROJECT.id][ref] = replace(tag(), name=ref)
    bench.refs.texts[PROJECT.id, "pyproject.toml", SHA] = '[project]\nname = "acme-all"\n'
    bench.refs.texts[PROJECT.id, f"{folder}/pyproject.toml", SHA] = '[project]\nname = "Acme_Widget"\n'
    release = bench.to_the_end(planned(ref=ref))
    assert bench.builder.asked == [BuildOrder(sha=SHA, folder=folder, version="1.1.0", name="Acme_Widget")], (
        release.next
    )


def test_what_an_upload_may_have_begun_with_is_never_built_anew(bench: BuildBench) -> None:
    """The reply to the first upload is lost with the process: the next one sends the bytes that were kept."""
    bench.wire.lost["send"] = [TransientError(what="the process was killed", where="here")]
    bench.builder.makes[TREE] = ARCHIVE
    release = bench.to_the_end()
    assert release.state is ReleaseState.PUBLISHED
    assert len(bench.builder.asked) == 1


def test_bytes_that_are_lost_after_an_upload_stop_the_release(bench: BuildBench) -> None:
    """Another build would put other bytes beside what stands on an index."""
    bench.wire.before["send"] = [TransientError(what="reset", where="the index")]
    first = bench.turn(planned())
    while not bench.ledger.attempts(first.key):
        bench.clock.wait((first.due_at or bench.clock.now) - bench.clock.now)
        first = bench.turn(first)
    bench.distributions.kept.clear()
    release = bench.to_the_end(first)
    assert release.state in (ReleaseState.FAILED, ReleaseState.PARTIAL)
    assert "a new build makes other bytes" in (release.next or "")
    assert len(bench.builder.asked) == 1


@pytest.mark.parametrize(
    ("built", "way_out"),
    [
        (Built(files=None, problems=("The build ended with code 1: no",)), "Mend the project and push a new tag"),
        (Built(files=None, problems=("The build took longer than it may",), again=True), "Resume once that is mended"),
    ],
)
def test_a_build_that_fails_fails_the_release_with_its_words(bench: BuildBench, built: Built, way_out: str) -> None:
    bench.builder.makes[TREE] = built
    release = bench.to_the_end()
    assert release.state is ReleaseState.FAILED and bench.public_writes == []
    assert release.next is not None and built.problems[0] in release.next and way_out in release.next


def test_an_obstacle_and_a_missing_archive_are_told(bench: BuildBench) -> None:
    """Neither needs another commit."""
    bench.builder.stands_in_the_way = "Builds cannot be isolated here"
    assert "cannot be isolated here. Resume" in (bench.to_the_end().next or "")
    bench.builder.stands_in_the_way = ""
    del bench.archives.trees[PROJECT.id, SHA]
    assert "no archive of" in (bench.to_the_end().next or "")
