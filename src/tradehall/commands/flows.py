"""`tradehall flows`: the tables by which supervised orders move, and disputes about them, without a database."""

from collections.abc import Iterable

import msgspec
from rich.console import Console
from rich.table import Table

from tradehall.supervision.acceptance import deliverables
from tradehall.supervision.disputes.model import PROCEDURES
from tradehall.supervision.fields import Field
from tradehall.supervision.flow import Flow, Node, Verb
from tradehall.supervision.flows import all_flows

COLUMNS = ("node", "who", "verb", "leads to", "asks for (? may be left out)", "sets going")


def document() -> bytes:
    """Every flow as JSON, by type and version; then what appeals, refunds and returns go by."""
    return msgspec.json.encode([flow.told for flow in ordered()])


def ordered() -> list[Flow]:
    return [*sorted(all_flows(), key=lambda flow: (flow.type, flow.version)), *PROCEDURES.values()]


def show(console: Console) -> None:
    """A table for each flow: what can be done at each node, what it asks for, and where it leads."""
    for flow in ordered():
        orders = "when it goes wrong" if flow.type in PROCEDURES else _of_orders(flow)
        console.print(f"[bold]{flow.type}[/bold] version {flow.version}: {flow.label}, {orders}")
        table = Table(*COLUMNS, box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for node in flow.nodes:
            for place, verb in enumerate(node.verbs):
                first = place == 0
                table.add_row(
                    _node(node) if first else "",
                    node.by(verb),
                    verb.key,
                    _leads(verb),
                    _asks(flow, verb),
                    _term(flow, verb),
                )
        console.print(table)
        console.print()


def _of_orders(flow: Flow) -> str:
    """Which orders have it, by the day they were placed."""
    newer = [other for other in all_flows() if other.type == flow.type and other.version == flow.version + 1]
    since = f"from {flow.from_date}" if flow.from_date else ""
    until = f"before {newer[0].from_date}" if newer else ""
    return " ".join(filter(None, ("orders", since, until))) if since or until else "all orders"


def _node(node: Node) -> str:
    return f"{node.key} (if reviewed)" if node.only_reviewed else node.key


def _leads(verb: Verb) -> str:
    return f"{verb.to}; if reviewed {verb.to_reviewed}" if verb.to_reviewed not in ("", verb.to) else verb.to


def _asks(flow: Flow, verb: Verb) -> str:
    asked = verb.fields + (deliverables("seller_defined", flow.type) if verb.proves else ())
    return ", ".join(names(asked))


def names(fields: Iterable[Field]) -> list[str]:
    """Fields by key: what may be left out with a question mark, what need only be supplied in one way as "a or b"."""
    groups: dict[str, list[str]] = {}
    for field in fields:
        groups.setdefault(field.group or field.key, []).append(field.key if field.required else f"{field.key}?")
    return [" or ".join(keys) for keys in groups.values()]


def _term(flow: Flow, verb: Verb) -> str:
    return verb.timer or flow.node(verb.to).term or ""
