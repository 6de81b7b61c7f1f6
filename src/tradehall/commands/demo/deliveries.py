"""The demo's second part: what people deliver, supervised from the requirement to the acceptance."""

from contextlib import AsyncExitStack
from datetime import timedelta

from tradehall.commands.demo.acts import Acts
from tradehall.commands.demo.stage import Choice, StoryWentWrong


class Deliveries(Acts):
    """The chapters of the second part."""

    async def play(self, stack: AsyncExitStack) -> None:
        """Tells it from beginning to end. Raises StoryWentWrong."""
        await self.gather(stack)
        self._tell.part("Part two: what people deliver", "第二部分：服务监管")
        await self._service()
        await self._application()
        await self._code()
        await self._reviewed()
        await self._parcel()

    async def leave(self) -> None:
        """What waits for whoever looks around afterwards: it is everybody's turn somewhere."""
        tell, people = self._tell, self._people
        tell.chapter("And in service supervision", "服务监管中")
        await self._bought(people["grace"], Choice("lark-website", 0, "ONE_TIME"))
        tell.good("A buyer has to say what its website should be.")
        number = await self._bought(people["wang"], Choice("bedrock-port-calls", 0, "ONE_TIME"))
        await self._act(people["wang"], number, "submit_requirement", requirement="2025 年长三角港口，按船公司拆分。")
        tell.good("A seller has to confirm a requirement.")
        number = await self._bought(people["su"], Choice("maple-payroll-onsite", 0, "ONE_TIME"))
        await self._hand_in_all(people["ye"], number, "deliver")
        await self._act(people["ye"], number, "deliver", description="Installed on site.", signed_by_all=True)
        tell.good("The platform has to review a delivery.")

    # --- The chapters ------------------------------------------------------------------------------------------------

    async def _service(self) -> None:
        tell, wang, lin = self._tell, self._people["wang"], self._people["lin"]
        tell.chapter("A service, delivered by people", "人工服务的交付与验收")
        number = await self._bought(wang, Choice("cloudsail-migration", 0, "ONE_TIME"))
        await self._act(wang, number, "submit_requirement", requirement="搬迁邮箱。")
        await self._act(lin, number, "reject_requirement", reason="请说明人数与时间窗口。")
        await self._act(wang, number, "submit_requirement", requirement="180 个邮箱，周六 20:00 至周日 12:00。")
        await self._act(lin, number, "confirm_requirement")
        try:
            await self._act(lin, number, "deliver")
        except StoryWentWrong as refused:
            if "acceptance_document" not in str(refused):
                raise
            tell.say("Without its documents nothing counts as delivered: the answer names what is missing.")
        await self._hand_in_all(lin, number, "deliver")
        await self._act(lin, number, "deliver")
        await self._act(wang, number, "accept")
        await self._tell_end(wang, number)
        tell.good("Every act is in the log with its hash; the order is completed and can be billed.")
        await self._review(number)

    async def _review(self, number: str) -> None:
        tell, wang, lin, zhou = self._tell, self._people["wang"], self._people["lin"], self._people["zhou"]
        tell.chapter("A review, and its answer", "评价与回复")
        text = "180 个邮箱一个周末搬完，没有丢一封邮件。"
        review = await wang.put(f"orders/{number}/review", {"rating": 5, "text": text, "named": True})
        tell.line("review", f"{wang.name}: five stars 五星; it waits for the marketplace")
        await zhou.post(f"operator/reviews/{review['id']}/publish", {"seen": review["version"]})
        await lin.post(f"seller/reviews/{review['id']}/answer", {"text": "感谢信任，期待下次合作。", "seen": 0})
        told = await wang.get(f"products/{review['product_slug']}/reviews")
        tell.good(
            f"Read by {zhou.name}, answered by {lin.name}; the product has {told['rating']['average']} stars now."
        )
        review = await self._people["grace"].put(f"orders/{await self._reviewable()}/review", {"rating": 4})
        tell.line("review", f"{self._people['grace'].name}: four stars 四星, for whoever moderates next")

    async def _reviewable(self) -> str:
        """An order of the second buyer that is completed and has no review."""
        orders = await self._people["grace"].get("orders?state=completed&limit=100")
        reviewed = await self._people["grace"].get("reviews?limit=100")
        bought: list[str] = [one["number"] for one in orders["items"] if one["order_type"] == "NEW"]
        taken = {one["order_number"] for one in reviewed["items"]}
        return next(number for number in bought if number not in taken)

    async def _application(self) -> None:
        tell, li, lin = self._tell, self._people["li"], self._people["lin"]
        tell.chapter("An application opened by hand", "开通交付的 SaaS")
        number = await self._bought(li, Choice("cloudsail-erp-dedicated", 0, "PERIOD", "year", 1, 1))
        await self._act(li, number, "submit_requirement", requirement="两座工厂，一个仓库。")
        await self._act(lin, number, "confirm_requirement")
        began = self._stage.now
        await self._hand_in_all(lin, number, "deliver")
        await self._stage.advance(timedelta(days=3), "the buyer takes a look")
        await self._act(
            lin,
            number,
            "deliver",
            front_end_url="https://erp.cloudsail.example/qingshan",
            admin_url="https://erp.cloudsail.example/qingshan/admin",
            user_name="qingshan",
            password="first-time-only",
            actual_start=tell.day(began),
        )
        await self._act(li, number, "accept")
        await self._tell_end(li, number)
        tell.good("In use since the day the seller said, so the year counts from there, not from the acceptance.")

    async def _code(self) -> None:
        tell, grace, shi = self._tell, self._people["grace"], self._people["shi"]
        tell.chapter("An authorisation code", "授权码的领取与激活")
        number = await self._bought(grace, Choice("bedrock-vault", 0, "PERIOD", "year", 1, 1))
        await self._act(shi, number, "deliver")
        await self._act(grace, number, "claim_code")
        code = (await grace.get(f"supervision/{number}"))["license_code"]
        tell.line("code", f"{code[:6]}… is handed to the seller's software, which activates it")
        await self._act(shi, number, "activate_code", code=code)
        await self._tell_end(grace, number)
        tell.good("Claimed and activated: that is an acceptance. From the claim on no refund can be negotiated.")

    async def _reviewed(self) -> None:
        tell, su, ye, zhou = self._tell, self._people["su"], self._people["ye"], self._people["zhou"]
        tell.chapter("The platform looks at the proof first", "基地云场景的平台复核")
        number = await self._bought(su, Choice("maple-payroll-onsite", 0, "ONE_TIME"))
        tell.say("A joint product, and a buyer on the track of the base cloud: three screenshots, and a review.")
        await self._hand_in_all(ye, number, "deliver")
        await self._act(ye, number, "deliver", description="Installed on site.", signed_by_all=True)
        await self._act(zhou, number, "return_delivery", reason="截图中看不到客户名称。")
        await self._hand_in_all(ye, number, "deliver")
        await self._act(ye, number, "deliver", description="Installed on site.", signed_by_all=True)
        await self._act(zhou, number, "approve_delivery")
        await self._act(su, number, "accept")
        await self._tell_end(su, number)

    async def _parcel(self) -> None:
        tell, grace, shi = self._tell, self._people["grace"], self._people["shi"]
        tell.chapter("A parcel nobody answers for", "硬件签收十天后自动验收")
        number = await self._bought(grace, Choice("bedrock-edge", 0, "ONE_TIME", quantity=2))
        await self._act(shi, number, "deliver", courier="test", tracking_number=f"TEST-2-{number[-4:]}")
        await self._stage.advance(timedelta(days=2), "the courier hands it over")
        accepted = (await grace.get(f"supervision/{number}"))["by"]
        tell.line("turn", f"the buyer's, by {accepted[:10]}")
        settings = self._stage.opened.settings
        await self._stage.advance(settings.parcel_acceptance + timedelta(days=1), "and nobody says anything")
        await self._tell_end(grace, number)
        tell.good(f"Signed for {settings.parcel_acceptance.days} days ago, so it is accepted by itself.")
