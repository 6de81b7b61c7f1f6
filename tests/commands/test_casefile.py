"""`tradehall export case`, `verify` and `signing-key`, as people run them."""

import json
from pathlib import Path

import pytest
from tests.casefile.cases import Cases, packed
from tests.commands.running import tradehall_command
from tests.conftest import SECRET_KEY, sandbox_settings
from tests.supervised import Supervised
from tests.world import Shop

from tradehall.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox_settings(data_dir=tmp_path / "data")


def left_behind(directory: Path) -> list[Path]:
    return list(directory.glob(".case-*"))


async def test_a_case_file_is_written_verified_and_its_key_replaced(shop: Shop, database: str, tmp_path: Path) -> None:
    cases = Cases(Supervised(shop), tmp_path)
    number = await cases.a_service(photographs=1)
    own = {"DATABASE_URL": database, "TRADEHALL_SECRET_KEY": SECRET_KEY, "TRADEHALL_MODE": "sandbox"}
    data, path = tmp_path / "data", tmp_path / "a case.zip"

    made = tradehall_command(data, "export", "case", number, "--out", str(path), **own)
    assert made.returncode == 0, made.stderr
    assert "up to entry" in made.stdout
    assert left_behind(tmp_path) == []
    key = json.loads(tradehall_command(data, "signing-key", "list", "--json", **own).stdout)[0]["fingerprint"]
    assert key in made.stdout

    nowhere = tmp_path / "nothing here"
    good = tradehall_command(nowhere, "verify", str(path), "--key", key, DATABASE_URL="postgresql://nowhere/none")
    assert (good.returncode, good.stderr) == (0, "")
    assert "OK: every byte is as it was signed." in good.stdout
    assert number in good.stdout
    assert not nowhere.exists()

    unknown = tradehall_command(nowhere, "verify", str(path))
    assert unknown.returncode == 0
    assert "OK" not in unknown.stdout
    assert "UNCHANGED since it was signed, but by whom is not known" in unknown.stdout
    assert "/signing-keys" in unknown.stdout

    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)
    bad = tradehall_command(nowhere, "verify", str(path), "--json")
    assert bad.returncode == 1
    told = json.loads(bad.stdout)
    assert not told["whole"]
    assert told["flaws"]

    replaced = tradehall_command(data, "signing-key", "replace", **own)
    assert replaced.returncode == 0, replaced.stderr
    assert replaced.stdout.count("current") == replaced.stdout.count("retired") == 1

    missing = tradehall_command(data, "export", "case", "CS2603021700ZZZZZ", "--out", str(path), **own)
    assert missing.returncode == 2
    assert "CS2603021700ZZZZZ" in missing.stderr


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    missing = tradehall_command(tmp_path, "verify", str(tmp_path / "none.zip"))
    assert missing.returncode == 2
    assert "cannot be read" in missing.stderr
    (tmp_path / "x.zip").write_bytes(b"x")
    wrong = tradehall_command(tmp_path, "verify", str(tmp_path / "x.zip"), "--tsa-cert", str(tmp_path / "x.zip"))
    assert wrong.returncode == 2
    assert "PEM" in wrong.stderr


def test_nothing_of_a_hostile_file_reaches_the_terminal_but_its_letters(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", {"\x1b[2J\x1b[32mOK\u202e[bold]": b"x"})
    told = tradehall_command(tmp_path, "verify", str(path))
    assert told.returncode == 1
    assert not {"\x1b", "\u202e"} & set(told.stdout)
    assert "[32mOK" in told.stdout
    assert "[bold]" in told.stdout
