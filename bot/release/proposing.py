"""Propose the next release as a merge request: look, decide, and do what is missing, each effect once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.domain.changelog import unreleased_of
from bot.domain.errors import PutOffError, RefusedError, TransientError
from bot.domain.gitlab import handed_back
from bot.domain.notes import NotesPolicy
from bot.domain.proposals import Head, Move, NewCommit, Proposal, ReleaseDraft, Words
from bot.domain.refs import Project
from bot.domain.release_files import METADATA, day_of, with_section, with_version
from bot.ports.proposals import RequestTexts
from bot.release.requests import BRANCH, MARKER, NEXT
from bot.release.tagging import NextTag, Tagger


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What became of it. `state` is nothing, merged, open, planned, opened, updated, declined, changed or taken;
    `tag` is what is proposed, `files` are the texts of it.
    """

    state: str
    reason: str
    done: bool
    tag: str | None = None
    url: str = ""
    files: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What GitLab shows: the files at the target's head, our branch, and the merge requests from it.

    `sealed` is the tag that the branch proposes, None where that is not the bot's doing; `behind` says that it has to
    stand on the target's newest commit to be merged, and does not.
    """

    target: str
    sha: str
    files: Mapping[str, str]
    head: Head | None
    sealed: str | None
    behind: bool
    proposed: Mapping[str, str]
    requests: tuple[Proposal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """What is to be proposed: the tag, the files as the release has them, and what is said."""

    tag: str
    files: Mapping[str, str]
    words: Words


@dataclass(frozen=True, slots=True, kw_only=True)
class _Steps:
    """What is missing between what GitLab shows and what is to be proposed."""

    commit: bool
    opened: Proposal | None
    words: bool

    @property
    def any(self) -> bool:
        return self.commit or self.opened is None or self.words


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseProposer:
    """Proposes releases of the projects whose policy has merge requests approve them."""

    tagger: Tagger
    texts: RequestTexts
    clock: Callable[[], datetime]

    def propose(self, project: Project, *, dry_run: bool) -> Request:
        """Make what is missing, or with `dry_run` only say it. Raises: TransientError, RefusedError."""
        rule, versioning = self.tagger.rule(project)
        if not versioning.merge_request:
            what = f"policy does not let the bot propose releases of {project.full_path}"
            remedy = "Add `merge_request: true` to `versioning` of its rule, or run `ropewalk release tag`"
            raise RefusedError(what=what, where=self.tagger.where, remedy=remedy, status=403)
        merged = self.tagger.approved(project)
        if merged.name is not None and not merged.made:
            reason = f"{merged.reason}; `ropewalk release tag` makes {merged.name}"
            return Request(state="merged", reason=reason, done=True, tag=merged.name, files={})
        wanted = self.tagger.next(project)
        if wanted.name is None or wanted.made or wanted.changes is None:
            return Request(state="nothing", reason=wanted.reason, done=True, files={})
        target = self.tagger.branch(project, versioning).name
        seen = self._look(project, rule.notes, target, wanted)
        wish = self._drafted(project, rule.notes, seen, wanted)
        return self._done(project, seen, wish, dry_run=dry_run)

    def _look(self, project: Project, notes: NotesPolicy, target: str, wanted: NextTag) -> _Seen:
        requests = self.tagger.requests
        head = requests.branches.head(project.id, BRANCH)
        proposed = {} if head is None else requests.files(project, head.sha, notes.file)
        return _Seen(
            target=target,
            sha=wanted.sha,
            files=requests.files(project, wanted.sha, notes.file),
            head=head,
            sealed=requests.tag_of(project, head, notes.file),
            behind=head is not None and head.parents != (wanted.sha,) and requests.branches.linear(project.id),
            proposed=proposed,
            requests=requests.proposals.of_branch(project.id, BRANCH),
        )

    def _drafted(self, project: Project, notes: NotesPolicy, seen: _Seen, wanted: NextTag) -> _Wish:
        """The files as the release has them, and what is said. Raises: RefusedError where they cannot be changed."""
        assert wanted.name is not None and wanted.changes is not None, "the caller looked"
        if not notes.file.lower().endswith((".md", ".markdown")):
            what, remedy = f"{notes.file} is not Markdown, so no section is written in it", "Name another `notes.file`"
            raise RefusedError(what=what, where=project.full_path, remedy=remedy)
        text, version = seen.files.get(notes.file), wanted.version
        draft = ReleaseDraft(
            project=project,
            notes=notes,
            tag=wanted.name,
            version=version,
            sha=wanted.sha,
            changes=wanted.changes,
            unreleased=None if text is None else unreleased_of(text),
        )
        entry = self.texts.entry(draft)
        # A day that passes changes nothing: the section keeps the day on which it was proposed.
        day = day_of(seen.proposed.get(notes.file), version) or self.clock().date()
        files = {notes.file: with_section(text, version, day, entry)}
        metadata = seen.files.get(METADATA)
        if metadata is not None:
            raised = with_version(metadata, version)
            if raised is None:
                what, remedy = f"the version in {METADATA} cannot be raised safely", "Write it on a line of its own"
                raise RefusedError(what=what, where=project.full_path, remedy=remedy)
            files[METADATA] = raised
        if files == seen.files:
            what = f"{' and '.join(files)} of {project.full_path} say {version} already, so nothing is left to propose"
            raise RefusedError(what=what, where=self.tagger.where, remedy=f"Tag {wanted.name} by hand")
        words = self.texts.words(draft, entry=entry, marker=MARKER)
        return _Wish(tag=wanted.name, files=files, words=words)

    def _done(self, project: Project, seen: _Seen, wish: _Wish, *, dry_run: bool) -> Request:
        tag, files = wish.tag, wish.files
        objection = self._objection(seen, wish.words)
        if objection is not None:
            state, reason, url = objection
            return Request(state=state, reason=reason, done=False, tag=tag, url=url, files=files)
        steps = _steps(seen, wish)
        url = "" if steps.opened is None else steps.opened.web_url
        if not steps.any:
            assert steps.opened is not None, "else it would have to be opened"
            reason = f"!{steps.opened.iid} proposes {tag} already"
            return Request(state="open", reason=reason, done=True, tag=tag, url=url, files=files)
        if dry_run:
            reason = f"{'open' if steps.opened is None else 'update'} a merge request that proposes {tag}"
            return Request(state="planned", reason=reason, done=True, tag=tag, url=url, files=files)
        if steps.commit:
            self._commit(project, seen, wish)
        if steps.opened is None:
            url = self._open(project, seen.target, wish.words)
            return Request(state="opened", reason=f"proposed {tag}", done=True, tag=tag, url=url, files=files)
        if steps.words:
            self._update(project, seen.target, steps.opened, wish.words)
        return Request(state="updated", reason=f"proposes {tag} now", done=True, tag=tag, url=url, files=files)

    def _objection(self, seen: _Seen, words: Words) -> tuple[str, str, str] | None:
        """State, reason and address where people have to act first."""
        is_ours = self.tagger.requests.is_ours
        for one in seen.requests:
            if one.state == "opened" and not (is_ours(one) and one.target_branch == seen.target):
                return "taken", f"!{one.iid} from the branch {BRANCH} is not the bot's", one.web_url
        newest = seen.requests[0] if seen.requests else None
        if seen.head is not None and seen.sealed is None:
            reason = f"somebody else pushed to the branch {BRANCH}; delete it, then run this again"
            return "changed", reason, "" if newest is None else newest.web_url
        # GitLab closes what loses its branch: only where the branch is still there was it a person who said no.
        if newest is not None and newest.state == "closed" and newest.title == words.title and seen.head is not None:
            reason = f"!{newest.iid} was closed without being merged; reopen it if it is wanted"
            return "declined", reason, newest.web_url
        return None

    def _commit(self, project: Project, seen: _Seen, wish: _Wish) -> None:
        """Our branch as one commit on the target; one that is there is moved only from where it was seen, or, where
        GitLab takes no push from us, reset right after another look.
        """
        requests = self.tagger.requests
        direct = seen.head is None or not requests.pushes.taken(project)
        commit = NewCommit(
            branch=BRANCH if direct else NEXT,
            parent=seen.sha,
            new=seen.head is None,
            message=f"{wish.words.subject}\n\n{requests.trailer(project, wish.tag, seen.sha, wish.files)}\n",
            files={path: text for path, text in wish.files.items() if seen.files.get(path) != text},
            known=frozenset(seen.files),
            reset=seen.head is not None,
        )
        if seen.head is not None and requests.branches.head(project.id, BRANCH) != seen.head:
            raise self._elsewhere()
        made = self._made(project, commit)
        if seen.head is not None and not direct:
            self._moved(project, seen.head, made)

    def _made(self, project: Project, commit: NewCommit) -> Head:
        """The commit as it stands on its branch, of which a lost reply says nothing."""
        branches = self.tagger.requests.branches
        try:
            branches.commit(project.id, commit)
        except PutOffError:
            raise
        except (TransientError, RefusedError):
            there = branches.head(project.id, commit.branch)
            if there is None or there.message.rstrip() != commit.message.rstrip():
                raise
            return there
        there = branches.head(project.id, commit.branch)
        if there is None or there.message.rstrip() != commit.message.rstrip():
            raise TransientError(what=f"{commit.branch} moved in that moment", where=self.tagger.where)
        return there

    def _moved(self, project: Project, seen: Head, made: Head) -> None:
        """Move our branch from what was seen to what was made, and be rid of the branch on which that was made."""
        requests = self.tagger.requests
        moves = [
            Move(branch=BRANCH, before=seen.sha, after=made.sha),
            Move(branch=NEXT, before=made.sha, after=None),
        ]
        try:
            requests.pushes.push(project, moves)
        except PutOffError:
            raise
        except (TransientError, RefusedError):
            there = requests.branches.head(project.id, BRANCH)
            if there is not None and there.sha == made.sha:
                return
            if there != seen:
                raise self._elsewhere() from None
            raise

    def _elsewhere(self) -> TransientError:
        return TransientError(what=f"{BRANCH} moved while it was looked at", where=self.tagger.where)

    def _open(self, project: Project, target: str, words: Words) -> str:
        requests = self.tagger.requests
        try:
            return requests.proposals.open(project.id, branch=BRANCH, target=target, words=words).web_url
        except PutOffError:
            raise
        except (TransientError, RefusedError):
            there = requests.opened(project, target)
            if there is None:
                raise
            return there.web_url

    def _update(self, project: Project, target: str, one: Proposal, words: Words) -> None:
        try:
            self.tagger.requests.proposals.update(project.id, one.iid, words)
        except PutOffError:
            raise
        except (TransientError, RefusedError):
            there = self.tagger.requests.opened(project, target)
            if there is None or not _says(there, words):
                raise


def _steps(seen: _Seen, wish: _Wish) -> _Steps:
    opened = next((one for one in seen.requests if one.state == "opened"), None)
    return _Steps(
        commit=seen.behind or seen.sealed != wish.tag or dict(seen.proposed) != dict(wish.files),
        opened=opened,
        words=opened is not None and not _says(opened, wish.words),
    )


def _says(one: Proposal, words: Words) -> bool:
    return one.title == words.title and handed_back(one.description) == handed_back(words.description)
