"""`python -m postfixconf.host.rehearsal --config DIR --probes FILE.jsonl`, as root.

Asks the configuration in DIR each probe of FILE (`-` for standard input) and prints a
line of JSON for each, in order. With `--trace` each line tells how the lists were gone
through. Exit 0; 1 where an answer is not as expected; 2 for a bad probe, which is
quoted; 3 where Postfix does not start, with the reason.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from postfixconf.errors import BadFile, BadValue, HostError, PostfixconfError
from postfixconf.host.instance import Instance
from postfixconf.host.rehearsal.answers import Answer
from postfixconf.host.rehearsal.running import Candidate, rehearsing
from postfixconf.host.rehearsal.trace import Step, trace
from postfixconf.masking import masked
from postfixconf.policy.probes import Probe

FINE, OTHERWISE, BAD_INPUT, NO_POSTFIX = 0, 1, 2, 3


def read_probes(name: str) -> list[Probe]:
    """The probes of a file, a line each. Raises BadValue with the line's number."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as cause:
        raise BadValue(name, f"cannot be read: {cause.strerror}") from cause
    probes = []
    for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
        if line.strip():
            try:
                probes.append(Probe.from_line(line))
            except BadValue as cause:
                raise BadValue(cause.text, f"{cause.reason} (line {number})") from cause
    return probes


def candidate(directory: Path) -> Candidate:
    """The configuration that stands in a directory. Raises HostError."""
    instance = Instance(directory.resolve())
    main, master = instance.main().text, instance.master().text
    return Candidate(main, master, instance.config_dir, instance.queue_directory)


def told(number: int, answer: Answer) -> dict[str, object]:
    """An answer as it is printed."""
    return {
        "n": number,
        "verdict": answer.verdict.value,
        "code": answer.code,
        "text": answer.text,
        "control": answer.control or None,
        "warned": list(answer.warned),
        "as_expected": answer.as_expected,
    }


def told_step(step: Step) -> dict[str, object]:
    """A step of a trace as it is printed."""
    return {"list": step.where, "rule": step.rule, "outcome": step.outcome.value}


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask, print, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m postfixconf.host.rehearsal",
        description="Ask a throw-away Postfix that has a configuration.",
    )
    parser.add_argument("--config", required=True, metavar="DIR", type=Path)
    parser.add_argument("--probes", required=True, metavar="FILE")
    parser.add_argument("--trace", action="store_true", help="tell each rule")
    chosen = parser.parse_args(arguments)
    try:
        probes = read_probes(chosen.probes)
    except BadValue as cause:
        return complain(cause, BAD_INPUT)
    if os.geteuid() != 0:
        return complain("A rehearsal starts a Postfix, for which it must be root.", 3)
    try:
        with rehearsing(candidate(chosen.config), traced=chosen.trace) as running:
            for probe in probes:
                running.staged.service(probe.service)
            found = running.ask(probes)
            steps = [trace(running, each) if chosen.trace else () for each in probes]
    except BadValue as cause:
        return complain(cause, BAD_INPUT)
    except (HostError, BadFile) as cause:
        return complain(cause, NO_POSTFIX)
    for number, (answer, way) in enumerate(zip(found, steps, strict=True), 1):
        line = told(number, answer)
        if chosen.trace:
            line["trace"] = [told_step(each) for each in way]
        sys.stdout.write(masked(json.dumps(line)) + "\n")
    return FINE if all(each.as_expected for each in found) else OTHERWISE


def complain(cause: PostfixconfError | str, code: int) -> int:
    """One sentence on standard error, and the exit code."""
    sys.stderr.write(f"{cause}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
