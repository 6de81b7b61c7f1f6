"""The page of API credentials."""

import re

from tests.web.conftest import Enter
from tests.world import Shop, World

from tradehall.parties.credentials import MOST_LIVE

PATH = "/seller/settings/credentials"
SECRET = re.compile(r'<code id="new-secret">([A-Za-z0-9]{40})</code>')
ACCESS_KEY = re.compile(r'<code id="new-access-key-id">([A-Z0-9]{20})</code>')


async def test_a_credential_is_made_shown_once_and_revoked(enter: Enter, shop: Shop, world: World) -> None:
    visitor = await enter(world.seller)
    await visitor.get("/seller/settings")
    assert f'href="{PATH}"' in visitor.page
    await visitor.get(PATH)
    assert "No API credentials" in visitor.page
    fields = visitor.form(PATH) | {"name": "order-sync"}
    made = await visitor.post(PATH, **fields)
    assert made.status_code == 200
    (secret,), (access_key,) = SECRET.findall(visitor.page), ACCESS_KEY.findall(visitor.page)
    # The same form sent again makes no second one and shows nothing.
    await visitor.post(PATH, **fields)
    assert "it was done once" in visitor.page
    assert secret not in visitor.page
    assert visitor.page.count(f"<code>{access_key}</code>") == 1
    ((credential,),) = await shop.sql("SELECT id FROM api_credentials")
    await visitor.send(f"{PATH}/{credential}/revoke")
    assert "The credential is revoked" in visitor.page
    assert await shop.sql("SELECT secret FROM api_credentials") == [(None,)]
    again = await visitor.post(f"{PATH}/{credential}/revoke", **visitor.form(PATH))
    assert again.status_code == 200


async def test_what_is_wrong_stands_in_the_form(enter: Enter, world: World) -> None:
    visitor = await enter(world.seller)
    answer = await visitor.send(PATH, at=PATH, name=" ")
    assert answer.status_code == 422
    assert "This must not be empty." in visitor.page
    for number in range(MOST_LIVE):
        await visitor.send(PATH, at=PATH, name=f"program {number}")
    answer = await visitor.send(PATH, at=PATH, name="one more")
    assert answer.status_code == 409
    assert f"has {MOST_LIVE} API credentials" in visitor.page
    assert 'value="one more"' in visitor.page


async def test_members_see_them_and_change_nothing(enter: Enter, world: World) -> None:
    await (await enter(world.seller)).send(PATH, at=PATH, name="order-sync")
    visitor = await enter(world.seller_member, "zh")
    await visitor.get(PATH)
    assert "order-sync" in visitor.page
    assert "API 凭证" in visitor.page
    assert "/revoke" not in visitor.page
    assert "创建凭证" not in visitor.page
    assert (await visitor.get(f"{PATH}/nonsense/revoke")).status_code in (404, 405)
