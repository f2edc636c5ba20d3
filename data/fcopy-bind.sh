#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# usage: fcopy-bind [SYSFS]
#
# Lets uio_hv_generic have the host's file copy channel (Linux 6.10 and later, which have no driver of their own for it). A
# kernel that knows the class by itself answers "File exists". Where a driver holds the device already nothing is to do.
set -u
export LC_ALL=C

class=34d14be3-dee4-41c8-9ae7-6b174977c192
sysfs=${1:-/sys}
driver=$sysfs/bus/vmbus/drivers/uio_hv_generic

# The device, if no driver has it.
unbound() {
        for device in "$sysfs"/bus/vmbus/devices/*; do
                [ -r "$device/class_id" ] || continue
                [ "$(tr A-F a-f < "$device/class_id")" = "{$class}" ] && [ ! -e "$device/driver" ] && return 0
        done
        return 1
}

unbound || exit 0
[ -d "$driver" ] || modprobe uio_hv_generic || exit 1
complaint=$({ echo "$class" > "$driver/new_id"; } 2>&1) && exit 0
case $complaint in
*'File exists'*) exit 0 ;;
esac
echo "$complaint" >&2
exit 1
