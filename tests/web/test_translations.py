"""Chinese and English are equal: whatever a person can read in one, they can read in the other."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Literal, NamedTuple

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po

from tradehall.kernel.errors import all_problems
from tradehall.kernel.i18n import LOCALE_DIRECTORY, LOCALES, load_translator
from tradehall.protocols.answers import FAULTS, RESULT_CODES
from tradehall.web.templating import TEMPLATES

SOURCES = Path(__file__).resolve().parents[2] / "src" / "tradehall"
KEYWORDS = {"_": None, "gettext": None, "N_": None, "ngettext": (1, 2), "invalid": (2,), "FieldProblem": (2,)}
TRANSLATED = [locale for locale in LOCALES if locale != "en"]
OPTIONS = {"extensions": "jinja2.ext.i18n", "newstyle_gettext": "true", "trim_blocks": "true", "lstrip_blocks": "true"}

PERCENT = re.compile(r"%(?:%|\((\w+)\)[sd])")
BRACES = re.compile(r"\{(\w+)(?:[!:][^{}]*)?\}")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


class Message(NamedTuple):
    """One text of the source: its id (with its plural, if any), how it is filled in, and where it stands."""

    msgid: tuple[str, ...]
    style: Literal["percent", "braces"]
    where: str


def is_braced(text: str) -> bool:
    """Texts of wrong fields are filled in like those of errors."""
    return bool(BRACES.search(text)) and not PERCENT.search(text)


def messages_in_files() -> Iterator[Message]:
    for pattern, method in (("**/*.html", "jinja2.ext:babel_extract"), ("**/*.py", "python")):
        for path in sorted(SOURCES.glob(pattern)):
            with path.open("rb") as file:
                for line, found, _comments, _context in extract(method, file, KEYWORDS, (), OPTIONS):
                    msgid = found if isinstance(found, tuple) else (found,)
                    texts = tuple(text for text in msgid if text)
                    style: Literal["percent", "braces"] = "braces" if any(map(is_braced, texts)) else "percent"
                    yield Message(texts, style, f"{path.relative_to(SOURCES)}:{line}")


def messages_in_errors() -> Iterator[Message]:
    """The docstrings of error classes; what is in braces is filled in from the error's facts."""
    import_module("tradehall.app")  # loads every error there is
    for problem in all_problems():
        if problem.__module__.startswith("tradehall."):
            yield Message((problem.message_id(),), "braces", problem.__name__)


def messages_of_the_protocol() -> Iterator[Message]:
    """The protocol's modules know nothing of languages; what they call things is shown to people all the same."""
    for code in RESULT_CODES.values():
        yield Message((code.meaning,), "percent", f"result code {code.code}")
    for fault, text in FAULTS.items():
        yield Message((text,), "percent", f"fault {fault}")


def all_messages() -> list[Message]:
    found = (*messages_in_files(), *messages_in_errors(), *messages_of_the_protocol())
    return [message for message in found if message.msgid]


def catalogs(locale: str) -> Iterator[tuple[str, Catalog]]:
    for path in sorted((LOCALE_DIRECTORY / locale).glob("*.po")):
        with path.open("rb") as file:
            yield path.name, read_po(file, locale=locale, abort_invalid=True)


def forms(text: object) -> tuple[str, ...]:
    return tuple(text) if isinstance(text, (list, tuple)) else (str(text),)


def entries(locale: str) -> dict[tuple[str, ...], list[tuple[str, tuple[str, ...], bool]]]:
    """Every entry: its msgid -> where it stands, its translation, whether it is fuzzy."""
    found: dict[tuple[str, ...], list[tuple[str, tuple[str, ...], bool]]] = defaultdict(list)
    for name, catalog in catalogs(locale):
        for message in catalog:
            if message.id:
                found[forms(message.id)].append((name, forms(message.string), message.fuzzy))
    return found


def placeholders(text: str, style: str) -> set[str]:
    return {name for name in (PERCENT if style == "percent" else BRACES).findall(text) if name}


def test_texts_are_found_at_all() -> None:
    found = {message.msgid for message in all_messages()}
    assert ("Skip to content",) in found
    assert ("%(num)s on this page", "%(num)s on this page") in found


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_text_is_translated(locale: str) -> None:
    known = entries(locale)
    missing = [
        f"{message.where}: {message.msgid[0]!r}"
        for message in all_messages()
        if not any(all(text) and not fuzzy for _, text, fuzzy in known.get(message.msgid, ()))
    ]
    assert not missing, f"{len(missing)} texts have no translation:\n" + "\n".join(missing)


@pytest.mark.parametrize("locale", TRANSLATED)
def test_no_translation_is_fuzzy_empty_or_unused(locale: str) -> None:
    used = {message.msgid for message in all_messages()}
    wrong = []
    for msgid, translations in entries(locale).items():
        for name, text, fuzzy in translations:
            if fuzzy:
                wrong.append(f"{name}: fuzzy: {msgid[0]!r}")
            elif not all(text):
                wrong.append(f"{name}: empty: {msgid[0]!r}")
            elif msgid not in used:
                wrong.append(f"{name}: used nowhere: {msgid[0]!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("locale", TRANSLATED)
def test_a_translation_has_the_placeholders_of_its_text(locale: str) -> None:
    known = entries(locale)
    wrong: list[str] = []
    for message in all_messages():
        wanted = set().union(*(placeholders(text, message.style) for text in message.msgid))
        wrong += [
            f"{name}: {message.msgid[0]!r} -> {form!r}"
            for name, text, _ in known.get(message.msgid, ())
            for form in text
            if placeholders(form, message.style) != wanted
        ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("locale", ["en", *TRANSLATED])
def test_every_text_can_be_filled_in(locale: str) -> None:
    translator = load_translator(locale, LOCALE_DIRECTORY)
    for message in all_messages():
        values: dict[str, object] = dict.fromkeys(
            set().union(*(placeholders(text, message.style) for text in message.msgid)), 1
        )
        if message.style == "braces":
            translator.format(message.msgid[0], **values)
        elif len(message.msgid) == 1:
            translator.gettext(message.msgid[0], **values)
        else:
            translator.ngettext(message.msgid[0], message.msgid[1], 2, **values)


@pytest.mark.parametrize("locale", TRANSLATED)
def test_files_do_not_contradict_each_other(locale: str) -> None:
    wrong = [
        f"{msgid[0]!r}: " + ", ".join(f"{name} {text[0]!r}" for name, text, _ in translations)
        for msgid, translations in entries(locale).items()
        if len({text for _, text, _ in translations}) > 1
    ]
    assert not wrong, "\n".join(wrong)


def test_templates_hold_no_chinese_of_their_own() -> None:
    """Names of languages come from code; everything else is an English message id."""
    wrong = [path.name for path in TEMPLATES.glob("**/*.html") if CHINESE.search(path.read_text(encoding="utf-8"))]
    assert not wrong


def test_pages_hold_no_inline_script_style_or_handler() -> None:
    """The content security policy would refuse them at run time; this says so earlier."""
    inline = re.compile(r"<style|\sstyle=|\son[a-z]+=|hx-on|javascript:|<script(?![^>]*\ssrc=)", re.IGNORECASE)
    wrong = []
    for path in TEMPLATES.glob("**/*.html"):
        text = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        wrong += [f"{path.name}: {match[0].strip()}" for match in inline.finditer(text)]
    assert not wrong
