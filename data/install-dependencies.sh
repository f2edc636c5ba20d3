# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# For ./check and ./demo: install_dependencies installs what data/dependencies.apt names and this machine lacks.

missing_dependencies() {
        local list=$1 package
        sed 's/#.*//' "$list" | tr -s '[:space:]' '\n' | while read -r package; do
                [ -n "$package" ] || continue
                dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | grep -qx installed ||
                        echo "$package"
        done
}

install_dependencies() {
        local list missing
        list=$(dirname "${BASH_SOURCE[0]}")/dependencies.apt
        mapfile -t missing < <(missing_dependencies "$list")
        [ ${#missing[@]} -gt 0 ] || return 0

        if [ "$(id -u)" -ne 0 ]; then
                echo "These packages are missing: ${missing[*]}" >&2
                echo "Install them as root: apt-get install --no-install-recommends ${missing[*]}" >&2
                return 1
        fi
        echo "Installing ${#missing[@]} packages: ${missing[*]}"
        DEBIAN_FRONTEND=noninteractive apt-get -qq update </dev/null &&
                DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" \
                        </dev/null >/dev/null
}
