"""Adds up all JUnit files of a run: says what was measured, names what failed, and what was skipped
and why, and ends with the line "N passed, N failed, N skipped". Exit code 0 only if something ran
and nothing failed."""

import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def cases_of(path):
    try:
        yield from ElementTree.parse(path).getroot().iter("testcase")
    except ElementTree.ParseError as error:
        broken = ElementTree.Element("testcase", name=f"{path.name} is not readable: {error}")
        ElementTree.SubElement(broken, "failure")
        yield broken


def main(folder, broken_steps):
    passed, failed, skipped = 0, int(broken_steps), 0
    for path in sorted(pathlib.Path(folder).glob("*.xml")):
        for case in cases_of(path):
            skip = case.find("skipped")
            for measured in case.iter("property"):
                if not measured.get("name").startswith("cmake_"):
                    print(f"measured {path.stem}: {case.get('name')}: {measured.get('name')} = {measured.get('value')}")
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
                print(f"FAILED {path.stem}: {case.get('classname', '')} {case.get('name')}")
            elif skip is not None:
                skipped += 1
                print(f"skipped {path.stem}: {case.get('name')}: {skip.get('message', '')}")
            else:
                passed += 1
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 0 if passed > 0 and failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
