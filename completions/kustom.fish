complete --keep-order --exclusive --command kustom --arguments "(KUSTOM_COMPLETE=fish kustom -- (commandline --current-process --tokenize --cut-at-cursor) (commandline --current-token))"
