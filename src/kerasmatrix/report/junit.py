"""JUnit XML, for the test views of CI services: a suite for each block, a test case for each cell.

A cell that does not come back as it was (drift included) is a failure, and so is one that is flaky;
one that the machine could not measure is an error, one that does not exist, could not be compared
or was not run is skipped. Pure.
"""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from kerasmatrix.report.blocks import Block, blocks_of
from kerasmatrix.report.texts import for_xml
from kerasmatrix.results.observations import Status
from kerasmatrix.results.schema import CellResult, Results

__all__ = ["to_junit"]

FAILURES = {Status.DRIFT, Status.FAIL, Status.CRASH, Status.TIMEOUT, Status.SAVE_FAILED}
SKIPPED = {Status.UNSUPPORTED, Status.NOT_COMPARABLE, Status.NOT_RUN}


def to_junit(results: Results) -> str:
    """Return ``results`` as one XML document."""
    root = Xml.Element("testsuites", name="kerasmatrix")
    for block in blocks_of(results):
        root.append(_suite(block, results))
    # Not every reader knows `skipped` here, as it does for a suite.
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in root):.3f}")
    Xml.indent(root)
    return Xml.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(block: Block, results: Results) -> Xml.Element:
    suite = Xml.Element(
        "testsuite",
        name=for_xml(f"{block.scenario}.{block.format}"),
        tests=str(len(block.cells)),
        failures=str(sum(cell.flaky or cell.status in FAILURES for cell in block.cells)),
        errors=str(sum(cell.status is Status.INFRA for cell in block.cells)),
        skipped=str(sum(cell.status in SKIPPED for cell in block.cells)),
        time=f"{sum(cell.seconds or 0 for cell in block.cells):.3f}",
        timestamp=f"{results.run.started:%Y-%m-%dT%H:%M:%S}",
    )
    for cell in block.cells:
        suite.append(_case(cell))
    return suite


def _case(cell: CellResult) -> Xml.Element:
    case = Xml.Element(
        "testcase",
        classname=for_xml(f"{cell.scenario}.{cell.format}"),
        name=for_xml(f"{cell.saved_with} to {cell.loaded_with}"),
        time=f"{cell.seconds or 0:.3f}",
    )
    if cell.flaky:
        # Not what Surefire calls flaky, which its readers take for passed.
        failure = Xml.SubElement(case, "failure", type="flaky", message=for_xml(_wavering(cell)))
        failure.text = for_xml(_story(cell))
    elif cell.status in FAILURES:
        kind = cell.error.type if cell.error else cell.status.value
        failure = Xml.SubElement(case, "failure", type=for_xml(kind), message=for_xml(_first(cell)))
        failure.text = for_xml(_story(cell))
    elif cell.status is Status.INFRA:
        Xml.SubElement(case, "error", type="infra", message=for_xml(_first(cell)))
    elif cell.status in SKIPPED:
        Xml.SubElement(case, "skipped", message=for_xml(_first(cell)))
    elif cell.lost:
        Xml.SubElement(case, "system-out").text = for_xml(f"lost: {'; '.join(cell.lost)}")
    return case


def _wavering(cell: CellResult) -> str:
    did = ", ".join(again.remedy or again.status for again in cell.retries)
    return f"flaky: {cell.status}, and when it was measured again: {did}"


def _story(cell: CellResult) -> str:
    lines = [cell.summary, f"status: {cell.status.value}", f"cause: {cell.cause}"]
    remedy = cell.repaired_by
    if remedy:
        lines.append(f"repaired by: {remedy.id}")
    if cell.error and cell.error.traceback:
        lines += ["", cell.error.traceback]
    return "\n".join(lines)


def _first(cell: CellResult) -> str:
    return next(iter(cell.summary.strip().splitlines()), cell.status.value)
