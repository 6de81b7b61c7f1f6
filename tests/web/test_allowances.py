"""What sellers and operators do on their pages with trials, upgrade rules, suspensions; how calls of V1 are shown."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.web.conftest import Enter
from tests.world import SellerServer, Shop, World, serving

from tradehall.provisioning.model import Attempt
from tradehall.web.seller import hints
from tradehall.web.seller.exchange import shown_exchange

PRODUCT = "/seller/products/north-suite"


@pytest.mark.parametrize(
    ("locale", "added", "twice", "removed"),
    [
        ("en", "The upgrade rule was added.", "There is a rule for this", "The upgrade rule was removed."),
        ("zh", "升级规则已添加。", "规则", "升级规则已删除。"),
    ],
)  # fmt: skip
async def test_upgrade_rules_are_added_and_removed(
    enter: Enter, shop: Shop, world: World, locale: str, added: str, twice: str, removed: str
) -> None:
    visitor = await enter(world.seller, locale)
    rule: dict[str, Any] = {"from_sku_id": world.seats, "to_sku_id": world.standard, "step_factor": 1}
    assert added in (await visitor.send(f"{PRODUCT}/rules", at=PRODUCT, **rule)).text
    page = await visitor.send(f"{PRODUCT}/rules", **rule)
    assert page.status_code == 409
    assert twice in page.text
    ((rule_id,),) = await shop.sql(
        f"SELECT id FROM upgrade_rules WHERE from_sku_id = '{world.seats}' AND to_sku_id = '{world.standard}'"
    )
    assert removed in (await visitor.send(f"{PRODUCT}/rules/{rule_id}/remove", at=PRODUCT)).text
    form = visitor.form(f"{PRODUCT}/rules")
    assert (await visitor.post(f"{PRODUCT}/rules/{rule_id}/remove", **form)).status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"step_factor": 6}, {"step_factor": "x"}, {"to_sku_id": uuid4()}, {"from_sku_id": ""}]
)
async def test_a_wrong_rule_is_marked(enter: Enter, shop: Shop, world: World, wrong: dict[str, object]) -> None:
    visitor = await enter(world.seller)
    before = await shop.sql("SELECT count(*) FROM upgrade_rules")
    rule = {"from_sku_id": world.seats, "to_sku_id": world.standard, "step_factor": 1} | wrong
    page = await visitor.send(f"{PRODUCT}/rules", at=PRODUCT, **rule)
    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.text
    assert await shop.sql("SELECT count(*) FROM upgrade_rules") == before


async def test_trial_days_are_set_and_stay_while_on_sale(enter: Enter, shop: Shop, world: World) -> None:
    visitor = await enter(world.seller)
    page = await visitor.send(f"{PRODUCT}/trial", at=PRODUCT, trial_sku=world.seats, trial_days=7)
    assert "Buyers can try it from now on." in page.text
    assert "free trial of 7 days" in page.text
    page = await visitor.send(f"{PRODUCT}/trial", trial_sku=world.seats, trial_days="")
    assert page.status_code == 409
    for wrong in ("2", "181", "x"):
        page = await visitor.send(f"{PRODUCT}/trial", at=PRODUCT, trial_sku=world.seats, trial_days=wrong)
        assert page.status_code == 422
        assert 'aria-invalid="true"' in page.text


async def test_an_operator_suspends_with_a_reason_and_lifts_it(
    enter: Enter, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    await shop.run_due()
    instance = (await shop.instance(number)).id
    path = f"/operator/applications/{instance}"
    operator = await enter(world.operator)
    page = await operator.send(f"{path}/suspend", at=path)
    assert page.status_code == 422
    assert "This must not be empty." in page.text
    page = await operator.send(f"{path}/suspend", at=path, why="x" * 301)
    assert page.status_code == 422
    await operator.get(path)
    form = operator.form(f"{path}/suspend")
    page = await operator.post(f"{path}/suspend", **(form | {"why": "Sends unsolicited mail"}))
    assert "It is suspended." in page.text
    page = await operator.post(f"{path}/suspend", **(form | {"why": "Something else"}))
    assert "It was suspended before." in page.text
    await shop.run_due()
    assert seller_server.bodies("updateInstanceStatus")
    for visitor, place in ((await enter(world.buyer), "/buyer"), (await enter(world.seller), "/seller")):
        page = await visitor.get(f"{place}/applications/{instance}")
        assert "The marketplace has suspended it" in page.text
        assert "Sends unsolicited mail" in page.text
        assert f"{path}/lift" not in page.text
    page = await operator.send(f"{path}/lift", at=path)
    assert "The suspension is lifted." in page.text
    await shop.run_due()
    assert "The instance is open and in use" in (await operator.get(path)).text


async def test_the_list_of_applications_shows_ones_own(
    enter: Enter, shop: Shop, world: World, seller_server: SellerServer
) -> None:
    number = await shop.buy()
    await shop.run_due(timedelta(days=40))
    instance = (await shop.instance(number)).id
    for actor, base, seen in (
        (world.seller, "/seller", True),
        (world.other_seller, "/seller", False),
        (world.operator, "/operator", True),
    ):
        visitor = await enter(actor)
        assert (str(instance) in (await visitor.get(f"{base}/applications?state=frozen")).text) == seen
        assert str(instance) not in (await visitor.get(f"{base}/applications?state=running")).text


async def test_a_call_of_the_first_generation_is_shown_by_its_parameters(
    enter: Enter, shop: Shop, world: World
) -> None:
    first = SellerServer(shop.clock, generation="V1")
    async with serving(first.app) as site:
        await shop.point_endpoint(world.endpoint, site.url)
        await shop.sql(f"UPDATE endpoints SET generation = 'V1' WHERE id = '{world.endpoint}'")
        number = await shop.buy()
        await shop.run_due()
    call = await shop.call(number, "newInstance")
    visitor = await enter(world.seller)
    page = await visitor.get(f"/seller/calls/{call.id}")
    assert "Parameters of the request" in page.text
    for name in ("orderId", "customerName", "authToken"):
        assert f'<td class="lead mono">{name}</td>' in page.text
    assert "Acme Trading" in page.text
    assert "GET " + site.url in page.text
    assert "Request body" not in page.text


def test_parameters_are_read_as_they_were_meant() -> None:
    attempt = Attempt(
        uuid4(), 1, datetime.now(UTC), 1.0, "https://s.example/p?a=1%2B2&b=x%20y&c=&d=%E5%BC%A0",
        "", 200, [], "{}", False, "success", "000000", None, None, [],
    )  # fmt: skip
    assert shown_exchange(attempt).parameters == [("a", "1+2"), ("b", "x y"), ("c", ""), ("d", "张")]
    assert shown_exchange(attempt).request_head.startswith("GET https://s.example/p?")


def test_hints_fit_the_interface() -> None:
    told = hints.outcome_of_health
    assert told("changeInstanceCheck", "refused", "000999", None).key == "change_refused"
    assert told("changeInstanceCheck", "refused", "000005", None).key == "000005"
    assert told("changeInstanceCheck", "refused", "000001", None).key == "000001"
    assert "renewal" in "".join(told("refreshInstance", "refused", "000003", None).checks)
    assert "000004" in told("refreshInstance", "refused", "000004", None).checks[0]
    assert told("queryInstance", "in_progress", "000000", None).tone == "info"
    for fault in ("body_sign_missing", "body_sign_malformed", "body_sign_wrong"):
        assert len(told("newInstance", "unreadable", "000000", fault).checks) > 1
    assert len(hints.warning("cannot_decrypt").checks) > 1
