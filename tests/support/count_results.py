"""Adds up all JUnit files of a run: says what was measured, what was skipped and why, names what failed
with the end of what it said, and ends with the line "N passed, N failed, N skipped". Exit code 0 only
if something ran and nothing failed."""

import collections
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

SANITIZER = re.compile(r"runtime error:|(ERROR|WARNING|SUMMARY): \w+Sanitizer|^ *#[0-5] ")


def cases_of(path):
    try:
        yield from ElementTree.parse(path).getroot().iter("testcase")
    except ElementTree.ParseError as error:
        broken = ElementTree.Element("testcase", name=f"{path.name} is not readable: {error}")
        ElementTree.SubElement(broken, "failure")
        yield broken


def failure_of(case):
    for kind in ("failure", "error"):
        if (found := case.find(kind)) is not None:
            return found
    return None


def said(case, failure):
    """The lines that tell most: a sanitizer's, those that pytest marks, or the last of a program's output."""
    texts = [failure.text, *(case.findtext(name) for name in ("system-out", "system-err")), failure.get("message")]
    lines = [line for text in texts if text for line in text.splitlines() if line.strip()]
    told = [line for line in lines if SANITIZER.search(line)][:12] + [line for line in lines if line.startswith("E  ")][-12:]
    return told or lines[-12:]


def main(folder, broken_steps):
    passed, failures, skipped = 0, [], collections.Counter()
    for path in sorted(pathlib.Path(folder).glob("*.xml")):
        for case in cases_of(path):
            for measured in case.iter("property"):
                if not measured.get("name").startswith("cmake_"):
                    print(f"measured {path.stem}: {case.get('name')}: {measured.get('name')} = {measured.get('value')}")
            if (failure := failure_of(case)) is not None:
                failures.append((path.stem, case, failure))
            elif (skip := case.find("skipped")) is not None:
                skipped[path.stem, skip.get("message", "")] += 1
            else:
                passed += 1
    for (part, why), times in skipped.items():
        print(f"skipped {part}: {times} times: {why}")
    for part, case, failure in failures:
        print(f"FAILED {part}: {case.get('classname', '')} {case.get('name')}")
        for line in said(case, failure):
            print(f"    {line[:300]}")
    if int(broken_steps):
        print("FAILED: a step did not get through, or a compiler warned: see above")
    failed = len(failures) + int(broken_steps)
    print(f"{passed} passed, {failed} failed, {sum(skipped.values())} skipped")
    return 0 if passed > 0 and failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
