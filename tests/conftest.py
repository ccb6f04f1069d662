"""Seeds for all tests: drawn anew each run, printed on failure, fixed by PLAIT_TEST_SEED."""

import os
import random
import sys

import numpy
import pytest

SEED = pytest.StashKey[int]()


@pytest.fixture(autouse=True)
def seed(request):
    """The seed of this test; the generators of random, NumPy and plait start from it."""
    value = int(os.environ.get("PLAIT_TEST_SEED") or random.SystemRandom().randrange(2**31))
    request.node.stash[SEED] = value
    random.seed(value)
    numpy.random.seed(value)
    if generator := sys.modules.get("plait.random"):
        generator.seed(value)
    return value


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed and SEED in item.stash:
        report.sections.append(("seed", f"PLAIT_TEST_SEED={item.stash[SEED]}"))
