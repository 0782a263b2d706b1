"""The instance's signing key: makes JSON web tokens, and publishes what is needed to check them.

Source: app/controllers/jwks_controller.rb, config/initializers/doorkeeper_openid_connect.rb, RFC 7515, 7517 and 7638.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256

from bot.sandbox.answers import Json

KEYS_PATHS = ("/oauth/discovery/keys", "/-/jwks")
DISCOVERY_PATH = "/.well-known/openid-configuration"
_EXPONENT, _BITS = 65537, 2048


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _compact(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _number(value: int) -> str:
    return _base64url(value.to_bytes((value.bit_length() + 7) // 8))


class Signer:
    """An RSA key, made when it is first needed. Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: RSAPrivateKey | None = None

    def _key(self) -> RSAPrivateKey:
        with self._lock:
            if self._made is None:
                self._made = generate_private_key(public_exponent=_EXPONENT, key_size=_BITS)
            return self._made

    def _public(self) -> dict[str, str]:
        numbers = self._key().public_key().public_numbers()
        return {"e": _number(numbers.e), "kty": "RSA", "n": _number(numbers.n)}

    def key_id(self) -> str:
        """The key's name: the thumbprint of RFC 7638."""
        return _base64url(hashlib.sha256(_compact(self._public())).digest())

    def keys(self) -> Json:
        """The public key as a JSON web key set."""
        return {"keys": [{**self._public(), "kid": self.key_id(), "use": "sig", "alg": "RS256"}]}

    def sign(self, claims: Mapping[str, object]) -> str:
        """A JSON web token with these claims, signed with RS256."""
        head = {"alg": "RS256", "kid": self.key_id(), "typ": "JWT"}
        text = f"{_base64url(_compact(head))}.{_base64url(_compact(claims))}"
        return f"{text}.{_base64url(self._key().sign(text.encode(), PKCS1v15(), SHA256()))}"


def discovery(server: str) -> Json:
    """What `/.well-known/openid-configuration` says; `server` is the instance's URL."""
    return {
        "issuer": server,
        "authorization_endpoint": f"{server}/oauth/authorize",
        "token_endpoint": f"{server}/oauth/token",
        "revocation_endpoint": f"{server}/oauth/revoke",
        "introspection_endpoint": f"{server}/oauth/introspect",
        "userinfo_endpoint": f"{server}/oauth/userinfo",
        "jwks_uri": f"{server}{KEYS_PATHS[0]}",
        "scopes_supported": ["api", "read_api", "read_user", "openid", "profile", "email"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query", "fragment", "form_post"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claim_types_supported": ["normal"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat"],
        "code_challenge_methods_supported": ["plain", "S256"],
    }
