"""The documentation agrees with the code, with itself, and in both languages."""

import json
import re
import secrets
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tradehall.__main__ import cli
from tradehall.protocols import v2
from tradehall.protocols.requests import NotifyOrder, OpenInstance, QueryInstances, ReleaseInstance, Request
from tradehall.settings import documentation
from tradehall.supervision.disputes.model import PROCEDURES
from tradehall.supervision.flows import all_flows

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)


def prose(page: Path) -> str:
    """A page without its blocks of code."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def commands(page: Path) -> Iterator[list[str]]:
    """Every command line in a page's blocks of shell, its comment left out."""
    for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "sh":
            for line in block.replace("\\\n", " ").splitlines():
                if words := shlex.split(line, comments=True):
                    yield words


def anchors(page: Path) -> set[str]:
    """The fragments that headings can be linked by."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for _, heading in HEADING.findall(prose(page))}


def test_what_is_taken_from_the_code_is_fresh() -> None:
    # In a process of its own: tests define errors and metrics too.
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/generate_docs.py"), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_flow_of_supervision_is_drawn_and_told() -> None:
    text = (ROOT / "docs/supervision.md").read_text(encoding="utf-8").partition("<!-- generated: flows -->")[2]
    drawn = [block for language, block in FENCE.findall(text) if language == "mermaid"]
    tables = [*all_flows(), *PROCEDURES.values()]
    assert len(drawn) == len(tables)
    for flow in tables:
        arrows = {f'|"{verb.key}"| {verb.to}' for _, verb in flow.walk()}
        assert any(all(arrow in block for arrow in arrows) for block in drawn), f"{flow.type} {flow.version}"
        assert f"### {flow.label} (`{flow.type}`)" in text


def test_the_codes_that_are_explained_exist() -> None:
    text = (ROOT / "docs/supervision.md").read_text(encoding="utf-8")
    codes = {
        code for first in re.findall(r"^\| (`.*?) \| 4", text, re.MULTILINE) for code in re.findall(r"`(\w+)`", first)
    }
    known = set(re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/errors.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert len(codes) >= 15
    assert codes <= known


def test_every_setting_is_documented_once() -> None:
    table = (ROOT / "docs/operate.md").read_text(encoding="utf-8").partition("<!-- generated: settings -->")[2]
    for variable, _, meaning in documentation():
        assert meaning.strip(), f"{variable} has no meaning"
        assert table.count(f"| `{variable}` |") == 1, variable


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_that_are_named_exist(page: Path) -> None:
    known = {variable for variable, _, _ in documentation()} | {"TRADEHALL_SELLER_KEY"}
    named = set(re.findall(r"\bTRADEHALL_[A-Z_]*[A-Z]\b", page.read_text(encoding="utf-8")))
    assert named <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in LINK.findall(prose(page)):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leads out of the repository"
        if fragment:
            assert fragment in anchors(target), f"there is no heading for {link}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_shown_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for words in commands(page):
        if words[0] == "make":
            assert words[1] in targets, " ".join(words)
        if words[0].rpartition("/")[2] == "tradehall":
            command, options = typer.main.get_command(cli), {"--help"}
            for word in words[1:]:
                if word.startswith("--"):
                    continue
                if not hasattr(command, "commands"):
                    break
                assert word in command.commands, " ".join(words)
                command = command.commands[word]
                options |= {option for parameter in command.params for option in parameter.opts}
            assert {word for word in words if word.startswith("--")} <= options, " ".join(words)


def test_every_part_of_the_documentation_is_reachable_from_the_readme() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for link in LINK.findall(prose(page)):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target.is_dir():
                waiting += sorted(target.glob("*.md"))
            elif target.suffix == ".md":
                waiting.append(target)
    assert set(PAGES) - reached == set()


def test_the_chinese_readme_mirrors_the_english_one() -> None:
    english, chinese = (prose(ROOT / name) for name in ("README.md", "README.zh.md"))
    levels = [[len(marks) for marks, _ in HEADING.findall(text)] for text in (english, chinese)]
    assert levels[0] == levels[1]
    links = [[link for link in LINK.findall(text) if not link.startswith("README")] for text in (english, chinese)]
    assert sorted(links[0]) == sorted(links[1])
    assert list(commands(ROOT / "README.md")) == list(commands(ROOT / "README.zh.md"))
    assert english.count("\n| ") == chinese.count("\n| ")
    assert english.count("\n* ") == chinese.count("\n* ")


def test_the_seller_that_is_shown_answers_every_call() -> None:
    (block,) = [
        block
        for language, block in FENCE.findall((ROOT / "docs/sellers.md").read_text(encoding="utf-8"))
        if language == "python"
    ]
    released: list[str] = []
    seller: dict[str, Any] = {
        "open_or_find": lambda order, proposed: f"instance of {order[0]}",
        "url_of": lambda instance_id: f"https://app.example.com/{instance_id}",
        "release": released.append,
    }
    exec(compile(block, "docs/sellers.md", "exec"), seller)

    def call(request: Request, key: str = "my-access-key") -> Any:
        body = v2.body(request)
        url = v2.signed_url("https://s.example", key, secrets.token_hex(8), int(time.time() * 1000), body)
        return json.loads(seller["handle"](url.partition("?")[2], body))

    assert call(OpenInstance("CS1", "CS1-000001", "b"))["instanceId"] == "instance of CS1"
    assert call(QueryInstances(("i1", "i2")))["info"][1]["appInfo"] == {"frontEndUrl": "https://app.example.com/i2"}
    assert call(ReleaseInstance("i1", "", None, None, None))["resultCode"] == "000000"
    assert released == ["i1"]
    assert call(NotifyOrder("CS1", "CS1-000001"))["resultCode"] == "000000"
    assert call(QueryInstances(("i1",)), key="another")["resultCode"] == "000001"


def test_decisions_are_numbered_one_by_one_and_short() -> None:
    assert [path.name[:5] for path in DECISIONS] == [f"{number:04}-" for number in range(1, len(DECISIONS) + 1)]
    for path in DECISIONS:
        text = path.read_text(encoding="utf-8")
        headings = [heading for _, heading in HEADING.findall(text)]
        assert headings[0].startswith(path.name[:4]), path.name
        assert headings[1:] == ["Context", "Decision", "Consequences", "Alternatives"], path.name
        assert len(text.splitlines()) <= 60, f"{path.name} is longer than a page"
