set edit:completion:arg-completer[kustom] = { |@words|
    var index = (count $words)
    set index = (- $index 1)

    put (env _CLAP_IFS="\n" _CLAP_COMPLETE_INDEX=(to-string $index) KUSTOM_COMPLETE="elvish" kustom -- $@words) | to-lines
}
