"""The hook that GitLab shall have, as the configuration wants it."""

from __future__ import annotations

from bot.domain.errors import ConfigError
from bot.domain.hooks import HookWish
from bot.domain.secrets import Secret
from bot.domain.webhooks import HOOK_PATH, SIGNING_BYTES, SIGNING_PREFIX, signing_key
from bot.settings.model import Settings

MAKE_ONE = "Make one: `echo whsec_$(openssl rand -base64 32)`"


def hook_wish(settings: Settings) -> HookWish:
    """The hook that GitLab shall have. Raises: ConfigError with what is missing for it."""
    address, secret = settings.web.public_url, settings.watch.hook_secret
    if address is None:
        what = "the address at which GitLab reaches this daemon is not known, so there is nowhere for hooks to lead"
        raise ConfigError(what, "web.public_url", "Set it, for example https://ropewalk.example.com")
    if secret is None:
        what = "there is no hook secret, and without one no hook is believed"
        raise ConfigError(what, "watch.hook_secret_file", MAKE_ONE)
    wish = HookWish(url=address + HOOK_PATH, secret=secret, notes=settings.commands.enabled)
    # The web takes any key; GitLab takes only these: app/models/concerns/web_hooks/hook.rb, SIGNING_TOKEN_FORMAT.
    key = signing_key(secret.reveal()) if wish.signed else None
    if key is not None and (len(key) != SIGNING_BYTES or not secret.reveal().endswith("=")):
        what = f"the signing token is not of the form that GitLab takes: whsec_ and the base64 of {SIGNING_BYTES} bytes"
        raise ConfigError(what, "watch.hook_secret_file", MAKE_ONE)
    return wish


def is_broken_token(secret: Secret) -> bool:
    """Whether a secret begins like a signing token and is none."""
    value = secret.reveal()
    return value.startswith(SIGNING_PREFIX) and signing_key(value) is None
