"""The adapter of both ports of `bot.ports.index`."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.adapters.index.anatomist import IndexAnatomist, Reaching
from bot.adapters.index.answers import classify, classify_silence, one_line
from bot.adapters.index.children import Children, Ended
from bot.adapters.index.gather import Gatherer
from bot.adapters.index.installer import IndexInstaller
from bot.adapters.index.kept import KeptFiles
from bot.adapters.index.leases import BusyError, Leases
from bot.adapters.index.limits import Patience
from bot.adapters.index.locks import UploadLocks
from bot.adapters.index.messages import (
    Access,
    Answered,
    Listed,
    Listing,
    LookJob,
    Minted,
    MintJob,
    Unanswered,
    Unminted,
    Unreadable,
    UploadJob,
)
from bot.adapters.index.places import install_line, make_place
from bot.adapters.index.rules import explained
from bot.domain.distributions import Distribution, IndexFile
from bot.domain.errors import CredentialsError, RefusedError, TransientError
from bot.domain.policy import IndexKind, IndexSpec
from bot.domain.releases import AttemptOutcome
from bot.domain.secrets import Redactor, Secret
from bot.domain.spans import SpanName
from bot.ports.index import Gathered, IndexPlace, Sent
from bot.ports.spans import UNHEARD, Spans

GITLAB_USER = "ropewalk"  # GitLab takes any user name beside a personal, project or group access token
_MOST_KNOWN = 10_000  # digests remembered of indexes that show none


class IndexAdapter:
    """Index and Distributions in one. Safe to use from several threads; `close` it when the process ends.

    `state_dir` holds the kept files, the locks and what is being read; it must be the same at every start of one bot
    and on a local file system. `on_request` hears `upload`, `simple` or `download` once per HTTP request to a
    registry of GitLab's. `leases` are told of every upload where other machines may upload the same.
    """

    def __init__(
        self,
        *,
        gitlab_url: str,
        gitlab_token: Secret,
        state_dir: Path,
        redactor: Redactor,
        gitlab_ca_file: str | None = None,
        gitlab_proxy: str | None = None,
        on_request: Callable[[str], None] | None = None,
        patience: Patience | None = None,
        children: Children | None = None,
        leases: Leases | None = None,
        spans: Spans = UNHEARD,
    ) -> None:
        self._gitlab_url = gitlab_url
        self._gitlab_token = gitlab_token
        self._gitlab_ca_file = gitlab_ca_file
        self._gitlab_proxy = gitlab_proxy
        self._redactor = redactor
        self._on_request = on_request
        self._patience = patience or Patience()
        self._children = children or Children()
        self._spans = spans
        self._locks = UploadLocks(state_dir / "locks")
        self._leases = leases
        self._kept = KeptFiles(state_dir / "files")
        self._gatherer = Gatherer(self._kept, self._children, self._patience, self._line)
        reaching = Reaching(
            access=lambda spec: self._access(spec, silence=self._patience.silence),
            error=self._error,
            where=self._where,
            count=lambda place, requests: self._count(place, "download", requests),
        )
        self.anatomist = IndexAnatomist(self._children, self._kept, self._patience, reaching)
        self.installer = IndexInstaller(self._children, self._kept, reaching, redactor.redact)
        self._sending = 0  # files at this moment, until others were told of their end
        self._ended = threading.Condition()
        self._known: OrderedDict[str, str] = OrderedDict()
        self._known_lock = threading.Lock()

    def start(self) -> None:
        """Begin to start the fork server, so that the first upload need not wait for it. Optional."""
        self._children.start()

    @property
    def alive(self) -> bool | None:
        """Whether the fork server lives; None before its first start. One that died is started by the next job."""
        return self._children.alive

    def stop(self, seconds: float) -> bool:
        """End what is being sent and begin nothing any more: this process is about to end.

        Whoever takes over need not wait for a child that was seen dead: they are told so. Returns whether that was done
        within so many seconds.
        """
        self._children.interrupt()
        with self._ended:
            return self._ended.wait_for(lambda: not self._sending, seconds)

    def close(self) -> None:
        """End the fork server and every child of it."""
        self._children.close()

    def heavy(self) -> AbstractContextManager[object]:
        """A place among the children that check and send files."""
        return self._children.heavy()

    def place(self, spec: IndexSpec, project_id: int, name: str) -> IndexPlace:
        """See Index.place. Raises: ConfigError."""
        return make_place(spec, gitlab_url=self._gitlab_url, project_id=project_id, name=name)

    def install_line(self, place: IndexPlace, name: str, version: str) -> str:
        """See Index.install_line."""
        return install_line(place, name, version)

    def files(self, place: IndexPlace, name: str, wanted: Collection[str] | None = None) -> tuple[IndexFile, ...]:
        """See Index.files. Where the index shows no sha256, the bytes of `wanted` (None: of all) are read."""
        with self._locks.looking(place.upload_url, name, seconds=self._patience.lock) as free:
            if not free:
                raise TransientError(what=f"an upload of {name} is still under way", where=self._where(place))
            left = None if self._leases is None else self._leases.wait(self._locks.path(place.upload_url, name))
            if left is not None:
                what = f"an upload of {name} by another replica may still be under way"
                raise TransientError(what=what, where=self._where(place), retry_after=left)
            listed = self._look(place, name, ())
            bare = {f.filename for f in listed if f.sha256 is None} & set(
                [f.filename for f in listed] if wanted is None else wanted
            )
            if bare:
                listed = self._look(place, name, tuple(sorted(bare)))
        return tuple(IndexFile(filename=f.filename, sha256=f.sha256, url=f.url) for f in listed)

    def send(self, place: IndexPlace, distribution: Distribution) -> Sent:
        """See Index.send."""
        facts = {"index": place.spec.name, "file": distribution.filename}
        with self._spans.span(SpanName.UPLOAD, **facts) as span:
            sent = self._upload(place, distribution)
            span.tell(outcome=sent.outcome.value)
            return sent

    def _upload(self, place: IndexPlace, distribution: Distribution) -> Sent:
        patience = self._patience
        path = self._kept.path(distribution.sha256, distribution.filename)
        job = UploadJob(
            url=place.upload_url,
            path=str(path),
            sha256=distribution.sha256,
            access=self._access(place.spec, silence=patience.silence),
            attestation=self._attestation(place.spec, distribution),
        )
        name = distribution.metadata.name
        with self._locks.sending(place.upload_url, name, seconds=patience.lock) as lock:
            if lock is None:
                busy = f"another upload of {name} to this index is still under way"
                return Sent(outcome=AttemptOutcome.UNCLEAR, reason=busy, again=True)
            self._count(place, "upload", 1)
            try:
                ended = self._send(job, name, patience.upload_limit(distribution.size), lock)
            except BusyError as busy:
                why = f"an upload of {name} by another replica may still be under way"
                return Sent(outcome=AttemptOutcome.PUT_OFF, reason=why, retry_after=busy.left.total_seconds())
        match ended.reply:
            case Answered() as answer:
                sent = explained(place.spec.kind, classify(answer, now=datetime.now(UTC), redact=self._redact(place)))
                return self._explained(place, sent) if sent.outcome is AttemptOutcome.DENIED else sent
            case Unanswered() as silence:
                return classify_silence(silence, redact=self._redact(place))
            case _:
                return Sent(outcome=AttemptOutcome.UNCLEAR, reason=ended.why, again=True)

    def _send(self, job: UploadJob, name: str, deadline: float, lock: int) -> Ended:
        """Let a child send, once the other machines know of it. Raises: BusyError, TransientError, FencedError."""
        with self._ended:
            self._sending += 1
        try:
            if self._leases is None:
                return self._children.run(job, deadline=deadline, lock=lock)
            path, run = self._locks.path(job.url, name), self._children.run
            return self._leases.send(path, deadline, lambda begin: run(job, deadline=deadline, lock=lock, begin=begin))
        finally:
            with self._ended:
                self._sending -= 1
                self._ended.notify_all()

    def mint(self, place: IndexPlace, variable: str, id_token: Secret) -> Secret:
        """See Minter.mint."""
        access = self._access(place.spec, silence=self._patience.silence)
        job = MintJob(url=place.upload_url, variable=variable, id_token=id_token.reveal(), access=access)
        ended = self._children.run(job, deadline=self._patience.look)
        match ended.reply:
            case Minted(token=token):
                minted = Secret(token)
                self._redactor.add(minted)
                return minted
            case Unminted(what=what, transient=False):
                line = one_line(what, self._redact(place))
                raise CredentialsError(what=line, where=self._where(place), remedy=_settings(place.spec))
            case Unminted(what=what):
                raise TransientError(what=one_line(what, self._redact(place)), where=self._where(place))
            case _:
                raise TransientError(what=ended.why, where=self._where(place))

    def _attestation(self, spec: IndexSpec, distribution: Distribution) -> str:
        """The path of what goes along with a file to an index that takes attestations; empty for nothing."""
        found = self._kept.attestation(distribution.sha256, distribution.filename) if spec.attestations else None
        return "" if found is None else str(found)

    def gather(self, archives: Sequence[tuple[int | None, str, Path]]) -> Gathered:
        """See Distributions.gather."""
        return self._gatherer.gather(archives)

    def has(self, sha256: str) -> bool:
        """See Distributions.has."""
        return self._kept.has(sha256)

    def forget(self, sha256: str) -> None:
        """See Distributions.forget."""
        self._kept.forget(sha256)

    def _look(self, place: IndexPlace, name: str, wanted: tuple[str, ...]) -> list[Listed]:
        """One child's look. `wanted` files without a sha256 on the page are read, which may take longer."""
        patience = self._patience
        job = LookJob(
            url=place.simple_url,
            name=name,
            follow=place.spec.kind is not IndexKind.GITLAB,
            access=self._access(place.spec, silence=min(patience.silence, patience.look)),
            wanted=wanted,
            memory=patience.memory,
            cpu=patience.cpu,
        )
        ended = self._children.run(job, deadline=patience.download if wanted else patience.look)
        reply = ended.reply
        requests = reply.requests if isinstance(reply, Listing | Unreadable) else 1
        self._count(place, "simple", min(requests, 1))
        self._count(place, "download", requests - 1)
        match reply:
            case Listing(files=files):
                return [self._recalled(file) for file in files]
            case Unreadable():
                raise self._error(place, reply)
            case _ if ended.ruined:
                raise RefusedError(what="its page takes too much to read", where=self._where(place))
            case _:
                raise TransientError(what=ended.why, where=self._where(place))

    def _error(self, place: IndexPlace, reply: Unreadable) -> TransientError | RefusedError:
        what = one_line(reply.what, self._redact(place))
        if reply.fault == "transient":
            after = None if reply.retry_after is None else timedelta(seconds=reply.retry_after)
            return TransientError(what=what, where=self._where(place), retry_after=after, status=reply.status)
        if reply.fault == "credentials":
            return CredentialsError(
                what=what, where=self._where(place), remedy=_settings(place.spec), status=reply.status
            )
        return RefusedError(what=what, where=self._where(place), remedy=reply.remedy, status=reply.status)

    def _explained(self, place: IndexPlace, sent: Sent) -> Sent:
        """A refusal of our credentials, with the place and the settings that mend it."""
        address = self._line(place.upload_url)
        reason = f"{sent.reason}: {address} refuses the credentials of {_called(place.spec)}. {_settings(place.spec)}"
        return replace(sent, reason=reason)

    def _access(self, spec: IndexSpec, *, silence: float) -> Access:
        gitlab = spec.kind is IndexKind.GITLAB
        username, password = spec.username, spec.password
        if gitlab and password is None:
            username, password = username or GITLAB_USER, self._gitlab_token
        return Access(
            username=username,
            password=None if password is None else password.reveal(),
            ca_file=spec.ca_file or (self._gitlab_ca_file if gitlab else None),
            proxy=spec.proxy or (self._gitlab_proxy if gitlab else None),
            connect=self._patience.connect,
            silence=silence,
        )

    def _redact(self, place: IndexPlace) -> Callable[[str], str]:
        """Our redactor, and the index's own password even if nobody told the redactor of it."""
        password = place.spec.password
        own = Redactor([] if password is None else [password])
        return lambda text: own.redact(self._redactor.redact(text))

    def _line(self, text: str) -> str:
        return one_line(text, self._redactor.redact)

    def _where(self, place: IndexPlace) -> str:
        return f"{_called(place.spec)} ({self._line(place.simple_url)})"

    def _count(self, place: IndexPlace, kind: str, requests: int) -> None:
        if self._on_request is not None and place.spec.kind is IndexKind.GITLAB:
            for _ in range(requests):
                self._on_request(kind)

    def _recalled(self, file: Listed) -> Listed:
        """`file` with the sha256 read earlier, where the index shows another digest only; else remembered."""
        if file.key is None:
            return file
        with self._known_lock:
            if file.sha256 is None:
                return replace(file, sha256=self._known.get(file.key))
            self._known[file.key] = file.sha256
            if len(self._known) > _MOST_KNOWN:
                self._known.popitem(last=False)
        return file


def _called(spec: IndexSpec) -> str:
    """How sentences name an index."""
    return spec.called or f"indexes.{spec.name}"


def _settings(spec: IndexSpec) -> str:
    """What mends what an index is shown."""
    if spec.mend is not None:
        return spec.mend
    held = f"username and password_file or password_env of indexes.{spec.name}"
    if spec.kind is IndexKind.GITLAB and spec.password is None:
        held = "gitlab.token_file or token_env (the bot's own token)"
    return f"Mend {held}, or what they may do there"
