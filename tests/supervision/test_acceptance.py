"""By which rule deliveries are accepted, who reviews them, and what has to be handed in. Source: §0.2."""

from datetime import UTC, datetime

import pytest
from tests.supervised import Supervised
from tests.world import Shop

from tradehall.kernel.errors import Invalid
from tradehall.supervision.acceptance import ProductClass, Scene, deliverables, is_reviewed, rule_for
from tradehall.supervision.fields import Bounds, check

UNTIL = datetime(2023, 4, 28, 16, tzinfo=UTC)
BEFORE, AFTER = datetime(2023, 4, 28, 15, 59, tzinfo=UTC), datetime(2023, 4, 28, 16, tzinfo=UTC)
DAY = UNTIL.date()
BOUNDS = Bounds(DAY, DAY, 100_000, "CNY")


@pytest.mark.parametrize(
    ("product_class", "scene", "rule", "reviewed_before", "reviewed_after"),
    [
        ("common", None, "seller_defined", False, False),
        ("common", "empowerment", "seller_defined", False, False),
        ("self_service", "base", "seller_defined", False, False),
        ("joint", None, "seller_defined", True, False),
        ("joint", "empowerment", "empowerment", True, True),
        ("joint", "base", "base", True, True),
    ],
)
def test_class_and_scene_decide_the_rule_and_the_review(
    product_class: ProductClass, scene: Scene | None, rule: str, reviewed_before: bool, reviewed_after: bool
) -> None:
    assert rule_for(product_class, scene) == rule
    assert is_reviewed(product_class, scene, BEFORE, UNTIL) is reviewed_before
    assert is_reviewed(product_class, scene, AFTER, UNTIL) is reviewed_after


def required(rule: str, delivery_type: str) -> list[str]:
    return [field.key for field in deliverables(rule, delivery_type) if field.required]  # type: ignore[arg-type]


def test_requirement_and_acceptance_documents_are_always_demanded() -> None:
    assert required("seller_defined", "service") == ["requirement_document", "acceptance_document"]
    assert required("seller_defined", "license_offline") == ["requirement_document", "acceptance_document"]
    assert required("seller_defined", "orchestration") == ["acceptance_document"]
    assert required("seller_defined", "hardware") == []  # the parcel proves it


def test_the_empowerment_rule_demands_the_cloud_order_of_licences_alone() -> None:
    of_saas = required("empowerment", "saas_manual")
    of_license = required("empowerment", "license_offline")
    assert of_saas == ["requirement_document", "acceptance_document", "authorisation_screenshot", "signed_by_all"]
    assert set(of_license) - set(of_saas) == {
        "license_screenshot",
        "deployment_proof",
        "cloud_order_number",
        "cloud_order_screenshot",
    }


def test_the_base_rule_demands_three_screenshots_or_the_record_of_a_remote_delivery() -> None:
    fields = deliverables("base", "service")
    documents = {"requirement_document": 1, "acceptance_document": 1}
    with pytest.raises(Invalid) as wrong:
        check(fields, {"signed_by_all": True}, documents | {"screenshots": 2}, BOUNDS)
    assert [(one.field, one.values) for one in wrong.value.fields] == [("screenshots", {"least": 3, "now": 2})]
    check(fields, {"signed_by_all": True}, documents | {"screenshots": 3}, BOUNDS)
    with pytest.raises(Invalid) as wrong:
        check(fields, {"remote": True}, documents, BOUNDS)
    assert [one.field for one in wrong.value.fields] == ["remote_record"]
    check(fields, {"remote": True}, documents | {"remote_record": 1}, BOUNDS)


async def track(shop: Shop, scene: str) -> None:
    buyer = shop.world.buyer.organisation_id
    await shop.sql("UPDATE organisations SET track = %(scene)s WHERE id = %(id)s", {"scene": scene, "id": buyer})


async def test_a_joint_order_of_a_buyer_on_a_track_is_reviewed_by_the_platform(shop: Shop) -> None:
    await track(shop, "base")
    supervised = Supervised(shop)
    number = await supervised.buy("license_offline", product_class="joint")
    held = await supervised.flow(number)
    assert (held.rule, held.scene, held.reviewed) == ("base", "base", True)
    held = await supervised.act(number, "deliver")
    assert (held.node, held.turn) == ("review", "platform")
    held = await supervised.act(number, "return_delivery")
    assert (held.node, held.turn, held.rejections_by_platform) == ("delivery", "seller", 1)
    await supervised.walk(number, "deliver", "approve_delivery", "accept")
    assert (await shop.order(number)).state == "completed"


async def test_a_general_product_bought_on_a_track_is_not_reviewed(shop: Shop) -> None:
    await track(shop, "empowerment")
    supervised = Supervised(shop)
    number = await supervised.buy("license_offline")
    held = await supervised.flow(number)
    assert (held.rule, held.scene, held.reviewed) == ("seller_defined", None, False)
    assert (await supervised.act(number, "deliver")).node == "acceptance"
