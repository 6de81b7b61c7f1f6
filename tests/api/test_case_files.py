"""Case files for programs: each side its own, strangers none, the keys for everybody."""

from pathlib import Path

import pytest
from tests.api.conftest import As, Client
from tests.casefile.cases import Cases, members
from tests.conftest import sandbox_settings
from tests.supervised import Supervised
from tests.world import Shop

from tradehall.casefile import statement
from tradehall.casefile.verify import verify
from tradehall.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox_settings(data_dir=tmp_path / "data")


@pytest.fixture
def cases(shop: Shop, tmp_path: Path) -> Cases:
    return Cases(Supervised(shop), tmp_path)


async def test_each_side_downloads_its_own(client: Client, as_: As, cases: Cases, tmp_path: Path) -> None:
    number, world = await cases.a_service(photographs=1), cases.world
    keys = set()
    for side, actor in (("buyer", world.buyer), ("seller", world.seller_member), ("platform", world.operator)):
        answer = await client.get(f"/api/v1/orders/{number}/case-file", headers=await as_(actor))
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/zip"
        path = tmp_path / f"{side}.zip"
        path.write_bytes(answer.content)
        verdict = verify(path)
        assert verdict.whole, verdict.flaws
        assert verdict.made_for == side
        assert (statement.CALLS in members(path)) == (side != "buyer")
        assert answer.headers["etag"] == f'"{statement.digest(answer.content)}"'
        keys.add(verdict.key)
    told = (await client.get("/api/v1/signing-keys")).json()["keys"]
    assert {one["fingerprint"] for one in told} == keys
    assert statement.fingerprint(bytes.fromhex(told[0]["public_key"])) == told[0]["fingerprint"]
    assert (await cases.supervised.kinds(number)).count("case.exported") == 3


async def test_whose_order_it_is_not_gets_none(client: Client, as_: As, cases: Cases) -> None:
    number = await cases.a_service(photographs=0)
    for stranger in (cases.world.other_buyer, cases.world.other_seller):
        answer = await client.get(f"/api/v1/orders/{number}/case-file", headers=await as_(stranger))
        assert (answer.status_code, answer.json()["code"]) == (404, "order_not_found")
    assert (await client.get(f"/api/v1/orders/{number}/case-file")).status_code == 401
    assert "case.exported" not in await cases.supervised.kinds(number)
