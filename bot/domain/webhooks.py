"""What webhooks prove and repeat: a signing token (`whsec_…`) or a plain one, and the body of a redelivery.

Source: GitLab, doc/user/project/integrations/webhooks.md.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping

SIGNING_PREFIX = "whsec_"
SIGNING_BYTES = 32  # the only length of key that GitLab takes
HOOK_PATH = "/hooks/gitlab"
REDACTED = "[REDACTED]"
_EMAIL = re.compile(
    r"[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)


def signing_key(secret: str) -> bytes | None:
    """The key of a signing token; None if it is none that could protect anything (not base64, or empty)."""
    digits = secret.removeprefix(SIGNING_PREFIX).rstrip("=")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def lasting_form(payload: Mapping[str, object]) -> bytes:
    """What two deliveries of one event have in common.

    GitLab sends an event again from its log, where every text that is an e-mail address reads `[REDACTED]`. So the
    redelivery has the first delivery's id and another body.

    Source: app/models/hooks/web_hook_log.rb, `redact_user_emails`.
    """
    return json.dumps(_redacted(payload), sort_keys=True, separators=(",", ":")).encode()


def _redacted(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _redacted(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_redacted(inner) for inner in value]
    return REDACTED if isinstance(value, str) and "@" in value and _EMAIL.fullmatch(value) else value
