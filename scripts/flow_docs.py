"""What the documentation takes from the flows of service supervision and of disputes: diagrams, nodes, deliverables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tradehall.supervision.acceptance import Rule
    from tradehall.supervision.flow import Flow, Node, Verb

Table = Callable[[Iterable[str], Iterable[Iterable[str]]], str]
# What a term is called where the settings or the seller say how long it is.
TERMS = {
    "requirement": "`TRADEHALL_REQUIREMENT_TERM`",
    "confirmation": "`TRADEHALL_CONFIRMATION_TERM`",
    "delivery": "the days the seller promised",
    "review": "`TRADEHALL_REVIEW_TERM`",
    "acceptance": "`TRADEHALL_ACCEPTANCE_TERM`",
    "claim": "`TRADEHALL_CLAIM_TERM`",
    "activation": "`TRADEHALL_ACTIVATION_TERM`",
    "appeal": "`TRADEHALL_APPEAL_WORKING_DAYS`",
    "answer": "the day the platform names",
    "proposal": "the day the platform names",
    "second_look": "`TRADEHALL_SECOND_LOOK_WORKING_DAYS`",
    "transit": "`TRADEHALL_SECOND_LOOK_WORKING_DAYS`",
    "refund_review": "`TRADEHALL_REFUND_WORKING_DAYS`",
    "send_back": "`TRADEHALL_SEND_BACK_TERM`",
    "inspection": "`TRADEHALL_INSPECTION_TERM`",
}
TIMERS = {
    "track": "the courier is asked where the parcel is",
    "accept": "when signed for long enough",
    "lapse": "when that is over",
}


def flows(table: Table, mermaid: Callable[..., str]) -> str:
    """Every flow: its diagram and its nodes, those of one delivery type under one heading, the newest first."""
    from tradehall.supervision.flows import FLOWS

    parts: list[str] = []
    for kind, versions in sorted(FLOWS.items()):
        parts += [f"### {versions[0].label} (`{kind}`)", ""]
        for flow in versions:
            parts += [_of_orders(flow, versions), "", mermaid(*_diagram(flow)), "", _nodes(flow, table), ""]
    return "\n".join(parts).rstrip("\n")


def disputes(table: Table, mermaid: Callable[..., str]) -> str:
    """What appeals, refunds and returns go by: their diagrams and their nodes."""
    from tradehall.supervision.disputes.model import PROCEDURES

    parts: list[str] = []
    for kind, flow in PROCEDURES.items():
        parts += [f"### {flow.label} (`{kind}`)", "", mermaid(*_arrows(flow)), "", _nodes(flow, table), ""]
    return "\n".join(parts).rstrip("\n")


def _of_orders(flow: Flow, versions: tuple[Flow, ...]) -> str:
    if len(versions) == 1:
        return f"Version {flow.version}, all orders."
    newer = next((other for other in versions if other.version == flow.version + 1), None)
    since = f" from {flow.from_date}" if flow.from_date else ""
    until = f" before {newer.from_date}" if newer else ""
    return f"Version {flow.version}, orders placed{since}{until}."


def _diagram(flow: Flow) -> Iterator[str]:
    """Dotted arrows are rejections; what is in brackets on an arrow is for orders that the platform reviews."""
    first, *others = _arrows(flow)
    yield first
    yield f"    paid((paid)) --> {flow.nodes[0].key}"
    if flow.without_requirement:
        yield f'    paid -->|"no requirement asked"| {flow.without_requirement}'
    yield from others


def _arrows(flow: Flow) -> Iterator[str]:
    yield "flowchart LR"
    for node in flow.nodes:
        who = f"<br/>{node.actor}" if node.actor else ""
        yield f'    {node.key}["{node.label}{who}"]' if node.verbs else f'    {node.key}(["{node.label}"])'
    for node, verb in flow.walk():
        arrow = "-.->" if verb.rejects else "-->"
        yield f'    {node.key} {arrow}|"{verb.key}"| {verb.to}'
        if verb.to_reviewed not in ("", verb.to):
            yield f'    {node.key} {arrow}|"{verb.key} (reviewed)"| {verb.to_reviewed}'


def _nodes(flow: Flow, table: Table) -> str:
    rows = [
        (
            f"{node.label} (`{node.key}`){', if reviewed' if node.only_reviewed else ''}" if place == 0 else "",
            node.by(verb),
            f"{verb.label} (`{verb.key}`)",
            _asked(flow, verb),
            _leads(flow, verb),
            _by_when(node, verb) if place == 0 or verb.by == "system" else "",
        )
        for node in flow.nodes
        for place, verb in enumerate(node.verbs)
    ]
    return table(("node", "who", "does what", "supplies (? may be left out)", "leads to", "by when"), rows)


def _asked(flow: Flow, verb: Verb) -> str:
    from tradehall.commands.flows import names

    asked = [f"`{name}`" for name in names(verb.fields)]
    return ", ".join([*asked, *(["what the acceptance rule demands"] if verb.proves else [])])


def _leads(flow: Flow, verb: Verb) -> str:
    plain = flow.node(verb.to).label + _outcome(verb)
    return f"{plain}; reviewed: {flow.node(verb.to_reviewed).label}" if verb.to_reviewed not in ("", verb.to) else plain


def _outcome(verb: Verb) -> str:
    """How a step ends a dispute."""
    from tradehall.supervision.disputes.model import OUTCOME_LABELS
    from tradehall.supervision.disputes.steps import Step

    ends: dict[str, str] = {**OUTCOME_LABELS, "proposed": "As proposed", "decided": "As decided"}
    return f": {ends[verb.outcome]}" if isinstance(verb, Step) and verb.outcome else ""


def _by_when(node: Node, verb: Verb) -> str:
    if verb.by == "system":
        return TIMERS.get(verb.timer or "", "")
    return TERMS[node.term] if node.term else ""


def delivery_types(table: Table) -> str:
    """Every delivery type: whether orders of it are supervised, and what its newest flow asks of buyer and seller."""
    from tradehall.catalog.delivery import deliveries
    from tradehall.supervision.flows import FLOWS

    reach = {
        "server": "no: the seller's server opens it",
        "people": "yes",
        "nothing": "no: there as soon as it is paid for",
    }

    def row(key: str, label: str, supervised: str, sold: str) -> tuple[str, ...]:
        if key not in FLOWS:
            return f"{label} (`{key}`)", supervised, sold, "", ""
        flow = FLOWS[key][0]
        link = f"[{label}](#{label.lower().replace(',', '').replace(' ', '-')}-{key})"
        return f"{link} (`{key}`)", supervised, sold, _wanted(flow, "buyer"), _wanted(flow, "seller")

    rows = [
        row(one.key, one.label, reach[one.reach], ", ".join(f"`{mode}`" for mode in one.charging))
        for one in deliveries()
    ]
    return table(("delivery type", "supervised", "sold as", "the buyer supplies", "the seller supplies"), rows)


def _wanted(flow: Flow, side: str) -> str:
    """What a side has to supply until the flow is completed, when nobody objects."""
    from tradehall.commands.flows import names

    wanted: list[str] = []
    for node, verb in flow.walk():
        if node.actor == side == node.by(verb) and not verb.rejects:
            needed = [f"`{name}`" for name in names(verb.fields) if not name.endswith("?")]
            if node.key == flow.nodes[0].key and flow.without_requirement:
                needed = [f"{name}, unless the product does without" for name in needed]
            wanted += [*needed, *(["proof, if reviewed" if node.only_reviewed else "proof"] if verb.proves else [])]
    if flow.asks_recipient and side == "buyer":
        wanted.insert(0, "the recipient, with the order")
    return ", ".join(dict.fromkeys(wanted))


def acceptance_rules(table: Table) -> str:
    """What a delivery is proven with, by rule."""
    from tradehall.supervision.acceptance import RULE_LABELS, deliverables
    from tradehall.supervision.flows import FLOWS

    proving = sorted(kind for kind, (newest, *_) in FLOWS.items() if any(verb.proves for _, verb in newest.walk()))
    rules: list[Rule] = list(RULE_LABELS)
    labels: dict[str, str] = {}
    required: dict[tuple[str, Rule], list[str]] = {}
    known: dict[tuple[str, Rule], list[str]] = {}
    limits: dict[tuple[str, Rule], str] = {}
    for rule in rules:
        for kind in proving:
            for field in deliverables(rule, kind):
                labels.setdefault(field.key, field.label)
                known.setdefault((field.key, rule), []).append(kind)
                if field.required:
                    required.setdefault((field.key, rule), []).append(kind)
                many = f"at least {field.least}" if field.kind == "files" and field.least > 1 else ""
                unless = f"unless `{field.unless}`" if field.unless else ""
                only_if = f"only if `{field.only_if}`" if field.only_if else ""
                limits[field.key, rule] = ", ".join(filter(None, (many, unless, only_if)))

    def cell(key: str, rule: Rule) -> str:
        there = known.get((key, rule), [])
        if not there:
            return "—"
        wanted = required.get((key, rule), [])
        if not wanted:
            return "may"
        others = [kind for kind in proving if kind not in wanted]
        if not others:
            whom = "must"
        elif len(others) < len(wanted):
            whom = f"must, but for {_named(others)}"
        else:
            whom = f"must for {_named(wanted)}"
        return ", ".join(filter(None, (whom, limits[key, rule])))

    rows = [(f"{label} (`{key}`)", *(cell(key, rule) for rule in rules)) for key, label in labels.items()]
    return table(("deliverable", *(RULE_LABELS[rule] for rule in rules)), rows)


def _named(kinds: list[str]) -> str:
    from tradehall.supervision.acceptance import LICENSES

    return "licences" if set(kinds) == LICENSES else ", ".join(f"`{kind}`" for kind in kinds)
