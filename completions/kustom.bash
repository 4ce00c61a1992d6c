# Completions of kustom for bash. `kustom completions install bash` puts them where bash looks.
_kustom() {
    local line kind=
    COMPREPLY=()
    # The line is read and quoted by kustom; nothing in it is carried out.
    while IFS= read -r line; do
        if [[ -z $kind ]]; then
            kind=$line
        else
            COMPREPLY+=("$line")
        fi
    done < <(KUSTOM_COMPLETE=bash command kustom -- "${COMP_LINE:0:COMP_POINT}" "$COMP_WORDBREAKS" 2> /dev/null)
    case $kind in
        files) compopt -o default 2> /dev/null ;;
        nospace) compopt -o nospace 2> /dev/null ;;
    esac
}
complete -o nosort -F _kustom kustom 2> /dev/null || complete -F _kustom kustom
