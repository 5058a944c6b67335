"""Each row of the table of processor costs (proto-docs/costs.md) can still be measured, and is in the table."""
import pathlib
import subprocess
import sys

import pytest

import eventually as waiting

ROOT = pathlib.Path(__file__).resolve().parents[2]


def names(table):
    return [line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")][1:]


def test_each_row_of_the_costs_can_be_measured(bin_directory, threads):
    if threads != 1:
        pytest.skip("the program sets the number of shards")
    done = subprocess.run([sys.executable, ROOT / "tests" / "bench" / "costs.py", "--quick", "--bin", bin_directory],
                          capture_output=True, text=True, timeout=300 * waiting.slowness)
    assert done.returncode == 0, done.stderr[-5000:]
    assert names(done.stdout) == names((ROOT / "proto-docs" / "costs.md").read_text())
