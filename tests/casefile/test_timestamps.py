"""Timestamps by a real authority: OpenSSL's, behind an HTTP server of this machine."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from tests.casefile.cases import Cases, members, packed
from tests.conftest import sandbox_settings
from tests.supervised import Supervised
from tests.world import Shop, Site, World

from tradehall.casefile import statement
from tradehall.casefile.timestamp import QUERY_TYPE, REPLY_TYPE, NotATimestamp, certificates, examine, query
from tradehall.casefile.verify import verify
from tradehall.installation import Installation
from tradehall.kernel.clock import StillClock

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="the authority is OpenSSL's, and there is no openssl here")

CONFIG = """
[tsa]
default_tsa = mine
[mine]
serial = {directory}/serial
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
ess_cert_id_alg = sha256
accuracy = secs:1
"""


def openssl(*arguments: str, given: bytes = b"") -> bytes:
    assert OPENSSL
    done = subprocess.run([OPENSSL, *arguments], input=given, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


class Authority:
    """A root, a certificate for timestamps below it, and what answers a query."""

    def __init__(self, directory: Path, name: str) -> None:
        directory.mkdir()
        self.directory = directory
        self.root, self.key, self.certificate = (directory / one for one in ("root.pem", "tsa.key", "tsa.pem"))
        root_key = directory / "root.key"
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{root_key}", "-out", f"{self.root}",
                "-days", "30", "-subj", f"/CN={name} root")  # fmt: skip
        request = directory / "tsa.csr"
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{self.key}", "-out", f"{request}",
                "-subj", f"/CN={name}")  # fmt: skip
        usage = directory / "usage"
        usage.write_text("extendedKeyUsage = critical,timeStamping\nkeyUsage = critical,digitalSignature\n")
        openssl("x509", "-req", "-in", f"{request}", "-CA", f"{self.root}", "-CAkey", f"{root_key}", "-days", "30",
                "-CAcreateserial", "-out", f"{self.certificate}", "-extfile", f"{usage}")  # fmt: skip
        (directory / "serial").write_text("01\n")
        (directory / "tsa.cnf").write_text(CONFIG.format(directory=directory))

    def answer(self, asked: bytes) -> bytes:
        question = self.directory / "query.tsq"
        question.write_bytes(asked)
        return openssl("ts", "-reply", "-config", f"{self.directory}/tsa.cnf", "-section", "mine", "-queryfile",
                       f"{question}", "-signer", f"{self.certificate}", "-inkey", f"{self.key}")  # fmt: skip

    async def __call__(self, scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Any]) -> None:
        headers = dict(scope["headers"])
        assert headers[b"content-type"] == QUERY_TYPE.encode()
        asked, more = b"", True
        while more:
            message = await receive()
            asked, more = asked + message.get("body", b""), message.get("more_body", False)
        answer = await asyncio.to_thread(self.answer, asked)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", REPLY_TYPE.encode())]})
        await send({"type": "http.response.body", "body": answer})


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "one", "Timely")


@pytest.fixture(scope="module")
def other_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tsa") / "two", "Somebody Else")


@pytest.fixture
async def site(authority: Authority) -> AsyncIterator[Site]:
    site = Site(authority)
    await site.up()
    yield site
    await site.down()


class Stamping:
    """Case files of an installation with these settings."""

    def __init__(self, database: str, clock: StillClock, world: World, tmp_path: Path) -> None:
        self._given = database, clock, world, tmp_path

    async def made(self, **settings: Any) -> tuple[Path, Any]:
        database, clock, world, tmp_path = self._given
        wanted = sandbox_settings(data_dir=tmp_path / "data", **settings)
        async with Installation(wanted, database, clock) as installation:
            cases = Cases(Supervised(Shop(installation, clock, world)), tmp_path)
            number = await cases.a_service(photographs=0)
            return await cases.export(number, world.operator)


@pytest.fixture
def stamping(database: str, clock: StillClock, world: World, tmp_path: Path) -> Stamping:
    return Stamping(database, clock, world, tmp_path)


async def test_a_case_file_bears_the_timestamp_of_the_authority(
    stamping: Stamping, site: Site, authority: Authority, other_authority: Authority
) -> None:
    path, written = await stamping.made(timestamp_url=site.url, timestamp_certificates=str(authority.root))
    assert written.stamped
    verdict = verify(path)
    assert verdict.whole
    assert (verdict.timestamp_by, verdict.timestamp_trusted) == ("CN=Timely", False)
    assert verdict.timestamp_at
    trusting = verify(path, roots=certificates(authority.root.read_bytes()))
    assert trusting.whole, trusting.flaws
    assert trusting.timestamp_trusted
    doubting = verify(path, roots=certificates(other_authority.root.read_bytes()))
    assert {flaw.code for flaw in doubting.flaws} == {"timestamp_wrong"}

    # OpenSSL by itself comes to the same.
    contents = members(path)
    for name in (statement.MANIFEST, statement.TIMESTAMP):
        path.with_name(name).write_bytes(contents[name])
    said = openssl("ts", "-verify", "-data", f"{path.with_name(statement.MANIFEST)}", "-in",
                   f"{path.with_name(statement.TIMESTAMP)}", "-CAfile", f"{authority.root}")  # fmt: skip
    assert b"OK" in said


async def test_a_timestamp_taken_out_exchanged_or_changed_is_found(
    stamping: Stamping, site: Site, authority: Authority
) -> None:
    path, _ = await stamping.made(timestamp_url=site.url)
    contents = members(path)
    stamp = contents[statement.TIMESTAMP]

    def flaws(content: bytes | None) -> set[str]:
        changed = {name: one for name, one in contents.items() if name != statement.TIMESTAMP or content is not None}
        if content is not None:
            changed[statement.TIMESTAMP] = content
        return {flaw.code for flaw in verify(packed(path.with_name("other.zip"), changed)).flaws}

    assert flaws(stamp) == set()
    assert flaws(None) == {"member_missing", "timestamp_changed"}
    asked, _ = query(b"something else")
    other = await asyncio.to_thread(authority.answer, asked)
    assert flaws(other) == {"timestamp_changed", "timestamp_wrong"}
    asked, _ = query(contents[statement.MANIFEST])
    later = await asyncio.to_thread(authority.answer, asked)
    assert flaws(later) == {"timestamp_changed"}, "a good one, but not the one that was signed for"
    for at in range(0, len(stamp), 97):
        assert "timestamp_changed" in flaws(stamp[:at] + bytes([stamp[at] ^ 1]) + stamp[at + 1 :])


async def test_without_an_answer_the_case_file_is_written_and_says_so(
    stamping: Stamping, site: Site, authority: Authority, other_authority: Authority
) -> None:
    wrong_roots = str(other_authority.root)
    path, written = await stamping.made(timestamp_url=site.url, timestamp_certificates=wrong_roots)
    assert not written.stamped
    assert "trusted certificate" in written.no_stamp
    await site.down()
    path, written = await stamping.made(timestamp_url=site.url)
    assert not written.stamped
    verdict = verify(path)
    assert verdict.whole
    assert "could not be asked" in verdict.without_timestamp
    missed = verify(path, roots=certificates(authority.root.read_bytes()))
    assert {flaw.code for flaw in missed.flaws} == {"no_timestamp"}


@pytest.mark.parametrize("answer", [b"", b"<html>sorry</html>", bytes(40)])
def test_what_is_no_timestamp_is_called_so(answer: bytes) -> None:
    with pytest.raises(NotATimestamp):
        examine(answer, bytes(32))


def test_an_answer_to_another_question_is_not_taken(authority: Authority) -> None:
    asked, nonce = query(b"manifest")
    answer = authority.answer(asked)
    digest = bytes.fromhex(statement.digest(b"manifest"))
    assert examine(answer, digest, nonce=nonce).authority == "CN=Timely"
    with pytest.raises(NotATimestamp):
        examine(answer, digest, nonce=(nonce or 0) + 1)
    with pytest.raises(NotATimestamp):
        examine(answer, bytes(32))
    with pytest.raises(NotATimestamp):
        examine(answer + b"\0", digest)
