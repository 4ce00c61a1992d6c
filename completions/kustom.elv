# Completions of kustom for elvish. `kustom completions install elvish` adds them to your rc.elv.
use str
set edit:completion:arg-completer[kustom] = {|@words|
    tmp E:KUSTOM_COMPLETE = elvish
    (external kustom) -- $@words 2> /dev/null | from-lines | each {|line|
        var parts = [(str:split "\t" &max=2 $line)]
        if (== (count $parts) 2) {
            edit:complex-candidate $parts[0] &display=$parts[0]'  '$parts[1]
        } else {
            put $line
        }
    }
}
