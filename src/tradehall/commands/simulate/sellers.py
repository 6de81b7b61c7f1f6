"""The sellers' servers, in this process: what would be sent reaches the sample sellers byte for byte, by no socket."""

import asyncio
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import msgspec

from tradehall.commands.simulate.faults import CallFault, WorkerDied
from tradehall.commands.simulate.market import SellerKind
from tradehall.kernel.clock import Clock
from tradehall.kernel.outbound import Exchange, Outbound, Trouble
from tradehall.provisioning.model import ClaimedCall
from tradehall_seller.sample import AnyManner, SampleSeller, SampleSellerV1
from tradehall_seller.sample.base import Outcome
from tradehall_seller.verify import KeyRing

READY_AFTER = 90.0
_WRONG_KEY = "a-key-that-nobody-was-told"


class Seller:
    """One seller's server. `down`: nobody answers at its address."""

    def __init__(self, kind: SellerKind, clock: Clock, seed: int) -> None:
        self.kind = kind
        self.down = False
        self.keys = [kind.key, kind.general_key]

        def now() -> float:
            return clock.now().timestamp()

        if kind.generation == "V1":
            self.sample: SampleSeller | SampleSellerV1 = SampleSellerV1(
                self.keys,
                encryption="aes256" if kind.encryption == "AES256" else "aes128",
                ready_after=READY_AFTER,
                seed=seed,
                opening_clock=now,
            )
        else:
            self.sample = SampleSeller(self.keys, ready_after=READY_AFTER, seed=seed, opening_clock=now)

    @property
    def manner(self) -> AnyManner:
        return self.sample.manner

    @manner.setter
    def manner(self, manner: AnyManner) -> None:
        self.sample.manner = manner

    @property
    def forgets_its_keys(self) -> bool:
        return self.sample.verifier.keys.current == _WRONG_KEY

    @forgets_its_keys.setter
    def forgets_its_keys(self, wrong: bool) -> None:
        self.sample.verifier.keys = KeyRing([_WRONG_KEY] if wrong else self.keys)

    def change_key(self, key: str) -> None:
        """Goes by a new key from now on, and by the former ones as well."""
        self.keys = [key, *self.keys]
        self.forgets_its_keys = False

    def recover(self) -> None:
        self.down = False
        self.manner = "instant"
        self.forgets_its_keys = False

    def receive(self, url: str, body: bytes) -> Outcome:
        """What becomes of a request that arrives."""
        return self.sample.outcome(url.partition("?")[2].encode(), body)


class Arrival(msgspec.Struct, frozen=True):
    """A call as it reached its seller."""

    call: ClaimedCall
    step: int


class Transport(Outbound):
    """Carries calls to the sellers of this process, or loses them. `fault` is what befalls the next one.

    A time-out takes no time. `under_way` is the call that is being made, as far as the worker has come with it.
    """

    def __init__(self, sellers: Mapping[str, Seller], steps: Callable[[], int]) -> None:
        super().__init__()
        self._sellers = sellers
        self._steps = steps
        self.fault: CallFault | None = None
        self.under_way: ClaimedCall | None = None
        self.arrivals: list[Arrival] = []
        # What is still on its way, though whoever sent it has given up waiting.
        self.delayed: list[tuple[Seller, str, bytes]] = []
        self.parked = asyncio.Event()
        self.resumed = asyncio.Event()

    async def start(self) -> None:
        """There is nothing to start."""

    async def close(self) -> None:
        """There is nothing to close."""

    async def get(self, url: str, headers: Mapping[str, str] | None = None, *, timeout: float) -> Exchange:  # noqa: ASYNC109
        return await self._carry(url, b"", timeout)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> Exchange:  # noqa: ASYNC109
        return await self._carry(url, body, timeout)

    async def _carry(self, url: str, body: bytes, seconds: float) -> Exchange:
        fault, self.fault = self.fault, None
        seller = self._sellers[urlsplit(url).hostname or ""]
        if fault == "dies_before":
            raise WorkerDied
        if seller.down or fault == "not_sent":
            return _trouble("unreachable", "No connection: nobody answers.", sent=False)
        if fault == "lost_on_the_way":
            return _trouble("timed_out", f"No whole answer within {seconds:g} s.")
        if fault == "late" and seller.kind.revisions:
            self.delayed.append((seller, url, body))
            return _trouble("timed_out", f"No whole answer within {seconds:g} s.")
        outcome = self._arrive(seller, url, body)
        if fault == "dies_after":
            raise WorkerDied
        if fault == "stalls":
            await self._stall()
        if fault == "answer_lost":
            return _trouble("timed_out", f"No whole answer within {seconds:g} s.")
        if fault == "answer_cut":
            return _trouble("cut_off", "The connection was closed before the answer was whole.")
        return _exchange(outcome, seconds)

    def _arrive(self, seller: Seller, url: str, body: bytes) -> Outcome:
        if self.under_way:
            self.arrivals.append(Arrival(self.under_way, self._steps()))
        return seller.receive(url, body)

    def deliver_delayed(self) -> None:
        """What was on its way arrives."""
        for seller, url, body in self.delayed:
            if not seller.down:
                seller.receive(url, body)
        self.delayed = []

    async def _stall(self) -> None:
        """The worker stands still with the answer in its hands, until it is resumed."""
        resumed = self.resumed = asyncio.Event()
        self.parked.set()
        await resumed.wait()


def _exchange(outcome: Outcome, seconds: float) -> Exchange:
    match outcome.arrives:
        case "late":
            return _trouble("timed_out", f"No whole answer within {seconds:g} s.")
        case "cut":
            return _trouble("cut_off", "The connection was closed before the answer was whole.")
        case "endless":
            return _trouble("too_large", "The answer is too long.")
        case "whole":
            reply = outcome.reply
            return Exchange(reply.status, reply.headers, reply.body, False, 1.0, None, "", True)


def _trouble(trouble: Trouble, detail: str, *, sent: bool = True) -> Exchange:
    return Exchange(None, (), b"", False, 1.0, trouble, detail, sent)
