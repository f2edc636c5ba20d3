#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Lists the headers that the C++ of the tests may include."""

from house import tracked_files

for name in tracked_files('.h'):
    if name.parts[0] in ('common', 'wire', 'service'):
        print(name)
