"""The commands operators use: verify-journal, migrate, settings, person, openapi, help."""

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from rich.console import Console
from tests.commands.running import environment, tradehall_command
from tests.conftest import SECRET_KEY, Server, sandbox_settings
from tests.world import Shop
from typer.testing import CliRunner

from tradehall.__main__ import cli
from tradehall.commands import journal, people
from tradehall.commands.common import CommandProblem
from tradehall.parties.model import Role, password_matches


def _own(dsn: str) -> dict[str, str]:
    return {"DATABASE_URL": dsn, "TRADEHALL_SECRET_KEY": SECRET_KEY}


def _tamper(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("ALTER TABLE events DISABLE TRIGGER ALL")
        assert connection.execute(statement.encode()).rowcount == 1


def test_a_whole_journal_is_said_to_be_whole(database: str, tmp_path: Path) -> None:
    run = tradehall_command(tmp_path, "verify-journal", **_own(database))
    assert run.returncode == 0, run.stderr
    assert "all whole" in run.stdout
    as_json = json.loads(tradehall_command(tmp_path, "verify-journal", "--json", **_own(database)).stdout)
    assert as_json["chains"] > 5
    assert as_json["entries"] >= as_json["chains"]
    assert as_json["flaws"] == []


async def test_a_ledger_that_adds_up_is_said_to_and_one_that_does_not_names_what(
    database: str, tmp_path: Path, shop: Shop
) -> None:
    number = await shop.buy()

    def asked(*options: str) -> subprocess.CompletedProcess[str]:
        return tradehall_command(tmp_path, "ledger", "check", *options, **_own(database))

    run = await asyncio.to_thread(asked)
    assert (run.returncode, "all adds up" in run.stdout) == (0, True), run.stderr
    told = json.loads((await asyncio.to_thread(asked, "--json")).stdout)
    assert (told["postings"], told["orders"], told["flaws"]) == (1, 1, [])
    assert told["balances"]["CNY"]["escrow"] == 9_900
    await shop.sql("UPDATE payments SET amount_minor = amount_minor - 1")
    run = await asyncio.to_thread(asked, "--json")
    assert run.returncode == 1
    assert {(one["what"], one["subject"]) for one in json.loads(run.stdout)["flaws"]} == {("paid_differs", number)}
    run = await asyncio.to_thread(asked)
    assert f"{number}: what came into escrow is not what was paid" in run.stdout


_FIRST = "(SELECT subject_id FROM journal_heads WHERE subject_kind = 'product' ORDER BY subject_id LIMIT 1)"


_CUT = """
    DELETE FROM events e USING journal_heads h WHERE (h.subject_id, h.seq) = (e.subject_id, e.seq) AND e.subject_id =
"""


@pytest.mark.parametrize(
    ("statement", "seq", "what"),
    [
        ("UPDATE events SET entry = replace(entry, 'north', 'south') WHERE seq = 1 AND subject_id =", 1, "changed"),
        ("UPDATE events SET at = at + interval '1 hour' WHERE seq = 2 AND subject_id =", 2, "changed"),
        ("DELETE FROM events WHERE seq = 2 AND subject_id =", 2, "missing"),
        (_CUT, None, "cut_off"),
    ],
)
async def test_tampering_is_found(
    statement: str, seq: int | None, what: str, database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    _tamper(database, f"{statement} {_FIRST}")
    settings = sandbox_settings(database_url=database)
    assert not await journal.verify(settings, Console(), as_json=True)
    (flaw,) = json.loads(capsys.readouterr().out)["flaws"]
    assert (flaw["subject_kind"], flaw["what"]) == ("product", what)
    assert seq in (None, flaw["seq"])
    assert not await journal.verify(settings, Console(), as_json=False)
    told = capsys.readouterr().out
    assert flaw["subject_id"] in told
    assert "1 broken" in told


def test_a_broken_journal_is_exit_code_1(database: str, tmp_path: Path) -> None:
    _tamper(database, f"DELETE FROM events WHERE seq = 2 AND subject_id = {_FIRST}")
    run = tradehall_command(tmp_path, "verify-journal", **_own(database))
    assert run.returncode == 1
    assert "is missing" in run.stdout


def test_a_database_without_the_schema_is_told_what_to_do(server: Server, tmp_path: Path) -> None:
    with server.clone() as dsn:
        run = tradehall_command(tmp_path, "verify-journal", **_own(dsn))
        assert run.returncode == 2
        assert "tradehall migrate" in run.stderr


def test_migrate_shows_what_it_applied_and_check_changes_nothing(server: Server, tmp_path: Path) -> None:
    with server.clone() as dsn:
        for _ in range(2):
            check = tradehall_command(tmp_path, "migrate", "--check", **_own(dsn))
            assert check.returncode == 1
            assert "0001_kernel" in check.stdout
        applied = tradehall_command(tmp_path, "migrate", **_own(dsn))
        assert applied.returncode == 0
        assert "applied  0001_kernel" in applied.stdout
        assert tradehall_command(tmp_path, "migrate", "--check", **_own(dsn)).returncode == 0
        assert "up to date" in tradehall_command(tmp_path, "migrate", **_own(dsn)).stdout


def test_a_database_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    run = tradehall_command(tmp_path, "migrate", **_own("postgresql://nobody:secret-word@127.0.0.1:9/none"))
    assert run.returncode == 2
    assert "cannot be reached" in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert "secret-word" not in run.stderr


def test_settings_are_listed_with_secrets_masked_and_mistakes_warned_of(tmp_path: Path) -> None:
    run = tradehall_command(
        tmp_path, "settings", TRADEHALL_POOLSIZE="3", TRADEHALL_PORT="8123", TRADEHALL_METRICS_TOKEN="token-word",
        **_own("postgresql://u:secret-word@h/db"),
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in run.stdout.splitlines()}
    assert rows["TRADEHALL_PORT"][:2] == ["8123", "8000"]
    assert rows["TRADEHALL_NEW_INSTANCE_WINDOW"][:2] == ["3h", "3h"]
    assert all(meaning for _, _, meaning in rows.values())
    assert "TRADEHALL_POOLSIZE" in run.stderr
    for secret in ("secret-word", "token-word", SECRET_KEY):
        assert secret not in run.stdout + run.stderr


async def test_the_first_operator_is_made_once(empty_database: str, capsys: pytest.CaptureFixture[str]) -> None:
    async def add(email: str, password: str, role: Role = "admin") -> None:
        await people.add(
            sandbox_settings(database_url=empty_database),
            Console(),
            email=email,
            name="周敏 Zhou Min",
            kind="platform",
            organisation_en="Example Market",
            organisation_zh="示例商城",
            role=role,
            password=password,
        )

    await add("Ops@Example.com", "a long password")
    await add("second@example.com", "another password", "member")
    assert "here already" not in capsys.readouterr().out
    await add("ops@example.com", "yet another password")
    assert "here already" in capsys.readouterr().out
    with pytest.raises(CommandProblem, match="password: Choose a password of 10 to 200 characters"):
        await add("third@example.com", "short")
    with pytest.raises(CommandProblem, match="no e-mail address"):
        await add("no address", "a long password")
    with psycopg.connect(empty_database) as connection:
        rows = connection.execute(
            """
            SELECT p.email, p.password_hash, m.role, o.kind FROM people p
            JOIN memberships m ON m.person_id = p.id JOIN organisations o ON o.id = m.organisation_id ORDER BY p.email
            """
        ).fetchall()
        organisations = connection.execute("SELECT count(*) FROM organisations").fetchone()
    assert [(email, role, kind) for email, _, role, kind in rows] == [
        ("ops@example.com", "admin", "platform"),
        ("second@example.com", "member", "platform"),
    ]
    assert password_matches("a long password", rows[0][1])
    assert organisations == (1,)


def test_the_api_is_described_without_a_database(tmp_path: Path) -> None:
    run = tradehall_command(tmp_path, "openapi")
    assert run.returncode == 0, run.stderr
    document = json.loads(run.stdout)
    assert document["openapi"].startswith("3.1")
    assert "/api/v1/orders" in document["paths"]
    assert list(tmp_path.iterdir()) == []


def test_help_comes_at_once_and_teaches(tmp_path: Path) -> None:
    started = time.monotonic()
    run = tradehall_command(tmp_path, "--help")
    assert time.monotonic() - started < 3  # a fraction of a second, but for what else this machine does
    assert run.returncode == 0
    for command in ("serve", "work", "demo", "migrate", "settings", "person", "verify-journal", "clock", "sign"):
        assert command in run.stdout
        assert f"tradehall {command}" in CliRunner().invoke(cli, [command, "--help"]).output


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    script = "import sys, tradehall.__main__; print([n for n in ('litestar','psycopg','uvloop') if n in sys.modules])"
    run = subprocess.run([sys.executable, "-c", script], env=environment(tmp_path), capture_output=True, text=True)
    assert run.stdout.strip() == "[]"
