"""Supervised orders in a browser: every delivery type from its first node to its acceptance, by the people of all three
sides, each in a browser context of their own, with real files."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.test_purchase import listen
from tests.conftest import sandbox_settings
from tests.kernel.files.stores import picture
from tests.supervised import SUPERVISED, Supervised
from tests.world import PASSWORD, Shop, World

from tradehall.kernel.journal import Actor
from tradehall.settings import Settings
from tradehall.supervision import queries
from tradehall.supervision.model import Held

if TYPE_CHECKING:
    from playwright.async_api import Browser, FilePayload, Locator, Page

pytestmark = pytest.mark.browser

BASES = {"buyer": "/buyer", "seller": "/seller", "platform": "/operator"}
PDF: "FilePayload" = {"name": "交付 proof.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 proof"}
SHOT: "FilePayload" = {"name": "screen.png", "mimeType": "image/png", "buffer": picture(size=(320, 200))}
TYPED = {"text": "Something", "note": "Something said\nat more length.", "url": "https://app.example.com/",
         "secret": "s3cret-word", "phone": "+86 138 1111 1111"}  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox_settings(data_dir=tmp_path)


class Console:
    """Somebody of one side in front of a browser."""

    def __init__(self, page: "Page", side: str, site: str, supervised: Supervised) -> None:
        self.page = page
        self.side = side
        self.site = site
        self.supervised = supervised
        self.complaints = listen(page)

    @classmethod
    async def enter(
        cls, browser: "Browser", site: str, supervised: Supervised, actor: Actor, locale: str, *, script: bool = True
    ) -> "Console":
        context = await browser.new_context(
            locale={"en": "en-GB", "zh": "zh-CN"}[locale], java_script_enabled=script, reduced_motion="reduce"
        )
        page = await context.new_page()
        console = cls(page, actor.kind, site, supervised)
        await page.goto(f"{site}/login")
        await page.locator("#f-email").fill(supervised.shop.world.email(actor))
        await page.locator("#f-password").fill(PASSWORD)
        await page.locator("main form button").click()
        await page.wait_for_url(f"**{BASES[actor.kind]}")
        return console

    async def open(self, number: str) -> None:
        await self.page.goto(f"{self.site}{BASES[self.side]}/supervision/{number}")

    def form(self, verb: str) -> "Locator":
        return self.page.locator(f"[data-verb={verb}]")

    async def fill(self, held: Held, verb: str) -> None:
        """Supplies everything that is required for a verb, and whatever of a group comes first."""
        known = held.known(verb)
        assert known
        groups: set[str] = set()
        for field in held.fields(known):
            row = self.form(verb).locator(f"[data-field={field.key}]")
            if not field.wanted({}) or field.only_if or field.group in groups:
                continue
            if field.group:
                groups.add(field.group)
            if field.kind == "files":
                await self.hand_in(row, [SHOT] * field.least if field.accept == "pictures" else [PDF])
            elif field.kind == "flag":
                await row.locator("input").check()
            elif field.kind == "choice":
                chosen = "test" if field.key == "courier" else field.choices[0][0]
                await row.locator("select").select_option(chosen)
            elif field.key == "code":
                async with self.supervised.installation.db.read() as reader:
                    await row.locator("input").fill(await queries.code_of(reader, held.order_id) or "")
            else:
                await row.locator("input, textarea").fill(TYPED[field.kind])

    async def hand_in(self, row: "Locator", files: "Sequence[FilePayload]") -> None:
        """Chooses files and waits until they have arrived."""
        before = await row.locator("[data-file]").count()
        await row.locator("input[type=file]").set_input_files(list(files))
        await row.locator("[data-file]").nth(before + len(files) - 1).wait_for()

    async def send(self, verb: str) -> None:
        """Presses the button, and once more in the dialog where it asks."""
        form = self.form(verb)
        if await form.locator("[data-ask]").count():
            await form.locator("[data-ask]").click()
            await form.locator("dialog button[value=send]").click()
        else:
            await form.locator("button[value=send]").click()
        await self.page.wait_for_load_state()

    async def act(self, number: str, verb: str) -> Held:
        """Opens the order, supplies everything, sends it."""
        await self.open(number)
        if await self.form(verb).locator("details[open]").count() == 0:
            await self.form(verb).locator("summary").first.click()
        await self.fill(await self.supervised.flow(number), verb)
        await self.send(verb)
        await self.page.locator(".flashes .tone-success").wait_for()
        return await self.supervised.flow(number)


# Half of the types in each language; what is rejected, and by whom, before it is accepted.
TYPES = {
    "en": ["saas_manual", "license_system_id", "license_code", "software_package", "data_file"],
    "zh": ["license_hardware_id", "license_offline", "service", "website", "hardware", "orchestration"],
}
OBJECTIONS = {
    "saas_manual": ["reject_requirement", "reject_delivery"],
    "website": ["reject_design", "reject_test_site"],
    "software_package": ["return_delivery"],
}
DONE = {"en": "The service is completed", "zh": "服务已完成"}


def test_every_delivery_type_is_lived_through() -> None:
    assert sorted(TYPES["en"] + TYPES["zh"]) == SUPERVISED


@pytest.mark.parametrize("locale", ["en", "zh"])
async def test_what_people_deliver_from_the_first_node_to_the_acceptance(
    browser: "Browser", site: str, shop: Shop, world: World, supervised: Supervised, locale: str
) -> None:
    consoles = {side: await Console.enter(browser, site, supervised, supervised.actor(side), locale) for side in BASES}
    for delivery_type in TYPES[locale]:
        joint = delivery_type == "software_package"
        track = "'base'" if joint else "NULL"
        await shop.sql(f"UPDATE organisations SET track = {track} WHERE id = '{world.buyer.organisation_id}'")
        number = await supervised.buy(delivery_type, product_class="joint" if joint else "common")
        objections = list(OBJECTIONS.get(delivery_type, []))
        held = await supervised.flow(number)
        while held.state == "open":
            verb = held.at.verbs[0]
            if objections and (objection := held.flow.verb(held.node, objections[0])):
                objections.pop(0)
                verb = objection
            held = await consoles[held.at.by(verb)].act(number, verb.key)
        assert not objections
        assert (await shop.order(number)).state == "completed"
        for console in consoles.values():
            await console.open(number)
            await console.page.get_by_role("heading", name=DONE[locale]).wait_for()
            assert await console.page.locator("[data-state=whole]").count() == 1
            assert await console.page.locator("[data-verb]").count() == 0
    for console in consoles.values():
        assert console.complaints == []
        await console.page.context.close()


async def test_files_are_sent_as_they_are_chosen_and_the_other_side_sees_what_happens(
    browser: "Browser", site: str, world: World, supervised: Supervised
) -> None:
    number = await supervised.buy("software_package")
    seller = await Console.enter(browser, site, supervised, world.seller, "en")
    buyer = await Console.enter(browser, site, supervised, world.buyer, "zh")
    await buyer.open(number)
    await seller.open(number)
    row = seller.form("deliver").locator("[data-field=acceptance_document]")
    disguised: FilePayload = {"name": "report.pdf", "mimeType": "application/pdf", "buffer": b"MZ\0\0" + bytes(500)}
    await seller.hand_in(row, [PDF])
    await row.locator("input[type=file]").set_input_files([disguised])
    await row.locator(".is-refused", has_text="is not what its name says").wait_for()
    await seller.hand_in(row, [SHOT, SHOT])
    assert await row.locator(".is-refused").count() == 0
    assert await row.locator("[data-file] img").count() == 2
    await row.locator("[data-remove]").first.click()
    await row.locator("[data-file]").nth(2).wait_for(state="detached")

    # Sent too early, everything is still there, and what is missing is named beside its field.
    await seller.page.locator("#f-deliver-description").fill("Deployed.\nBy us.")
    await seller.send("deliver")
    await seller.page.locator("#f-deliver-requirement_document-error").wait_for()
    assert await seller.page.locator("#f-deliver-description").input_value() == "Deployed.\nBy us."
    assert await row.locator("[data-file]").count() == 2
    await seller.hand_in(seller.form("deliver").locator("[data-field=requirement_document]"), [PDF])
    await seller.send("deliver")
    await seller.page.locator(".flashes .tone-success").wait_for()

    # The buyer's page, open all the while, offers the acceptance by itself.
    await buyer.page.locator("[data-verb=accept]").wait_for(timeout=15_000)
    await buyer.page.get_by_text("交付 proof.pdf").first.wait_for()
    await buyer.page.get_by_text("待您处理：用户确认验收").wait_for()
    await buyer.act(number, "accept")
    assert (await supervised.flow(number)).state == "completed"
    assert [said for said in seller.complaints + buyer.complaints if "422" not in said] == []


async def test_an_order_is_delivered_without_javascript_on_a_small_screen(
    browser: "Browser", site: str, world: World, supervised: Supervised
) -> None:
    number = await supervised.buy("data_file")
    await supervised.walk(number, "submit_requirement", "confirm_requirement")
    seller = await Console.enter(browser, site, supervised, world.seller, "en", script=False)
    await seller.page.set_viewport_size({"width": 390, "height": 844})
    await seller.open(number)
    form = seller.form("deliver")
    for field in ("data_files", "requirement_document", "acceptance_document"):
        await form.locator(f"[data-field={field}] input[type=file]").set_input_files([PDF])
    await form.get_by_role("button", name="Save draft").click()
    assert await form.locator("[data-file]").count() == 3
    await form.locator("[data-field=data_files] [data-remove]").click()
    assert await form.locator("[data-file]").count() == 2
    await form.locator("[data-field=data_files] input[type=file]").set_input_files([PDF, SHOT])
    await seller.send("deliver")
    assert await seller.page.locator("#supervision[data-node=acceptance]").count() == 1
    assert await seller.page.evaluate("document.documentElement.scrollWidth") <= 390
    buyer = await Console.enter(browser, site, supervised, world.buyer, "en", script=False)
    await buyer.open(number)
    await buyer.form("reject_delivery").locator("summary").click()
    await buyer.page.locator("#f-reject_delivery-reason").fill("The third column is empty.")
    await buyer.send("reject_delivery")
    await seller.open(number)
    await seller.page.get_by_text("The third column is empty.").first.wait_for()
    assert (await supervised.flow(number)).rejections_by_buyer == 1
