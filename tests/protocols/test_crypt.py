import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.protocols import crypt
from tradehall.protocols.crypt import CannotDecrypt, decrypt, derive_key, encrypt
from tradehall.protocols.requests import Encryption

KEY, IV, PLAIN = "test-access-key-0001", "Abcdef0123456789", "13800000000"
DERIVED = "fa32b243c1eeb23e93357bb8be8ec84903d6395e4f1ccb2379a1666d99a6ab9f"
VECTORS: list[tuple[Encryption, str]] = [
    ("AES128", "Abcdef0123456789IPubErChGsBbiAwALiSiKA=="),
    ("AES256", "Abcdef0123456789rZvx3n2A23MjsxBTG9qxhg=="),
]

texts = st.text(st.characters(exclude_categories=["Cs"]))
encryptions: st.SearchStrategy[Encryption] = st.sampled_from(["AES128", "AES256"])
ivs = st.from_regex(r"[0-9A-Za-z]{16}", fullmatch=True)


def test_keys_are_javas() -> None:
    assert derive_key(KEY, "AES256").hex() == DERIVED
    assert derive_key(KEY, "AES128").hex() == DERIVED[:32]


@pytest.mark.parametrize(("encryption", "field"), VECTORS)
def test_fields_match_the_known_vectors(encryption: Encryption, field: str) -> None:
    assert encrypt(KEY, PLAIN, encryption=encryption, iv=IV) == field
    assert decrypt(KEY, field, encryption=encryption) == PLAIN


def test_256_bits_are_the_default_and_every_field_has_an_iv_of_its_own() -> None:
    first, second = encrypt(KEY, PLAIN), encrypt(KEY, PLAIN)
    assert first[:16] != second[:16]
    assert first[:16].isalnum()
    assert first[:16].isascii()
    assert decrypt(KEY, first) == decrypt(KEY, second) == PLAIN


@pytest.mark.parametrize("iv", ["", "a" * 15, "a" * 17, "a" * 15 + "-", "a" * 15 + "é", "a" * 15 + "\n"])
def test_an_iv_is_16_letters_or_digits(iv: str) -> None:
    with pytest.raises(ValueError, match="initialisation vector"):
        encrypt(KEY, PLAIN, iv=iv)


@pytest.mark.parametrize(
    ("field", "complaint"),
    [
        ("", "initialisation vector"),
        (IV[:-1], "initialisation vector"),
        ("é" + IV, "initialisation vector"),
        (IV, "16-byte blocks"),
        (IV + "AAAA", "16-byte blocks"),
        (IV + "rZvx3n2A23MjsxBTG9qxhg=", "base64"),
        (IV + "rZvx3n2A23MjsxBTG9qxh-==", "base64"),
        (IV + "云", "base64"),
        (PLAIN, "initialisation vector"),
        (VECTORS[0][1], "padding|UTF-8"),
    ],
)
def test_what_cannot_be_decrypted_says_why(field: str, complaint: str) -> None:
    with pytest.raises(CannotDecrypt, match=complaint):
        decrypt(KEY, field)


@given(texts, texts, encryptions, st.none() | ivs)
def test_every_text_comes_back(key: str, plain: str, encryption: Encryption, iv: str | None) -> None:
    field = encrypt(key, plain, encryption=encryption, iv=iv)
    assert decrypt(key, field, encryption=encryption) == plain
    assert iv is None or field.startswith(iv)


@given(texts, st.text() | st.builds(IV.__add__, st.text("ABab01+/=", max_size=64)), encryptions)
def test_any_field_is_decrypted_or_refused(key: str, field: str, encryption: Encryption) -> None:
    try:
        decrypt(key, field, encryption=encryption).encode()
    except CannotDecrypt as error:
        assert str(error)  # noqa: PT017 - most fields cannot be


@given(st.binary(), st.integers(0, 100))
def test_a_longer_stream_begins_like_a_shorter_one(seed: bytes, length: int) -> None:
    assert crypt.sha1prng(seed, 101)[:length] == crypt.sha1prng(seed, length)
