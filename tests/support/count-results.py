#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts the test cases of one or more builds and prints "N passed, N failed, N skipped" as the last line.

Meson writes two logs: testlog.junit.xml has the single cases, testlog.json has how each program ended. Both are needed: a
program that crashed, or that LeakSanitizer complained about at its end, has no failed case.
"""

import json
import sys
import xml.etree.ElementTree as xml
from collections import Counter
from pathlib import Path

ALLOWED_REASON = 'kernel lacks'


def skip_reason(case, outputs):
    """What GTEST_SKIP() said, without the place; or, of a program that is a single case, its first line."""
    message = case.find('skipped').get('message')
    if message is None:
        return outputs.get(case.get('name'), '').strip().partition('\n')[0]
    return message.partition('\n')[2].strip() or message.strip()


def result_of(case):
    if case.find('failure') is not None or case.find('error') is not None:
        return 'failed'
    return 'passed' if case.find('skipped') is None else 'skipped'


def cases_of(logs):
    tree = xml.parse(logs / 'testlog.junit.xml')
    return [(suite.get('name'), case) for suite in tree.iter('testsuite') for case in suite.iter('testcase')]


def count_build(build):
    """Returns the counts and the sentences about what must not be."""
    logs = Path(build) / 'meson-logs'
    programs = [json.loads(line) for line in (logs / 'testlog.json').read_text().splitlines()]
    outputs = {program['name'].rpartition(' / ')[2]: program.get('stdout', '') for program in programs}
    counts, complaints, failed_suites = Counter(), [], []

    for suite, case in cases_of(logs):
        result = result_of(case)
        counts[result] += 1
        name = f'{build}: {suite}.{case.get("name")}'
        if result == 'failed':
            failed_suites.append(f'{suite}.{case.get("name")}')
            complaints.append(f'failed: {name}')
        elif result == 'skipped':
            reason = skip_reason(case, outputs)
            if not reason.startswith(ALLOWED_REASON):
                complaints.append(f'skipped without need: {name}: {reason or "no reason given"}')

    for program in programs:
        words = program['name'].rpartition(' / ')[2]
        known = any(f' / {words}.' in suite or suite.endswith(f'.{words}') for suite in failed_suites)
        if program['result'] not in ('OK', 'SKIP', 'EXPECTEDFAIL') and not known:
            counts['failed'] += 1
            complaints.append(f'failed: {build}: {program["name"]}: {program["result"]}')

    return counts, complaints


def main(builds):
    total, complaints = Counter(), []
    for build in builds:
        counts, found = count_build(build)
        total += counts
        complaints += found

    for complaint in complaints:
        print(complaint)
    print(f'{total["passed"]} passed, {total["failed"]} failed, {total["skipped"]} skipped')
    return 1 if complaints or not total['passed'] else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
