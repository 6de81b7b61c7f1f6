"""`tradehall crypt` against the protocol's own vectors (1.6)."""

from pathlib import Path

import pytest
from tests.commands.running import tradehall_command
from typer.testing import CliRunner

from tradehall.__main__ import cli
from tradehall.commands.crypt import CannotCrypt

KEY, IV, PLAIN = "test-access-key-0001", "Abcdef0123456789", "13800000000"
FIELDS = {"128": "Abcdef0123456789IPubErChGsBbiAwALiSiKA==", "256": "Abcdef0123456789rZvx3n2A23MjsxBTG9qxhg=="}


def _last_line(*arguments: str) -> str:
    run = CliRunner().invoke(cli, ["crypt", *arguments])
    assert run.exit_code == 0, (run.output, run.exception)
    return run.output.splitlines()[-1]


def _complaint(*arguments: str) -> str:
    run = CliRunner().invoke(cli, ["crypt", *arguments])
    assert isinstance(run.exception, CannotCrypt), (run.output, run.exception)
    assert run.output == ""
    return str(run.exception)


@pytest.mark.parametrize(("bits", "field"), FIELDS.items())
def test_the_last_line_is_the_value_alone(bits: str, field: str) -> None:
    assert _last_line("encrypt", "--key", KEY, "--bits", bits, "--iv", IV, PLAIN) == field
    assert _last_line("decrypt", "--key", KEY, "--bits", bits, field) == PLAIN


def test_256_bits_and_a_new_iv_are_the_default() -> None:
    field = _last_line("encrypt", "--key", KEY, "[red]云[/red]")
    assert not field.startswith(IV)
    assert _last_line("decrypt", "--key", KEY, field) == "[red]云[/red]"


def test_the_steps_are_shown() -> None:
    said = CliRunner().invoke(cli, ["crypt", "decrypt", "--key", KEY, FIELDS["256"]]).output
    lines = [line.strip() for line in said.splitlines()]
    assert {"fa32b243c1eeb23e93357bb8be8ec84903d6395e4f1ccb2379a1666d99a6ab9f", IV, FIELDS["256"][16:]} <= set(lines)


@pytest.mark.parametrize(
    ("field", "complaint"),
    [
        ("short", "initialisation vector"),
        (IV + "?", "base64"),
        (IV + "AAAA", "16-byte blocks"),
        (FIELDS["128"], "with --bits 128 it can be"),
        ("\udcff", "VALUE: not text in UTF-8"),
    ],
)
def test_what_cannot_be_decrypted_says_why(field: str, complaint: str) -> None:
    assert complaint in _complaint("decrypt", "--key", KEY, field)


def test_what_cannot_encrypt_says_why() -> None:
    assert _complaint("encrypt", "--key", KEY, "--iv", "short", PLAIN) == (
        "--iv 'short': the initialisation vector is 16 ASCII letters or digits"
    )
    assert _complaint("encrypt", "--key", "\udcff", PLAIN) == "--key: not text in UTF-8"
    assert CliRunner().invoke(cli, ["crypt", "encrypt", "--key", KEY, "--bits", "192", PLAIN]).exit_code == 2


def test_a_problem_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    run = tradehall_command(tmp_path, "crypt", "decrypt", "--key", KEY, FIELDS["128"])
    assert (run.returncode, run.stdout, len(run.stderr.splitlines())) == (2, "", 1)
    assert run.stderr.startswith("tradehall: VALUE cannot be decrypted")
