#compdef hlx
# Completions of hlx for zsh. They ask hlx itself, which knows the datasets, versions, tags and paths.
_hlx() {
    local line value
    local -a done_values done_shown open_values open_shown
    for line in "${(@f)$(hlx complete -- "${(@)words[1,CURRENT]}" 2>/dev/null)}"; do
        [[ -n $line ]] || continue
        value=${line%%$'\t'*}
        if [[ $value == *[/@=] ]]; then
            open_values+=("$value") open_shown+=("${line/$'\t'/  -- }")
        else
            done_values+=("$value") done_shown+=("${line/$'\t'/  -- }")
        fi
    done
    (( $#done_values + $#open_values )) || { _files; return }
    compadd -l -d done_shown -a done_values
    compadd -S '' -l -d open_shown -a open_values
}
if [[ $funcstack[1] == _hlx ]]; then _hlx "$@"; else compdef _hlx hlx; fi
