"""What follows from what. Read from top to bottom, this is the product.

Every reaction runs in the transaction of the event it follows, so an event and all that it entails happen together or
not at all. What leaves the process (a call to a seller, money going back) is a row that a reaction writes and a worker
carries out.
"""

from collections.abc import Mapping, Sequence

from tradehall.kernel.db import Reaction
from tradehall.provisioning.actions import Provisioning
from tradehall.trading import actions as trading


def story(provisioning: Provisioning) -> Mapping[str, Sequence[Reaction]]:
    """The reactions to every event that has any, in the order they run."""
    return {
        "order.paid": (provisioning.request_instance,),
        "instance.opened": (trading.complete,),
        "instance.failed": (trading.fail,),
    }
