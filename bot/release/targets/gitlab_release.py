"""The GitLab Release of the tag, with our block in its description and a link to every file."""

from __future__ import annotations

from bot.domain.gitlab import ReleaseLink, handed_back
from bot.domain.notes import NotesSource, NotesStrategy
from bot.domain.refs import RefKind
from bot.domain.releases import TargetState, TargetStatus
from bot.domain.report import ReleaseReport
from bot.ports.texts import Texts
from bot.release.actions import Action, AttachMilestones, CreateRelease, DescribeRelease, LinkRelease
from bot.release.facts import Facts, IndexFacts, Look, LookKind, Seen, Unreadable, Wanted
from bot.release.identity import released_files
from bot.release.notes_source import choose
from bot.release.retry import GiveUp, Later, next_try
from bot.release.targets import Assessment
from bot.release.targets.index import wheels_first

NAME = "gitlab_release"


def assess(wanted: Wanted, facts: Facts, texts: Texts, report: ReleaseReport) -> Assessment | Look:
    """Create it, or bring what people or the pipeline created up to date without touching their words.

    A branch has none: GitLab keeps Releases by tag, and making a tag is not ours to do.
    """
    if wanted.id.kind is RefKind.BRANCH:
        return Assessment(status=_status(facts, TargetState.SKIPPED, "a release from a branch has no tag"))
    if facts.changes is None:
        return Look(LookKind.CHANGES)
    if facts.release is None:
        return Look(LookKind.RELEASE)
    if isinstance(facts.release, Unreadable):
        return Assessment(status=_status(facts, TargetState.FAILED, facts.release.reason))
    source = choose(wanted, facts)
    if isinstance(source, Look):
        return source
    if facts.milestones is None and _has_milestones(facts):
        return Look(LookKind.MILESTONES)
    actions = _missing(wanted, facts, texts, report)
    if not actions:
        return Assessment(status=_status(facts, TargetState.DONE, f"notes from {source_words(source)}"))
    action = actions[0]
    step = next_try(facts.tries(NAME, action.item), asked=wanted.asked, now=facts.now)
    if isinstance(step, GiveUp) and isinstance(action, AttachMilestones):
        # A Release without its milestone is complete for all who want the package.
        reason = f"the milestone could not be attached: {step.reason}"
        return Assessment(status=_status(facts, TargetState.DONE, reason))
    if isinstance(step, GiveUp):
        return Assessment(status=_status(facts, TargetState.FAILED, step.reason))
    if isinstance(step, Later):
        return Assessment(status=_status(facts, TargetState.PENDING, step.reason), again=step.delay)
    return Assessment(status=_status(facts, TargetState.PENDING, f"to do: {action.words}"), actions=actions)


def _missing(wanted: Wanted, facts: Facts, texts: Texts, report: ReleaseReport) -> tuple[Action, ...]:
    assert isinstance(facts.release, Seen)
    there = facts.release.value
    links = _links(wanted, facts)
    tag = wanted.id.ref
    if there is None:
        return (CreateRelease(tag=tag, name=tag, description=texts.description(report, None), links=links),)
    actions: list[Action] = []
    description = texts.description(report, there.description)
    if handed_back(description) != handed_back(there.description):
        actions.append(DescribeRelease(tag=tag, description=description))
    names, urls = {link.name for link in there.links}, {link.url for link in there.links}
    # A link of our file's name that leads elsewhere is out of date: the index moved, or a job of the project made it.
    absent = (link for link in links if link.url not in urls)
    actions += [LinkRelease(tag=tag, link=link, moved=link.name in names) for link in absent]
    wished = facts.milestones.value if isinstance(facts.milestones, Seen) else ()
    titles = tuple(dict.fromkeys((*there.milestones, *wished)))
    if titles != there.milestones:
        actions.append(AttachMilestones(tag=tag, titles=titles))
    return tuple(actions)


def _has_milestones(facts: Facts) -> bool:
    """Whether the project may have one for this release: nobody is asked where all that is shipped has none."""
    changes = facts.changes.value if isinstance(facts.changes, Seen) else None
    return changes is not None and (not changes.merge_requests or any(one.milestone for one in changes.merge_requests))


def source_words(source: NotesSource) -> str:
    """What the notes are made from and why, for a person at a terminal."""
    words = {
        NotesStrategy.MERGE_REQUESTS: "merge requests",
        NotesStrategy.CONVENTIONAL: "commits",
        NotesStrategy.CHANGELOG_API: "GitLab's changelog",
        NotesStrategy.FILE: "the changelog file",
    }
    return f"{words.get(source.strategy, source.strategy.value)}: {source.reason}"


def _links(wanted: Wanted, facts: Facts) -> tuple[ReleaseLink, ...]:
    """One link per file and index; names and URLs are unique within a Release (GitLab, app/models/releases/link.rb)."""
    links: dict[str, ReleaseLink] = {}
    files = wheels_first(released_files(wanted, facts))
    for number, spec in enumerate(wanted.indexes):
        seen = facts.indexes.get(spec.name)
        if not isinstance(seen, Seen) or not isinstance(seen.value, IndexFacts):
            continue
        for file in files:
            listed = seen.value.lists(file)
            if listed is not None and listed.url not in links:
                name = file.filename if number == 0 else f"{file.filename} ({spec.name})"
                links[listed.url] = ReleaseLink(name=name, url=listed.url)
    return tuple(links.values())


def _status(facts: Facts, state: TargetState, reason: str) -> TargetStatus:
    attempts = sum(attempt.target == NAME for attempt in facts.attempts)
    return TargetStatus(name=NAME, state=state, reason=reason, attempts=attempts)
