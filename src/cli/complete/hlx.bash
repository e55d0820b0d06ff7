# Completions of hlx for bash 4 or later. They ask hlx itself, which knows the datasets, versions, tags and paths.
_hlx() {
    local IFS=$' \t\n' line=${COMP_LINE:0:COMP_POINT} current='' prefix words value
    read -ra words <<<"$line"
    if [[ $line == *[[:space:]] ]]; then words+=(''); fi
    current=${words[${#words[@]} - 1]}
    # Readline replaces only what stands behind the last of these characters.
    prefix=${current%"${current##*[@:=]}"}
    COMPREPLY=()
    while IFS=$'\t' read -r value _; do
        COMPREPLY+=("${value#"$prefix"}")
    done < <(hlx complete -- "${words[@]}" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *[/@=] ]]; then compopt -o nospace; fi
}
complete -o bashdefault -o default -F _hlx hlx
