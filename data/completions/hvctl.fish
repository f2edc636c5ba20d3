# SPDX-License-Identifier: LGPL-2.1-or-later
# fish completion for hvctl(1). hvctl knows its verbs, options and the live keys; this only asks it.

function __hvctl_complete
        set -l words (commandline -opc)
        set -l current (commandline -ct)
        set -l candidates (hvctl --complete-args (count $words) $words "$current" 2>/dev/null)
        set -l result $status
        if test $result -eq 65
                __fish_complete_path (string replace -r '^--[a-z-]+=' '' -- "$current")
        else if string match -q -- '--*=*' "$current"
                set -l option (string match -r '^--[a-z-]+=' -- "$current")
                printf "$option%s\n" $candidates
        else
                printf '%s\n' $candidates
        end
end

complete -c hvctl -f -a '(__hvctl_complete)'
