"""Orders that people deliver, from payment to the end of what was bought: exactly these events, and by moved clock."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.supervised import Supervised
from tests.world import Shop

from tradehall.kernel.errors import Invalid
from tradehall.supervision.errors import WrongCode

DAYS = timedelta(days=1)
SECONDS = timedelta(seconds=1)
PAID = ["order.placed", "order.paid", "supervision.opened"]
DONE = ["supervision.accepted", "order.completed"]
CONFIRMED = ["supervision.requirement_submitted", "supervision.requirement_confirmed"]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# --- every flow, when nobody objects ---------------------------------------------------------------------------------


@pytest.mark.begins("2025-03-25T15:00+00:00")  # in China still the day before the new flow
async def test_saas_opened_by_hand_before_the_change(supervised: Supervised) -> None:
    number = await supervised.buy("saas_manual")
    await supervised.walk(
        number, "submit_requirement", "confirm_requirement", "finish_implementation", "deliver", "accept"
    )
    assert await supervised.kinds(number) == [
        *PAID, *CONFIRMED, "supervision.implemented", "supervision.delivered", *DONE
    ]  # fmt: skip


async def test_saas_opened_by_hand(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("saas_manual", periods=1)
    await supervised.walk(number, "submit_requirement", "confirm_requirement", "deliver")
    async with shop.installation.db.transaction(shop.world.buyer) as tx:
        assert await shop.installation.supervision.reveal(tx, number) == {"password": "s3cret-word"}
    await supervised.act(number, "accept")
    assert await supervised.kinds(number) == [*PAID, *CONFIRMED, "supervision.delivered", *DONE]
    instance = await shop.instance(number)
    assert (instance.state, instance.front_end_url, instance.user_name) == (
        "running", "https://app.example.com/", "Something",
    )  # fmt: skip
    async with shop.installation.db.transaction(shop.world.buyer) as tx:
        assert await shop.installation.provisioning.reveal_password(tx, instance.id) == "s3cret-word"
    assert await shop.calls(number) == [], "no server of the seller's has anything to do with it"
    journal = str(await shop.events(number))
    assert "s3cret-word" not in journal


async def test_saas_without_a_written_requirement(supervised: Supervised) -> None:
    number = await supervised.buy("saas_manual", asks_requirement=False)
    await supervised.walk(number, "deliver", "accept")
    assert await supervised.kinds(number) == [*PAID, "supervision.delivered", *DONE]


@pytest.mark.begins("2025-03-01T00:00+00:00")
async def test_a_manual_service_before_the_change(supervised: Supervised) -> None:
    number = await supervised.buy("service")
    held = await supervised.walk(number, "submit_requirement", "confirm_requirement")
    with pytest.raises(Invalid) as missing:
        await supervised.act(number, "deliver", {}, files=[])
    assert {one.field for one in missing.value.fields} == {"result", "requirement_document", "acceptance_document"}
    assert held.node == "implementation"
    await supervised.walk(number, "deliver", "accept")
    assert await supervised.kinds(number) == [*PAID, *CONFIRMED, "supervision.delivered", *DONE]


async def test_a_manual_service(supervised: Supervised) -> None:
    number = await supervised.buy("service")
    await supervised.walk(number, "submit_requirement", "confirm_requirement", "deliver", "accept")
    assert await supervised.kinds(number) == [*PAID, *CONFIRMED, "supervision.delivered", *DONE]


async def test_a_website(supervised: Supervised) -> None:
    number = await supervised.buy("website")
    await supervised.walk(number, "submit_requirement", "confirm_requirement", "show_design", "reject_design")
    await supervised.walk(number, "show_design", "confirm_design", "show_test_site", "confirm_test_site")
    held = await supervised.walk(number, "deliver", "accept")
    assert held.rejections_by_buyer == 1
    assert await supervised.kinds(number) == [
        *PAID,
        *CONFIRMED,
        "supervision.design_shown",
        "supervision.design_rejected",
        "supervision.design_shown",
        "supervision.design_confirmed",
        "supervision.test_site_shown",
        "supervision.test_site_confirmed",
        "supervision.delivered",
        *DONE,
    ]


async def test_a_licence_for_the_system_id_the_marketplace_made(supervised: Supervised) -> None:
    number = await supervised.buy("license_system_id")
    held = await supervised.flow(number)
    assert held.facts["system_id"].startswith("SYS-")
    await supervised.walk(number, "submit_identification", "deliver", "accept")
    assert await supervised.kinds(number) == [
        *PAID, "supervision.identification_submitted", "supervision.delivered", *DONE
    ]  # fmt: skip


async def test_a_licence_for_a_hardware_id_is_text_or_files(supervised: Supervised) -> None:
    number = await supervised.buy("license_hardware_id")
    with pytest.raises(Invalid) as missing:
        await supervised.act(number, "submit_identification", {})
    assert [one.field for one in missing.value.fields] == ["hardware_id"]
    await supervised.act(number, "submit_identification", {"hardware_id": "00:1B:44:11:3A:B7"})
    documents = ["requirement_document", "acceptance_document"]
    with pytest.raises(Invalid) as missing:
        await supervised.act(number, "deliver", {}, files=documents)
    assert [one.field for one in missing.value.fields] == ["license"]
    await supervised.act(number, "deliver", {}, files=["license_files"])  # the documents are still there as drafts
    await supervised.act(number, "accept")
    assert await supervised.kinds(number) == [
        *PAID, "supervision.identification_submitted", "supervision.delivered", *DONE
    ]  # fmt: skip


async def test_a_mistyped_hardware_id_is_rejected_and_the_promised_days_count_from_the_right_one(
    supervised: Supervised, shop: Shop
) -> None:
    number = await supervised.buy("license_hardware_id", delivery_days=10)
    await supervised.act(number, "submit_identification", {"hardware_id": "00:1B:44:11:3A:87"})
    shop.clock.advance(9 * DAYS)
    held = await supervised.act(number, "reject_identification", {"reason": "No machine has this ID."})
    assert (held.node, held.turn, held.rejections_by_seller) == ("identification", "buyer", 1)
    shop.clock.advance(20 * DAYS)
    held = await supervised.act(number, "submit_identification", {"hardware_id": "00:1B:44:11:3A:B7"})
    assert held.due_at == shop.clock.now() + 10 * DAYS
    # Made for the wrong machine it shows only when it is tried: after a rejected delivery it can be corrected as well.
    await supervised.walk(number, "deliver", "reject_delivery", "reject_identification", "submit_identification")
    await supervised.walk(number, "deliver", "accept")
    assert (await supervised.kinds(number)).count("supervision.identification_rejected") == 2


@pytest.mark.begins("2024-09-01T00:00+00:00")
async def test_an_authorisation_code_before_the_change_is_proven_after_it_was_activated(
    supervised: Supervised,
) -> None:
    number = await supervised.buy("license_code")
    await supervised.walk(number, "deliver", "claim_code", "activate_code", "hand_in_proof")
    assert await supervised.kinds(number) == [
        *PAID,
        "supervision.delivered",
        "supervision.code_claimed",
        "supervision.code_activated",
        "supervision.proof_handed_in",
        *DONE,
    ]


async def test_an_authorisation_code_is_completed_by_its_activation(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("license_code", periods=12)
    await supervised.act(number, "deliver")
    assert (await supervised.flow(number)).refundable
    await supervised.act(number, "claim_code")
    assert not (await supervised.flow(number)).refundable
    with pytest.raises(WrongCode):
        await supervised.act(number, "activate_code", {"code": "PL-OF-ANOTHER-ORDER"})
    shop.clock.advance(3 * DAYS)
    await supervised.act(number, "activate_code")
    assert await supervised.kinds(number) == [
        *PAID, "supervision.delivered", "supervision.code_claimed", "supervision.code_activated", *DONE
    ]  # fmt: skip
    held = await shop.subscription(number)
    assert (held.began_at, held.expires_at) == (at("2026-03-05T09:00"), at("2027-03-05T09:00"))


async def test_a_licence_delivered_offline_and_a_software_package(supervised: Supervised) -> None:
    for delivery_type in ("license_offline", "software_package"):
        number = await supervised.buy(delivery_type)
        await supervised.walk(number, "deliver", "reject_delivery", "deliver", "accept")
        assert await supervised.kinds(number) == [
            *PAID,
            "supervision.delivered",
            "supervision.delivery_rejected",
            "supervision.delivered",
            *DONE,
        ]


async def test_application_orchestration(supervised: Supervised) -> None:
    number = await supervised.buy("orchestration")
    await supervised.walk(number, "deliver", "accept")
    assert await supervised.kinds(number) == [*PAID, "supervision.delivered", *DONE]


async def test_a_data_file(supervised: Supervised) -> None:
    number = await supervised.buy("data_file")
    await supervised.walk(number, "submit_requirement", "confirm_requirement")
    with pytest.raises(Invalid) as missing:
        await supervised.act(number, "deliver", {}, files=["requirement_document", "acceptance_document"])
    assert [one.field for one in missing.value.fields] == ["data_files"]
    await supervised.act(number, "deliver", {}, files=["data_files"])
    await supervised.act(number, "accept")
    assert await supervised.kinds(number) == [*PAID, *CONFIRMED, "supervision.delivered", *DONE]


@pytest.mark.parametrize("delivery_type", ["image", "api"])
async def test_images_and_apis_are_there_as_soon_as_they_are_paid_for(
    supervised: Supervised, shop: Shop, delivery_type: str
) -> None:
    number = await supervised.buy(delivery_type)
    assert await supervised.kinds(number) == ["order.placed", "order.paid", "instance.opened", "order.completed"]
    assert (await shop.order(number)).state == "completed"
    assert await shop.sql("SELECT * FROM supervision_flows") == []


# --- hardware --------------------------------------------------------------------------------------------------------


async def test_a_parcel_that_is_signed_for_is_accepted_ten_days_later(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("hardware")
    await supervised.act(
        number, "change_address",
        {"recipient_name": "Li Lei", "recipient_phone": "13900000000", "recipient_address": "2 Harbour Road"},
    )  # fmt: skip
    await supervised.act(number, "deliver", {"courier": "test", "tracking_number": "TEST-3-1"})
    shipped = shop.clock.now()
    held = await supervised.flow(number)
    assert held.facts["parcel"]["phone"] == "13900000000"
    assert held.due_at == shipped + 15 * DAYS, "it has ten days to arrive"
    await shop.run_due(shipped + 4 * DAYS)
    held = await supervised.flow(number)
    assert held.due_at == shipped + 8 * DAYS, "the buyer's days count from when it was there"
    await shop.run_due(shipped + 13 * DAYS - SECONDS)
    held = await supervised.flow(number)
    assert (held.state, held.timers["accept"]) == ("open", shipped + 13 * DAYS)
    await shop.run_due(shipped + 13 * DAYS)
    assert await supervised.kinds(number) == [
        *PAID,
        "supervision.address_changed",
        "supervision.delivered",
        "supervision.parcel_signed",
        "supervision.reminded",  # a day before the buyer should have answered
        "supervision.reminded",  # when that was due
        *DONE,
    ]
    (_, facts), *_ = [event for event in await shop.events(number) if event[0] == "supervision.accepted"]
    assert facts["by"] == "system"
    assert (await shop.order(number)).state == "completed"


@pytest.mark.parametrize(
    ("courier", "tracking_number"),
    [("test", "TEST-NEVER-1"), ("test", "TEST-HIDDEN-1"), ("test", "an unknown number"), ("other", "TEST-1-1")],
)
async def test_a_parcel_nobody_signed_for_or_that_names_another_phone_is_never_accepted_by_itself(
    supervised: Supervised, shop: Shop, courier: str, tracking_number: str
) -> None:
    number = await supervised.buy("hardware")
    await supervised.act(number, "deliver", {"courier": courier, "tracking_number": tracking_number})
    await shop.run_due(60 * DAYS)
    held = await supervised.flow(number)
    assert (held.state, held.node) == ("open", "acceptance")
    assert "supervision.parcel_signed" not in await supervised.kinds(number)
    await supervised.act(number, "accept")
    assert (await shop.order(number)).state == "completed"


async def test_a_parcel_that_did_not_arrive_is_sent_again_and_only_the_new_one_counts(
    supervised: Supervised, shop: Shop
) -> None:
    number = await supervised.buy("hardware")
    await supervised.act(number, "deliver", {"courier": "test", "tracking_number": "TEST-1-1"})
    await shop.run_due(2 * DAYS)
    await supervised.act(number, "reject_delivery")
    await shop.run_due(10 * DAYS)
    assert (await supervised.flow(number)).node == "delivery", "the first parcel no longer counts"
    await supervised.act(number, "deliver", {"courier": "test", "tracking_number": "TEST-2-2"})
    await shop.run_due(12 * DAYS)
    assert (await supervised.flow(number)).state == "completed"


async def test_a_parcel_that_the_platform_let_through_before_it_arrived_has_its_time_to_arrive(
    supervised: Supervised, shop: Shop
) -> None:
    number = await supervised.buy("hardware")
    await shop.sql("UPDATE supervision_flows SET reviewed = true")
    await supervised.act(number, "deliver", {"courier": "test", "tracking_number": "TEST-8-1"})
    shipped = shop.clock.now()
    await shop.run_due(shipped + 2 * DAYS)
    held = await supervised.act(number, "approve_delivery")
    assert held.due_at == shipped + 15 * DAYS, "ten days since it was posted"
    await shop.run_due(shipped + 9 * DAYS)
    held = await supervised.flow(number)
    assert held.due_at == shipped + 13 * DAYS, "the buyer's days count from when it was there"


# --- the actual start of the service ---------------------------------------------------------------------------------


@pytest.mark.begins("2026-01-01T01:00+00:00")
@pytest.mark.parametrize(
    ("supplied", "began", "expires"),
    [
        ({}, "2026-02-01T01:00", "2026-03-01T01:00"),
        ({"actual_start": "2026-01-01"}, "2026-01-01T01:00", "2026-02-01T01:00"),
    ],
)
async def test_the_term_counts_from_the_actual_start_or_else_from_the_acceptance(
    supervised: Supervised, shop: Shop, supplied: dict[str, str], began: str, expires: str
) -> None:
    """The documented example: bought for a month on 1 January, accepted on 1 February. Source: §1.3."""
    number = await supervised.buy("license_offline", periods=1)
    await supervised.act(number, "deliver", {"description": "Installed", **supplied})
    await shop.run_due(at("2026-02-01T01:00"))
    await supervised.act(number, "accept")
    held = await shop.subscription(number)
    assert (held.began_at, held.expires_at) == (at(began), at(expires))


async def test_the_service_cannot_have_begun_before_the_order_or_in_the_future(supervised: Supervised) -> None:
    number = await supervised.buy("orchestration")
    for day in ("2026-03-01", "2026-03-03", "2026-02-30", "yesterday"):
        with pytest.raises(Invalid) as wrong:
            await supervised.act(number, "deliver", {"description": "Done", "actual_start": day}, files=[])
        assert [one.field for one in wrong.value.fields if one.field == "actual_start"] == ["actual_start"]
    held = await supervised.act(
        number, "deliver", {"description": "Done", "actual_start": "2026-03-02"}, files=["acceptance_document"]
    )
    assert held.node == "acceptance"


# --- what follows ----------------------------------------------------------------------------------------------------


async def test_a_renewal_opens_no_new_supervision(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("license_offline", periods=1)
    await supervised.walk(number, "deliver", "accept")
    renewal = await shop.renew(number, 2)
    assert await supervised.kinds(renewal) == ["order.placed", "order.paid", "instance.renewed", "order.completed"]
    assert (await shop.subscription(number)).expires_at == at("2026-06-02T09:00")
    assert await shop.sql("SELECT count(*) FROM supervision_flows") == [(1,)]


async def test_what_was_delivered_by_hand_ends_without_any_server(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("software_package", periods=1)
    await supervised.walk(number, "deliver", "accept")
    await shop.run_due(60 * DAYS)
    assert (await shop.instance(number)).state == "released"
    assert (await supervised.kinds(number))[-3:] == [
        "subscription.expired", "subscription.frozen", "subscription.ended"
    ]  # fmt: skip


# --- whose turn, by when ---------------------------------------------------------------------------------------------


async def test_who_is_late_is_reminded_until_day_180(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service", delivery_days=10)
    paid = shop.clock.now()
    await supervised.walk(number, "submit_requirement", "confirm_requirement")
    held = await supervised.flow(number)
    assert (held.turn, held.due_at) == ("seller", paid + 10 * DAYS)
    await shop.run_due(paid + 25 * DAYS)
    reminders = [facts for kind, facts in await shop.events(number) if kind == "supervision.reminded"]
    assert [(one["turn"], one["late"]) for one in reminders] == [
        ("seller", False), ("seller", True), ("seller", True), ("seller", True)
    ]  # fmt: skip
    await shop.run_due(paid + 400 * DAYS)
    kinds = await supervised.kinds(number)
    assert kinds.count("supervision.unaccepted") == 1
    assert kinds[-1] == "supervision.unaccepted", "from then on it is the platform's and the seller's to follow up"
    assert (await supervised.flow(number)).state == "open", "it is never closed by itself"


@pytest.mark.begins("2023-02-01T00:00+00:00")
@pytest.mark.parametrize("invoiced", [True, False])
async def test_orders_of_before_march_2023_close_after_a_year(
    supervised: Supervised, shop: Shop, invoiced: bool
) -> None:
    number = await supervised.buy("service")
    await supervised.act(number, "submit_requirement")
    if invoiced:
        await shop.sql("UPDATE orders SET invoiced_at = created_at WHERE number = %(number)s", {"number": number})
    await shop.run_due(365 * DAYS)
    held, order = await supervised.flow(number), await shop.order(number)
    kinds = [kind for kind in await supervised.kinds(number) if kind != "supervision.reminded"]
    if invoiced:
        assert kinds == [*PAID, "supervision.requirement_submitted", *DONE]
        assert (held.state, order.state) == ("completed", "completed")
    else:
        assert kinds == [
            *PAID,
            "supervision.requirement_submitted",
            "supervision.cancelled",
            "order.cancelled",
            "order.refund_requested",
            "order.refunded",
        ]
        assert (held.state, order.state, order.cancel_reason) == ("cancelled", "cancelled", "not_accepted")
        assert order.refund_minor == order.total_minor


@pytest.mark.begins("2023-03-07T00:00+00:00")
async def test_later_orders_do_not_close_by_themselves(supervised: Supervised, shop: Shop) -> None:
    number = await supervised.buy("service")
    await shop.run_due(400 * DAYS)
    assert (await supervised.flow(number)).state == "open"
    assert "supervision.unaccepted" in await supervised.kinds(number)
