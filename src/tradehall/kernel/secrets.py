"""Sealing what must not lie open in the database (sellers' access keys): AES-256-GCM with a key from the settings."""

import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"


class CannotUnseal(Exception):
    """A sealed value cannot be opened: it was sealed with none of the secret keys in the settings, or has changed."""


class Seal:
    """Seals and opens texts. What a text belongs to (`purpose`, e.g. an endpoint's id) is part of the seal.

    It closes with the current key and opens with that or any of the `previous` ones, so that a key can be replaced
    while sealed values are still being sealed anew.
    """

    def __init__(self, secret_key: str, previous: Sequence[str] = ()) -> None:
        keys = [hashlib.sha256(key.encode()).digest() for key in (secret_key, *previous)]
        self._ciphers = [AESGCM(key) for key in keys]
        self._printers = [hmac.digest(key, b"fingerprint", "sha256") for key in keys]

    def close(self, text: str, purpose: str) -> bytes:
        nonce = os.urandom(12)
        return _VERSION + nonce + self._ciphers[0].encrypt(nonce, text.encode(), purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> str:
        """The text. Raises CannotUnseal."""
        return self.open_with(sealed, purpose)[0]

    def open_with(self, sealed: bytes, purpose: str) -> tuple[str, int]:
        """The text and the number of the key that opened it, 0 being the current one. Raises CannotUnseal."""
        if sealed[:1] != _VERSION:
            raise CannotUnseal
        for number, cipher in enumerate(self._ciphers):
            with suppress(InvalidTag, ValueError):  # ValueError: half a seal
                return cipher.decrypt(sealed[1:13], sealed[13:], purpose.encode()).decode(), number
        raise CannotUnseal

    def fingerprints(self, text: str, purpose: str) -> list[bytes]:
        """What equal texts of one purpose have in common, and says nothing else of them; made with the current key
        first, then with each of the previous ones."""
        purposed = hashlib.sha256(purpose.encode()).digest() + text.encode()
        return [hmac.digest(key, purposed, "sha256") for key in self._printers]

    @property
    def keys(self) -> int:
        """With how many keys it opens."""
        return len(self._ciphers)


def secret_key(configured: str, data_dir: Path) -> str:
    """The configured key, or one made once and kept in the data directory, readable by its owner only."""
    if configured:
        return configured
    path = data_dir / "secret_key"
    data_dir.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
        # A link is made once even when several processes start at the same moment; the others read the first one's key.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink(missing_ok=True)
    return path.read_text()
