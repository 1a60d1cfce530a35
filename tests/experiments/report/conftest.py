"""What tests of pages share."""

import pytest
from browsing import browser


@pytest.fixture(scope="module")
def chromium():
    with browser() as one:
        yield one
