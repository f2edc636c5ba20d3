# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for hvctl(1). hvctl knows its verbs, options and the live keys; this only asks it.

# Bash splits `--pool=guest` into three words; hvctl wants the one that was typed.
_hvctl_words() {
        local i word joined=
        words=() index=0
        for ((i = 0; i < ${#COMP_WORDS[@]}; i++)); do
                word=${COMP_WORDS[i]}
                if [[ $i -gt 0 && ( $word == "=" || $joined ) && ${words[-1]} == --* ]]; then
                        words[-1]+=$word
                        [[ $word == "=" ]] && joined=yes || joined=
                else
                        words+=("$word")
                        joined=
                fi
                ((i <= COMP_CWORD)) && index=$((${#words[@]} - 1))
        done
}

_hvctl() {
        local words index line status
        COMPREPLY=()
        _hvctl_words
        while IFS= read -r line; do
                if [[ $line == $'\001'* ]]; then
                        status=${line:1}
                elif [[ $line == --* ]]; then
                        COMPREPLY+=("$line")
                else
                        COMPREPLY+=("$(printf '%q' "$line")")
                fi
        done < <(hvctl --complete-args "$index" "${words[@]}" 2>/dev/null; printf '\001%s\n' $?)

        if [[ $status == 65 ]]; then
                local current=${words[index]}
                mapfile -t COMPREPLY < <(compgen -f -- "${current#*=}")
                compopt -o filenames 2>/dev/null
        elif [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == --*= ]]; then
                compopt -o nospace 2>/dev/null
        fi
}

complete -F _hvctl hvctl
