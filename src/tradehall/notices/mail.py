"""Mails: what one looks like, and handing it to the SMTP server of the settings."""

import asyncio
import ssl
from datetime import datetime
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime, parseaddr
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
import msgspec
from markupsafe import Markup

TIMEOUT = 20.0  # seconds, for each step of talking to the server
LONGEST = 60.0  # for all of them: less than the lease of a sending
_PORTS = {"smtp": 587, "smtps": 465}


class Refused(Exception):
    """The server will never take this message: its answer is for operators to read."""


class NotNow(Exception):
    """The server is away, or does not take the message at the moment."""


class Server(msgspec.Struct, frozen=True):
    """Where mail is handed in. `starttls` None: when the server offers it; it is nothing where `tls` is on."""

    host: str
    port: int
    user: str | None
    password: str | None
    tls: bool
    starttls: bool | None


def server(url: str) -> Server:
    """Reads smtp://user:pass@host:587?starttls=1 or smtps://…; raises ValueError, which does not tell the password."""
    parts = urlsplit(url)
    query = parse_qs(parts.query)
    starttls = {"": None, "1": True, "0": False}.get(query.pop("starttls", [""])[0], "wrong")
    if parts.scheme not in _PORTS or not parts.hostname or parts.path.strip("/") or query or starttls == "wrong":
        raise ValueError("the mail server is written like smtp://user:pass@host:587?starttls=1 or smtps://host")
    return Server(
        parts.hostname,
        parts.port or _PORTS[parts.scheme],
        unquote(parts.username) if parts.username else None,
        unquote(parts.password) if parts.password else None,
        parts.scheme == "smtps",
        None if starttls is None else starttls is True,
    )


class Letter(msgspec.Struct, frozen=True):
    """A mail before it is put into its form. `key` makes its Message-ID: the same whenever it is sent again."""

    key: str
    to: str
    to_name: str
    locale: Literal["en", "zh"]
    subject: str
    body: str
    link: str
    link_label: str
    foot: str
    urgent: bool
    written_at: datetime


class Mailer:
    """Sends mail as `sender` ("shop@example.com" or "Shop <shop@example.com>"), else by the marketplace's name."""

    def __init__(self, smtp_url: str, sender: str, marketplace: str) -> None:
        self._server = server(smtp_url)
        name, self._address = parseaddr(sender)
        self._name = name or marketplace
        self._domain = self._address.rpartition("@")[2]
        self._marketplace = marketplace

    def message(self, letter: Letter) -> EmailMessage:
        """The letter as text and HTML."""
        made = EmailMessage(policy=SMTP_POLICY)
        made["Message-ID"] = f"<{letter.key}@{self._domain}>"
        made["Date"] = format_datetime(letter.written_at)
        made["From"] = Address(_line(self._name), addr_spec=self._address)
        made["To"] = Address(_line(letter.to_name), addr_spec=letter.to)
        made["Subject"] = _line(letter.subject)
        made["Auto-Submitted"] = "auto-generated"
        if letter.urgent:
            made["Importance"] = "high"
        made.set_content(
            f"{letter.subject}\n\n{letter.body}\n\n{letter.link_label}: {letter.link}\n\n-- \n{letter.foot}\n",
            cte="quoted-printable" if letter.locale == "en" else "base64",
        )
        made.add_alternative(self._html(letter), subtype="html", cte="base64")
        # Last, or it would go with the first part.
        made["Content-Language"] = "zh-CN" if letter.locale == "zh" else "en"
        return made

    def _html(self, letter: Letter) -> str:
        return _HTML.format(
            language="zh-CN" if letter.locale == "zh" else "en",
            marketplace=self._marketplace,
            accent="#b3261e" if letter.urgent else "#0b6478",
            subject=letter.subject,
            body=letter.body,
            link=letter.link,
            link_label=letter.link_label,
            foot=letter.foot,
        )

    async def send(self, letter: Letter) -> str:
        """Hands the letter to the server and says what that answered. Raises Refused or NotNow."""
        where = self._server
        try:
            message = self.message(letter)
            client = aiosmtplib.SMTP(
                hostname=where.host,
                port=where.port,
                username=where.user,
                password=where.password,
                use_tls=where.tls,
                start_tls=where.starttls if not where.tls else False,
                timeout=TIMEOUT,
            )
        except (ValueError, IndexError, MessageError) as error:  # an address or a setting that is none
            raise Refused(str(error)) from error
        try:
            async with asyncio.timeout(LONGEST), client:
                _, answer = await client.send_message(message)
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            raise _verdict(refused.code, refused.message) from error
        except (aiosmtplib.SMTPAuthenticationError, aiosmtplib.SMTPHeloError, aiosmtplib.SMTPConnectError) as error:
            raise NotNow(_said(error)) from error  # the settings or the server are wrong, not the message
        except aiosmtplib.SMTPResponseException as error:
            raise _verdict(error.code, error.message) from error
        except aiosmtplib.SMTPNotSupported as error:
            raise Refused(_said(error)) from error
        except (aiosmtplib.SMTPException, ssl.SSLError, OSError, TimeoutError) as error:
            raise NotNow(_said(error)) from error
        return answer[:200]


def _verdict(code: int, answer: str) -> Exception:
    said = f"{code} {answer}"[:300]
    return Refused(said) if code >= 500 else NotNow(said)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:300]


def _line(text: str) -> str:
    """On one line: what is written into a header must not end it."""
    return " ".join(text.split())


# Tables and styles of its own, because that is what programs for mail understand; nothing is loaded from anywhere.
_HTML = Markup(
    """\
<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light"><title>{subject}</title></head>
<body style="margin:0;padding:0;background:#f2f4f7">
<table role="presentation" width="100%" cellpadding="0" cellspacing="0" style="background:#f2f4f7"><tr>
<td align="center" style="padding:28px 12px">
<table role="presentation" width="560" cellpadding="0" cellspacing="0" style="width:100%;max-width:560px;\
background:#ffffff;border:1px solid #dde2ea;border-radius:8px;border-top:4px solid {accent};\
font-family:-apple-system,'Segoe UI','PingFang SC','Microsoft YaHei',sans-serif;color:#1c2430">
<tr><td style="padding:22px 28px 0;font-size:13px;color:#5a6675">{marketplace}</td></tr>
<tr><td style="padding:6px 28px 0;font-size:20px;line-height:1.35;font-weight:600">{subject}</td></tr>
<tr><td style="padding:12px 28px 0;font-size:15px;line-height:1.6">{body}</td></tr>
<tr><td style="padding:22px 28px 26px"><a href="{link}" style="display:inline-block;padding:10px 20px;\
background:{accent};color:#ffffff;text-decoration:none;border-radius:6px;font-size:15px">{link_label}</a></td></tr>
<tr><td style="padding:14px 28px 18px;border-top:1px solid #e8ecf1;font-size:12px;line-height:1.5;color:#5a6675">\
{foot}</td></tr>
</table></td></tr></table></body></html>
"""
)
