"""Every setting of an installation, read once from the environment.

A setting `pool_size` is the environment variable `TRADEHALL_POOL_SIZE`; `DATABASE_URL` alone keeps its usual name.
`docs/operate.md` lists all of them, generated from here; a test fails when the list is stale.
"""

import json
import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec

PREFIX = "TRADEHALL_"


class InvalidSetting(Exception):
    """A setting in the environment cannot be read; the message names it and says what is expected."""


class Doc(msgspec.Struct, frozen=True):
    """What a setting means, for the person who operates the installation."""

    text: str


class Site(msgspec.Struct, frozen=True):
    """A sister site that visitors of another language are pointed to."""

    language: str
    url: str
    name: str


def _default_data_dir() -> Path:
    # root's home is private, and the embedded PostgreSQL never runs as root: its directory must be one it can enter.
    if os.geteuid() == 0:
        return Path("/var/lib/tradehall")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "tradehall"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """One installation's settings."""

    database_url: Annotated[
        str, Doc("PostgreSQL 15 or newer, e.g. postgresql://user:pass@host/db. Empty: an embedded one.")
    ] = ""
    data_dir: Annotated[Path, Doc("Where the embedded PostgreSQL and generated keys live.")] = msgspec.field(
        default_factory=_default_data_dir
    )
    mode: Annotated[
        Literal["production", "sandbox"],
        Doc("A sandbox has the test payment gateway and a clock that can be moved; production has neither."),
    ] = "production"
    secret_key: Annotated[
        str, Doc("Seals sellers' access keys at rest. At least 32 characters. Empty: made once in data_dir.")
    ] = ""
    previous_secret_keys: Annotated[
        str, Doc("Comma-separated former values of it that still open what was sealed with them.")
    ] = ""
    host: Annotated[str, Doc("Address the web server listens on.")] = "127.0.0.1"
    port: Annotated[int, Doc("Port the web server listens on.")] = 8000
    public_url: Annotated[str, Doc("How people reach this installation; https here makes cookies Secure.")] = ""
    trusted_proxies: Annotated[
        str, Doc("Comma-separated proxy addresses whose X-Forwarded-For and -Proto are believed.")
    ] = ""
    pool_size: Annotated[int, Doc("Database connections a process may hold.")] = 16
    prepare_statements: Annotated[
        bool, Doc("Prepare hot statements on the server; switch off behind a pooler that cannot.")
    ] = True
    log_format: Annotated[Literal["json", "console"], Doc("Form of the logs on standard error.")] = "json"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], Doc("Least severe log line written.")] = "info"
    default_locale: Annotated[Literal["en", "zh"], Doc("Language of a visitor whose browser asks for neither.")] = "zh"
    default_timezone: Annotated[str, Doc("Zone in which times are shown to people who have not chosen one.")] = (
        "Asia/Shanghai"
    )
    marketplace_name: Annotated[str, Doc("The marketplace's name on every page.")] = "Tradehall"
    sites: Annotated[
        tuple[Site, ...],
        Doc('Sister sites by language, JSON: [{"language":"en","url":"https://…","name":"International"}].'),
    ] = ()
    metrics_token: Annotated[str, Doc("When set, /metrics wants it as a bearer token.")] = ""
    worker_metrics_port: Annotated[int, Doc("Port on which a worker serves its own /metrics; 0 for none.")] = 0
    session_days: Annotated[int, Doc("Days a sign-in lasts without being used.")] = 14
    login_attempts: Annotated[int, Doc("Wrong passwords for one account or address before it has to wait.")] = 8
    login_pause: Annotated[timedelta, Doc("How long it then has to wait.")] = timedelta(minutes=15)
    max_request_bytes: Annotated[int, Doc("Largest request body the web server reads.")] = 256 * 1024
    unpaid_order_ttl: Annotated[timedelta, Doc("An unpaid order is cancelled after this long.")] = timedelta(days=7)
    idempotency_ttl: Annotated[timedelta, Doc("How long an idempotency key is remembered.")] = timedelta(days=2)

    grace_period: Annotated[
        timedelta, Doc("How long an expired subscription may still be used before it is frozen.")
    ] = timedelta(days=3)
    retention_period: Annotated[
        timedelta, Doc("How long a frozen subscription is kept before it is released; 15 days at most.")
    ] = timedelta(days=15)
    renewal_lead: Annotated[timedelta, Doc("How long before its expiry a subscription is renewed automatically.")] = (
        timedelta(days=3)
    )
    renewal_retry: Annotated[
        timedelta, Doc("Pause before an automatic renewal that was declined or failed is tried again.")
    ] = timedelta(days=1)
    change_at_renewal_lead: Annotated[
        timedelta, Doc("How long before its expiry a subscription may be renewed with a change.")
    ] = timedelta(days=30)
    unconditional_refund: Annotated[
        timedelta, Doc("How long after buying a buyer may unsubscribe for the whole price.")
    ] = timedelta(days=5)

    outbound_allow: Annotated[
        str,
        Doc("Comma-separated networks (10.0.0.0/8) or host:port a seller's server may have though not public."),
    ] = ""
    outbound_max_body: Annotated[int, Doc("Bytes of a seller's answer that are read.")] = 64 * 1024
    message_log_body: Annotated[int, Doc("Bytes of a seller's answer that the message log keeps.")] = 8 * 1024
    seller_concurrency: Annotated[int, Doc("Calls under way at once to one seller, over all workers.")] = 8
    seller_rate: Annotated[int, Doc("Calls a second to one seller, over all workers; 0 for no limit.")] = 500
    circuit_failures: Annotated[
        int,
        Doc("After this many calls in a row that a seller's server did not answer, its calls wait. 0: they never do."),
    ] = 5
    circuit_pause: Annotated[
        timedelta, Doc("How long they wait until one of them goes out as a probe; doubled each time that fails.")
    ] = timedelta(minutes=1)
    circuit_longest_pause: Annotated[timedelta, Doc("Longest pause between two probes.")] = timedelta(minutes=10)
    worker_concurrency: Annotated[int, Doc("Calls and other due work under way at once in one worker.")] = 32
    worker_poll: Annotated[timedelta, Doc("Longest an idle worker sleeps when no notification wakes it.")] = timedelta(
        seconds=2
    )
    call_timeout: Annotated[timedelta, Doc("How long a seller's server may take to answer.")] = timedelta(seconds=20)
    call_lease: Annotated[
        timedelta, Doc("A call whose worker is silent for this long is taken over; more than call_timeout.")
    ] = timedelta(seconds=60)
    new_instance_window: Annotated[
        timedelta, Doc("newInstance is tried, and opening waited for, this long; then the buyer is refunded.")
    ] = timedelta(hours=3)
    new_instance_interval: Annotated[timedelta, Doc("Pause between two tries of newInstance.")] = timedelta(minutes=3)
    query_window: Annotated[timedelta, Doc("queryInstance is tried this long to learn an open instance's details.")] = (
        timedelta(hours=1)
    )
    query_first_pause: Annotated[
        timedelta, Doc("First pause while an instance opens asynchronously; it doubles each time.")
    ] = timedelta(seconds=2)
    query_longest_pause: Annotated[timedelta, Doc("Longest pause between two queryInstance polls.")] = timedelta(
        minutes=1
    )
    query_refresh_age: Annotated[
        timedelta, Doc("Details older than this are asked for anew when the buyer opens an application.")
    ] = timedelta(minutes=5)
    release_window: Annotated[timedelta, Doc("releaseInstance is tried this long, then waits for a person.")] = (
        timedelta(hours=1)
    )
    release_interval: Annotated[timedelta, Doc("Pause between two tries of releaseInstance.")] = timedelta(minutes=3)
    renew_window: Annotated[
        timedelta, Doc("A renewal or conversion is told to the seller this long, then held for an investigation.")
    ] = timedelta(hours=1)
    renew_interval: Annotated[timedelta, Doc("Pause between two tries of telling it.")] = timedelta(minutes=3)
    change_window: Annotated[
        timedelta, Doc("An upgrade is asked of the seller this long, then held for an investigation.")
    ] = timedelta(hours=3)
    change_interval: Annotated[timedelta, Doc("Pause between two tries of an upgrade.")] = timedelta(minutes=3)
    check_window: Annotated[
        timedelta, Doc("How long a seller is asked whether it allows a change before that counts as a no.")
    ] = timedelta(minutes=10)
    check_interval: Annotated[timedelta, Doc("Pause between two tries of asking.")] = timedelta(minutes=1)
    status_window: Annotated[timedelta, Doc("Freezing and unfreezing are tried this long, then wait for a person.")] = (
        timedelta(hours=1)
    )
    status_interval: Annotated[timedelta, Doc("Pause between two tries of freezing or unfreezing.")] = timedelta(
        minutes=3
    )
    opening_investigation: Annotated[
        timedelta, Doc("How long sellers are asked what became of an opening of which nothing is known.")
    ] = timedelta(hours=1)
    change_investigation: Annotated[
        timedelta, Doc("How long a renewal or upgrade that failed is held for a person before the buyer is refunded.")
    ] = timedelta(days=1)
    key_overlap: Annotated[
        timedelta, Doc("How long a seller's former access key still counts after a new one was entered.")
    ] = timedelta(days=7)
    notify_window: Annotated[timedelta, Doc("orderNotify is tried this long, then waits for a person.")] = timedelta(
        hours=3
    )
    notify_interval: Annotated[timedelta, Doc("Pause between two tries of orderNotify.")] = timedelta(minutes=3)
    openapi_rate: Annotated[
        int, Doc("Calls a minute of the open APIs with one API credential, in each web process; 0 for no limit.")
    ] = 600

    @property
    def former_secret_keys(self) -> list[str]:
        return [key for one in self.previous_secret_keys.split(",") if (key := one.strip())]

    @property
    def sandbox(self) -> bool:
        return self.mode == "sandbox"

    @property
    def secure_cookies(self) -> bool:
        return self.public_url.startswith("https://")


def load(environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Reads the settings from the environment. Raises InvalidSetting, naming the variable, when one cannot be read."""
    environ = os.environ if environ is None else environ
    values: dict[str, Any] = {}
    for name, kind in _kinds().items():
        raw = environ.get(variable(name))
        if raw is not None:
            values[name] = _parse(name, kind, raw)
    settings = Settings(**(values | overrides))
    _check(settings)
    return settings


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return "DATABASE_URL" if name == "database_url" else PREFIX + name.upper()


def documentation() -> list[tuple[str, str, str]]:
    """(variable, default as one would write it, meaning) of every setting, in order."""
    hints = get_type_hints(Settings, include_extras=True)
    defaults = Settings()
    rows = []
    for name in Settings.__struct_fields__:
        doc = next(part.text for part in get_args(hints[name]) if isinstance(part, Doc))
        default = "/var/lib/tradehall as root" if name == "data_dir" else _written(getattr(defaults, name))
        rows.append((variable(name), default, doc))
    return rows


def unknown(environ: Mapping[str, str]) -> list[str]:
    """Variables that look like settings but are none: usually a typing mistake."""
    known = {variable(name) for name in Settings.__struct_fields__}
    return sorted(key for key in environ if key.startswith(PREFIX) and key not in known)


def _kinds() -> dict[str, Any]:
    return get_type_hints(Settings)


def _parse(name: str, kind: Any, raw: str) -> Any:
    raw = raw.strip()
    try:
        if kind is timedelta:
            return duration(raw)
        if kind is bool:
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[raw.lower()]
        if kind is int:
            return int(raw)
        if get_origin(kind) is tuple:
            return msgspec.convert(json.loads(raw), kind)
        if get_origin(kind) is Literal and raw not in get_args(kind):
            raise ValueError(raw)
        return kind(raw) if kind is Path else raw
    except (ValueError, KeyError, msgspec.ValidationError) as error:
        raise InvalidSetting(f"{variable(name)}={raw!r}: expected {_expected(kind)}") from error


def duration(text: str) -> timedelta:
    """Reads '90s', '3m', '3h', '7d' or a sum of such parts, like '1h30m'. Raises ValueError."""
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    parts: dict[str, int] = {}
    digits = ""
    for character in text:
        if character.isdigit():
            digits += character
        elif digits and character in units:
            parts[units[character]] = int(digits)
            digits = ""
        else:
            raise ValueError(text)
    if digits or not parts:
        raise ValueError(text)
    return timedelta(**parts)


def _expected(kind: Any) -> str:
    if kind is timedelta:
        return "a duration such as 90s, 3m, 3h, 7d"
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(get_args(kind))
    if get_origin(kind) is tuple:
        return "JSON as documented"
    return {bool: "true or false", int: "a whole number"}.get(kind, "text")


def _written(value: Any) -> str:
    if isinstance(value, timedelta):
        seconds = int(value.total_seconds())
        for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
            if seconds % size == 0:
                return f"{seconds // size}{unit}"
        return f"{seconds}s"
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value == () else str(value)


def _check(settings: Settings) -> None:
    if settings.call_lease <= settings.call_timeout:
        raise InvalidSetting(
            f"{variable('call_lease')} must be longer than {variable('call_timeout')}, or a slow call is made twice"
        )
    if settings.secret_key and len(settings.secret_key) < 32:
        raise InvalidSetting(f"{variable('secret_key')} must have at least 32 characters")
    if any(len(key) < 32 for key in settings.former_secret_keys):
        raise InvalidSetting(
            f"{variable('previous_secret_keys')}: each had at least 32 characters, and none can hold a comma"
        )
    if settings.mode == "production" and settings.database_url and not settings.secret_key:
        raise InvalidSetting(
            f"{variable('secret_key')} must be set: a key made on this machine could not be read on another"
        )
    if settings.retention_period > timedelta(days=15):
        raise InvalidSetting(f"{variable('retention_period')} must be at most 15d")
    for name in ("seller_rate", "openapi_rate"):
        if getattr(settings, name) < 0:
            raise InvalidSetting(f"{variable(name)} must not be negative")
    if not 0 <= settings.circuit_failures <= 100:
        raise InvalidSetting(f"{variable('circuit_failures')} must be from 0 to 100")
    if settings.circuit_longest_pause < settings.circuit_pause:
        raise InvalidSetting(f"{variable('circuit_longest_pause')} must be at least {variable('circuit_pause')}")
    for name in ("pool_size", "seller_concurrency", "worker_concurrency"):
        if getattr(settings, name) < 1:
            raise InvalidSetting(f"{variable(name)} must be at least 1")
