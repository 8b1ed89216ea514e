# bash completes evermilterctl: commands, their options, and files where an option takes one. tests/check compares it with
# evermilterctl --help.
_evermilterctl() {
    local word=${COMP_WORDS[COMP_CWORD]} command='' i
    COMPREPLY=()
    # The command is the first word that is neither an option nor an option's value.
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --socket | --milter | --reason | --clamav-milter | --clamd | --output) i=$((i + 1)) ;;
            -*) ;;
            *)
                command=${COMP_WORDS[i]}
                break
                ;;
        esac
    done
    case ${COMP_WORDS[COMP_CWORD - 1]} in
        --socket | --milter | --clamav-milter | --clamd | --output)
            compopt -o filenames
            mapfile -t COMPREPLY < <(compgen -f -- "$word")
            return
            ;;
        --reason) return ;;
    esac
    local words
    case $command in
        '')
            words='status sessions reload reload-config config rollback poison snapshots hold resume metrics ping version
                stats probe import --version'
            ;;
        reload) words='--force --automatic --no-wait' ;;
        config) words='--changed' ;;
        poison) words='forget' ;;
        hold) words='--reason' ;;
        probe) words='--milter --proxy' ;;
        import) words='--clamav-milter --clamd --output --force' ;;
        *) words='' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words --help --socket --json" -- "$word")
}
complete -F _evermilterctl evermilterctl
