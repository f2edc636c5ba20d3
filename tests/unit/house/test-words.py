#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every source file says its license, and none says that it is unfinished."""

import re

from house import finish, lines_of, tracked_files

SOURCES = ('.c', '.h', '.cc', '.hh', '.py', '.sh', '.build')
UNFINISHED = re.compile(r'\b(TO' r'DO|FIX' r'ME|XX' r'X)\b')  # in two parts, or this file would be its own finding
LICENSE = 'SPDX-License-Identifier: LGPL-2.1-or-later'


def main():
    complaints = []
    for name in tracked_files(*SOURCES):
        lines = lines_of(name)
        if not any(LICENSE in line for line in lines[:3]):
            complaints.append(f'{name}:1: no line "{LICENSE}"')
        complaints += [f'{name}:{number}: {line.strip()}' for number, line in enumerate(lines, 1) if UNFINISHED.search(line)]
    finish(complaints)


main()
