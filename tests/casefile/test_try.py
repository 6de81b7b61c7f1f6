import time, shutil
from tests.casefile.cases import *
from tradehall.casefile.verify import verify

async def test_try(cases):
    number = await cases.a_service()
    for who in ("operator","buyer","seller"):
        t=time.time()
        path, written = await cases.export(number, getattr(cases.world, who), name=f"{who}.zip")
        print(who, time.time()-t, written)
        t=time.time(); v=verify(path); print(time.time()-t, v)
        assert v.whole
        shutil.copy(path, f"/tmp/cf/{who}.zip")
