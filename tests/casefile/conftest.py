"""Case files of a small marketplace, with files that really lie in a store."""

from pathlib import Path

import pytest
from tests.casefile.cases import Cases
from tests.conftest import sandbox_settings
from tests.supervised import Supervised
from tests.world import Shop

from tradehall.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox_settings(data_dir=tmp_path / "data", public_url="http://market.test")


@pytest.fixture
def cases(shop: Shop, tmp_path: Path) -> Cases:
    return Cases(Supervised(shop), tmp_path)
