import cProfile, pstats, threading
from tests.casefile.cases import *
from tradehall.casefile import archive
async def test_try(cases, monkeypatch):
    number = await cases.a_service()
    await cases.export(number, cases.world.operator)
    real = archive.write_told
    def wrapped(*a):
        p=cProfile.Profile(); r=p.runcall(real,*a); pstats.Stats(p).sort_stats("cumulative").print_stats(45); return r
    monkeypatch.setattr(archive,"write_told",wrapped)
    await cases.export(number, cases.world.operator)
