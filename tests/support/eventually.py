"""Waiting for what must become true, with a limit instead of a guess."""
import os
import time

# How much slower than an ordinary build the broker is (sanitizers); set by conftest.
slowness = float(os.environ.get("BESTER_TEST_SLOWNESS", "1"))

POLL_INTERVAL = 0.01


def eventually(condition, limit=10.0, what=None):
    """Returns the first true value of condition(); fails when `limit` seconds have passed without one."""
    until = time.monotonic() + limit * slowness
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"not within {limit * slowness:g} s: {what() if callable(what) else what or condition}")
        time.sleep(POLL_INTERVAL)
