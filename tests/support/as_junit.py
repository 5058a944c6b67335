"""Runs a command as one test case and writes its outcome as JUnit XML:
    as_junit.py RESULT.xml "name of the case" -- COMMAND [ARG …]"""

import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree


def main(result_path, name, separator, *command):
    assert separator == "--", __doc__
    started = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, check=False)
    suite = ElementTree.Element("testsuite", name=name)
    case = ElementTree.SubElement(suite, "testcase", classname="scripts", name=name,
                                  time=f"{time.monotonic() - started:.1f}")
    if done.returncode != 0:
        ElementTree.SubElement(case, "failure", message=f"exit code {done.returncode}")
    ElementTree.ElementTree(suite).write(result_path)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
