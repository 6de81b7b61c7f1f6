"""The demo's third part: when it goes wrong. A refund, a return, an appeal, and what becomes of the money."""

from contextlib import AsyncExitStack
from datetime import timedelta

from tradehall.commands.demo.acts import PDF, Acts
from tradehall.commands.demo.stage import Choice, Person
from tradehall.commands.demo.telling import money


class Disputes(Acts):
    """The chapters of the third part."""

    async def play(self, stack: AsyncExitStack) -> None:
        """Tells it from beginning to end. Raises StoryWentWrong."""
        await self.gather(stack)
        self._tell.part("Part three: when it goes wrong", "第三部分：申诉与退订")
        await self._refund()
        await self._return()
        await self._appeal()

    async def leave(self) -> None:
        """What waits for whoever looks around afterwards: an appeal to decide, a refund to answer."""
        tell, people = self._tell, self._people
        tell.chapter("And in disputes", "申诉与退订中")
        number = await self._bought(people["wang"], Choice("cloudsail-migration", 0, "ONE_TIME"))
        await self._act(people["wang"], number, "submit_requirement", requirement="搬迁 20 个邮箱。")
        await self._act(people["wang"], number, "appeal", reason="商家一直没有回应。", claim="请商家尽快确认，或退款。")
        tell.good("The marketplace has three working days to decide an appeal.")
        number = await self._bought(people["grace"], Choice("lark-website", 0, "ONE_TIME"))
        half = await self._paid(people["grace"], number) // 2
        await self._act(people["grace"], number, "request_refund", amount_minor=half, reason="We found another way.")
        tell.good("A seller has to answer a request for a refund.")

    # --- The chapters ------------------------------------------------------------------------------------------------

    async def _refund(self) -> None:
        tell, wang, lin = self._tell, self._people["wang"], self._people["lin"]
        tell.chapter("A refund both sides agree on", "协商退订")
        number = await self._bought(wang, Choice("cloudsail-migration", 0, "ONE_TIME"))
        paid = await self._paid(wang, number)
        await self._act(wang, number, "request_refund", amount_minor=paid, reason="项目取消。")
        await self._act(lin, number, "refuse_refund", ground="other", reason="前期准备已完成。")
        await self._act(wang, number, "request_refund", amount_minor=paid * 8 // 10, reason="按已完成的工作扣除。")
        await self._hand_in(lin, number, "agree_refund", "agreement_files", "agreement.pdf", PDF)
        await self._act(lin, number, "agree_refund", opinion="同意，扣除 20%。")
        await self._tell_refund(wang, number)
        tell.good("Money back at once; what was not returned is the seller's.")

    async def _return(self) -> None:
        tell, grace, shi = self._tell, self._people["grace"], self._people["shi"]
        tell.chapter("Hardware that goes back", "硬件退货")
        number = await self._bought(grace, Choice("bedrock-edge", 0, "ONE_TIME", quantity=1))
        await self._act(shi, number, "deliver", courier="test", tracking_number=f"TEST-9-{number[-4:]}")
        paid = await self._paid(grace, number)
        await self._act(grace, number, "request_return", amount_minor=paid, reason="One port does not work.")
        await self._act(
            shi,
            number,
            "agree_return",
            return_name="Bedrock returns",
            return_phone="+86 21 5555 0100",
            return_address="8 Quarry Road, Shanghai",
            opinion="Please send it back.",
        )
        await self._act(grace, number, "send_back", courier="test", tracking_number=f"TEST-3-{number[-4:]}")
        settings = self._stage.opened.settings
        await self._stage.advance(settings.inspection_term + timedelta(hours=1), "and the seller does not look at it")
        await self._tell_refund(grace, number)
        tell.good(f"Not looked at in {settings.inspection_term.days} days, so it counts as in order.")

    async def _appeal(self) -> None:
        tell, su, ye, zhou = self._tell, self._people["su"], self._people["ye"], self._people["zhou"]
        tell.chapter("An appeal, and a proposal", "服务监管申诉")
        number = await self._bought(su, Choice("maple-payroll-onsite", 0, "ONE_TIME"))
        await self._act(su, number, "appeal", reason="约定的实施日期已过。", claim="要求减免部分费用。")
        tell.say("From now on nobody can act in the delivery, and every deadline stands still.")
        await self._act(zhou, number, "note_contact", channel="phone", minutes="双方同意协商。", **{"with": "both"})
        until = tell.day(self._stage.now + timedelta(days=5))
        await self._act(zhou, number, "ask_seller", request="请提供实施计划。", answer_by=until)
        await self._act(ye, number, "answer_request", statement="实施计划见附件，因港口停工延期。")
        paid = await self._paid(su, number)
        await self._act(
            zhou,
            number,
            "propose",
            proposal="refund",
            amount_minor=paid // 4,
            explanation="双方各承担一部分。",
            answer_by=until,
        )
        await self._act(ye, number, "agree_as_seller")
        await self._act(su, number, "agree_as_buyer")
        await self._tell_refund(su, number)
        tell.good("Both agreed, so it was carried out; every word is in the log.")

    # --- What they have in common ------------------------------------------------------------------------------------

    async def _paid(self, buyer: Person, number: str) -> int:
        paid: int = (await buyer.get(f"orders/{number}"))["total_minor"]
        return paid

    async def _tell_refund(self, buyer: Person, number: str) -> None:
        await self._stage.until_settled(buyer, number, "cancelled")
        await self._stage.until_refunded(number)
        order = await buyer.get(f"orders/{number}")
        returned, paid = money(order["refund_minor"], "CNY"), money(order["total_minor"], "CNY")
        self._tell.line("refund", f"{returned} of {paid} went back by {order['refund_number']}")
