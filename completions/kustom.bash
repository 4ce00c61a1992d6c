_clap_complete_kustom() {
    local IFS=$'\013'
    local _CLAP_COMPLETE_INDEX=${COMP_CWORD}
    local _CLAP_COMPLETE_COMP_TYPE=${COMP_TYPE}
    if compopt +o nospace 2> /dev/null; then
        local _CLAP_COMPLETE_SPACE=false
    else
        local _CLAP_COMPLETE_SPACE=true
    fi
    local words=("${COMP_WORDS[@]}")
    if [[ "${BASH_VERSINFO[0]}" -ge 4 ]]; then
        words[COMP_CWORD]="$2"
    fi
    COMPREPLY=( $( \
        _CLAP_IFS="$IFS" \
        _CLAP_COMPLETE_INDEX="$_CLAP_COMPLETE_INDEX" \
        _CLAP_COMPLETE_COMP_TYPE="$_CLAP_COMPLETE_COMP_TYPE" \
        _CLAP_COMPLETE_SPACE="$_CLAP_COMPLETE_SPACE" \
        KUSTOM_COMPLETE="bash" \
        "kustom" -- "${words[@]}" \
    ) )
    if [[ $? != 0 ]]; then
        unset COMPREPLY
    elif [[ $_CLAP_COMPLETE_SPACE == false ]] && [[ "${COMPREPLY-}" =~ [=/:]$ ]]; then
        compopt -o nospace
    fi
}
if [[ "${BASH_VERSINFO[0]}" -eq 4 && "${BASH_VERSINFO[1]}" -ge 4 || "${BASH_VERSINFO[0]}" -gt 4 ]]; then
    complete -o nospace -o bashdefault -o nosort -F _clap_complete_kustom kustom
else
    complete -o nospace -o bashdefault -F _clap_complete_kustom kustom
fi

# Joins the words that bash splits at `=`, and quotes the candidates, which bash inserts as they are. Within quotes that are
# open, it omits candidates that would have to end them.
_kustom() {
    local IFS= word last= prefix= words=() i
    for word in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
        if [[ ${#words[@]} -gt 1 && ($word == '=' || $last == '=') ]]; then
            words[${#words[@]}-1]+=$word
            [[ $word == '=' ]] && prefix=${words[${#words[@]}-1]}
        else
            words+=("$word")
            prefix=
        fi
        last=$word
    done
    local COMP_WORDS=("${words[@]}") COMP_CWORD=$((${#words[@]} - 1))
    _clap_complete_kustom "$1" "${words[COMP_CWORD]}" "$3" 2> /dev/null
    for i in "${!COMPREPLY[@]}"; do
        word=${COMPREPLY[i]#"$prefix"}
        case $last in
            \'*) [[ $word == *\'* ]] && word= ;;
            \"*) [[ $word == *[\"\$\`\\!]* ]] && word= ;;
            *) printf -v word %q "$word" ;;
        esac
        COMPREPLY[i]=$word
        [[ -n $word ]] || unset "COMPREPLY[i]"
    done
}
complete -o nospace -o bashdefault -o nosort -F _kustom kustom 2> /dev/null ||
    complete -o nospace -o bashdefault -F _kustom kustom
