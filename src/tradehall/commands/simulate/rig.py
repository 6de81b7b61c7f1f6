"""The installation that is simulated, and its calls to sellers."""

from collections.abc import Callable
from datetime import datetime

from tradehall.commands.simulate import market
from tradehall.commands.simulate.faults import MortalDatabase
from tradehall.commands.simulate.market import CountedGateway, Till
from tradehall.commands.simulate.sellers import Transport
from tradehall.installation import Installation
from tradehall.kernel.clock import StillClock
from tradehall.kernel.outbound import Exchange
from tradehall.ledger.posting import Ledger
from tradehall.notices.telling import Notices
from tradehall.protocols.production import Outgoing
from tradehall.provisioning.asking import Asking
from tradehall.provisioning.caller import SellerCalls
from tradehall.provisioning.model import ClaimedCall, Judgement
from tradehall.story import story
from tradehall.trading.outcome import Outcome
from tradehall.trading.subscriptions import Subscriptions


class WatchedCalls(SellerCalls):
    """The calls to sellers as a worker has them, telling which one it is making and what came of it."""

    def __init__(self, own: Installation, transport: Transport, seen: Callable[[ClaimedCall, Judgement], None]) -> None:
        super().__init__(own.db, own.settling, own.outbound, own.seal, own.settings)
        self._transport = transport
        self._seen = seen

    async def _carry_out(self, call: ClaimedCall) -> ClaimedCall | None:
        self._transport.under_way = call
        return await super()._carry_out(call)

    async def _record(
        self,
        call: ClaimedCall,
        started_at: datetime,
        sent: Outgoing | None,
        exchange: Exchange | None,
        result: Judgement,
    ) -> ClaimedCall | None:
        self._seen(call, result)
        return await super()._record(call, started_at, sent, exchange, result)


class Simulated(Installation):
    """The installation, with a database that fails, sellers in this process and a gateway that keeps books."""

    def __init__(self, dsn: str, clock: StillClock, transport: Transport, till: Till) -> None:
        settings = market.settings()
        super().__init__(settings, dsn, clock, listening=False)
        told = story(self.supervision, Asking(settings), Outcome(settings), Notices(settings), Ledger(settings))
        self.mortal = MortalDatabase(dsn, clock=clock, story=told, pool_size=1)
        self.db = self.mortal
        self.outbound = transport
        self.gateway = CountedGateway(self.gateway, till)
        self.subscriptions = Subscriptions(settings, self.gateway)
