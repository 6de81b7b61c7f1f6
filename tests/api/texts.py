"""The texts for people that stand in code without a mark for translation: docstrings of errors, what is wrong with a
field, result codes. Found here for the tests of the translations."""

import ast
from collections.abc import Iterator
from pathlib import Path

import tradehall
import tradehall.app  # so that every error class is loaded
from tradehall.kernel import outbound
from tradehall.kernel.errors import all_problems
from tradehall.protocols.answers import FAULTS, RESULT_CODES

SOURCE = Path(tradehall.__file__).parent


def texts_in_code() -> Iterator[tuple[str, str]]:
    """(message id, where it stands) of each; what is filled in stands in {braces}."""
    for problem in all_problems():
        if problem.__module__.startswith("tradehall."):
            yield problem.message_id(), problem.__name__
    for path in sorted(SOURCE.rglob("*.py")):
        yield from ((text, path.name) for text in _field_problems(ast.parse(path.read_text(encoding="utf-8"))))
    yield from ((known.meaning, f"result code {known.code}") for known in RESULT_CODES.values())
    yield from ((text, f"fault {fault}") for fault, text in FAULTS.items())
    yield from ((text, "an address") for text in _address_texts())


def _field_problems(tree: ast.Module) -> Iterator[str]:
    constants = {
        node.targets[0].id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _name(node.func) in ("invalid", "FieldProblem") and len(node.args) > 1:
            message: ast.expr | None = node.args[1]
            if isinstance(message, ast.Name):
                message = constants.get(message.id)
            if isinstance(message, ast.Constant) and isinstance(message.value, str):
                yield message.value


def _address_texts() -> Iterator[str]:
    yield from (outbound.NOT_PUBLIC, outbound.UNKNOWN_HOST)
    for node in ast.walk(ast.parse(Path(outbound.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name == "_why_malformed":
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and isinstance(inner.value, ast.Constant):
                    yield str(inner.value.value)
        elif isinstance(node, ast.Call) and _name(node.func) == "_Objection":
            yield from (str(one.value) for one in node.args[1:] if isinstance(one, ast.Constant))


def _name(function: ast.expr) -> str:
    return (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )
