"""The application around an installation. To make one costs more than most tests take, so it is made once for all
installations with the same settings, and handed over from one to the next."""

from litestar import Litestar

from tradehall.app import create_app
from tradehall.installation import Installation
from tradehall.openapi.limits import CallLimit
from tradehall.settings import Settings

MOST_KEPT = 4
_made: dict[Settings, Litestar] = {}


def application(installation: Installation) -> Litestar:
    """The application, around this installation from now on: of several at once each needs its own settings."""
    app = _made.pop(installation.settings, None)
    if app is None:
        app = create_app(installation)
    app.state.installation = installation
    app.state.call_limit = CallLimit(installation.settings.openapi_rate)
    _made[installation.settings] = app
    while len(_made) > MOST_KEPT:
        del _made[next(iter(_made))]
    return app
