#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Reads the undefined symbols of the daemons and fails on a call of sd-bus that waits for somebody's answer."""

import re
import subprocess
import sys

from house import finish

WAITING = re.compile(r'''sd_bus_(
    call | call_method | call_methodv | request_name | release_name | add_match | match_signal | get_property(_\w+)? |
    set_property(v)? | query_sender_\w+ | flush | flush_close_unref | get_name_creds | get_owner_creds | get_owner_machine_id |
    wait | get_name_machine_id | list_names | default_flush_close )''', re.VERBOSE)


def waiting_calls(symbols):
    names = (line.split()[-1].partition('@')[0] for line in symbols.splitlines() if line.strip())
    return [name for name in names if WAITING.fullmatch(name)]


def prove_that_it_sees():
    listing = ' U sd_bus_call_async@LIBSYSTEMD_221\n U sd_bus_call@LIBSYSTEMD_221\n U sd_bus_get_property_string\n'
    assert waiting_calls(listing) == ['sd_bus_call', 'sd_bus_get_property_string'], waiting_calls(listing)
    assert not waiting_calls(' U sd_bus_request_name_async@X\n U sd_bus_add_match_async\n U sd_bus_process\n')


def main(daemons):
    prove_that_it_sees()
    complaints = []
    for daemon in daemons:
        command = ['nm', '-D', '--undefined-only', daemon]
        symbols = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        complaints += [f'{daemon}: {name}' for name in waiting_calls(symbols)]
    finish(complaints)


main(sys.argv[1:])
