"""The demo's last part: what becomes of applications in the months after they were opened."""

from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec

from tradehall.catalog.model import Listing, Price, Sku
from tradehall.commands.clock import spoken
from tradehall.commands.demo.stage import Choice, Person, Stage, StoryWentWrong, moment
from tradehall.commands.demo.telling import money
from tradehall.trading import subscription_queries as subscriptions

# What may be tried, in this order: an organisation tries each product once, and the story is played more than once.
TRIALS = ("cloudsail-projects", "bedrock-pipeline", "cloudsail-wiki", "cloudsail-workplace")
GIVEN_BACK_AFTER = timedelta(days=2)
CONVERTED_BEFORE = timedelta(days=2)
NOTICED_AFTER = timedelta(days=3)
IN_USE = 10  # of the service desk's agents, by the time fewer are wanted


class Held(msgspec.Struct, frozen=True):
    """An application, whose it is, and the order it began with."""

    buyer: Person
    id: str
    number: str


class Lives:
    """The chapters of the third part, in the order of the sandbox's time."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._tell = stage.tell
        self._settings = stage.opened.settings

    async def play(self, stack: AsyncExitStack) -> None:
        """Tells it from beginning to end. Raises StoryWentWrong."""
        people = {
            name: await self._stage.person(stack, email)
            for name, email in {
                "wang": "admin@qingshan.example",
                "li": "it@qingshan.example",
                "zhao": "finance@qingshan.example",
                "grace": "admin@harbour.example",
                "david": "it@harbour.example",
                "su": "admin@nebula.example",
                "he": "purchasing@nebula.example",
                "emma": "store@nebula.example",
                "lark": "admin@lark.example",
            }.items()
        }
        for seller in self._stage.sellers.values():
            seller.manner = "instant"
        self._tell.part("Part four: what comes after", "第四部分：应用的一生")
        tried = await self._tried(people["emma"])
        old_school = await self._first_generation(people["zhao"])
        await self._given_back(people["su"])
        await self._upgraded(people["wang"])
        yearly = await self._from_month_to_year(people["li"])
        await self._renewal_taken_back(yearly)
        self._tell.chapter("Bought for a month, and forgotten", "买了一个月，然后忘了")
        desk = await self._bought(people["david"], Choice("lark-service-desk", 0, "PERIOD", "month", 5, 1))
        await self._converted(tried)
        await self._frozen_and_thawed(desk)
        self._tell.chapter("And another one, for you to find", "又忘了一个，等您发现")
        await self._bought(people["he"], Choice("cloudsail-wiki", 0, "PERIOD", "month", 10, 1))
        await self._renewed_by_itself(tried)
        await self._released(old_school)
        await self._refused(people["su"])
        await self._what_is_left(people)

    # --- Trying, renewing --------------------------------------------------------------------------------------------

    async def _tried(self, buyer: Person) -> Held:
        self._tell.chapter("First a trial", "先试用")
        held = await self._trial(buyer)
        await self._tell.show_calls(held.number)
        self._tell.good("Open at once and free of charge; an organisation tries each product once.")
        await self._tell.show_instance(held.number, term_only=True)
        return held

    async def _trial(self, buyer: Person) -> Held:
        listing, sku, price = await self._untried(buyer)
        number = self._stage.note(await buyer.post("trials", {"price_id": str(price.id)}))
        self._stage.introduce(buyer, "tries", listing, sku)
        await self._stage.tell_price(buyer, number)
        return Held(buyer, await self._stage.application_of(buyer, number), number)

    async def _untried(self, buyer: Person) -> tuple[Listing, Sku, Price]:
        assert buyer.organisation_id, "buyers buy for an organisation"
        for slug in TRIALS:
            listing, sku, price = await self._stage.chosen(Choice(slug, 0, "PERIOD", "month"))
            async with self._stage.opened.db.read() as reader:
                if not await subscriptions.trial_of(reader, buyer.organisation_id, listing.product.id):
                    return listing, sku, price
        raise StoryWentWrong(f"{buyer.organisation} has tried everything by now; start with --fresh")

    async def _first_generation(self, buyer: Person) -> Held:
        self._tell.chapter("A seller of the first generation (V1.0)", "第一代接口的商家")
        held = await self._bought(buyer, Choice("maple-payroll", 0, "PERIOD", "month", 50, 1))
        self._tell.say(
            "Its server takes GET requests with an authToken and signs its answers (Body-Sign). The buyer's address on "
            "the way there and the account on the way back are encrypted (AES-128)."
        )
        number = await self._renewed(held, {"period_number": 1})
        await self._tell.show_calls(held.number, number)
        self._tell.good("Opened, and renewed for a month more, by a seller who never heard of V2.0.")
        await self._tell.show_instance(held.number, term_only=True)
        return held

    async def _given_back(self, buyer: Person) -> None:
        self._tell.chapter("Unsubscribed within five days", "五天内无理由退订")
        held = await self._bought(buyer, Choice("lark-campaigns", 0, "PERIOD", "year", 1, 1))
        await self._stage.advance(GIVEN_BACK_AFTER, "it is not what was hoped for")
        since = self._stage.now
        quote = await buyer.get(f"applications/{held.id}/unsubscription")
        placed = await buyer.post(f"applications/{held.id}/unsubscription", {"expected_refund": quote["refund_minor"]})
        number = self._stage.note(placed)
        order = await self._stage.until_settled(buyer, number, "completed")
        await self._stage.until_quiet(held.number)
        await self._stage.until_quiet(number)
        self._tell.line("order", f"[bold]{number}[/bold] gives back {money(order['total_minor'], order['currency'])}")
        await self._tell.show_calls(held.number, number, since=since)
        left = quote["chances_left"] - 1
        self._tell.good(f"All of it came back, no question asked. That can be done {left} times more this year.")

    async def _upgraded(self, buyer: Person) -> None:
        self._tell.chapter("An upgrade in the middle of the term", "期中升级")
        held = await self._of(buyer, self._stage.numbers[0])
        listing, sku, _ = await self._stage.chosen(Choice("cloudsail-workplace", 1, "PERIOD", "month"))
        self._stage.introduce(buyer, "wants", listing, sku)
        wish: dict[str, Any] = {"sku_id": str(sku.id), "quantity": 50}
        quote = await buyer.post(f"applications/{held.id}/change-quote", wish)
        for step in quote["steps"]:
            self._tell.step(step, quote["currency"])
        self._tell.line("is", f"[bold]{money(quote['total_minor'], quote['currency'])}[/bold]")
        placed = await buyer.post(f"applications/{held.id}/changes", wish | {"expected_total": quote["total_minor"]})
        number = self._stage.note(placed)
        self._tell.line("order", f"[bold]{number}[/bold]")
        await self._stage.pay(buyer, number)
        await self._stage.until_settled(buyer, number, "completed")
        await self._stage.until_quiet(number)
        await self._tell.show_calls(number)
        self._tell.good("For the days that are left of the term, whose end stays what it is; good until midnight.")
        await self._tell.show_instance(held.number, term_only=True)

    async def _from_month_to_year(self, buyer: Person) -> Held:
        self._tell.chapter("Renewed, and by the year from now on", "续费并由按月改为按年")
        held = await self._bought(buyer, Choice("bedrock-audit", 0, "PERIOD", "month", 20, 1))
        _, _, yearly = await self._stage.chosen(Choice("bedrock-audit", 0, "PERIOD", "year"))
        number = await self._renewed(held, {"period_number": 1, "price_id": str(yearly.id)})
        await self._tell.show_calls(held.number, number)
        self._tell.good("The year begins where the month ends. This seller wants revisions, to tell late calls by.")
        await self._tell.show_instance(held.number, term_only=True)
        return held

    async def _renewal_taken_back(self, held: Held) -> None:
        self._tell.chapter("A renewal too many, taken back", "取消未生效的续费")
        renewal = await self._renewed(held, {"period_number": 1})
        await self._tell.show_instance(held.number, term_only=True)
        number = self._stage.note(await held.buyer.post(f"applications/{held.id}/renewal-cancellation", {}))
        order = await self._stage.until_settled(held.buyer, number, "completed")
        await self._stage.until_quiet(number)
        self._tell.line("order", f"[bold]{number}[/bold] takes it back")
        await self._tell.show_calls(renewal, number)
        amount = money(order["total_minor"], order["currency"])
        self._tell.good(f"Its year had not begun: {amount} came back, and the seller heard of the earlier end.")
        await self._tell.show_instance(held.number, term_only=True)

    async def _converted(self, held: Held) -> None:
        self._tell.chapter("The trial becomes the real thing", "试用转正")
        ends = await self._expiry(held)
        await self._stage.advance_to(ends - CONVERTED_BEFORE, "the trial is nearly over")
        quote = await held.buyer.post(f"applications/{held.id}/conversion-quote", {"period_number": 1})
        placed = await held.buyer.post(
            f"applications/{held.id}/conversion", {"period_number": 1, "expected_total": quote["total_minor"]}
        )
        number = await self._stage.carried_out(held.buyer, placed)
        await self._tell.show_calls(number)
        self._tell.good("Same application, same data; the month that is paid begins as the trial ends.")
        await self._tell.show_instance(held.number, term_only=True)
        await held.buyer.put(f"applications/{held.id}/auto-renewal", {"on": True})
        at = self._tell.day(await self._ahead(held, "renew"))
        self._tell.good(f"Automatic renewal is on: next on {at}, {spoken(self._settings.renewal_lead)} before it ends.")

    # --- The term is over --------------------------------------------------------------------------------------------

    async def _frozen_and_thawed(self, held: Held) -> None:
        self._tell.chapter("Expired, frozen, thawed by a renewal", "到期、冻结、续费解冻")
        since = self._stage.now
        seller = self._stage.sellers["lark"]
        freezes_at = await self._ahead(held, "freeze")
        await self._stage.advance_to(await self._expiry(held), f"{held.buyer.name}'s month is over")
        await self._check(held, "grace")
        grace = spoken(self._settings.grace_period)
        self._tell.good(f"In grace 宽限期: it can be used for {grace} more.")
        seller.moods["updateInstanceStatus"] = "crash"
        await self._stage.advance_to(freezes_at, "it is frozen; but the seller's server fails")
        await self._stage.until_tried(held.number, "updateInstanceStatus", 1)
        del seller.moods["updateInstanceStatus"]
        await self._stage.advance(self._settings.status_interval, "to the second try")
        await self._check(held, "frozen")
        until = self._tell.day(await self._ahead(held, "end"))
        self._tell.good(f"Frozen 已冻结: nobody can sign in, its data are kept until {until}.")
        await self._stage.advance(NOTICED_AFTER, f"{held.buyer.name} notices")
        number = await self._renewed(held, {"period_number": 3})
        await self._stage.until_quiet(held.number)
        await self._check(held, "active")
        await self._tell.show_calls(held.number, number, since=since)
        self._tell.good("In use again. The new term begins where the old one ended, not today.")
        await self._tell.show_instance(held.number, term_only=True)

    async def _renewed_by_itself(self, held: Held) -> None:
        self._tell.chapter("Renewed by itself", "自动续费")
        at = await self._ahead(held, "renew")
        await self._stage.advance_to(at, "nobody does anything")
        orders = await held.buyer.get(f"applications/{held.id}/orders")
        order = orders["items"][0]
        if not order["automatic"]:
            raise StoryWentWrong(f"{held.number} was not renewed automatically")
        self._tell.line("order", f"[bold]{order['number']}[/bold], placed and paid by the marketplace")
        self._tell.line("for", money(order["total_minor"], order["currency"]))
        await self._stage.until_settled(held.buyer, order["number"], "completed")
        await self._tell.show_calls(order["number"])
        self._tell.good("From the balance, for one month at the price it was last bought at.")
        await self._tell.show_instance(held.number, term_only=True)

    async def _released(self, held: Held) -> None:
        self._tell.chapter("Nobody renews, so it is released", "无人续费，到期释放")
        since = self._stage.now
        ends, end = await self._expiry(held), await self._ahead(held, "end")
        frozen = await self._ahead(held, "freeze")
        self._tell.say(f"What the order {held.number} began at the first-generation seller.")
        await self._stage.advance_to(end, f"over on {ends:%m-%d}, grace until {frozen:%m-%d}, kept until {end:%m-%d}")
        await self._stage.until_quiet(held.number)
        await self._check(held, "ended")
        await self._tell.show_calls(held.number, since=since)
        self._tell.good("Frozen, for which V1.0 has expireInstance; then released with all its data.")

    async def _refused(self, buyer: Person) -> None:
        self._tell.chapter("A change at renewal, and the seller says no", "续费变更被商家拒绝")
        held = await self._of(buyer, await self._number_of(buyer, "lark-service-desk"))
        seller = self._stage.sellers["lark"]
        seller.used = IN_USE
        placed = await buyer.post(f"applications/{held.id}/renewals", {"period_number": 1, "quantity": 5})
        number = self._stage.note(placed)
        self._tell.line("who", f"{buyer.name}, {buyer.organisation}")
        self._tell.line("wants", "Lark Service Desk 百灵智能客服 · 5 agents at the renewal, not 12")
        self._tell.line("order", f"[bold]{number}[/bold]")
        order = await self._stage.until_settled(buyer, number, "cancelled")
        await self._tell.show_calls(number)
        seller.used = 0
        if order["cancel_reason"] != "seller_refused":
            raise StoryWentWrong(f"{number} was cancelled, but because of {order['cancel_reason']}")
        self._tell.good(f"Asked before anything was paid. The buyer reads: “{order['cancel_message']}”.")
        await self._tell.show_instance(held.number, term_only=True)

    # --- What is left ------------------------------------------------------------------------------------------------

    async def _what_is_left(self, people: dict[str, Person]) -> None:
        self._tell.chapter("What is left for you", "留给您的")
        await self._trial(people["grace"])
        self._tell.good("A trial has just begun.")
        await self._stage.place(people["grace"], Choice("bedrock-backup", 0, "PERIOD", "year", 10, 1))
        self._tell.good("An order waits to be paid.")
        self._stage.sellers["lark"].manner = "crash"
        for name, choice in (
            ("su", Choice("lark-invoice", 0, "PERIOD", "month", 1, 12)),
            ("david", Choice("lark-clinic", 0, "PERIOD", "month", 1, 12)),
        ):
            number = await self._stage.place(people[name], choice)
            await self._stage.pay(people[name], number)
            await self._stage.until_tried(number, "newInstance", 1)
            await self._tell.show_calls(number)
        dashboard = await people["lark"].get("seller/dashboard")
        circuit = next(one for one in dashboard["circuits"] if one["state"] != "closed")
        failed, most = circuit["failures_in_a_row"], circuit["trips_at"]
        every = spoken(self._settings.new_instance_interval)
        self._tell.good(f"Two are paid, but the seller's server is down. It is called again every {every}.")
        self._tell.good(f"Its circuit counts {failed} of {most} 熔断计数: with {most} its calls would be held back.")

    # --- What chapters have in common --------------------------------------------------------------------------------

    async def _bought(self, buyer: Person, choice: Choice) -> Held:
        number = await self._stage.place(buyer, choice)
        await self._stage.pay(buyer, number)
        held = Held(buyer, await self._stage.application_of(buyer, number), number)
        await self._tell.show_instance(number, term_only=True)
        return held

    async def _of(self, buyer: Person, number: str) -> Held:
        order = await buyer.get(f"orders/{number}")
        return Held(buyer, order["application_id"], number)

    async def _number_of(self, buyer: Person, slug: str) -> str:
        """The order of the first part by which the buyer's organisation bought a product."""
        for number in self._stage.numbers:
            found: UUID | None = await self._stage.value(
                "SELECT buyer_id FROM orders WHERE number = %(number)s", number
            )
            if found == buyer.organisation_id and (await buyer.get(f"orders/{number}"))["product_slug"] == slug:
                return number
        raise StoryWentWrong(f"{buyer.organisation} has no {slug}")

    async def _renewed(self, held: Held, wish: dict[str, Any]) -> str:
        """Orders and pays a renewal, and waits until the seller knows."""
        quote = await held.buyer.post(f"applications/{held.id}/renewal-quote", wish)
        wish = wish | {"expected_total": quote["total_minor"]}
        return await self._stage.carried_out(
            held.buyer, await held.buyer.post(f"applications/{held.id}/renewals", wish)
        )

    async def _expiry(self, held: Held) -> Any:
        return moment((await held.buyer.get(f"applications/{held.id}"))["expires_at"])

    async def _ahead(self, held: Held, kind: str) -> Any:
        """When something will become of an application by itself."""
        application = await held.buyer.get(f"applications/{held.id}")
        return moment(next(one for one in application["ahead"] if one["kind"] == kind)["at"])

    async def _check(self, held: Held, state: str) -> None:
        found = (await held.buyer.get(f"applications/{held.id}"))["subscription_state"]
        if found != state:
            raise StoryWentWrong(f"what {held.number} began is {found}, not {state}")
