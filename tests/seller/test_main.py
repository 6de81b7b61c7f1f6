"""`python -m tradehall_seller`: the sample sellers as servers."""

import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.seller import signing_by_hand as sign

from tradehall_seller.__main__ import main

KEY = "test-access-key-0001"


@contextmanager
def server(*arguments: str) -> Iterator[dict[str, Any]]:
    """A server, by the line it says first; it is killed in the end."""
    command = [sys.executable, "-m", "tradehall_seller", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield json.loads(process.stdout.readline())
        finally:
            process.kill()


def get(address: str, query: str) -> tuple[dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=10)
    try:
        connection.request("GET", f"/?{query}")
        response = connection.getresponse()
        return dict(response.getheaders()), response.read()
    finally:
        connection.close()


def test_a_v1_server_signs_its_answers_and_remembers_them_when_it_was_killed(tmp_path: Path) -> None:
    arguments = ("--key", "new", "--key", KEY, "--generation", "v1", "--book", str(tmp_path / "book"))
    for business in ("b1", "b2"):
        with server(*arguments) as said:
            assert (said["generation"], said["manner"]) == ("v1", "instant")
            query = sign.v1(KEY, "newInstance", orderId="CS1", businessId=business, productId="p")
            headers, body = get(said["address"], query)
            assert headers["Body-Sign"] == sign.body_sign(KEY, body), "spelt just so"
            assert json.loads(body)["instanceId"] == "b1"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([], 2, "An access key is needed"),
        (["--key", ""], 2, "An access key is needed"),
        (["--key", "k", "--manner", "no_body_sign"], 2, "is for --generation v1"),
        (["--key", "k", "--manner", "dance"], 2, "invalid choice"),
        (["--key", "k", "--book", "/nowhere/book"], 1, "No such file"),
    ],
)
def test_what_cannot_be_started_says_why(
    arguments: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TRADEHALL_SELLER_KEY", raising=False)
    try:
        ended = main(arguments)
    except SystemExit as stopped:
        ended = int(stopped.code or 0)
    assert ended == code
    assert said in capsys.readouterr().err
