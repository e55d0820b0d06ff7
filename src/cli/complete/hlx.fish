# Completions of hlx for fish. They ask hlx itself, which knows the datasets, versions, tags and paths.
function __hlx_complete
    set -l words (commandline -opc) (commandline -ct)
    hlx complete -- $words 2>/dev/null
end
complete -c hlx -f -a '(__hlx_complete)'
