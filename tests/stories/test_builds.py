"""The bot builds what it releases: from a tag without artifacts to files on two indexes, whatever comes between."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from bot.adapters.store.open import open_state
from bot.adapters.store.store import Store
from bot.domain.distributions import Distribution
from bot.domain.policy import Source
from bot.domain.releases import Receipt, ReleaseState
from bot.sandbox.world.places import Group
from tests.bounds import ONLY_IN_FULL
from tests.contract.builds import need_bubblewrap, wheelhouse
from tests.contract.hostile_builds import BACKEND, PYPROJECT
from tests.stories.bot import Bot, alive
from tests.stories.town import TAG, VERSION, Package, Town
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.chaos, ONLY_IN_FULL]  # the time of `make test` is bounded

CI = "check: {rules: [{if: $CI_COMMIT_TAG}], script: ['true']}\n"
FLIT = """\
[build-system]
requires = ["flit_core>=3.11"]
build-backend = "flit_core.buildapi"

[project]
name = "{name}"
version = "1.1.0"
description = "Built for a story"
readme = "README.md"
requires-python = ">=3.9"
"""


@pytest.fixture
def bot(bot: Bot) -> Bot:
    """A bot whose rule says `source: build`."""
    need_bubblewrap()
    bot.config["build"] = {"wheelhouse": str(wheelhouse()), "time": "30s", "memory": "512MiB", "disk": "128MiB"}
    bot.config["releases"][0] |= {"source": "build", "tags": ["v1.1.*"]}
    return bot


def _flit(town: Town, group: Group) -> Package:
    """A project that flit builds, with no job that makes files."""
    package = town.package(group, files={}, ci=CI, changes=2)
    name = package.name
    package.commit({"pyproject.toml": FLIT.format(name=name), "README.md": "# It\n", f"{name}.py": '"""It."""\n'})
    return package


def _own(town: Town, group: Group, attack: str = "pass") -> Package:
    """A project with a backend of its own."""
    package = town.package(group, files={}, ci=CI)
    _change(
        package, {"pyproject.toml": PYPROJECT, "evil.py": BACKEND.format(attack=f"    {attack}\n"), "target.py": ""}
    )
    return package


def _change(package: Package, files: dict[str, str | None]) -> None:
    """Commit files written for a project called widget."""
    package.commit({path: text and text.replace("widget", package.name) for path, text in files.items()})


def _tagged(package: Package) -> None:
    package.tag()
    package.pipeline_over()


def _digests(package: Package) -> dict[str, str]:
    """sha256 of each file in the project's registry, of its bytes."""
    files = [file for one in package.project.packages.values() for file in one.files.values()]
    return {file.file_name: hashlib.sha256(file.stored.read_bytes()).hexdigest() for file in files}


def _kept(bot: Bot) -> tuple[Distribution, ...]:
    """What the bot has kept of its one release."""
    store = Store(open_state(bot.state), str)
    try:
        (release,) = store.releases.releases()
        return store.kept.files(release.key)
    finally:
        store.close()


def test_a_tag_is_built_published_and_proven(bot: Bot, town: Town, group: Group) -> None:
    """A plan builds and writes nothing; apply publishes two files to each index, a Release and the notes, once."""
    package = _flit(town, group)
    _tagged(package)
    before = town.mark()

    planned = bot.release("plan", package.target)
    assert (planned.code, planned.json["source"]) == (0, "build"), planned.err
    assert [action["would"].split()[0] for action in planned.json["actions"][:4]] == ["upload"] * 4
    assert town.writes(before) == []
    package.untouched()

    applied = bot.release("apply", package.target)
    assert (applied.code, applied.json["state"]) == (0, "published"), applied.json["next"]
    assert (applied.json["source"], applied.json["source_reason"]) == ("build", "policy asks for build")
    names = [f"{package.name}-{VERSION}-py3-none-any.whl", f"{package.name}-{VERSION}.tar.gz"]
    assert package.registry() == package.index() == names
    assert [one.tag for one in package.releases()] == [TAG]
    assert {iid: len(notes) for iid, notes in package.notes().items()} == dict.fromkeys(package.merged, 1)
    assert {file.job_id for file in _kept(bot)} == {None}
    assert bot.run("doctor", "--format", "json").json["checks"][-1]["name"] == "builds"


def test_killed_while_it_builds_it_builds_again(bot: Bot, town: Town, group: Group) -> None:
    """Nothing of the first build outlives the daemon, and the next daemon ends the release."""
    package = _own(town, group, "pass")  # its environment alone takes far longer to make than we take to look
    package.tag()
    bot.config["watch"] |= {"since": "all"}
    with bot.serving() as daemon:
        until(lambda: any(_runs(pid, b"/front/programs/make.py") for pid in daemon.family()))
        below = daemon.kill()
    until(lambda: not any(alive(pid) for pid in below), 20)
    package.untouched()

    with bot.serving():
        (release,) = bot.ended()
    assert (release.state, release.source) == (ReleaseState.PUBLISHED, Source.BUILD), release.next
    assert (
        package.registry()
        == package.index()
        == [f"{package.name}-1.1.0-py3-none-any.whl", f"{package.name}-1.1.0.tar.gz"]
    )


@pytest.mark.chaos
@ONLY_IN_FULL
def test_what_was_built_before_the_first_upload_is_what_all_indexes_get(bot: Bot, town: Town, group: Group) -> None:
    """Every build of this project makes other bytes; the daemon dies with the first upload's answer."""
    package = _own(town, group, "loot(os.urandom(16))")
    _tagged(package)
    path = f"/projects/{package.project.id}/packages/pypi$"
    town.fault(kind="hold", method="POST", path=path, after_effect=True)
    bot.config["watch"] |= {"since": "all"}
    with bot.serving() as daemon:
        until(lambda: town.control("GET", "held", params={"wait": 30}).json(), 90)
        daemon.kill()
    town.control("POST", "held/release", json={"reset": True})
    first, built = _digests(package), {file.filename: file.sha256 for file in _kept(bot)}
    assert len(first) == 1 and first.items() <= built.items()

    with bot.serving():
        (release,) = bot.ended()
    assert release.state is ReleaseState.PUBLISHED, release.next
    assert _digests(package) == built
    assert {receipt.sha256 for receipt in _uploads(bot)} == set(built.values())
    assert sorted(package.index()) == sorted(built)


HONEST = BACKEND.format(attack="    pass\n")
TWO = (
    HONEST.replace("widget-1.1.0-py3", "widget-1.2.0-py3")
    .replace('"widget-1.1.0.dist-info/"', '"widget-1.2.0.dist-info/"')
    .replace('"METADATA", META', '"METADATA", META.replace("1.1.0", "1.2.0")')
)
HUGE = BACKEND.format(attack="    open('/build/huge', 'wb').write(bytes(200 << 20))\n")
STOPS: tuple[tuple[dict[str, str | None], int, str], ...] = (
    ({"evil.py": TWO}, 5, "widget-1.2.0-py3-none-any.whl says 1.2.0"),
    ({"evil.py": HUGE}, 20, "wrote more than build.disk allows (128 MiB)"),
    ({"pyproject.toml": None}, 20, "does not appear to be a Python project"),
)


def test_what_cannot_be_built_is_told_and_nothing_is_published(bot: Bot, town: Town, group: Group) -> None:
    """Each with its exit code and its reason, and the merge requests hear of it."""
    package = _own(town, group)
    for number, (files, code, words) in enumerate(STOPS):
        _change(package, files)
        words = words.replace("widget", package.name)
        tag = f"v1.1.{number}"
        package.tag(tag)
        package.pipeline_over()
        applied = bot.release("apply", f"{package.project.full_path}@{tag}")
        assert applied.code == code, (words, applied.json)
        assert words in applied.json["next"], applied.json["next"]
        distributions = applied.json["targets"][0]
        assert code == 5 or (distributions["name"], distributions["state"]) == ("distributions", "failed")
    package.untouched()
    assert len(package.notes()[1]) == 1


def _uploads(bot: Bot) -> list[Receipt]:
    store = Store(open_state(bot.state), str)
    try:
        (release,) = store.releases.releases()
        return [receipt for receipt in store.ledger.receipts(release.key) if receipt.target.startswith("index:")]
    finally:
        store.close()


def _runs(pid: int, what: bytes) -> bool:
    try:
        return what in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
