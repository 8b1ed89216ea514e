# bash completes evermilterd: its options, and files after --config. tests/check compares it with evermilterd --help.
_evermilterd() {
    local word=${COMP_WORDS[COMP_CWORD]}
    COMPREPLY=()
    if [ "${COMP_WORDS[COMP_CWORD - 1]}" = --config ]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
    fi
    mapfile -t COMPREPLY < <(
        compgen -W '--help --version --config --check-config --dump-config --changed --foreground' -- "$word"
    )
}
complete -F _evermilterd evermilterd
