"""What protects people at the pages: which addresses to return to, the CSRF token, cookies, sealed flashes."""

import base64
import binascii
import hashlib
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import msgspec
from litestar import Request
from litestar.config.csrf import CSRFConfig
from litestar.datastructures import Cookie
from litestar.middleware.csrf import generate_csrf_token
from litestar.template.base import csrf_token as token_of_request

from tradehall.installation import Installation
from tradehall.kernel.errors import Problem
from tradehall.kernel.secrets import CannotUnseal, Seal, secret_key
from tradehall.settings import Settings
from tradehall.web.templating import CSRF_HEADER, Flash

FLASH_COOKIE = "tradehall_flash"
FLASH_PURPOSE = "flash"
YEAR = timedelta(days=365)
# Programs prove themselves with a bearer token that no other site's page can send; these addresses take no cookie.
NO_CSRF = ["^/api/", "^/static/", "^/healthz$", "^/readyz$", "^/metrics$"]


class FormOutOfDate(Problem):
    """This form was opened in a session that is over. Load its page again and send it once more."""

    status = 403


def csrf_config(installation: Installation) -> CSRFConfig:
    """How forms prove that they come from our pages. The cookie's name follows the secret, so that after a new secret
    everybody simply gets a new cookie."""
    key = secret_key(installation.settings.secret_key, installation.settings.data_dir)
    secret = hashlib.sha256(b"csrf " + key.encode()).hexdigest()
    return CSRFConfig(
        secret=secret,
        cookie_name=f"tradehall_csrf_{hashlib.sha256(secret.encode()).hexdigest()[:8]}",
        header_name=CSRF_HEADER,
        cookie_secure=installation.settings.secure_cookies,
        cookie_httponly=True,
        cookie_samesite="lax",
        exclude=NO_CSRF,
    )


def csrf_token(request: Request[Any, Any, Any]) -> tuple[str, Cookie | None]:
    """The token of this request's forms; with a cookie to set where the request never came to where tokens are made
    (addresses that do not exist)."""
    if token := token_of_request({"request": request}):
        return token, None
    config = request.app.csrf_config
    assert config, "pages are served with CSRF protection"
    if token := request.cookies.get(config.cookie_name, ""):
        return token, None
    token = generate_csrf_token(config.secret)
    return token, Cookie(
        config.cookie_name, value=token, secure=config.cookie_secure, httponly=True, samesite=config.cookie_samesite
    )


def cookie(settings: Settings, name: str, value: str, lifetime: timedelta | None = None) -> Cookie:
    """A cookie no script reads and no other site's form sends along; without a lifetime it ends with the browser."""
    return Cookie(
        name,
        value=value,
        max_age=int(lifetime.total_seconds()) if lifetime is not None else None,
        secure=settings.secure_cookies,
        httponly=True,
        samesite="lax",
    )


def forgotten(settings: Settings, name: str) -> Cookie:
    """The cookie that makes a browser forget `name`."""
    return cookie(settings, name, "", timedelta(0))


def local_path(text: str | None) -> str:
    """`text` if it is an address of this site and safe to send somebody to; "" for everything else."""
    if not text or len(text) > 2000 or not text.startswith("/") or text.startswith("//"):
        return ""
    if "\\" in text or not text.isprintable() or " " in text:
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return "" if parts.scheme or parts.netloc else text


def seal_flash(seal: Seal, flash: Flash) -> str:
    """A message to be shown on the next page, as a cookie's value nobody else could have written."""
    sealed = seal.close(msgspec.json.encode(flash).decode(), FLASH_PURPOSE)
    return base64.urlsafe_b64encode(sealed).decode().rstrip("=")


def open_flash(seal: Seal, value: str | None) -> Flash | None:
    if not value:
        return None
    try:
        text = seal.open(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)), FLASH_PURPOSE)
        return msgspec.json.decode(text, type=Flash)
    except (CannotUnseal, ValueError, binascii.Error, msgspec.DecodeError):
        return None
