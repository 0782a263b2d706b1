"""Secrets of webhooks: a signing token (`whsec_…`) or a plain one.

Source: GitLab, doc/user/project/integrations/webhooks.md.
"""

from __future__ import annotations

import base64
import binascii

SIGNING_PREFIX = "whsec_"


def signing_key(secret: str) -> bytes | None:
    """The key of a signing token; None if it is none that could protect anything (not base64, or empty)."""
    digits = secret.removeprefix(SIGNING_PREFIX).rstrip("=")
    try:
        return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True) or None
    except (binascii.Error, ValueError):
        return None
