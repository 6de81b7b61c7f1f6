"""A real SMTP server on a loopback socket, which keeps what it takes and refuses whom it is told to."""

import asyncio
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session


class PostOffice:
    """Takes mail. `refused` says by address what it answers instead of taking it; `mails` is what it took, in order.

    `taking` is called with each mail before the server says that it has it.
    """

    def __init__(self) -> None:
        self.port = 0
        self.mails: list[EmailMessage] = []
        self.receivers: list[str] = []
        self.signed_in: list[tuple[str, str]] = []
        self.refused: dict[str, str] = {}
        self.taking: Callable[[EmailMessage], None] = lambda _: None
        self._server: asyncio.Server | None = None
        self._transports: set[Any] = set()

    async def up(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._made, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        if self._server:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def _made(self) -> SMTP:
        return SMTP(
            self, hostname="post.test", enable_SMTPUTF8=True, authenticator=self._signs_in, auth_require_tls=False
        )

    def _signs_in(self, server: Any, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        self.signed_in.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=data.password == b"se/cret")

    async def handle_RCPT(  # noqa: N802
        self, server: Any, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.receivers += envelope.rcpt_tos
        self.taking(mail)
        return "250 OK, kept as number " + str(len(self.mails))


def part(mail: EmailMessage, kind: str) -> str:
    """The text of a mail's part, "plain" or "html"."""
    found = mail.get_body((kind,))
    assert found
    return str(found.get_content())
