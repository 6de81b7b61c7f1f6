"""V1's encrypted fields (1.6)."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradehall_seller.crypt import CannotDecrypt, Encryption, decrypt, derived_key, encrypt, sha1prng

KEY = "test-access-key-0001"
IV = "Abcdef0123456789"


def test_the_known_vectors() -> None:
    assert derived_key(KEY, "aes256").hex() == "fa32b243c1eeb23e93357bb8be8ec84903d6395e4f1ccb2379a1666d99a6ab9f"
    assert derived_key(KEY, "aes128") == derived_key(KEY, "aes256")[:16]
    assert encrypt("13800000000", KEY, "aes128", IV) == "Abcdef0123456789IPubErChGsBbiAwALiSiKA=="
    assert encrypt("13800000000", KEY, "aes256", IV) == "Abcdef0123456789rZvx3n2A23MjsxBTG9qxhg=="


def test_the_stream_is_java_17s() -> None:
    assert sha1prng("key-0-云".encode(), 64).hex() == (
        "42e4af6a0beea29f5542b58e9ad10eae622df44b9d819191816c0095fb94711b"
        "2af230ee740429a144676eeaad3db9600bbea7c59dd64884c226601b96dede82"
    )
    assert sha1prng("key-1-云".encode(), 64).hex() == (
        "fc4c6465f6fd06750783b51acdc218daebd5cca934c66600980807e53c5261d5"
        "50fbe385c7fd439ddd7fc6c55174d099a5bc9da8247bf84f7652605982408d07"
    )


@given(st.text(), st.text(min_size=1), st.sampled_from(["aes128", "aes256"]))
def test_what_was_encrypted_comes_back(text: str, key: str, encryption: Encryption) -> None:
    encrypted = encrypt(text, key, encryption)
    assert decrypt(encrypted, key, encryption) == text
    assert encrypted[:16].isalnum()
    assert encrypted[:16].isascii()
    assert encrypted != encrypt(text, key, encryption)


@given(st.text(st.characters()), st.sampled_from(["aes128", "aes256"]))
def test_anything_else_cannot_be_decrypted(text: str, encryption: Encryption) -> None:
    with pytest.raises(CannotDecrypt):
        decrypt(text, KEY, encryption)


@pytest.mark.parametrize("text", ["", IV, IV + "IPub", IV + "=", IV[:15], encrypt("a", "another", "aes128", IV)])
def test_it_says_so_when_it_cannot(text: str) -> None:
    with pytest.raises(CannotDecrypt):
        decrypt(text, KEY, "aes128")


def test_without_the_library_it_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['cryptography'] = None\n"
        "import tradehall_seller.sample\n"
        "from tradehall_seller.__main__ import main\n"
        "sys.exit(main(['--key', 'k', '--generation', 'v1']))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.rstrip().endswith("pip install cryptography")
