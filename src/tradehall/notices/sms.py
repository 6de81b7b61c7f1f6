"""SMS: what a gateway must do, and the one for trying things out, which writes to the log."""

from typing import Protocol

import structlog

from tradehall.kernel.ids import new_id

log = structlog.get_logger()


class SmsGateway(Protocol):
    """Sends short messages. `phone` is as E.164 writes it; the answer is the gateway's reference of the message.

    An adapter raises mail.Refused for what will never be taken, and mail.NotNow for what may be taken later.
    """

    async def send(self, phone: str, text: str) -> str: ...


class ConsoleSms:
    """Writes messages to the log, the phone masked, and sends nothing."""

    async def send(self, phone: str, text: str) -> str:
        reference = f"console-{new_id()}"
        log.info("sms", phone=masked(phone), text=text, reference=reference)
        return reference


def masked(phone: str) -> str:
    """+8613800138000 -> +861*******000."""
    return phone[:4] + "*" * (len(phone) - 7) + phone[-3:]


def gateway_for(name: str) -> SmsGateway | None:
    """The gateway of the settings; None for none."""
    return ConsoleSms() if name == "console" else None
