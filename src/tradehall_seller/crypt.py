"""V1's sensitive fields: AES-CBC under a key that Java's generator makes of the access key (protocol 1.6).

The marketplace encrypts the buyer's mobilePhone and email, you the userName and password of your answer: with AES-256,
or with AES-128 if you chose that when you put the product on sale. Needs the library `cryptography`.
"""

import secrets
import string
from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha1
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers import Cipher, modes

Encryption = Literal["aes256", "aes128"]

# What an answer's encryptType says.
ENCRYPT_TYPES: Mapping[Encryption, str] = MappingProxyType({"aes256": "1", "aes128": "2"})

_KEY_BYTES: Mapping[Encryption, int] = MappingProxyType({"aes256": 32, "aes128": 16})
_BLOCK = 16  # bytes
_ALPHANUMERIC = string.ascii_letters + string.digits


class CannotDecrypt(Exception):
    """The text was not encrypted with this key and this algorithm."""


class CryptographyMissing(Exception):
    """V1's encrypted fields need a library that is not installed: pip install cryptography"""

    def __init__(self) -> None:
        super().__init__(self.__doc__)


def encrypt(text: str, access_key: str, encryption: Encryption = "aes256", iv: str | None = None) -> str:
    """The field as it is sent: 16 letters and digits, which are the initialisation vector, and base64.

    Without `iv` they are drawn anew, as they must be for every field.
    """
    iv = iv or "".join(secrets.choice(_ALPHANUMERIC) for _ in range(_BLOCK))
    plain = text.encode()
    missing = _BLOCK - len(plain) % _BLOCK
    encryptor = _cipher(access_key, encryption, iv.encode()).encryptor()
    return iv + b64encode(encryptor.update(plain + bytes([missing]) * missing) + encryptor.finalize()).decode()


def decrypt(text: str, access_key: str, encryption: Encryption = "aes256") -> str:
    """What was encrypted. Raises CannotDecrypt for anything that was not, or was with something else."""
    try:
        iv, encrypted = text[:_BLOCK].encode("ascii"), b64decode(text[_BLOCK:], validate=True)
    except ValueError:
        raise CannotDecrypt from None
    if len(iv) != _BLOCK or not encrypted or len(encrypted) % _BLOCK:
        raise CannotDecrypt
    decryptor = _cipher(access_key, encryption, iv).decryptor()
    padded = decryptor.update(encrypted) + decryptor.finalize()
    padding = padded[-1]
    if not 1 <= padding <= _BLOCK or padded[-padding:] != bytes([padding]) * padding:
        raise CannotDecrypt
    try:
        return padded[:-padding].decode()
    except UnicodeDecodeError:
        raise CannotDecrypt from None


@lru_cache(maxsize=64)
def derived_key(access_key: str, encryption: Encryption) -> bytes:
    """The AES key: the first 16 or 32 bytes of the stream."""
    return sha1prng(access_key.encode(), _KEY_BYTES[encryption])


def sha1prng(seed: bytes, length: int) -> bytes:
    """The first bytes of Java's SecureRandom "SHA1PRNG", seeded once before anything was drawn from it.

    Each block is the SHA-1 of the state, and is then added to it with 1. Both are numbers of 20 bytes in two's
    complement, the lowest byte first, added byte by byte with the carry of signed arithmetic.
    """
    state = sha1(seed, usedforsecurity=False).digest()
    stream = b""
    while len(stream) < length:
        block = sha1(state, usedforsecurity=False).digest()
        stream += block
        state = _next_state(state, block)
    return stream[:length]


def require() -> None:
    """Raises CryptographyMissing now rather than at the first call."""
    _library()


def _next_state(state: bytes, block: bytes) -> bytes:
    carry = 1
    following = bytearray(state)
    for index in range(len(state)):
        total = _signed(state[index]) + _signed(block[index]) + carry
        following[index] = total & 0xFF
        carry = total >> 8
    if following == state:
        following[0] = (following[0] + 1) & 0xFF
    return bytes(following)


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


def _cipher(access_key: str, encryption: Encryption, iv: bytes) -> "Cipher[modes.CBC]":
    ciphers = _library()
    return ciphers.Cipher(ciphers.algorithms.AES(derived_key(access_key, encryption)), ciphers.modes.CBC(iv))  # type: ignore[no-any-return]


def _library() -> Any:
    try:
        from cryptography.hazmat.primitives import ciphers
        from cryptography.hazmat.primitives.ciphers import algorithms, modes  # noqa: F401 - loads ciphers' parts
    except ImportError:
        raise CryptographyMissing from None
    return ciphers
