"""What programs are told in words, people read in both languages."""

import re
from typing import get_args

import pytest
from tests.api.texts import texts_in_code

from tradehall.edge.problems import _REASONS
from tradehall.kernel.i18n import LOCALES, translator
from tradehall.provisioning.ahead import AHEAD
from tradehall.provisioning.steps import NEXT_STEPS, NextKind
from tradehall.provisioning.troubles import TROUBLES
from tradehall.trading.pricing import STEP_WORDS

TEXTS = sorted(
    {
        *(text for text, _ in texts_in_code()),
        *(text for _, text in _REASONS),
        *(NEXT_STEPS[kind] for kind in get_args(NextKind)),
        *TROUBLES.values(),
        *AHEAD.values(),
        # Of the bare product there is nothing to translate.
        *(words for kind, words in STEP_WORDS.items() if kind != "once"),
    }
)


@pytest.mark.parametrize("locale", [locale for locale in LOCALES if locale != "en"])
@pytest.mark.parametrize("text", TEXTS)
def test_every_text_of_the_api_is_translated_with_its_placeholders(locale: str, text: str) -> None:
    told = translator(locale).lookup(text)
    assert told != text
    assert set(re.findall(r"\{\w+\}", told)) == set(re.findall(r"\{\w+\}", text))
