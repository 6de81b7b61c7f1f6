"""Every setting of an installation, read once from the environment.

A setting `pool_size` is the environment variable `TRADEHALL_POOL_SIZE`; `DATABASE_URL` alone keeps its usual name.
`docs/operate.md` lists all of them, generated from here; a test fails when the list is stale.
"""

import json
import os
import re
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
    max_request_bytes: Annotated[
        int, Doc("Largest request body the web server reads; where files are handed in, of everything but the files.")
    ] = 256 * 1024
    unpaid_order_ttl: Annotated[timedelta, Doc("An unpaid order is cancelled after this long.")] = timedelta(days=7)
    idempotency_ttl: Annotated[timedelta, Doc("How long an idempotency key is remembered.")] = timedelta(days=2)

    smtp_url: Annotated[
        str,
        Doc(
            "Mail server that notices are sent through: smtp://user:pass@host:587?starttls=1 or smtps://…; in user and "
            "password, @ / : are written %40 %2F %3A. Empty: no mail is sent."
        ),
    ] = ""
    mail_from: Annotated[
        str, Doc("Sender of that mail: shop@example.com or Shop <shop@example.com>. Needed with smtp_url.")
    ] = ""
    sms: Annotated[
        Literal["", "console"], Doc("How urgent notices go out by SMS. console: to the log only. Empty: not at all.")
    ] = ""
    notice_days: Annotated[int, Doc("Days after which station messages are deleted.")] = 365

    file_store: Annotated[
        str, Doc("Where files that people hand in are kept: s3://bucket/prefix. Empty: in files/ under data_dir.")
    ] = ""
    s3_endpoint: Annotated[str, Doc("Address of the S3-compatible service; empty: AWS itself.")] = ""
    s3_region: Annotated[str, Doc("Region of the bucket.")] = "us-east-1"
    s3_access_key: Annotated[
        str, Doc("Access key id for the bucket. Empty: AWS_ACCESS_KEY_ID or what the machine itself is allowed.")
    ] = ""
    s3_secret_key: Annotated[str, Doc("The secret that belongs to it.")] = ""
    s3_virtual_host: Annotated[
        bool, Doc("The bucket is part of the host's name; s3_endpoint, where set, then has it in it.")
    ] = False
    s3_allow_http: Annotated[bool, Doc("Take an s3_endpoint without TLS; only for one on this machine.")] = False
    upload_max_bytes: Annotated[int, Doc("Largest file that people may hand in.")] = 100 * 1024 * 1024
    upload_types: Annotated[
        str,
        Doc(
            "Comma-separated kinds of files that people may hand in, such as pdf,png,jpg,docx,zip,any; any: what is of "
            "no known kind, where a field takes it. Empty: all. What can run is never taken."
        ),
    ] = ""
    clamav: Annotated[
        str,
        Doc(
            "clamd that scans every file handed in: host:port or the path of its socket; its StreamMaxLength has to be "
            "at least upload_max_bytes. Empty: none."
        ),
    ] = ""

    timestamp_url: Annotated[
        str,
        Doc(
            "RFC 3161 authority that stamps case files, such as https://tsa.example.com/tsr; one on an intranet has to "
            "be in outbound_allow as well. Empty: they bear no timestamp."
        ),
    ] = ""
    timestamp_certificates: Annotated[
        str, Doc("Path of a PEM file: certificates its timestamps have to lead to. Empty: whoever answers is believed.")
    ] = ""

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

    platform_fee: Annotated[
        int,
        Doc(
            "The platform's fee on what sellers sell themselves, in basis points (500: 5 %), for orders paid from now."
        ),
    ] = 500
    joint_share: Annotated[
        int, Doc("The platform's share of what joint products cost, in basis points, for orders paid from now.")
    ] = 3000

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
    requirement_term: Annotated[
        timedelta, Doc("How long a buyer has to submit a requirement or identification code.")
    ] = timedelta(days=30)
    confirmation_term: Annotated[timedelta, Doc("How long a seller has to confirm or reject a requirement.")] = (
        timedelta(days=5)
    )
    delivery_days: Annotated[
        int, Doc("Within how many days a seller has to deliver who promised nothing else for the product.")
    ] = 30
    redelivery_term: Annotated[
        timedelta, Doc("How long a seller has at least for the next part of a delivery, or for one that was rejected.")
    ] = timedelta(days=5)
    review_term: Annotated[timedelta, Doc("How long the platform has to review a delivery.")] = timedelta(days=3)
    acceptance_term: Annotated[timedelta, Doc("How long a buyer has to accept or reject a delivery.")] = timedelta(
        days=5
    )
    claim_term: Annotated[timedelta, Doc("How long a buyer has to claim an authorisation code.")] = timedelta(days=5)
    activation_term: Annotated[timedelta, Doc("How long until a claimed authorisation code should be activated.")] = (
        timedelta(days=30)
    )
    reminder_interval: Annotated[
        timedelta, Doc("Whoever is late with a turn of service supervision is reminded this often.")
    ] = timedelta(days=7)
    escalation_after: Annotated[
        timedelta,
        Doc(
            "Who is late with a turn for this long is told once more by their administrators, and the other side "
            "hears that they were reminded."
        ),
    ] = timedelta(days=7)
    platform_escalation_after: Annotated[
        timedelta, Doc("After this the marketplace hears of it as well; not shorter than escalation_after.")
    ] = timedelta(days=21)
    urge_interval: Annotated[
        timedelta, Doc("How often a side that waits may remind the other of its turn in a supervised order.")
    ] = timedelta(days=1)
    message_mail_interval: Annotated[
        timedelta, Doc("Between two mails about messages that one side writes to another in one supervised order.")
    ] = timedelta(minutes=15)
    act_rate: Annotated[
        int, Doc("Acts that a side may do within an hour in one supervised order, disputes included.")
    ] = 60
    case_file_rate: Annotated[int, Doc("Case files that a side may have made within an hour of one order.")] = 20
    message_rate: Annotated[int, Doc("Messages that a side may write within an hour in one supervised order.")] = 30
    messages_after: Annotated[
        timedelta, Doc("How long after its end people can still write to each other in a supervised order.")
    ] = timedelta(days=30)
    unaccepted_after: Annotated[
        timedelta, Doc("An order still not accepted after this is pointed out to the seller and the platform.")
    ] = timedelta(days=180)
    appeal_working_days: Annotated[int, Doc("Within how many working days the platform decides an appeal.")] = 3
    appeal_idle_days: Annotated[
        int, Doc("An appeal is possible only after the other side was idle for so many days. 0: at any time.")
    ] = 0
    appeal_rejections: Annotated[
        int, Doc("An appeal is possible only after so many rejections, or the idle days. 0: at any time.")
    ] = 0
    second_look_above: Annotated[
        int, Doc("A decision that moves more than this, in minor units, is confirmed by a second person.")
    ] = 5_000_000
    second_look_working_days: Annotated[
        int, Doc("Within how many working days the platform confirms a decision, or where a parcel is.")
    ] = 1
    refund_working_days: Annotated[
        int, Doc("Within how many working days a seller answers who is asked for a refund or a return.")
    ] = 7
    send_back_term: Annotated[
        timedelta, Doc("How long a buyer has to send back what the seller agreed to take; then it counts as withdrawn.")
    ] = timedelta(days=10)
    inspection_term: Annotated[
        timedelta, Doc("How long a seller has to look at what came back; then it counts as in order.")
    ] = timedelta(days=15)
    parcel_on_its_way: Annotated[
        timedelta,
        Doc(
            "How long after a parcel was posted, if it is not known to be signed for before, the days begin that a "
            "buyer has to accept it."
        ),
    ] = timedelta(days=10)
    parcel_interval: Annotated[timedelta, Doc("Pause between two questions to a courier where a parcel is.")] = (
        timedelta(hours=12)
    )
    parcel_acceptance: Annotated[
        timedelta, Doc("Hardware is accepted by itself when its parcel has been signed for this long.")
    ] = timedelta(days=10)
    review_answer_change: Annotated[
        timedelta, Doc("How long after answering a review a seller may still change the answer.")
    ] = timedelta(days=7)
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
    for name in ("platform_fee", "joint_share"):
        if not 0 <= getattr(settings, name) <= 10_000:
            raise InvalidSetting(f"{variable(name)} must be from 0 to 10000")
    if settings.circuit_longest_pause < settings.circuit_pause:
        raise InvalidSetting(f"{variable('circuit_longest_pause')} must be at least {variable('circuit_pause')}")
    if not 1 <= settings.delivery_days <= 365:
        raise InvalidSetting(f"{variable('delivery_days')} must be from 1 to 365")
    if (settings.smtp_url or settings.sms) and not settings.public_url:
        raise InvalidSetting(f"{variable('public_url')} must be set, or notices could not say where they lead")
    if settings.timestamp_url and not re.fullmatch(r"https?://\S+", settings.timestamp_url):
        raise InvalidSetting(f"{variable('timestamp_url')} must be like https://tsa.example.com/tsr")
    if settings.smtp_url:
        if not re.fullmatch(r"smtps?://\S+", settings.smtp_url):
            raise InvalidSetting(f"{variable('smtp_url')} must be like smtp://user:pass@host:587?starttls=1")
        if not re.fullmatch(r"[^<>@]+@[^<>@\s]+|[^<>]*<[^<>@\s]+@[^<>@\s]+>", settings.mail_from):
            raise InvalidSetting(f"{variable('mail_from')} must be an address such as shop@example.com")
    if settings.platform_escalation_after < settings.escalation_after:
        raise InvalidSetting(f"{variable('platform_escalation_after')} must be at least {variable('escalation_after')}")
    for name in (
        "act_rate",
        "case_file_rate",
        "message_rate",
        "notice_days",
        "pool_size",
        "seller_concurrency",
        "worker_concurrency",
        "upload_max_bytes",
    ):
        if getattr(settings, name) < 1:
            raise InvalidSetting(f"{variable(name)} must be at least 1")
