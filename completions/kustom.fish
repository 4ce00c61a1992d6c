# Completions of kustom for fish. `kustom completions install fish` puts them where fish looks.
function __kustom_complete
    set -l current (commandline --current-token --cut-at-cursor)
    # A word as kustom would get it, also where its quotes are still open.
    set -l read (string unescape -- "$current" "$current'" "$current\"")
    set -l before (commandline --current-process --tokenize --cut-at-cursor)
    KUSTOM_COMPLETE=fish command kustom -- $before "$read[1]" 2>/dev/null
end
complete --command kustom --no-files --keep-order --arguments '(__kustom_complete)'
