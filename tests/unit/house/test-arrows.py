#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads every #include "…" and fails on an arrow between rooms that docs/architecture.md does not draw."""

import re

from house import finish, lines_of, tracked_files

INCLUDE = re.compile(r'\s*#\s*include\s+([<"])([^">]+)[">]')
CHANNELS = {'common', 'wire', 'service/channel', 'service/link'}

# What each room may include of other rooms.
ARROWS = {
    'common': set(),
    'wire': {'common'},
    'service/channel': {'common', 'wire'},
    'service/link': {'common', 'wire', 'service/channel'},
    'service/kvp': CHANNELS,
    'service/snapshot': CHANNELS,
    'service/transfer': CHANNELS,
    'service/network': CHANNELS,
    'service/osinfo': CHANNELS,
    'service/siblings': CHANNELS,
    'service/bus': CHANNELS | {'service/siblings', 'service/kvp', 'service/snapshot', 'service/transfer', 'service/network', 'service/osinfo'},
    'cli': {'common', 'wire', 'service/link', 'service/kvp'},
    'emulator': {'common', 'wire'},
    'configurators': {'common'},
}

# The doors of rooms; wire and common are all door. What stands here is what others may open.
DOORS = {
    'service/channel': {'channel.h', 'channel-state.h'},
    'service/link': {'link.h', 'fields.h', 'link-client.h'},
    'service/kvp': {'kvp.h', 'store.h'},
    'service/snapshot': {'snapshot.h', 'history.h'},
    'service/siblings': {'snapshots.h', 'transfers.h', 'inhibitors.h', 'commands.h'},
    'service/transfer': {'transfer.h'},
    'service/network': {'adapters.h', 'network.h', 'injection.h'},
    'service/osinfo': {'osinfo.h'},
    'service/bus': {'bus.h'},
}
ONLY = {('cli', 'service/kvp'): {'store.h'}}
KERNEL_HEADER = 'linux/hyperv.h'


def room_of(path):
    """The room of a file: its folder, cut to what ARROWS knows; '' for the mains and the tests."""
    parts = path.split('/')
    for room in ('/'.join(parts[:2]), parts[0]):
        if room in ARROWS:
            return room
    return ''


def complaint_about(room, target):
    other = room_of(target)
    if not room or not other or room == other:
        return None
    if other not in ARROWS[room]:
        return f'{room} must not know {other}'
    doors = ONLY.get((room, other), DOORS.get(other))
    if doors is not None and target.rpartition('/')[2] not in doors:
        return f'{target} is not a door of {other}'
    return None


def check_line(path, line):
    match = INCLUDE.match(line)
    if not match:
        return None
    bracket, target = match.groups()
    room = room_of(path)
    if target == KERNEL_HEADER and room != 'wire' and not path.startswith('tests/'):
        return f'only wire/ includes <{KERNEL_HEADER}>'
    return complaint_about(room, target) if bracket == '"' else None


def prove_that_it_sees():
    """The rules must catch what they are for."""
    assert check_line('common/log.c', '#include "wire/kvp.h"')
    assert check_line('service/kvp/kvp.c', '#include "service/network/adapters.h"')
    assert check_line('service/bus/pool.c', '#include "service/kvp/kvp-engine.h"')
    assert check_line('cli/main.c', '#include "service/kvp/kvp.h"')
    assert check_line('emulator/host.c', '# include <linux/hyperv.h>')
    assert not check_line('service/kvp/kvp.c', '#include "service/kvp/kvp-engine.h"')
    assert not check_line('service/hvutilsd.c', '#include "service/bus/bus.h"')


def main():
    prove_that_it_sees()
    complaints = []
    for name in tracked_files('.c', '.h'):
        for number, line in enumerate(lines_of(name), 1):
            sentence = check_line(str(name), line)
            if sentence:
                complaints.append(f'{name}:{number}: {sentence}')
    finish(complaints)


main()
