"""The sample product: copy this file, and replace the book by your database.

It is the whole of what a seller writes, for both generations of the protocol: `tradehall_seller.serve` puts it online.
"""

import hmac
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import quote

from tradehall_seller.answers import App, Instance, Usage
from tradehall_seller.book import Book, Entry, StaleRevision
from tradehall_seller.codes import Code, Refused
from tradehall_seller.seller import (
    ChangeStatus,
    CheckChange,
    NewInstance,
    Opened,
    OrderNotice,
    QueryInstance,
    RefreshInstance,
    ReleaseInstance,
    Request,
    Seller,
    UpgradeInstance,
)


@dataclass(kw_only=True)
class Product(Seller):
    """Opens every order, `ready_after` seconds later. `used` is how much of its quantity every instance has in use.

    Test calls succeed in any order and change no customer's instance: the marketplace replays them every day.
    """

    book: Book
    secret: str
    site: str = "https://app.example.com"
    ready_after: float = 0.0
    used: float = 0.0
    clock: Callable[[], float] = time.time  # Unix seconds

    def open(self, request: NewInstance) -> Opened:
        now = self.clock()
        try:
            # The first call's businessId is a good id; a repeated call has another, and still gets this one.
            entry = self.book.open(
                request.order,
                request.business_id,
                now + self.ready_after,
                business_id=request.business_id,
                revision=request.revision,
                test=request.test,
            )
        except StaleRevision as stale:
            raise Refused(Code.WRONG_PARAMETER, str(stale)) from None
        return Opened(entry.instance_id, entry.ready_at <= now, self._app(entry.instance_id))

    def query(self, request: QueryInstance) -> Iterable[Instance]:
        entries = [self._entry(instance_id, request) for instance_id in request.instance_ids]
        if any(entry is not None and entry.ready_at > self.clock() for entry in entries):
            raise Refused(Code.IN_PROGRESS, "in progress")
        return [
            Instance(instance_id=instance_id, app=self._app(instance_id), usage=self._usage(entry))
            for instance_id, entry in zip(request.instance_ids, entries, strict=True)
        ]

    def refresh(self, request: RefreshInstance) -> None:
        self._change(
            request,
            request.instance_id,
            lambda entry: self.book.refresh(
                entry,
                request.order_id,
                scene=request.scene,
                expire_time=request.expire_time,
                order_line_id=request.order_line_id,
                product_id=request.product_id,
                revision=request.revision,
            ),
        )
        if request.thaws:
            self.set_status(ChangeStatus(instance_id=request.instance_id, frozen=False, test=request.test))

    def set_status(self, request: ChangeStatus) -> None:
        self._change(
            request,
            request.instance_id,
            lambda entry: self.book.set_frozen(
                entry, request.frozen, order_id=request.order_id, revision=request.revision
            ),
        )

    def upgrade(self, request: UpgradeInstance) -> None:
        self._change(
            request,
            request.instance_id,
            lambda entry: self.book.upgrade(
                entry, request.order_id, order_line_id=request.order_line_id, revision=request.revision
            ),
        )

    def release(self, request: ReleaseInstance) -> None:
        self._change(
            request,
            request.instance_id,
            lambda entry: self.book.release(
                entry, order_id=request.order_id, order_line_id=request.order_line_id, revision=request.revision
            ),
            even_released=True,
        )

    def check_change(self, request: CheckChange) -> None:
        """What is in use must still fit in."""
        entry = self._entry(request.instance_id, request)
        if entry is not None and not request.test and request.quantity is not None and request.quantity < self.used:
            raise Refused(Code.WRONG_PARAMETER, f"{self.used:g} are in use, more than {request.quantity:g}")

    def order_notified(self, request: OrderNotice) -> None:
        if not request.test:
            self.book.notify(request.order_id, request.order_line_id)

    def find(self, instance_id: str) -> Entry | None:
        return self.book.find(instance_id)

    def _entry(self, instance_id: str, request: Request, *, even_released: bool = False) -> Entry | None:
        """The instance; None only for a test call, which may ask for one that never was. Raises Refused."""
        entry = self.find(instance_id)
        if not request.test and (entry is None or (entry.released and not even_released)):
            raise Refused(Code.NO_SUCH_INSTANCE, "there is no such instance")
        return entry

    def _change(
        self, request: Request, instance_id: str, change: Callable[[Entry], None], *, even_released: bool = False
    ) -> None:
        """Changes a customer's instance; a test call's is only looked for."""
        entry = self._entry(instance_id, request, even_released=even_released)
        if entry is None or request.test:
            return
        try:
            change(entry)
        except StaleRevision as stale:
            raise Refused(Code.WRONG_PARAMETER, str(stale)) from None

    def _app(self, instance_id: str) -> App:
        password = hmac.digest(self.secret.encode(), instance_id.encode(errors="replace"), "sha256").hex()[:16]
        where = quote(instance_id, safe="", errors="replace")
        return App(
            front_end_url=f"{self.site}/?instance={where}",
            admin_url=f"{self.site}/admin?instance={where}",
            user_name=f"admin-{instance_id[:8]}",
            password=password,
            memo="Please change the password when you first sign in. 首次登录后请修改密码。",
        )

    def _usage(self, entry: Entry | None) -> tuple[Usage, ...]:
        """Metered instances tell how much was used."""
        if entry is None or not entry.order[2]:
            return ()
        return (Usage(value=Decimal(str(self.used)), at=datetime.fromtimestamp(self.clock(), UTC)),)
