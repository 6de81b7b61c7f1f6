"""What the API tells of money, and whom."""

from typing import Any

from tests.api.conftest import As, Client
from tests.ledger.books import close
from tests.trading.test_vouchers import MONTH, give, pay
from tests.world import SellerServer, Shop, World

from tradehall.kernel.journal import Actor

API = "/api/v1"


async def paid_with_voucher(shop: Shop) -> str:
    number = await shop.place()
    await pay(shop, number, await give(shop, 2_000))
    await shop.run_due()
    return number


def lines(posting: dict[str, Any]) -> dict[str, int]:
    return {line["account"]: line["amount_minor"] for line in posting["lines"]}


async def test_each_side_is_told_its_part_and_all_of_them_sum_to_zero(
    client: Client, as_: As, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    number = await paid_with_voucher(shop)

    async def told(actor: Actor) -> dict[str, Any]:
        answer = await client.get(f"{API}/orders/{number}/money", headers=await as_(actor))
        assert answer.status_code == 200
        return dict(answer.json())

    whole, seller, buyer = await told(world.operator), await told(world.seller), await told(world.buyer)
    assert [lines(one) for one in whole["postings"]] == [
        {"buyer": -7_900, "platform_vouchers": -2_000, "escrow": MONTH},
        {"escrow": -MONTH, "payable": 9_405, "fee": 495},
    ]
    # How the buyer paid is not the seller's business, what the platform keeps not the buyer's.
    assert [lines(one) for one in seller["postings"]] == [
        {"buyer": -MONTH, "escrow": MONTH},
        {"escrow": -MONTH, "payable": 9_405, "fee": 495},
    ]
    assert [lines(one) for one in buyer["postings"]] == [
        {"buyer": -7_900, "vouchers": -2_000, "escrow": MONTH},
        {"escrow": -MONTH, "seller": MONTH},
    ]
    for one in (whole, seller, buyer):
        assert all(sum(lines(posting).values()) == 0 for posting in one["postings"])
        assert (one["paid_minor"], one["held_minor"], one["released_minor"]) == (MONTH, 0, MONTH)
    assert (seller["payable_minor"], seller["fee_minor"]) == (9_405, 495)
    assert (buyer["payable_minor"], buyer["fee_minor"], buyer["releasable_at"]) == (None, None, None)


async def test_a_list_of_postings_has_pages_and_filters(
    client: Client, as_: As, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    numbers = [await paid_with_voucher(shop) for _ in range(3)]
    await shop.pay(await shop.place(world.other_price))  # another seller's
    seller, operator = await as_(world.seller), await as_(world.operator)

    async def pages(query: str, headers: dict[str, str]) -> list[list[int]]:
        found, after = [], ""
        while True:
            page = (await client.get(f"{API}/ledger/postings?{query}{after}", headers=headers)).json()
            found.append([one["number"] for one in page["items"]])
            if not page["next"]:
                return found
            after = f"&after={page['next']}"

    assert await pages("limit=4", seller) == [[6, 5, 4, 3], [2, 1]]
    assert await pages("limit=100", operator) == [[7, 6, 5, 4, 3, 2, 1]]
    assert await pages(f"q={numbers[1]}", operator) == [[4, 3]]
    assert await pages(f"q={numbers[1]}", await as_(world.other_seller)) == [[]]
    assert await pages("account=platform_vouchers", operator) == [[5, 3, 1]]
    assert await pages("account=platform_vouchers", seller) == [[]]
    assert await pages(f"seller_id={world.other_seller.organisation_id}", operator) == [[7]]
    fees = (await client.get(f"{API}/ledger/postings?account=fee", headers=seller)).json()["items"]
    assert [lines(one) for one in fees] == [{"fee": 495}] * 3
    second = (await client.get(f"{API}/ledger/postings?limit=4", headers=seller)).json()["next"]
    newest = (await client.get(f"{API}/ledger/postings?limit=2&after={second}", headers=seller)).json()["previous"]
    back = (await client.get(f"{API}/ledger/postings?limit=4&before={newest}", headers=seller)).json()
    assert [one["number"] for one in back["items"]] == [6, 5, 4, 3]
    forged = "_____________________w"
    assert (await client.get(f"{API}/ledger/postings?after={forged}", headers=seller)).status_code == 200


async def test_totals_are_told_to_those_they_belong_to(
    client: Client, as_: As, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    number = await paid_with_voucher(shop)
    await close(shop)
    renewal = await shop.renew(number)
    await shop.run_due()
    await shop.buy()
    (own,) = (await client.get(f"{API}/ledger/totals", headers=await as_(world.seller))).json()["items"]
    assert own == {
        "currency": "CNY", "paid_minor": 3 * MONTH, "held_minor": MONTH, "releasable_minor": 9_405,
        "later_minor": 9_405, "fee_minor": 990, "returned_minor": 0,
    }  # fmt: skip
    assert renewal
    await shop.cancel_renewal(number)
    await shop.run_due()
    (own,) = (await client.get(f"{API}/ledger/totals", headers=await as_(world.seller))).json()["items"]
    assert (own["later_minor"], own["releasable_minor"], own["returned_minor"]) == (0, 2 * 9_405, MONTH)
    assert (await client.get(f"{API}/ledger/totals", headers=await as_(world.other_seller))).json() == {"items": []}
    (balance,) = (await client.get(f"{API}/ledger/balances", headers=await as_(world.operator))).json()["items"]
    assert (balance["sum_minor"], balance["payable_minor"]) == (0, 2 * 9_405)
