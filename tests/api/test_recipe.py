"""The recipes of the documentation, typed in as they stand: a supervised life with curl, and its case file checked
without Tradehall."""

import asyncio
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from tests.application import application
from tests.world import PASSWORD, Shop, serving

DOCS = Path(__file__).resolve().parents[2] / "docs"
TOOLS = ("bash", "curl", "jq", "unzip", "openssl", "sha256sum", "basenc")


def shell(page: str, heading: str) -> str:
    """The blocks of shell below a heading, up to the next one."""
    text = (DOCS / page).read_text(encoding="utf-8").partition(f"{heading}\n")[2]
    blocks = re.findall(r"^```sh\n(.*?)^```$", re.split(r"^##", text, maxsplit=1, flags=re.MULTILINE)[0],
                        re.MULTILINE | re.DOTALL)  # fmt: skip
    assert blocks, f"{page} has no recipe below {heading}"
    return "".join(blocks)


async def typed(commands: str, where: Path) -> str:
    """What the commands print; they stop at the first that fails."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", commands, cwd=where, env={**os.environ, "PATH": path},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said = (await process.communicate())[0].decode()
    assert process.returncode == 0, said
    return said


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason="a tool of the recipes is not installed")
async def test_a_supervised_life_with_curl_and_its_case_file_checked_without_tradehall(
    shop: Shop, tmp_path: Path
) -> None:
    world = shop.world
    life = shell("supervision.md", "### A whole life with curl")
    async with serving(application(shop.installation)) as site:
        for shown, here in {
            "http://127.0.0.1:8000": site.url.removesuffix("/produce"),
            "PASSWORD=tradehall-demo": f"PASSWORD={PASSWORD}",
            "admin@cloudsail.example": world.email(world.seller),
            "admin@qingshan.example": world.email(world.buyer),
        }.items():
            assert shown in life
            life = life.replace(shown, here)
        said = await typed(life, tmp_path)
    assert "OK: every byte is as it was signed." in said
    by_hand = shell("operate.md", "## Case files").partition("unzip case.zip")[0]
    assert "Signature Verified Successfully" in await typed(f"mv case-*.zip case.zip\n{by_hand}", tmp_path)
