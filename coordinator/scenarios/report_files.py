"""Reports of scenarios for programs: JUnit's XML and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import msgspec

from coordinator.scenarios.runner import Report

_FORBIDDEN = {code: "\ufffd" for code in range(0x20) if chr(code) not in "\t\n\r"} | {
    0xFFFE: "\ufffd",
    0xFFFF: "\ufffd",
}
"""Characters that XML 1.0 cannot hold, even escaped."""


class Unusable(NamedTuple):
    """A file that could not be read."""

    path: Path
    problem: str
    """With file, line, key and the way out; one line for each fault."""


def junit(reports: Sequence[Report], unusable: Sequence[Unusable]) -> bytes:
    """The reports as JUnit's XML: a difference fails, a file not usable is an error."""
    failed = sum(not report.is_as_expected for report in reports)
    suite = ET.Element(
        "testsuite",
        name="scenarios",
        tests=str(len(reports) + len(unusable)),
        failures=str(failed),
        errors=str(len(unusable)),
        time=f"{sum(report.took_s for report in reports):.3f}",
    )
    for report in reports:
        case = ET.SubElement(
            suite,
            "testcase",
            classname=_clean(str(report.path)),
            name=_clean(title(report)),
            time=f"{report.took_s:.3f}",
        )
        if report.differences:
            failure = ET.SubElement(
                case, "failure", message=_clean(report.differences[0])
            )
            failure.text = _clean("\n".join((*report.differences, report.again)))
    for one in unusable:
        case = ET.SubElement(
            suite, "testcase", classname=_clean(str(one.path)), name="is usable"
        )
        first = _clean(one.problem.partition("\n")[0])
        ET.SubElement(case, "error", message=first).text = _clean(one.problem)
    whole = ET.Element("testsuites")
    whole.append(suite)
    ET.indent(whole)
    return ET.tostring(whole, encoding="utf-8", xml_declaration=True) + b"\n"


def as_json(reports: Sequence[Report], unusable: Sequence[Unusable]) -> bytes:
    """The reports as one JSON object on one line."""
    fields: dict[str, Any] = {
        "as_expected": sum(report.is_as_expected for report in reports),
        "played": len(reports),
        "scenarios": [_report_fields(report) for report in reports],
        "unusable": [
            {"file": str(one.path), "problems": one.problem.splitlines()}
            for one in unusable
        ],
    }
    return msgspec.json.encode(fields) + b"\n"


def title(report: Report) -> str:
    """The sentence, and how it was played."""
    words = [report.runtime, f"seed {report.seed}"]
    if report.over != "process":
        words.insert(1, report.over)
    if report.schedule is not None:
        words.append(f"schedule {report.schedule}")
    return f"{report.name} ({', '.join(words)})"


def _report_fields(report: Report) -> dict[str, Any]:
    return {
        "file": str(report.path),
        "name": report.name,
        "runtime": report.runtime,
        "over": report.over,
        "seed": report.seed,
        "schedule": report.schedule,
        "status": report.result.status,
        "winner": report.result.winner,
        "answer": report.result.answer,
        "tokens": report.result.usage.total_tokens,
        "elapsed_s": report.result.elapsed_s,
        "took_s": report.took_s,
        "differences": report.differences,
        "again": report.again,
    }


def _clean(text: str) -> str:
    return text.translate(_FORBIDDEN).encode("utf-8", "replace").decode()
