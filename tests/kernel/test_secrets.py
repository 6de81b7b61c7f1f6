import concurrent.futures
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall.kernel.secrets import CannotUnseal, Seal, secret_key

SEAL = Seal("a secret key for tests, long enough")


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text("abc-", min_size=1))
def test_what_was_sealed_opens(text: str, purpose: str) -> None:
    assert SEAL.open(SEAL.close(text, purpose), purpose) == text


def test_the_same_text_is_sealed_differently_each_time() -> None:
    assert SEAL.close("key", "p") != SEAL.close("key", "p")
    assert b"key" not in SEAL.close("key", "p")


@pytest.mark.parametrize("position", [0, 1, 12, 13, -1])
def test_a_changed_seal_does_not_open(position: int) -> None:
    sealed = bytearray(SEAL.close("key", "p"))
    sealed[position] ^= 1
    with pytest.raises(CannotUnseal):
        SEAL.open(bytes(sealed), "p")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + b"\0" * 12, b"\x01" + b"\0" * 20])
def test_half_a_seal_does_not_open(sealed: bytes) -> None:
    with pytest.raises(CannotUnseal):
        SEAL.open(sealed, "p")


def test_a_seal_opens_for_its_own_purpose_and_key_only() -> None:
    sealed = SEAL.close("key", "endpoint 1")
    with pytest.raises(CannotUnseal):
        SEAL.open(sealed, "endpoint 2")
    with pytest.raises(CannotUnseal):
        Seal("another secret key, long enough too").open(sealed, "endpoint 1")


def test_former_keys_open_and_the_current_one_closes() -> None:
    former = "another secret key, long enough too"
    seal = Seal("a third secret key, as long as others", ["a secret key for tests, long enough", former])
    for number, sealed in enumerate((seal.close("key", "p"), SEAL.close("key", "p"), Seal(former).close("key", "p"))):
        assert seal.open(sealed, "p") == "key"
        assert seal.open_with(sealed, "p") == ("key", number)
    with pytest.raises(CannotUnseal):
        SEAL.open(seal.close("key", "p"), "p")
    assert seal.keys == 3


def test_fingerprints_tell_equal_texts_and_nothing_else() -> None:
    assert SEAL.fingerprints("key", "p") == SEAL.fingerprints("key", "p")
    assert SEAL.fingerprints("key", "p") != SEAL.fingerprints("key", "q")
    assert SEAL.fingerprints("key", "p") != SEAL.fingerprints("keys", "p")
    seal = Seal("another secret key, long enough too", ["a secret key for tests, long enough"])
    assert seal.fingerprints("key", "p")[1:] == SEAL.fingerprints("key", "p")


def test_a_configured_key_is_used_and_nothing_written(tmp_path: Path) -> None:
    assert secret_key("configured", tmp_path / "data") == "configured"
    assert not (tmp_path / "data").exists()


def test_a_key_is_made_once_even_by_many_at_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    data = tmp_path / "new" / "data"
    with concurrent.futures.ProcessPoolExecutor(4) as pool:
        keys = set(pool.map(secret_key, [""] * 8, [data] * 8))
    assert len(keys) == 1
    assert len(keys.pop()) >= 32
    assert stat.S_IMODE((data / "secret_key").stat().st_mode) == 0o600
    assert [path.name for path in data.iterdir()] == ["secret_key"]
