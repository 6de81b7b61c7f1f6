"""`tradehall openapi`: the API's description, without a database."""

from pathlib import Path

from litestar.serialization import encode_json

from tradehall.app import create_app
from tradehall.installation import Installation
from tradehall.settings import Settings


def document() -> bytes:
    """The OpenAPI 3.1 document as JSON. The installation it is drawn from is never opened, and writes nothing."""
    never_used = Settings(secret_key="drawn without any installation's key", data_dir=Path("/nonexistent"))
    app = create_app(Installation(never_used, dsn=""))
    return encode_json(app.openapi_schema.to_schema())
