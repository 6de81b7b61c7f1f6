"""How long it takes: 200 events and 50 files are written in under five seconds and verified in under one."""

import time

from tests.casefile.cases import Cases

from tradehall.casefile.verify import verify
from tradehall.kernel.journal import SYSTEM

# A machine that does other things meanwhile takes longer; what is bought of time is processor time of this process.
WRITTEN, VERIFIED = 5.0, 1.0
PHOTOGRAPHS = 47


async def a_large_case(cases: Cases) -> str:
    number = await cases.supervised.buy("service")
    await cases.act(number, "submit_requirement", {})
    await cases.act(number, "confirm_requirement", {})
    for first in range(0, PHOTOGRAPHS, 16):
        await cases.deliver(number, min(16, PHOTOGRAPHS - first), first=first)
        await cases.act(number, "reject_delivery", {})
    order = await cases.supervised.shop.order(number)
    for _ in range(200 - len(await cases.supervised.kinds(number))):
        async with cases.installation.db.transaction(SYSTEM) as tx:
            await tx.record("supervision.reminded", "order", order.id, {"turn": "seller", "node": "delivery"})
    return number


async def test_200_events_and_50_files(cases: Cases) -> None:
    number = await a_large_case(cases)
    assert len(await cases.supervised.kinds(number)) == 200
    began, busy = time.perf_counter(), time.process_time()
    path, _ = await cases.export(number, cases.world.operator)
    wrote, worked = time.perf_counter() - began, time.process_time() - busy
    began, busy = time.perf_counter(), time.process_time()
    verdict = verify(path)
    verified, checked = time.perf_counter() - began, time.process_time() - busy
    assert verdict.whole
    assert (verdict.entries, verdict.files) == (200, 50)
    print(f"written in {wrote:.2f} s ({worked:.2f} s of processor time), {path.stat().st_size / 1e6:.1f} MB")
    print(f"verified in {verified:.3f} s ({checked:.3f} s of processor time)")
    assert min(wrote, worked) < WRITTEN
    assert min(verified, checked) < VERIFIED
