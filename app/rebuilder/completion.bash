# SPDX-License-Identifier: Apache-2.0
# Completion of rebuilder(8) for bash(1). It asks the program for its commands and options, so it knows those that are there.
# shellcheck shell=bash

# Sets COMPREPLY to the words that begin as $1 does, one a line in $2.
_rebuilder_words() {
    mapfile -t COMPREPLY < <(compgen -W "$2" -- "$1")
}

_rebuilder() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} program=${COMP_WORDS[0]}
    local command='' at help value interfaces devices
    COMPREPLY=()
    # bash takes ':' and '=' for words of their own; what is completed is what stands behind them.
    for ((at = 1; at < COMP_CWORD; at++)); do
        case ${COMP_WORDS[at]} in
        --) return ;;  # the rest is DPDK's
        -*) ;;
        *) command=${COMP_WORDS[at]}; break ;;
        esac
    done
    if [[ -z $command ]]; then
        help=$("$program" --help 2>/dev/null) || return
        _rebuilder_words "$word" "$(sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p' <<<"$help") --help --version"
        return
    fi

    help=$("$program" "$command" --help 2>/dev/null) || return
    for ((at = COMP_CWORD - 1; at > 1; at--)); do
        [[ ${COMP_WORDS[at]} == -- ]] && return
    done
    # An option's value, by the name that the help has for it.
    [[ $before == = ]] && before=${COMP_WORDS[COMP_CWORD - 2]} && [[ $word == = ]] && word=''
    [[ $word == : ]] && word=''
    value=$(sed -n "s/^  \(-[a-z],\)\{0,1\}$before \([^ ]*\) .*/\2/p" <<<"$help" 2>/dev/null)
    [[ $before == -c ]] && value=FILE
    case $before=$value in
    --input=*)
        _rebuilder_words "$word" 'dpdk: af_xdp: af_packet: pcap: vdev:'
        compopt -o nospace ;;
    --output=*)
        _rebuilder_words "$word" 'http:// https:// jsonl: null'
        compopt -o nospace ;;
    *=FILE | *=PATH) mapfile -t COMPREPLY < <(compgen -f -- "$word"); compopt -o filenames ;;
    -*=*'|'*) _rebuilder_words "$word" "${value//|/ }" ;;
    -*=?*) ;;
    :=*)
        interfaces=$(cd /sys/class/net 2>/dev/null && printf '%s\n' *)
        devices=$(cd /sys/bus/pci/devices 2>/dev/null && printf '%s\n' *)
        case ${COMP_WORDS[COMP_CWORD - 2]} in
        af_packet | af_xdp) _rebuilder_words "$word" "$interfaces" ;;
        dpdk) _rebuilder_words "$word" "$devices" ;;
        pcap | jsonl) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
        esac ;;
    *)
        if [[ $command == replay && $word != -* ]]; then
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            compopt -o filenames
        else
            _rebuilder_words "$word" "$(sed -n 's/^  \(-[a-z],\)\{0,1\}\(--[a-z0-9-]*\).*/\2/p' <<<"$help")"
        fi ;;
    esac
}
complete -F _rebuilder rebuilder
