#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Prints the line coverage of each room of a build with -Db_coverage=true, the parsers and the KVP engine first."""

import json
import subprocess
import sys
from collections import defaultdict

FIRST = ['wire', 'service/kvp']
OUTSIDE = ('tests/', 'build')


def covered_lines(build):
    command = ['gcovr', '--root', '.', '--object-directory', build, '--json-summary', '-']
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)['files']


def main(build):
    rooms = defaultdict(lambda: [0, 0])
    for file in covered_lines(build):
        if not file['filename'].startswith(OUTSIDE):
            room = rooms[file['filename'].rpartition('/')[0]]
            room[0] += file['line_covered']
            room[1] += file['line_total']

    for name in sorted(rooms, key=lambda name: (FIRST.index(name) if name in FIRST else len(FIRST), name)):
        covered, total = rooms[name]
        print(f'{name:24} {covered:6} of {total:6} lines  {100 * covered / max(total, 1):5.1f} %')


if __name__ == '__main__':
    main(sys.argv[1])
