"""Structured logs on standard error: one JSON object a line, or lines for a person's terminal."""

import logging
import sys
from collections.abc import Callable
from typing import Any

import msgspec
import structlog


def configure(form: str, level: str) -> None:
    """Sets up this process's logs; `form` is "json" or "console"."""
    # Without local variables: some hold keys and passwords.
    tracebacks = structlog.dev.RichTracebackFormatter(show_locals=False)
    renderer: structlog.types.Processor = structlog.dev.ConsoleRenderer(exception_formatter=tracebacks)
    writer: Callable[[], Any] = structlog.PrintLoggerFactory(sys.stderr)
    if form == "json":
        renderer = structlog.processors.JSONRenderer(serializer=_json)
        writer = structlog.BytesLoggerFactory(sys.stderr.buffer)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if form == "json" else _unchanged,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=writer,
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")


def _unchanged(logger: object, name: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    return event


def _json(value: object, **_: object) -> bytes:
    return msgspec.json.encode(value, enc_hook=str)
