"""Sealing what must not lie open in the database (sellers' access keys): AES-256-GCM with a key from the settings."""

import hashlib
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_VERSION = b"\x01"


class CannotUnseal(Exception):
    """A sealed value cannot be opened: TRADEHALL_SECRET_KEY is not the one it was sealed with, or the value changed."""


class Seal:
    """Seals and opens texts. What a text belongs to (`purpose`, e.g. an endpoint's id) is part of the seal."""

    def __init__(self, secret_key: str) -> None:
        self._cipher = AESGCM(hashlib.sha256(secret_key.encode()).digest())

    def close(self, text: str, purpose: str) -> bytes:
        nonce = os.urandom(12)
        return _VERSION + nonce + self._cipher.encrypt(nonce, text.encode(), purpose.encode())

    def open(self, sealed: bytes, purpose: str) -> str:
        if sealed[:1] != _VERSION:
            raise CannotUnseal
        try:
            return self._cipher.decrypt(sealed[1:13], sealed[13:], purpose.encode()).decode()
        except (InvalidTag, ValueError) as error:  # ValueError: half a seal
            raise CannotUnseal from error


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
