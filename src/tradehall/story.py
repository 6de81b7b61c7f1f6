"""What follows from what. Read from top to bottom, this is the product.

Every reaction runs in the transaction of the event it follows, so an event and all that it entails happen together or
not at all. What leaves the process (a call to a seller, money going back) is a row that a reaction writes and a worker
carries out.
"""

from collections.abc import Mapping, Sequence

from tradehall.kernel.db import Reaction
from tradehall.notices.model import TOLD
from tradehall.notices.telling import Notices
from tradehall.provisioning import circuits
from tradehall.provisioning.asking import Asking
from tradehall.supervision.engine import Supervision
from tradehall.trading.outcome import Outcome


def story(
    supervision: Supervision, asking: Asking, trading: Outcome, notices: Notices
) -> Mapping[str, Sequence[Reaction]]:
    """The reactions to every event that has any, in the order they run."""
    reactions: dict[str, tuple[Reaction, ...]] = {
        # An order is placed, and paid: something opens, is renewed, becomes something else.
        "order.placed": (asking.check_change,),
        "change.allowed": (trading.allow,),
        "change.refused": (trading.refuse,),
        "order.paid": (supervision.open_for, asking.carry_out),
        # The seller did it, or did not.
        "instance.opened": (trading.complete,),
        "instance.renewed": (trading.complete,),
        "instance.changed": (trading.complete,),
        "instance.failed": (trading.fail,),
        "change.failed": (trading.fail,),
        # People deliver, prove and accept it, or it comes to nothing.
        "supervision.accepted": (trading.complete,),
        "supervision.cancelled": (trading.fail, asking.tell_taken_back),
        # A subscription's life.
        "subscription.renewal_cancelled": (asking.take_back_renewal,),
        "subscription.renewed": (asking.freeze_again,),
        "subscription.converted": (asking.freeze_again,),
        "subscription.frozen": (asking.freeze,),
        "subscription.suspended": (asking.freeze,),
        "subscription.thawed": (asking.unfreeze,),
        "subscription.suspension_lifted": (asking.unfreeze,),
        "subscription.ended": (asking.release,),
        # A seller puts its server's address right.
        "endpoint.changed": (circuits.probe_changed_endpoint,),
    }
    # Last of all people are told: notices.model says of what, and whom.
    return reactions | {kind: (*reactions.get(kind, ()), notices.tell) for kind in TOLD}
