"""Every page in both languages, and what guards them: sessions, forms that are ours, other people's numbers."""

import re

import pytest
from tests.web.conftest import Enter
from tests.world import PASSWORD, SellerServer, Shop, World

from tradehall.edge.access import SESSION_COOKIE
from tradehall.kernel import i18n
from tradehall.settings import Settings, Site

PUBLIC = ["/", "/products", "/products?q=suite&category=collaboration&mode=PERIOD", "/products?q=nothing+fits",
          "/products/north-suite", "/products/north-suite?quantity=7&sku=x", "/login", "/nowhere"]  # fmt: skip
BUYERS = ["/buyer", "/buyer/orders", "/buyer/orders?state=completed&q=CS&from=2026-01-01&to=2026-12-31",
          "/buyer/orders?q=none", "/buyer/applications", "/buyer/applications?state=failed", "/account",
          "/buyer/orders/new?product=north-suite", "/buyer/orders/new?product=gone"]  # fmt: skip
TEXT = re.compile(r">([^<>]*)<")


def words_of(page: str) -> set[str]:
    return {text.strip() for text in TEXT.findall(page) if text.strip()}


def english_left(page: str) -> set[str]:
    """Texts on a Chinese page that have a translation but are shown untranslated."""
    translator = i18n.translator("zh")
    own = {*i18n.LOCALE_NAMES.values()}  # languages are called what their speakers call them
    return {text for text in words_of(page) - own if translator.lookup(text) != text}


@pytest.mark.parametrize("path", PUBLIC)
async def test_every_public_page_is_there_in_both_languages(enter: Enter, path: str) -> None:
    for locale, tag in (("en", "en"), ("zh", "zh-CN")):
        visitor = await enter(locale=locale)
        answer = await visitor.get(path)
        assert answer.status_code == (404 if path == "/nowhere" else 200)
        assert f'<html lang="{tag}"' in answer.text
        assert answer.headers["Content-Language"] == tag
        assert answer.headers["X-Request-ID"]
        assert "'unsafe-inline'" not in answer.headers["Content-Security-Policy"]
    assert not english_left(visitor.page)


@pytest.mark.parametrize("path", BUYERS)
async def test_every_page_of_a_buyer_is_there_in_both_languages(
    enter: Enter, shop: Shop, world: World, path: str, seller_server: SellerServer
) -> None:
    await shop.buy()
    await shop.run_due()
    await shop.place()
    for locale, tag in (("en", "en"), ("zh", "zh-CN")):
        visitor = await enter(world.buyer, locale)
        answer = await visitor.get(path)
        assert answer.status_code == (409 if "gone" in path else 200)
        assert f'<html lang="{tag}"' in answer.text
        assert answer.headers["Cache-Control"] == "no-store"
    assert not english_left(visitor.page)


@pytest.mark.parametrize("path", BUYERS)
async def test_a_visitor_is_sent_to_sign_in_and_back(enter: Enter, world: World, path: str) -> None:
    visitor = await enter()
    answer = await visitor.client.get(path)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/login?return_to=%2F")
    await visitor.get(answer.headers["Location"])
    landed = await visitor.send("/login", email=world.email(world.buyer), password=PASSWORD)
    assert landed.url.raw_path.decode() == path


async def test_a_sellers_person_is_refused_the_buyers_console(enter: Enter, world: World) -> None:
    visitor = await enter(world.seller)
    answer = await visitor.get("/buyer/orders")
    assert answer.status_code == 403
    assert "Only people of a buying organisation" in (await visitor.get("/products/north-suite")).text


async def test_return_to_leads_nowhere_else(enter: Enter, world: World) -> None:
    for bad in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "/a\r\nX: y"):
        visitor = await enter()
        await visitor.get("/login")
        landed = await visitor.send("/login", email=world.email(world.buyer), password=PASSWORD, return_to=bad)
        assert landed.url.path == "/buyer"


async def test_a_form_without_our_token_is_refused(enter: Enter, world: World, shop: Shop) -> None:
    number = await shop.place()
    visitor = await enter(world.buyer)
    for path in (f"/buyer/orders/{number}/cancel", f"/buyer/orders/{number}/pay", "/logout", "/account/tokens"):
        assert (await visitor.post(path)).status_code == 403
        assert (await visitor.post(path, _csrf_token="0" * 128)).status_code == 403
    assert (await shop.order(number)).state == "pending_payment"


async def test_a_wrong_password_says_so_and_keeps_the_address(enter: Enter, world: World) -> None:
    visitor = await enter()
    answer = await visitor.send("/login", at="/login", email="bea.buyer@example.com", password="not the password")
    assert answer.status_code == 401
    assert "do not fit together" in answer.text
    assert 'value="bea.buyer@example.com"' in answer.text
    assert SESSION_COOKIE not in visitor.client.cookies
    blank = await visitor.send("/login", email="", password="")
    assert blank.status_code == 422


async def test_signing_out_ends_the_session(enter: Enter, world: World) -> None:
    visitor = await enter(world.buyer)
    session = visitor.client.cookies[SESSION_COOKIE]
    await visitor.send("/logout", at="/buyer")
    visitor.client.cookies.set(SESSION_COOKIE, session, domain="pages.test")
    assert (await visitor.client.get("/buyer")).status_code == 303


async def test_a_language_once_chosen_stays_chosen(enter: Enter, world: World) -> None:
    visitor = await enter(world.buyer)
    page = await visitor.send("/preferences", at="/buyer", locale="zh")
    assert page.url.path == "/buyer"
    assert '<html lang="zh-CN"' in page.text
    elsewhere = await enter(world.buyer, "en")
    assert '<html lang="zh-CN"' in (await elsewhere.get("/buyer")).text


async def test_a_token_is_shown_once_and_can_be_revoked(enter: Enter, world: World) -> None:
    visitor = await enter(world.buyer)
    page = await visitor.send("/account/tokens", at="/account", name="Bookkeeping", lifetime="30")
    found = re.search(r"thp_[A-Za-z0-9_-]{40,}", page.text)
    assert found
    token = found[0]
    bearer = {"Authorization": f"Bearer {token}"}
    assert (await visitor.client.get("/api/v1/orders", headers=bearer)).status_code == 200
    page = await visitor.get("/account")
    assert token not in page.text
    revoke = re.search(r"/account/tokens/[0-9a-f-]+/revoke", page.text)
    assert revoke
    await visitor.send(revoke[0])
    assert (await visitor.client.get("/api/v1/orders", headers=bearer)).status_code == 401
    assert (await visitor.send("/account/tokens", at="/account", name="", lifetime="30")).status_code == 422


async def test_wrong_fields_of_the_profile_are_named(enter: Enter, world: World) -> None:
    visitor = await enter(world.buyer)
    page = await visitor.send("/account", at="/account", locale="en", timezone="Mars/Olympus")
    assert page.status_code == 422
    assert "There is no such time zone." in page.text
    page = await visitor.send("/account", at="/account", locale="en", timezone="Europe/Berlin")
    assert page.status_code == 200
    assert "Europe/Berlin" in page.text


async def test_static_files_are_kept_for_ever(enter: Enter) -> None:
    visitor = await enter()
    answer = await visitor.client.get("/static/app.css")
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]
    assert "set-cookie" not in answer.headers
    assert (await visitor.client.get("/static/../settings.py")).status_code == 404


async def test_a_part_asked_for_without_a_session_sends_the_whole_page_to_sign_in(enter: Enter) -> None:
    visitor = await enter()
    answer = await visitor.client.get(
        "/buyer/orders/CS1/progress",
        headers={"HX-Request": "true", "HX-Current-URL": "http://pages.test/buyer/orders/CS1"},
    )
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login?return_to=%2Fbuyer%2Forders%2FCS1"


class TestAnotherSite:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        sites = (Site("en", "https://intl.example.com/", "International"),)
        return Settings(
            mode="sandbox", secret_key=settings.secret_key, outbound_allow=settings.outbound_allow, sites=sites
        )

    async def test_is_suggested_by_the_browsers_language_until_declined(self, enter: Enter) -> None:
        visitor = await enter(locale="en-GB,en;q=0.9")
        assert "https://intl.example.com/" in (await visitor.get("/products")).text
        answer = await visitor.send("/preferences/site-suggestion", never="1")
        assert answer.url.path == "/products"
        assert "https://intl.example.com/" not in answer.text
        kept = next(cookie for cookie in visitor.client.cookies.jar if cookie.name == "tradehall_site")
        assert kept.expires
        reader_of_chinese = await enter(locale="zh-CN")
        assert "https://intl.example.com/" not in (await reader_of_chinese.get("/products")).text
