"""`tradehall sign v2` against the protocol's own vector (1.3)."""

from pathlib import Path

import pytest
from tests.commands.running import tradehall_command
from typer.testing import CliRunner

from tradehall.__main__ import cli
from tradehall.commands.sign import CannotSign

KEY, NONCE, TIMESTAMP = "test-access-key-0001", "Of4lsV7H1qrzVDI52O5CFk2ofPcZRaA6", "1680508066618"
BODY = (
    '{"activity":"newInstance","businessId":"87b94795-0603-4e24-8ae5-69420d60e3c8","orderId":"CS2211181819B4LVS",'
    '"orderLineId":"CS2211181819B4LVS-000001","testFlag":"1"}'
)
BODY_HASH = "7c3423c08d12337dd359ce871f975ad942cfea7f9216e66e32389c76d6c0ebd3"
SIGNATURE = "8DCF3BE4D27CB97F445012E0D313A2F0C0957012401BAC1522FA13FE94102BE7"


def _sign(
    directory: Path, body: str, key: str = KEY, timestamp: str = TIMESTAMP
) -> tuple[int, str, BaseException | None]:
    """In this process: starting another one takes far longer than what it does."""
    file = directory / "call.json"
    file.write_text(body)
    run = CliRunner().invoke(
        cli, ["sign", "v2", "--key", key, "--nonce", NONCE, "--timestamp", timestamp, "--body", str(file)]
    )
    return run.exit_code, run.output, run.exception


def test_the_last_line_is_the_signature_alone(tmp_path: Path) -> None:
    (tmp_path / "call.json").write_text(BODY)
    run = tradehall_command(
        tmp_path, "sign", "v2", "--key", KEY, "--nonce", NONCE, "--timestamp", TIMESTAMP,
        "--body", str(tmp_path / "call.json"),
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == SIGNATURE
    lines = [line.strip() for line in run.stdout.splitlines()]
    assert BODY in lines  # not wrapped, so that it can be copied
    assert BODY_HASH in lines
    assert KEY + NONCE + TIMESTAMP + BODY_HASH in lines
    assert "\x1b" not in run.stdout


@pytest.mark.parametrize(
    "body",
    [
        BODY + "\n",
        BODY.replace(",", ", ").replace(":", ": "),
        BODY[:-1] + ',"productId":null}',
        '{"testFlag":"1",' + BODY[1:].replace(',"testFlag":"1"', ""),
    ],
)
def test_the_body_is_put_into_the_form_that_is_signed(body: str, tmp_path: Path) -> None:
    code, said, _ = _sign(tmp_path, body)
    assert code == 0
    assert said.splitlines()[-1] == SIGNATURE


@pytest.mark.parametrize("body", ["", "{", "[]", '"text"', "{}{}", '{"a":NaN}', '{"a":"\\ud800"}'])
def test_a_body_that_is_no_json_object_is_one_clear_line(body: str, tmp_path: Path) -> None:
    code, said, complaint = _sign(tmp_path, body)
    assert code == 1  # `main` makes it one line and exit code 2, as below
    assert said == ""
    assert isinstance(complaint, CannotSign)
    assert str(complaint).startswith("--body")
    assert len(str(complaint).splitlines()) == 1


@pytest.mark.parametrize("timestamp", ["now", "", "1.5", "-3", "٣"])
def test_a_timestamp_that_is_no_number_is_one_clear_line(timestamp: str, tmp_path: Path) -> None:
    _, _, complaint = _sign(tmp_path, BODY, timestamp=timestamp)
    assert isinstance(complaint, CannotSign)
    assert "--timestamp" in str(complaint)


def test_what_cannot_be_signed_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    run = tradehall_command(
        tmp_path, "sign", "v2", "--key", KEY, "--nonce", NONCE, "--timestamp", TIMESTAMP, "--body", "-", stdin="[]"
    )
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "tradehall: --body: JSON, but not an object {…}\n"


def test_markup_in_what_was_typed_is_shown_as_it_is(tmp_path: Path) -> None:
    code, said, _ = _sign(tmp_path, '{"a":"[bold]x[/bold]"}', key="[red]k[/red]")
    assert code == 0
    assert '{"a":"[bold]x[/bold]"}' in said
    assert f"[red]k[/red]{NONCE}" in said
