"""What takes in ref changes: the poll, the hooks, and the care for them."""

from __future__ import annotations

import hashlib
import hmac
from functools import cached_property

from bot.adapters.gitlab.hooks import GitLabHooks
from bot.app.parts import Parts
from bot.settings.hooks import hook_wish
from bot.watch.enrol import Enroller
from bot.watch.hook_care import HookCare
from bot.watch.hook_mending import HookHands
from bot.watch.intake import HookIntake
from bot.watch.look import Looker
from bot.watch.poll import ALL, Watcher


class Watching(Parts):
    """What takes in ref changes: the poll, the hooks, and the care for them."""

    @cached_property
    def watcher(self) -> Watcher:
        """What polls."""
        watch = self.settings.watch
        since = {"now": None, "all": ALL}.get(watch.since) if isinstance(watch.since, str) else watch.since
        return Watcher(
            account=self.account,
            projects=self.projects,
            intake=self.store.intake,
            enrolment=self.store.enrolment,
            enroller=Enroller(
                projects=self.projects,
                enrolment=self.store.enrolment,
                scope=self.scope,
                membership=not self.identity.admin,
                clock=self.clock,
            ),
            looker=Looker(
                refs=self.refs,
                events=self.events,
                intake=self.store.intake,
                waker=self.store.releases,
                policy=self.settings.policy,
                clock=self.clock,
            ),
            scope=self.scope,
            configured=since,
            clock=self.clock,
        )

    @cached_property
    def hooks(self) -> HookIntake:
        """What takes hooks in."""
        return HookIntake(
            intake=self.store.intake,
            enrolment=self.store.enrolment,
            hints=self.store.enrolment,
            queue=self.store.releases,
            waker=self.store.releases,
            scope=self.scope,
            policy=self.settings.policy,
            clock=self.clock,
            commands=self.store.commands if self.settings.commands.enabled else None,
        )

    @cached_property
    def hook_care(self) -> HookCare:
        """What looks after GitLab's hooks. Raises: ConfigError without an address or a secret for them."""
        wish = hook_wish(self.settings)
        webhooks = GitLabHooks(self.api)
        secret = wish.secret.reveal().encode()
        return HookCare(
            hands=HookHands(
                hooks=webhooks,
                log=webhooks,
                records=self.store.hooks,
                wish=wish,
                fingerprint=hmac.new(self._marker_key(), b"hook secret\0" + secret, hashlib.sha256).hexdigest(),
                clock=self.clock,
            ),
            projects=self.projects,
            account=self.account,
            scope=self.scope,
            membership=not self.identity.admin,
            user_id=self.identity.user_id,
        )
