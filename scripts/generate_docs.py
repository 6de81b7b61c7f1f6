"""Writes what the documentation takes from the code: `make docs`, or `python scripts/generate_docs.py [--check]`.

Parts of hand-written pages stand between `<!-- generated: NAME -->` and `<!-- end: NAME -->`; `docs/errors.md` and
`docs/openapi.json` are written whole. `--check` writes nothing and fails when something is stale. Needs no database.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import pkgutil
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import flow_docs

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def import_everything() -> None:
    """Errors and metrics register themselves when their modules are imported."""
    import tradehall

    for module in pkgutil.walk_packages(tradehall.__path__, "tradehall."):
        importlib.import_module(module.name)


# --- Parts of pages --------------------------------------------------------------------------------------------------


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *([cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def mermaid(*lines: str) -> str:
    return "\n".join(("```mermaid", *lines, "```"))


def state_diagram(moves: Mapping[tuple[str, str], str], *starts: str) -> str:
    """The states that nothing leaves end it."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for (state, verb), following in moves.items():
        arrows.setdefault((state, following), []).append(verb)
    leaving = {state for state, _ in moves}
    ends = [state for state in dict.fromkeys(moves.values()) if state not in leaving]
    return mermaid(
        "stateDiagram-v2",
        "    direction LR",
        *(f"    [*] --> {state}" for state in starts),
        *(f"    {state} --> {following}: {', '.join(verbs)}" for (state, following), verbs in arrows.items()),
        *(f"    {state} --> [*]" for state in ends),
    )


def order_states() -> str:
    from tradehall.trading.model import ORDER_MOVES

    return state_diagram(ORDER_MOVES, "pending_payment")


def instance_states() -> str:
    from tradehall.provisioning.model import INSTANCE_MOVES

    return state_diagram(INSTANCE_MOVES, "opening")


def call_states() -> str:
    from tradehall.provisioning.model import CALL_MOVES

    return state_diagram(CALL_MOVES, "queued", "waiting")


def subscription_states() -> str:
    from tradehall.trading.terms import SUBSCRIPTION_MOVES

    return state_diagram(SUBSCRIPTION_MOVES, "active")


def review_states() -> str:
    from tradehall.reviews.model import REVIEW_MOVES

    return state_diagram(REVIEW_MOVES, "waiting")


def product_states() -> str:
    from tradehall.catalog.model import PRODUCT_MOVES

    return state_diagram(PRODUCT_MOVES, "draft")


def story_table() -> str:
    from tradehall.ledger.posting import Ledger
    from tradehall.notices.telling import Notices
    from tradehall.provisioning.asking import Asking
    from tradehall.story import story
    from tradehall.supervision.engine import Supervision
    from tradehall.trading.outcome import Outcome

    # The classes serve: what is wanted of a reaction is its name and what it says of itself.
    supervision: Any = Supervision
    asking: Any = Asking
    outcome: Any = Outcome
    notices: Any = Notices
    ledger: Any = Ledger
    events: dict[tuple[str, str, str], list[str]] = {}
    for event, following in story(supervision, asking, outcome, notices, ledger).items():
        for reaction in following:
            name = f"`{reaction.__module__.split('.')[1]}.{reaction.__name__}`"
            # One reaction that follows whatever happens is told once.
            place = (name, "" if reaction.__name__ == "tell" else event)
            events.setdefault((*place, _first_sentence(reaction)), []).append(f"`{event}`")
    rows = [
        (", ".join(names) if len(names) <= 10 else f"{len(names)} events: `TOLD` in `notices/model.py`", name, text)
        for (name, _, text), names in events.items()
    ]
    return table(("event", "reaction", "what it does"), rows)


def rooms() -> str:
    import tradehall

    rows = [
        (
            f"`{module.name}{'/' if module.ispkg else '.py'}`",
            _first_sentence(importlib.import_module(f"tradehall.{module.name}")),
        )
        for module in pkgutil.iter_modules(tradehall.__path__)
        if module.name != "__main__"
    ]
    return table(("where", "what"), rows)


def layers() -> str:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    names: list[str] = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    labels = [" · ".join(f"`{part.strip().removeprefix('tradehall.')}`" for part in name.split("|")) for name in names]
    return " → ".join(labels)


def settings_table() -> str:
    from tradehall.settings import documentation

    rows = [(f"`{variable}`", f"`{default}`" if default else "", text) for variable, default, text in documentation()]
    return table(("variable", "default", "meaning"), rows)


def metrics_table() -> str:
    from prometheus_client import REGISTRY

    families = [
        (collector._name, collector._type, collector._labelnames, collector._documentation)
        for collector in REGISTRY._collector_to_names
        if getattr(collector, "_name", "").startswith("tradehall_")
    ]
    rows = [
        (f"`{name}{'_total' if kind == 'counter' else ''}`", kind, ", ".join(f"`{label}`" for label in labels), text)
        for name, kind, labels, text in sorted(families)
    ]
    return table(("metric", "kind", "labels", "meaning"), rows)


def commands_table() -> str:
    import typer.main

    from tradehall.__main__ import cli

    def walk(command: Any, path: str) -> Iterable[tuple[str, str]]:
        inner = getattr(command, "commands", None)
        if inner is None:
            yield f"`{path}`", _first_sentence(command.help or "")
            return
        for name, one in inner.items():
            yield from walk(one, f"{path} {name}")

    return table(("command", "what it does"), walk(typer.main.get_command(cli), "tradehall"))


def _first_sentence(of: Any) -> str:
    text = of if isinstance(of, str) else inspect.getdoc(of) or ""
    text = re.sub(r"\[/?[a-z ]+\]", "", " ".join(text.split("\n\n")[0].split()))  # without rich's markup
    return re.split(r"(?<=[.])\s", text, maxsplit=1)[0].rstrip(".")


# --- Whole files -----------------------------------------------------------------------------------------------------


def errors_page() -> str:
    from tradehall.kernel.errors import all_problems

    rows = [
        (f"`{problem.code()}`", str(problem.status), problem.message_id())
        for problem in sorted(all_problems(), key=lambda problem: (problem.status, problem.code()))
        if problem.__module__.startswith("tradehall.")
    ]
    return "\n".join(
        (
            "# Errors",
            "",
            "<!-- Written by scripts/generate_docs.py from the error classes; change those. -->",
            "",
            "The API answers every error as problem details (RFC 9457, `application/problem+json`). Programs go by",
            "`code`, which never changes; `detail` is this message in the reader's language (`Accept-Language`), the",
            "`{placeholders}` filled in; `errors` lists the fields that are wrong; `request_id` finds the log lines.",
            "",
            table(("code", "status", "message"), rows),
            "",
        )
    )


def outcomes_page() -> str:
    from tradehall.provisioning import outcomes

    def cell(purpose: Any, finding: Any) -> str:
        decision = outcomes.DECISIONS.get((purpose, finding))
        return f"{outcomes.KNOWLEDGE[decision.knows]}: {decision.then.replace('_', ' ')}" if decision else "—"

    answers = table(
        ("call", *(f"`{finding}`" for finding in outcomes.FINDINGS)),
        ((f"`{purpose}`", *(cell(purpose, finding) for finding in outcomes.FINDINGS)) for purpose in outcomes.PURPOSES),
    )
    endings = table(
        ("call", "given up, nothing done", "given up, unknown"),
        (
            (f"`{purpose}`", outcomes.ENDING[known], outcomes.ENDING[unknown])
            for purpose, (known, unknown) in outcomes.ENDINGS.items()
        ),
    )
    return "\n".join(
        (
            "# What an answer means",
            "",
            "<!-- Written by scripts/generate_docs.py from provisioning/outcomes.py; change that. -->",
            "",
            "A time-out is not a failure and a lost answer is not a no. This is what the marketplace concludes from",
            "each try of each call to a seller, and what it does; the worker acts by these very tables.",
            "",
            "## What a try can come to",
            "",
            table(("finding", "when"), ((f"`{name}`", text) for name, text in outcomes.FINDINGS.items())),
            "",
            "## What is known then, and what follows",
            "",
            *(f"* *{name.replace('_', ' ')}*: {text}" for name, text in outcomes.THEN.items()),
            "",
            "The purposes: `open` newInstance; `await_opening` queryInstance after 000004; `investigate` queryInstance",
            "when nobody knows; `details` address and account; `renew` refreshInstance; `change` upgradeInstance (V1:",
            "upgrade); `check` changeInstanceCheck; `freeze` and `unfreeze` updateInstanceStatus (V1: expireInstance,",
            "instanceStatus); `release` releaseInstance; `notify` orderNotify.",
            "",
            answers,
            "",
            "An opening that is under way without a name yet, or at a V1 seller, is asked for again with the same",
            "order. While a key overlaps, a refused signature is tried with the other key at once.",
            "",
            "## When a call is given up",
            "",
            "Because its window is over, or at once where the table says so. A V1 seller need not answer queries: what",
            "would be investigated there ends as if it had not been done, and is released.",
            "",
            endings,
            "",
        )
    )


def openapi() -> str:
    from tradehall.commands.openapi import document

    return json.dumps(json.loads(document()), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "architecture.md": {
        "rooms": rooms,
        "layers": layers,
        "story": story_table,
        "order states": order_states,
        "instance states": instance_states,
        "call states": call_states,
        "subscription states": subscription_states,
        "product states": product_states,
        "review states": review_states,
    },
    "supervision.md": {
        "delivery types": lambda: flow_docs.delivery_types(table),
        "acceptance rules": lambda: flow_docs.acceptance_rules(table),
        "flows": lambda: flow_docs.flows(table, mermaid),
        "disputes": lambda: flow_docs.disputes(table, mermaid),
    },
    "operate.md": {"settings": settings_table, "metrics": metrics_table, "commands": commands_table},
}
WHOLE: dict[str, Callable[[], str]] = {"errors.md": errors_page, "openapi.json": openapi, "outcomes.md": outcomes_page}


def page(name: str, parts: Mapping[str, Callable[[], str]]) -> str:
    """A hand-written page with its generated parts written anew."""
    text = (DOCS / name).read_text(encoding="utf-8")
    for part, make in parts.items():
        place = re.compile(rf"(<!-- generated: {part} -->\n).*?(<!-- end: {part} -->)", re.DOTALL)
        made = f"{make()}\n"
        text, count = place.subn(lambda found, made=made: found[1] + made + found[2], text)
        if count != 1:
            raise SystemExit(f"docs/{name} must hold <!-- generated: {part} --> … <!-- end: {part} --> exactly once")
    return text


def main() -> int:
    parser = argparse.ArgumentParser(description="Writes what the documentation takes from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when something is stale")
    check = parser.parse_args().check
    import_everything()
    texts = {name: make() for name, make in WHOLE.items()} | {name: page(name, parts) for name, parts in PARTS.items()}
    there = {name: (DOCS / name).read_text(encoding="utf-8") if (DOCS / name).exists() else None for name in texts}
    stale = [name for name, text in texts.items() if there[name] != text]
    for name in stale:
        if not check:
            (DOCS / name).write_text(texts[name], encoding="utf-8")
        print(f"docs/{name} {'is stale: run make docs' if check else 'written'}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
