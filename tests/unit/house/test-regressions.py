#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/regressions.md names only tests that exist, and every row names one."""

import re

from house import finish, lines_of, tracked_files

TABLE = 'docs/regressions.md'
DEFINITION = re.compile(r'\bTEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)')
NAME = re.compile(r'`(\w+\.\w+)`')


def tests_of_the_tree():
    text = '\n'.join('\n'.join(lines_of(name)) for name in tracked_files('.cc') if name.parts[0] == 'tests')
    return {f'{suite}.{test}' for suite, test in DEFINITION.findall(text)}


def rows():
    """The rows of the tables without their headings: line number and cells."""
    for number, line in enumerate(lines_of(TABLE), 1):
        if line.startswith('| ') and not line.startswith('| The fault |'):
            yield number, line.strip('|').split('|')


def main():
    known = tests_of_the_tree()
    complaints = []
    for number, cells in rows():
        names = NAME.findall(cells[-1])
        if not names:
            complaints.append(f'{TABLE}:{number}: names no test')
        complaints += [f'{TABLE}:{number}: there is no test {name}' for name in names if name not in known]
    finish(complaints)


main()
