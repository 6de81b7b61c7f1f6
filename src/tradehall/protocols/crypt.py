"""Encrypted fields of V1: an account's name and password in answers, a buyer's mobile number and e-mail in requests.

AES-CBC with PKCS #5 padding over UTF-8. The field is the initialisation vector, 16 ASCII letters or digits, followed by
the ciphertext in base64. The AES key is what Java's SHA1PRNG yields when seeded with the access key. Protocol 1.6.
"""

import base64
import binascii
import hashlib
import re
import secrets
import string

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from tradehall.protocols.requests import Encryption

BITS: dict[Encryption, int] = {"AES256": 256, "AES128": 128}
IV_LENGTH = 16  # characters, and bytes

_ALPHANUMERIC = string.ascii_letters + string.digits
_IV = re.compile(r"[0-9A-Za-z]{16}")


class CannotDecrypt(ValueError):
    """The field is not an encrypted one, or was encrypted otherwise; the message says at which step that showed."""


def new_iv() -> str:
    """An initialisation vector that nobody can foretell."""
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(IV_LENGTH))


def encrypt(access_key: str, plain: str, *, encryption: Encryption = "AES256", iv: str | None = None) -> str:
    """`plain` as an encrypted field, under a new `iv` unless given.

    Raises ValueError for an `iv` that is not 16 ASCII letters or digits, and for text without a UTF-8 form.
    """
    iv = new_iv() if iv is None else iv
    if not _IV.fullmatch(iv):
        raise ValueError(f"the initialisation vector is {IV_LENGTH} ASCII letters or digits")
    padder = PKCS7(AES.block_size).padder()
    padded = padder.update(plain.encode()) + padder.finalize()
    encryptor = Cipher(AES(derive_key(access_key, encryption)), CBC(iv.encode())).encryptor()
    return iv + base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def decrypt(access_key: str, field: str, *, encryption: Encryption = "AES256") -> str:
    """The plain text of an encrypted field. Raises CannotDecrypt.

    CBC does not authenticate: once in some hundred times a wrong key's padding looks right, and what comes out is
    rarely, but possibly, text.
    """
    iv, ciphertext = field[:IV_LENGTH], field[IV_LENGTH:]
    # Any 16 ASCII characters will do here: some sellers' vectors hold more than letters and digits.
    if len(iv) < IV_LENGTH or not iv.isascii():
        raise CannotDecrypt(f"it does not begin with an initialisation vector of {IV_LENGTH} ASCII characters")
    try:
        blocks = base64.b64decode(ciphertext, validate=True)
    except (binascii.Error, ValueError) as error:
        raise CannotDecrypt("what follows the initialisation vector is not base64") from error
    if not blocks or len(blocks) * 8 % AES.block_size:
        raise CannotDecrypt("the ciphertext is not a whole number of 16-byte blocks")
    decryptor = Cipher(AES(derive_key(access_key, encryption)), CBC(iv.encode())).decryptor()
    unpadder = PKCS7(AES.block_size).unpadder()
    try:
        padded = decryptor.update(blocks) + decryptor.finalize()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except UnicodeDecodeError as error:
        raise CannotDecrypt("what comes out is not UTF-8: another access key, or another key length") from error
    except ValueError as error:
        raise CannotDecrypt("the padding is wrong: another access key, or another key length") from error


def derive_key(access_key: str, encryption: Encryption) -> bytes:
    """The AES key that belongs to an access key."""
    return sha1prng(access_key.encode(), BITS[encryption] // 8)


def sha1prng(seed: bytes, length: int) -> bytes:
    """The first bytes of Java's SHA1PRNG (the Sun provider's) seeded once with `seed`.

    Each block is the SHA-1 of a state, to which the block and one are then added. That addition is Java's: bytes are
    signed, index 0 comes first, and the carry is what an arithmetic shift leaves of their sum.
    """
    state = hashlib.sha1(seed, usedforsecurity=False).digest()
    stream = b""
    while len(stream) < length:
        block = hashlib.sha1(state, usedforsecurity=False).digest()
        stream += block
        state = _advanced(state, block)
    return stream[:length]


def _advanced(state: bytes, block: bytes) -> bytes:
    following = bytearray()
    carry = 1
    for old, added in zip(state, block, strict=True):
        total = _signed(old) + _signed(added) + carry
        following.append(total & 0xFF)
        carry = total >> 8
    if following == state:
        following[0] = (following[0] + 1) & 0xFF
    return bytes(following)


def _signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte
