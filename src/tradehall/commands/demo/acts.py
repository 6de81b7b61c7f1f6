"""What people do with supervised orders in the demo: over the API, as sellers' own systems could."""

import io
from contextlib import AsyncExitStack
from typing import Any

from PIL import Image, ImageDraw

from tradehall.commands.demo.stage import Choice, Person, Stage, StoryWentWrong
from tradehall.commands.demo.telling import money

PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF\n"
_PEOPLE = {
    "wang": "admin@qingshan.example",
    "li": "it@qingshan.example",
    "grace": "admin@harbour.example",
    "su": "admin@nebula.example",
    "zhou": "operator@tradehall.example",
    "lin": "admin@cloudsail.example",
    "shi": "admin@bedrock.example",
    "ye": "admin@maple.example",
}


class Acts:
    """Chapters about supervised orders have these people, and what they do, in common."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._tell = stage.tell

    async def gather(self, stack: AsyncExitStack) -> None:
        """Has the people come on."""
        self._people = {name: await self._stage.person(stack, email) for name, email in _PEOPLE.items()}

    async def _bought(self, buyer: Person, choice: Choice) -> str:
        number = await self._stage.place(buyer, choice)
        await self._stage.pay(buyer, number)
        return number

    async def _act(self, person: Person, number: str, verb: str, **answers: Any) -> None:
        before = await person.get(f"supervision/{number}")
        after = await person.post(f"supervision/{number}/acts", {"verb": verb, "answers": answers})
        label = next((one["label"] for one in before["allowed"] if one["verb"] == verb), verb)
        self._tell.line("act", f"{person.name}: {label}  →  {after['node_label']}")

    async def _hand_in_all(self, person: Person, number: str, verb: str) -> None:
        """Every file that a verb demands: which those are says the order itself, by its acceptance rule."""
        allowed = (await person.get(f"supervision/{number}"))["allowed"]
        for field in next(one["fields"] for one in allowed if one["verb"] == verb):
            if field["kind"] != "files" or not field["required"]:
                continue
            for place in range(field["least"]):
                picture = field["accept"] == "pictures"
                content = _picture(f"{number} {field['key']}", place) if picture else PDF
                name = f"{field['key']}-{place + 1}.{'png' if picture else 'pdf'}"
                await self._hand_in(person, number, verb, field["key"], name, content)

    async def _hand_in(self, person: Person, number: str, verb: str, field: str, name: str, content: bytes) -> None:
        await person.upload(f"supervision/{number}/files", {"verb": verb, "field": field, "name": name}, content)

    async def _tell_end(self, buyer: Person, number: str) -> None:
        order = await self._stage.until_settled(buyer, number, "completed")
        supervised = await buyer.get(f"supervision/{number}")
        if supervised["state"] != "completed":
            raise StoryWentWrong(f"the supervision of {number} is {supervised['state']}")
        self._tell.line("done", f"{len(supervised['log'])} entries in the log; {money(order['total_minor'], 'CNY')}")
        await self._tell.show_instance(number)


def _picture(text: str, place: int) -> bytes:
    """A screenshot, or what passes for one here."""
    picture = Image.new("RGB", (640, 400), ((32, 60 + 40 * place, 120)))
    ImageDraw.Draw(picture).text((40, 180), text, fill=(255, 255, 255))
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue()
