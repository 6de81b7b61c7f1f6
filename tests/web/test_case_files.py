"""Case files through the pages: a button on the order, and a page with the keys for everybody."""

import io
import zipfile
from pathlib import Path

import pytest
from tests.casefile.cases import Cases
from tests.conftest import sandbox_settings
from tests.supervised import Supervised
from tests.web.conftest import Enter
from tests.world import Shop

from tradehall.casefile import statement
from tradehall.casefile.verify import verify
from tradehall.settings import Settings

BASES = {"buyer": "/buyer", "seller": "/seller", "operator": "/operator"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox_settings(data_dir=tmp_path / "data", public_url="http://market.test")


@pytest.fixture
def cases(shop: Shop, tmp_path: Path) -> Cases:
    return Cases(Supervised(shop), tmp_path)


@pytest.mark.parametrize("side", BASES)
async def test_each_side_downloads_its_own_with_one_button(
    enter: Enter, cases: Cases, tmp_path: Path, side: str
) -> None:
    number = await cases.a_service(photographs=1)
    visitor = await enter(getattr(cases.world, side), "zh")
    place = f"{BASES[side]}/orders/{number}/case-file"
    for page in (f"{BASES[side]}/supervision/{number}", f"{BASES[side]}/orders/{number}"):
        answer = await visitor.send(place, at=page)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/zip"
        assert f'filename="case-{number}.zip"' in answer.headers["content-disposition"]
        assert answer.headers["content-length"] == str(len(answer.content))
        path = tmp_path / "downloaded.zip"
        path.write_bytes(answer.content)
        verdict = verify(path)
        assert verdict.whole, verdict.flaws
        assert verdict.made_for == {"operator": "platform"}.get(side, side)
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert '<html lang="zh-CN">' in archive.read(statement.REPORT).decode()
    facts = [facts for kind, facts in await cases.supervised.shop.events(number) if kind == "case.exported"]
    assert [one["digest"] for one in facts][-1] == statement.digest(path.read_bytes())
    assert len(facts) == 2


async def test_a_link_from_elsewhere_makes_none(enter: Enter, cases: Cases) -> None:
    """It is recorded who had one made, so a page of another site must not be able to have it made."""
    number = await cases.a_service(photographs=0)
    visitor = await enter(cases.world.buyer)
    assert (await visitor.get(f"/buyer/orders/{number}/case-file")).status_code == 405
    assert (await visitor.client.post(f"/buyer/orders/{number}/case-file")).status_code == 403
    assert "case.exported" not in await cases.supervised.kinds(number)


async def test_an_order_without_supervision_has_one_too(enter: Enter, cases: Cases, shop: Shop, tmp_path: Path) -> None:
    number = await shop.buy()
    visitor = await enter(cases.world.buyer)
    answer = await visitor.send(f"/buyer/orders/{number}/case-file", at=f"/buyer/orders/{number}")
    path = tmp_path / "downloaded.zip"
    path.write_bytes(answer.content)
    assert verify(path).whole


async def test_everybody_can_compare_the_key(enter: Enter, cases: Cases) -> None:
    stranger = await enter()
    await stranger.get("/signing-keys")
    assert "It is made together with the first case file." in stranger.page
    _, written = await cases.export(await cases.a_service(photographs=0), cases.world.operator)
    await stranger.get("/signing-keys")
    assert written.key in stranger.page
    assert "Signs now" in stranger.page
