"""`tradehall crypt …`: the encrypted fields of V1.0, both ways, with the result as the last line."""

from rich.console import Console

from tradehall.commands.common import CommandProblem
from tradehall.protocols import crypt
from tradehall.protocols.requests import Encryption


class CannotCrypt(CommandProblem):
    """What was given cannot be encrypted or decrypted; the message says why."""


def encrypt(console: Console, key: str, value: str, bits: str, iv: str | None) -> str:
    """Prints what the field is made of (protocol 1.6) and returns it. Raises CannotCrypt."""
    _check_text("--key", key)
    _check_text("VALUE", value)
    encryption = _encryption(bits)
    try:
        field = crypt.encrypt(key, value, encryption=encryption, iv=iv)
    except ValueError as error:
        raise CannotCrypt(f"--iv {iv!r}: {error}") from error
    _shown(console, key, encryption, field)
    return field


def decrypt(console: Console, key: str, field: str, bits: str) -> str:
    """Prints what the field is made of and returns the plain text. Raises CannotCrypt."""
    _check_text("--key", key)
    _check_text("VALUE", field)
    encryption = _encryption(bits)
    try:
        plain = crypt.decrypt(key, field, encryption=encryption)
    except crypt.CannotDecrypt as error:
        raise CannotCrypt(f"VALUE cannot be decrypted: {error}{_hint(key, field, encryption)}") from error
    _shown(console, key, encryption, field)
    return plain


def _encryption(bits: str) -> Encryption:
    for encryption, length in crypt.BITS.items():
        if bits == str(length):
            return encryption
    raise CannotCrypt(f"--bits {bits}: expected {' or '.join(str(length) for length in crypt.BITS.values())}")


def _hint(key: str, field: str, tried: Encryption) -> str:
    """Which other key length would have done, if one would."""
    for encryption, length in crypt.BITS.items():
        if encryption != tried:
            try:
                crypt.decrypt(key, field, encryption=encryption)
            except crypt.CannotDecrypt:
                continue
            return f" (with --bits {length} it can be)"
    return ""


def _shown(console: Console, key: str, encryption: Encryption, field: str) -> None:
    length = crypt.BITS[encryption]
    rows = (
        ("key", f"{length} bits of Java's SHA1PRNG seeded with the access key, hex", _key(key, encryption)),
        ("iv", "the field's first 16 characters", field[: crypt.IV_LENGTH]),
        ("ciphertext", "AES-CBC with PKCS #5 padding, base64", field[crypt.IV_LENGTH :]),
    )
    for number, (name, meaning, value) in enumerate(rows, start=1):
        console.print(f"[bold]{number}  {name}[/bold]  [dim]{meaning}[/dim]", soft_wrap=True)
        console.print(f"   {value}", markup=False, highlight=False, soft_wrap=True)


def _key(key: str, encryption: Encryption) -> str:
    return crypt.derive_key(key, encryption).hex()


def _check_text(option: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise CannotCrypt(f"{option}: not text in UTF-8") from error
