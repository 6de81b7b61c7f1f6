"""Orders with a story worth telling: requirement, deliveries with photographs, a rejection, an acceptance."""

import io
import json
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

from PIL import Image, ImageDraw
from tests.supervised import Supervised

from tradehall.casefile import container, statement
from tradehall.casefile.container import Member, Writer
from tradehall.casefile.model import Written
from tradehall.kernel.files import ANYTHING
from tradehall.kernel.journal import Actor
from tradehall.supervision import evidence

REJECTED = "培训没有完成；照片 2 中的机柜没有标签。<b>No labels</b> & no training."
PDF = b"%PDF-1.4\n% what was agreed\n%%EOF\n"


def photograph(number: int, width: int = 1600, height: int = 1200) -> bytes:
    """A picture like one of a camera: many colours, nothing repeats."""
    dice = random.Random(number)
    small = Image.frombytes("RGB", (64, 48), dice.randbytes(64 * 48 * 3))
    picture = Image.blend(small.resize((width, height), Image.Resampling.BICUBIC),
                          Image.new("RGB", (width, height), (40 + number * 37 % 180, 120, 160)), 0.55)  # fmt: skip
    draw = ImageDraw.Draw(picture)
    draw.rectangle((width // 8, height // 4, width - width // 8, height - height // 4), outline="white", width=8)
    draw.text((width // 6, height // 2), f"Site {number}", fill="white", font_size=height // 9)
    made = io.BytesIO()
    picture.save(made, "JPEG", quality=85)
    return made.getvalue()


async def once(content: bytes) -> AsyncIterator[bytes]:
    yield content


class Cases:
    """Hands in real files and has case files made."""

    def __init__(self, supervised: Supervised, directory: Path) -> None:
        self.supervised = supervised
        self.installation = supervised.installation
        self.world = supervised.shop.world
        self.directory = directory

    async def hand_in(self, number: str, verb: str, field: str, *, by: Actor, name: str, content: bytes) -> UUID:
        """A file for a verb, received as from a form."""
        files = self.installation.files
        async with files.receiving() as handing:
            received = await handing.receive(name, once(content), accept=ANYTHING)
            assert by.organisation_id
            assert by.person_id
            async with self.installation.db.transaction(by, request_id="upload") as tx:
                kept = await files.register(tx, received, owner_id=by.organisation_id, uploaded_by=by.person_id)
                return await evidence.attach(tx, number, verb, field, kept.id)

    async def act(self, number: str, verb: str, files: dict[str, list[tuple[str, bytes]]], **answers: Any) -> None:
        """Does a verb with these files by their fields, and everything else that it asks for."""
        held = await self.supervised.flow(number)
        by = self.supervised.actor(held.turn)
        known = held.flow.verb(held.node, verb)
        needed = self.supervised.needed_files(held, known) if known else []
        for field in needed:
            if field not in files:
                files = files | {field: [*files.get(field, []), (f"{field}.pdf", PDF)]}
        for field, some in files.items():
            for name, content in some:
                await self.hand_in(number, verb, field, by=by, name=name, content=content)
        await self.supervised.act(number, verb, files=[], **answers)

    async def a_service(self, photographs: int = 3) -> str:
        """An order of work on a site: asked for, delivered, rejected, delivered again, accepted."""
        number = await self.supervised.buy("service")
        asked = "把旧系统的数据迁移到新环境，并在现场完成培训。Migrate and train on site."
        files = {"requirement_files": [("要求 requirement.pdf", PDF)]}
        await self.act(number, "submit_requirement", files, requirement=asked)
        await self.act(number, "confirm_requirement", {})
        await self.deliver(number, photographs)
        await self.act(
            number,
            "reject_delivery",
            {},
            reason="培训没有完成；照片 2 中的机柜没有标签。<b>No labels</b> & no training.",
        )
        await self.deliver(number, photographs and photographs + 1, first=10)
        await self.act(number, "accept", {})
        return number

    async def deliver(self, number: str, photographs: int, first: int = 1) -> None:
        held = await self.supervised.flow(number)
        verb = next(verb for verb in held.at.verbs if verb.key == "deliver")
        field = next(field for field in held.fields(verb) if field.kind == "files")
        shots = [(f"现场 site-{n}.jpg", photograph(n)) for n in range(first, first + photographs)]
        await self.act(number, "deliver", {field.key: shots} if shots else {})

    async def export(
        self, number: str, by: Actor, *, locale: str = "en", name: str = "case.zip"
    ) -> tuple[Path, Written]:
        """The case file as this actor gets it."""
        path = self.directory / name
        with path.open("w+b") as file:
            written = await self.installation.case_files.export(by, number, file, locale=locale, request_id="export")
        return path, written


def members(path: Path) -> dict[str, bytes]:
    """What is in a case file, by name and in order."""
    data = path.read_bytes()
    return {one.name: data[one.content : one.end] for one in container.members_in(memoryview(data))}


def packed(path: Path, contents: dict[str, bytes]) -> Path:
    """Writes these members as a container, as somebody would who knows how."""
    with path.open("w+b") as file:
        writer = Writer(file)
        for name, content in contents.items():
            writer.add(name, content)
        writer.close()
    return path


def lines(content: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in content.splitlines()]


__all__ = ["Cases", "Member", "lines", "members", "packed", "photograph", "statement"]
