"""The report for CI servers: JUnit XML, a suite per scenario, a case per distinct failure.

A scenario that passed is one test case; one that did not has a test case for each signature, with
the token as a property. An undecided one is an `error`, never a skip. It never writes a character
that XML forbids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from killpoint.report.groups import groups_of
from killpoint.report.lines import evidence_of, problem_block
from killpoint.report.sentence import completeness
from killpoint.report.words import (
    advice_for,
    counted,
    pairs_word,
    plain,
    replay_arguments,
    replay_command,
    title,
)
from killpoint.verdict import Verdict

if TYPE_CHECKING:
    from killpoint.records import Run, ScenarioRecord
    from killpoint.report.groups import ProblemGroup

JUNIT_NAME = "junit.xml"
TEXT_WIDTH = 100


def as_junit(run: Run) -> str:
    """Return the XML document."""
    root = ET.Element("testsuites", name="killpoint")
    for scenario in run.scenarios:
        _add_scenario(root, run, scenario)
    _add_campaign(root, run)
    cases = root.findall("testsuite/testcase")
    root.set("tests", str(len(cases)))
    root.set("failures", str(len(root.findall("testsuite/testcase/failure"))))
    root.set("errors", str(len(root.findall("testsuite/testcase/error"))))
    root.set("time", f"{run.elapsed_s:.3f}")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _add_scenario(root: ET.Element, run: Run, scenario: ScenarioRecord) -> None:
    name = plain(scenario.name)
    suite = ET.SubElement(root, "testsuite", name=name)
    _add_properties(suite, {"fingerprint": scenario.fingerprint})
    problems = groups_of(run.problems_of(scenario.name))
    for group in problems:
        _add_group(suite, group, replay_arguments(run.settings))
    if scenario.verdict is Verdict.PASSED or not problems:
        word = "error" if run.strategy == "error" else "kill"
        whole = _case(suite, f"every {word} of {name}", name, scenario.elapsed_s)
        if scenario.verdict is not Verdict.PASSED:
            done = scenario.tally(0)
            what = f"{done.pairs_done:,} of {done.pairs_total:,} {pairs_word(run.strategy)} struck"
            message = f"{scenario.verdict.value}: {what}, {scenario.stop.value}"
            kind = "failure" if scenario.verdict is Verdict.FAILED else "error"
            ET.SubElement(whole, kind, message=message, type=scenario.verdict.value)
    _count(suite, scenario.elapsed_s)


def _add_group(suite: ET.Element, group: ProblemGroup, arguments: str) -> None:
    problem = group.first
    case = _case(suite, plain(problem.signature), plain(problem.scenario), 0.0)
    kept = problem.kept[0] if problem.kept else None
    token = kept.token if kept else problem.token
    told = {"token": token, "cases": str(group.cases_count)}
    told |= {"shrunk": kept.shrunk, "label": kept.label.value} if kept else {}
    _add_properties(case, told | {"points": ", ".join(each.place for each in group.problems)})
    first = next(iter(evidence_of(problem, kept)), advice_for(problem.verdict, problem.reason))
    kind = "failure" if problem.verdict is Verdict.FAILED else "error"
    found = ET.SubElement(case, kind, message=f"{title(problem)}: {first}", type=title(problem))
    place = kept.directory if kept else ""
    lines = problem_block(
        group,
        kept,
        replay=replay_command(token, arguments),
        kept_at=place,
        width=TEXT_WIDTH,
    )
    found.text = "\n".join(lines)


def _add_campaign(root: ET.Element, run: Run) -> None:
    suite = ET.SubElement(root, "testsuite", name="campaign")
    proof = completeness(run)
    case = _case(suite, "completeness", "campaign", 0.0)
    if not proof.complete:
        ET.SubElement(case, "error", message=proof.sentence, type="INCOMPLETE")
    out = ET.SubElement(case, "system-out")
    out.text = f"{proof.sentence}\n{counted(run.cases_count, 'case')}"
    _count(suite, 0.0)


def _case(suite: ET.Element, name: str, classname: str, time_s: float) -> ET.Element:
    attributes = {"name": name, "classname": classname, "time": f"{time_s:.3f}"}
    return ET.SubElement(suite, "testcase", attributes)


def _add_properties(parent: ET.Element, values: dict[str, str]) -> None:
    holder = ET.SubElement(parent, "properties")
    for name, value in values.items():
        ET.SubElement(holder, "property", name=name, value=plain(value))


def _count(suite: ET.Element, time_s: float) -> None:
    suite.set("tests", str(len(suite.findall("testcase"))))
    suite.set("failures", str(len(suite.findall("testcase/failure"))))
    suite.set("errors", str(len(suite.findall("testcase/error"))))
    suite.set("time", f"{time_s:.3f}")
