"""Structured logs on standard error: one JSON object a line, or lines for a person's terminal."""

import logging
import sys

import msgspec
import structlog


def configure(form: str, level: str) -> None:
    """Sets up this process's logs; `form` is "json" or "console"."""
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(
            serializer=lambda value, **_: msgspec.json.encode(value, enc_hook=str).decode()
        )
        if form == "json"
        else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info if form == "json" else _unchanged,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")


def _unchanged(logger: object, name: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
    return event
