"""The believable marketplace."""

import re

import psycopg
import pytest
from tests.conftest import sandbox_settings

from tradehall.catalog.model import CATEGORIES
from tradehall.commands import marketplace
from tradehall.commands.goods import GOODS
from tradehall.commands.goods_delivered import DELIVERED
from tradehall.installation import Installation
from tradehall.kernel.clock import Clock
from tradehall.parties.model import PASSWORD_LENGTH


async def test_it_is_loaded_once(empty_database: str) -> None:
    async with Installation(sandbox_settings(), empty_database, Clock()) as opened:
        assert await marketplace.load(opened)
        before = _counts(empty_database)
        assert not await marketplace.load(opened)
        assert _counts(empty_database) == before
    assert before["products"] == len(GOODS) + len(DELIVERED) == 27
    assert before["people"] == len(marketplace.PEOPLE)
    assert before["endpoints"] == 5
    assert before["upgrade_rules"] == sum(len(goods.upgrades) for goods in GOODS)


async def test_sellers_speak_both_generations(empty_database: str) -> None:
    async with Installation(sandbox_settings(), empty_database, Clock()) as opened:
        await marketplace.load(opened)
        servers = {one.key: one for one in await marketplace.seller_servers(opened)}
    assert (servers["maple"].generation, servers["maple"].encryption) == ("V1", "AES128")
    assert [key for key, one in servers.items() if one.revisions] == ["bedrock"]
    assert [len(one.access_keys) for one in servers.values()] == [2, 1, 1, 1]


async def test_a_former_versions_marketplace_is_told(empty_database: str) -> None:
    async with Installation(sandbox_settings(), empty_database, Clock()) as opened:
        await marketplace.load(opened)
        with psycopg.connect(empty_database) as connection:
            connection.execute("UPDATE people SET email = 'somebody@else.example' WHERE email = 'admin@maple.example'")
        with pytest.raises(marketplace.FormerMarketplace, match="another version"):
            await marketplace.seller_servers(opened)


async def test_production_gets_none_of_it(empty_database: str) -> None:
    async with Installation(sandbox_settings(mode="production"), empty_database, Clock()) as opened:
        with pytest.raises(marketplace.OnlyInASandbox):
            await marketplace.load(opened)
    assert _counts(empty_database)["people"] == 0


async def test_endpoints_follow_their_servers_and_keep_their_keys(empty_database: str) -> None:
    async with Installation(sandbox_settings(), empty_database, Clock()) as opened:
        await marketplace.load(opened)
        before = {one.key: one for one in await marketplace.seller_servers(opened)}
        await marketplace.point_sellers_to(opened, "lark", "http://127.0.0.1:8123")
        after = {one.key: one for one in await marketplace.seller_servers(opened)}
    assert after["lark"].address == "http://127.0.0.1:8123/produce"
    assert after["lark"].access_keys == before["lark"].access_keys
    assert after["bedrock"] == before["bedrock"]


def test_everything_is_there_in_both_languages() -> None:
    chinese = re.compile("[\u4e00-\u9fff]")
    for goods in GOODS:
        assert goods.category in CATEGORIES
        assert goods.description_en.count("\n\n") == goods.description_zh.count("\n\n") == 2
        assert not chinese.search(goods.name_en + goods.summary_en + goods.description_en)
        for text in (goods.name_zh, goods.summary_zh, *goods.description_zh.split("\n\n")):
            assert chinese.search(text)
            assert "\n" not in text
    modes = {price.mode for goods in GOODS for sku in goods.skus for price in sku.prices}
    assert modes == {"PERIOD", "ONE_TIME", "ON_DEMAND"}
    assert sum(sku.trial is not None for goods in GOODS for sku in goods.skus) >= 5
    assert any(before != after for goods in GOODS for before, after in goods.upgrades)
    assert len({goods.category for goods in GOODS}) == len(CATEGORIES)
    assert PASSWORD_LENGTH[0] <= len(marketplace.PASSWORD)


def _counts(dsn: str) -> dict[str, int]:
    with psycopg.connect(dsn) as connection:
        return {
            table: connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()[0]  # type: ignore[index]
            for table in (
                "organisations",
                "people",
                "products",
                "skus",
                "prices",
                "endpoints",
                "upgrade_rules",
                "events",
            )
        }
