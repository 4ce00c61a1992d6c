# Completions of kustom for PowerShell.
Register-ArgumentCompleter -Native -CommandName kustom -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # The words are read from the syntax tree, so that nothing in them is evaluated.
    $words = @(
        $commandAst.CommandElements |
            Where-Object { $_.Extent.EndOffset -lt $cursorPosition } |
            ForEach-Object {
                if ($_ -is [System.Management.Automation.Language.StringConstantExpressionAst]) { $_.Value }
                else { $_.Extent.Text }
            }
    )
    # Some versions omit an empty argument.
    $current = if ($wordToComplete) { $wordToComplete } else { '""' }
    $before = $env:KUSTOM_COMPLETE
    $encoding = [Console]::OutputEncoding
    try {
        $env:KUSTOM_COMPLETE = 'powershell'
        [Console]::OutputEncoding = [System.Text.Encoding]::UTF8
        $lines = @(& (Get-Command kustom -CommandType Application | Select-Object -First 1) '--' $words $current 2> $null)
    } catch {
        $lines = @()
    } finally {
        $env:KUSTOM_COMPLETE = $before
        [Console]::OutputEncoding = $encoding
    }
    foreach ($line in $lines) {
        $value, $about = $line -split "`t", 2
        $text = if ($value -match '[^\p{L}\p{N}\-_./:=+]') { "'" + $value.Replace("'", "''") + "'" } else { $value }
        if (-not $about) { $about = $value }
        [System.Management.Automation.CompletionResult]::new($text, $value, 'ParameterValue', $about)
    }
}
