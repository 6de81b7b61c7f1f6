"""Each row of the specification's flow tables: at this node, this side does this, and it leads there.

Source: supervision_and_trading.md §2. The rows stand here as the specification has them, not as the flows' files do.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from tradehall.supervision.flow import COMPLETED
from tradehall.supervision.flows import all_flows, flow_for

SHANGHAI = ZoneInfo("Asia/Shanghai")
DONE = COMPLETED

# (node, side, verb) → where it leads, and where when the platform reviews deliveries of the order.
Rows = dict[tuple[str, str, str], tuple[str, str]]


def always(node: str) -> tuple[str, str]:
    return node, node


REQUIREMENT: Rows = {("request", "buyer", "submit_requirement"): always("confirmation")}


def accepted(back: str) -> Rows:
    return {
        ("review", "platform", "approve_delivery"): always("acceptance"),
        ("review", "platform", "return_delivery"): always(back),
        ("acceptance", "buyer", "accept"): always(DONE),
        ("acceptance", "buyer", "reject_delivery"): always(back),
    }


def confirmed(to: str) -> Rows:
    return {
        ("confirmation", "seller", "confirm_requirement"): always(to),
        ("confirmation", "seller", "reject_requirement"): always("request"),
    }


def delivered(node: str = "delivery") -> Rows:
    return {(node, "seller", "deliver"): ("acceptance", "review")}


ROWS: dict[tuple[str, int], Rows] = {
    # §2.1 A and B
    ("saas_manual", 1): REQUIREMENT
    | confirmed("implementation")
    | {("implementation", "seller", "finish_implementation"): always("opening")}
    | delivered("opening")
    | accepted("implementation"),
    ("saas_manual", 2): REQUIREMENT | confirmed("delivery") | delivered() | accepted("delivery"),
    # §2.3.1 and §2.3.2
    ("license_code", 1): {
        ("delivery", "seller", "deliver"): always("claim"),
        ("claim", "buyer", "claim_code"): always("activation"),
        ("activation", "seller", "activate_code"): always("proof"),
        ("proof", "seller", "hand_in_proof"): (DONE, "review"),
        ("review", "platform", "approve_delivery"): always(DONE),
        ("review", "platform", "return_delivery"): always("proof"),
    },
    ("license_code", 2): {
        ("delivery", "seller", "deliver"): always("claim"),
        ("claim", "buyer", "claim_code"): always("activation"),
        ("activation", "seller", "activate_code"): (DONE, "proof"),
        ("proof", "seller", "hand_in_proof"): (DONE, "review"),
        ("review", "platform", "approve_delivery"): always(DONE),
        ("review", "platform", "return_delivery"): always("proof"),
    },
    # §2.3.3
    ("license_system_id", 1): {("identification", "buyer", "submit_identification"): always("delivery")}
    | delivered()
    | accepted("delivery"),
    # and, by §1.3, what the seller cannot make a licence for goes back to be edited
    ("license_hardware_id", 1): {
        ("identification", "buyer", "submit_identification"): always("delivery"),
        ("delivery", "seller", "reject_identification"): always("identification"),
    }
    | delivered()
    | accepted("delivery"),
    # §2.3.4 and §2.3.5
    ("license_offline", 1): delivered() | accepted("delivery"),
    ("software_package", 1): delivered() | accepted("delivery"),
    # §2.4
    ("service", 1): REQUIREMENT
    | confirmed("implementation")
    | delivered("implementation")
    | accepted("implementation"),
    ("service", 2): REQUIREMENT | confirmed("delivery") | delivered() | accepted("delivery"),
    ("website", 1): REQUIREMENT
    | confirmed("design")
    | {
        ("design", "seller", "show_design"): always("design_confirmation"),
        ("design_confirmation", "buyer", "confirm_design"): always("test_site"),
        ("design_confirmation", "buyer", "reject_design"): always("design"),
        ("test_site", "seller", "show_test_site"): always("test_site_confirmation"),
        ("test_site_confirmation", "buyer", "confirm_test_site"): always("delivery"),
        ("test_site_confirmation", "buyer", "reject_test_site"): always("test_site"),
    }
    | delivered()
    | accepted("delivery"),
    # §2.5
    ("hardware", 1): delivered()
    | {("delivery", "buyer", "change_address"): always("delivery")}
    | accepted("delivery")
    | {("acceptance", "system", "accept_automatically"): always(DONE)},
    # §2.6 and §2.7
    ("orchestration", 1): delivered() | accepted("delivery"),
    ("data_file", 1): REQUIREMENT | confirmed("delivery") | delivered() | accepted("delivery"),
}


def test_every_flow_has_its_rows_here() -> None:
    assert {(flow.type, flow.version) for flow in all_flows()} == set(ROWS)


@pytest.mark.parametrize("flow", all_flows(), ids=lambda flow: f"{flow.type}-{flow.version}")
def test_a_flow_has_exactly_the_rows_of_the_specification(flow) -> None:  # type: ignore[no-untyped-def]
    found = {
        (node.key, node.by(verb), verb.key): (verb.leads_to(reviewed=False), verb.leads_to(reviewed=True))
        for node, verb in flow.walk()
    }
    assert found == ROWS[flow.type, flow.version]


@pytest.mark.parametrize("flow", all_flows(), ids=lambda flow: f"{flow.type}-{flow.version}")
def test_every_node_can_be_reached_and_left(flow) -> None:  # type: ignore[no-untyped-def]
    for reviewed in (False, True):
        reached, waiting = {flow.nodes[0].key}, [flow.nodes[0]]
        while waiting:
            for verb in waiting.pop().verbs:
                if (to := verb.leads_to(reviewed)) not in reached:
                    reached.add(to)
                    waiting.append(flow.node(to))
        assert reached == {node.key for node in flow.nodes if reviewed or not node.only_reviewed}
    assert all(node.verbs and node.term for node in flow.nodes if node.key != COMPLETED)


@pytest.mark.parametrize(
    ("delivery_type", "placed", "version"),
    [
        ("saas_manual", "2025-03-25T23:59:59+08:00", 1),
        ("saas_manual", "2025-03-26T00:00:00+08:00", 2),
        ("service", "2025-03-25T23:59:59+08:00", 1),
        ("service", "2025-03-26T00:00:00+08:00", 2),
        ("license_code", "2024-09-13T23:59:59+08:00", 1),
        ("license_code", "2024-09-14T00:00:00+08:00", 2),
        ("hardware", "2020-01-01T00:00:00+08:00", 1),
    ],
)
def test_an_order_has_the_flow_of_the_day_it_was_placed(delivery_type: str, placed: str, version: int) -> None:
    moment = datetime.fromisoformat(placed).astimezone(UTC)
    assert flow_for(delivery_type, moment, SHANGHAI).version == version
