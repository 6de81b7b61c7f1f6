"""`tradehall flows`: every flow as programs and people read it, without a database."""

import json
from pathlib import Path
from typing import Any

from tests.commands.running import tradehall_command
from typer.testing import CliRunner

from tradehall.__main__ import cli
from tradehall.supervision.disputes.model import PROCEDURES
from tradehall.supervision.flows import FLOWS, all_flows

EXTRA = {"requires_one_of", "to_if_reviewed", "by", "requires_by_rule"}


def printed() -> list[dict[str, Any]]:
    run = CliRunner().invoke(cli, ["flows", "--json"])
    assert run.exit_code == 0, (run.output, run.exception)
    flows: list[dict[str, Any]] = json.loads(run.output)
    return flows


def test_the_json_has_every_flow_by_type_and_version() -> None:
    told = [(flow["type"], flow["version"]) for flow in printed()]
    disputes = [("appeal", 1), ("refund", 1), ("return", 1)]
    assert told == [*sorted((flow.type, flow.version) for flow in all_flows()), *disputes]
    assert {kind for kind, _ in told} == FLOWS.keys() | PROCEDURES.keys()


def test_every_flow_has_exactly_the_keys_that_are_promised() -> None:
    for flow in printed():
        assert list(flow) == ["type", "version", "from_date", "nodes"]
        for node in flow["nodes"]:
            assert list(node) == ["key", "actor", "verbs"]
            for verb in node["verbs"]:
                assert list(verb)[:4] == ["verb", "to", "requires", "timer"]
                assert verb.keys() - {"verb", "to", "requires", "timer"} <= EXTRA


def test_every_verb_leads_to_a_node_of_its_flow_and_the_last_one_leads_nowhere() -> None:
    for flow in printed():
        keys = [node["key"] for node in flow["nodes"]]
        verbs = [verb for node in flow["nodes"] for verb in node["verbs"]]
        targets = {verb["to"] for verb in verbs} | {verb.get("to_if_reviewed", verb["to"]) for verb in verbs}
        assert targets <= set(keys)
        last = "closed" if flow["type"] in PROCEDURES else "completed"
        assert (flow["nodes"][-1]["key"], flow["nodes"][-1]["verbs"]) == (last, [])


def test_what_disputes_go_by_has_the_same_shape() -> None:
    tables = {flow["type"]: flow for flow in printed()}
    (opened,) = tables["appeal"]["nodes"][0]["verbs"]
    assert opened == {
        "verb": "appeal", "to": "investigation", "requires": ["reason", "claim"], "timer": "appeal", "by": "party",
    }  # fmt: skip
    (asked,) = tables["refund"]["nodes"][0]["verbs"]
    assert (asked["to"], asked["to_if_reviewed"], asked["by"]) == ("refund_review", "transit", "buyer")
    lapses = [verb for node in tables["return"]["nodes"] for verb in node["verbs"] if verb.get("by") == "system"]
    assert [(verb["verb"], verb["to"]) for verb in lapses] == [
        ("return_lapses", "closed"), ("inspection_lapses", "closed"),
    ]  # fmt: skip


def test_it_says_from_which_orders_on_a_version_holds() -> None:
    since = {(flow["type"], flow["version"]): flow["from_date"] for flow in printed()}
    assert since["saas_manual", 1] is None
    assert since["saas_manual", 2] == "2025-03-26"
    assert since["license_code", 2] == "2024-09-14"


def test_people_read_a_table_for_each_flow() -> None:
    run = CliRunner().invoke(cli, ["flows"], env={"COLUMNS": "200"})
    assert run.exit_code == 0
    for flow in all_flows():
        assert f"{flow.type} version {flow.version}: {flow.label}, " in run.output
    for kind, table in PROCEDURES.items():
        assert f"{kind} version 1: {table.label}, when it goes wrong" in run.output
    assert "orders before 2025-03-26" in run.output
    assert "license or license_files" in run.output


def test_it_needs_no_database_and_writes_nothing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    done = tradehall_command(data, "flows", "--json", DATABASE_URL="postgresql://nowhere.invalid/none")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)
    assert not data.exists()
