"""`tradehall sign` against the protocol's own vectors (1.3 to 1.5, 6.3)."""

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


@pytest.mark.parametrize("body", ["", "{", "[]", '"text"', "{}{}", '{"a":NaN}', '{"a":1e999}', '{"a":"\\ud800"}'])
def test_a_body_that_is_no_json_object_is_one_clear_line(body: str, tmp_path: Path) -> None:
    code, said, complaint = _sign(tmp_path, body)
    assert code == 1  # `main` makes it one line and exit code 2, as below
    assert said == ""
    assert isinstance(complaint, CannotSign)
    assert str(complaint).startswith("--body")
    assert len(str(complaint).splitlines()) == 1


@pytest.mark.parametrize("timestamp", ["now", "", "1.5", "-3", "٣", "01680508066618", "9" * 5000])
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


def _last_line(*arguments: str, stdin: str | None = None) -> str:
    run = CliRunner().invoke(cli, ["sign", *arguments], input=stdin)
    assert run.exit_code == 0, (run.output, run.exception)
    return run.output.splitlines()[-1]


def _complaint(*arguments: str) -> str:
    run = CliRunner().invoke(cli, ["sign", *arguments])
    assert isinstance(run.exception, CannotSign), (run.output, run.exception)
    assert run.output == ""
    assert len(str(run.exception).splitlines()) == 1
    return str(run.exception)


# V1's token

TOKEN = "rjND+EtzdPJCNyqrLt/LHR3JrNBZA/GGJbgOmLk2tqE="
PARAMETERS = (
    "timeStamp=20200727073711903",
    "activity=newInstance",
    "businessId=61e834ba-7b97-4418-b8f7-e5345137278c",
    "customerId=68cbc86abc2018ab880d92f36422fa0e",
    "expireTime=20200727153156",
    "orderId=CS1906666666ABCDE",
    "productId=00301-666666-0--0",
    "testFlag=1",
)


def test_a_token_is_made_of_the_parameters_in_any_order() -> None:
    assert _last_line("v1", "--key", KEY, *PARAMETERS) == TOKEN
    assert _last_line("v1", "--key", KEY, *reversed(PARAMETERS), "authToken=whatever") == TOKEN


def test_the_steps_to_a_token_are_shown() -> None:
    said = CliRunner().invoke(cli, ["sign", "v1", "--key", KEY, *PARAMETERS]).output
    lines = [line.strip() for line in said.splitlines()]
    assert "&".join(sorted(PARAMETERS)) in lines
    assert KEY + "20200727073711903" in lines
    assert "rjND%2BEtzdPJCNyqrLt%2FLHR3JrNBZA%2FGGJbgOmLk2tqE%3D" in lines


def test_a_value_may_hold_equals_signs_and_blanks_and_encoded_ones_are_pointed_out() -> None:
    run = CliRunner().invoke(cli, ["sign", "v1", "--key", KEY, "timeStamp=1", "a= b=c", "b=x%2Fy", "[b]=[/b]"])
    assert "a= b=c&b=x%2Fy&timeStamp=1" in run.output
    assert "Note: b may still be percent-encoded" in run.output
    assert "17 digits" in run.output


@pytest.mark.parametrize(
    ("parameters", "complaint"),
    [
        (["a=b"], "timeStamp=… is missing"),
        (["timeStamp"], "'timeStamp': expected NAME=VALUE"),
        (["=1"], "'=1': expected NAME=VALUE"),
        (["timeStamp=1", "a=1", "a=2"], "'a' is given twice"),
        (["timeStamp=1", "a=\udcff"], "NAME=VALUE: not text in UTF-8"),
    ],
)
def test_what_is_no_parameter_is_one_clear_line(parameters: list[str], complaint: str) -> None:
    assert _complaint("v1", "--key", KEY, *parameters).startswith(complaint)


# Body-Sign


def test_body_sign_is_the_header_and_then_its_signature(tmp_path: Path) -> None:
    (tmp_path / "answer.json").write_text('{"resultCode":"000000","resultMsg":"success."}')
    run = tradehall_command(tmp_path, "sign", "body-sign", "--key", KEY, "--body", str(tmp_path / "answer.json"))
    signature = "MTRk2q83clWO4HHLQUfXiUtDjSMcNYXSL1bfbmtOrjc="
    assert run.stdout.splitlines() == [f'Body-Sign: sign_type="HMAC-SHA256", signature= "{signature}"', signature]
    assert _last_line("body-sign", "--key", "testkey", "--body", str(tmp_path / "answer.json")) == (
        "fX/qR7ZCF+wrz3vqGpHGVb4a2EZaBzFSBXXt5c7jkyA="
    )


def test_body_sign_takes_the_bytes_as_they_are(tmp_path: Path) -> None:
    plain = _last_line("body-sign", "--key", KEY, "--body", "-", stdin="{}")
    run = CliRunner().invoke(cli, ["sign", "body-sign", "--key", KEY, "--body", "-"], input="{}\n")
    assert "line break" in run.output
    assert run.output.splitlines()[-1] != plain
    (tmp_path / "binary").write_bytes(b"\xff\x00")
    assert len(_last_line("body-sign", "--key", KEY, "--body", str(tmp_path / "binary"))) == 44


# Synchronisation calls

TENANT = (
    '{"tenantId":"68cbc86000000000880d92f36422fa0e", "domainName":"https://example.tenantaccount.com","flag":1,'
    '"instanceId":"huaiweitest123456","name":"huaiweitest","orderId":"CS1906666666ABCDE","tenantCode":"huawei",'
    '"gone":null,"testFlag":0,"timeStamp":"20220413093539534"}'
)
KIT = ("kit", "--key", KEY, "--timestamp", TIMESTAMP, "--body", "-")


def test_a_synchronisation_call_is_sorted_and_signed() -> None:
    nonce = "50D83FDECAED6CCD8EF597F2A577950527928BA287D04E6036E92B2806FD17DA"
    assert _last_line(*KIT, "--nonce", nonce, stdin=TENANT) == (
        "7e3ec9121c06f88c82cebb1595bef1216efcc781fb35e8e7c1db001fc57c064d".upper()
    )
    assert _last_line(*KIT, "--nonce", NONCE, stdin=BODY) == (
        "8010637B71F37ED4A4CA86D271A9B89B39611DBD9106F128AE6D8EAD43A182AD"
    )


def test_what_is_inside_a_synchronisation_calls_members_keeps_its_order() -> None:
    run = CliRunner().invoke(cli, ["sign", *KIT, "--nonce", NONCE], input='{"b":[{"z":1,"a":null}],"a":{"y":1,"x":2}}')
    assert '{"a":{"y":1,"x":2},"b":[{"z":1,"a":null}]}' in run.output
    assert "not in this form" in run.output


# Readings

USAGE_NONCE = "6c63c221-1f6b-4141-8ff4-22f5dfe82b65"
USAGE = ("usage", "--key", KEY, "--ts", "1709690865879", "--nonce", USAGE_NONCE, "--body", "-")


def test_readings_are_sorted_at_every_depth_and_signed() -> None:
    readings = (
        '{"gone":null,"usage_records":[{"usage_value":"99","relate_pkg_instance":null,'
        '"begin_time":"20220809T080000Z","end_time":"20220809T090000Z",'
        '"instance_id":"7f141bf1-aec8-4859-8323-fb3a8ad50721","record_time":"20220809T091000Z","metering_sn":"m-0001"}]}'
    )
    assert _last_line(*USAGE, stdin=readings) == "W0r8gCZJGUHWwHtnf1TSYWpNnUXOquPOdokVPFzPpHg="


def test_every_kind_of_signature_refuses_what_it_cannot_sign(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("[]")
    file = str(tmp_path / "list")
    assert _complaint("kit", "--key", KEY, "--nonce", "n", "--timestamp", "x", "--body", file).startswith("--timestamp")
    assert _complaint("usage", "--key", KEY, "--nonce", "n", "--ts", "x", "--body", file).startswith("--ts")
    for kind, option in (("kit", "--timestamp"), ("usage", "--ts"), ("v2", "--timestamp")):
        assert _complaint(kind, "--key", KEY, "--nonce", "n", option, "1", "--body", file) == (
            "--body: JSON, but not an object {…}"
        )
        assert "No such file" in _complaint(kind, "--key", KEY, "--nonce", "n", option, "1", "--body", file + "x")
        assert _complaint(kind, "--key", "\udcff", "--nonce", "n", option, "1", "--body", file) == (
            "--key: not text in UTF-8"
        )
    assert "No such file" in _complaint("body-sign", "--key", KEY, "--body", file + "x")


def test_exit_code_2_for_a_missing_time_stamp(tmp_path: Path) -> None:
    run = tradehall_command(tmp_path, "sign", "v1", "--key", KEY, "a=b")
    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "tradehall: timeStamp=… is missing: the token's key is made of it\n"
