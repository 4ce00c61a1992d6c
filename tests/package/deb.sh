#!/usr/bin/env bash
# Makes the Debian package of the program that .ci/release-build has built, installs it into a root folder of its own,
# uses what it brought, and removes it without a trace. Nothing on this machine changes.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { printf '%s\n' "$*"; exit 1; }
[ "$(id -u)" = 0 ] || fail 'dpkg installs for root only'

package=$(.ci/release-deb "$work" | tail -1)
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -1)
dpkg --info "$package"

# What this machine has installed is known there, so that what the package depends on is looked for.
root=$work/root
mkdir -p "$root/var/lib/dpkg/"{info,updates}
cp /var/lib/dpkg/status "$root/var/lib/dpkg/"
cp /var/lib/dpkg/info/*.list "$root/var/lib/dpkg/info/"
# A container's dpkg may leave out man pages and documents, which are looked for here.
in_root() { dpkg --root="$root" --no-triggers --log=/dev/null --path-include='/usr/*' "$@"; }
# All but the package database.
everything() { (cd "$root" && find . -path ./var -prune -o -print | sort); }

before=$(everything)
in_root --install "$package"
everything

echo '-- the program'
told=$("$root/usr/bin/kustom" --version)
echo "$told"
commit=$(git -c log.showSignature=false log -1 --format='%H %cs')
[[ $told == "kustom $version (${commit:0:7}"?(-dirty)" ${commit#* }, "*"-linux-gnu)" ]] || fail 'this is another version or commit'
mkdir "$work/home"
(cd "$work/home" && env -i PATH="$PATH" HOME="$work/home" TMPDIR="$work/home" "$root/usr/bin/kustom" demo) > "$work/demo"
grep -q 'FINALIZED .*order ' "$work/demo" || fail 'the demo does not work'
[ -z "$(ls -A "$work/home")" ] || fail "the demo left something behind: $(ls -A "$work/home")"

echo '-- man pages'
for page in docs/man/*.1; do
    installed=$root/usr/share/man/man1/$(basename "$page").gz
    cmp "$page" <(gzip -dc "$installed") || fail "$page is not in the package"
    if command -v man > /dev/null; then
        man -M "$root/usr/share/man" -w "$(basename "$page" .1)"
    fi
done

echo '-- completions and documents'
cmp completions/kustom.bash "$root/usr/share/bash-completion/completions/kustom"
cmp completions/_kustom "$root/usr/share/zsh/vendor-completions/_kustom"
cmp completions/kustom.fish "$root/usr/share/fish/vendor_completions.d/kustom.fish"
cmp CHANGELOG.md <(gzip -dc "$root/usr/share/doc/kustom/changelog.gz")
grep -q 'kustom contributors' "$root/usr/share/doc/kustom/copyright"

if command -v lintian > /dev/null; then
    echo '-- lintian'
    # There is no address to name, and the history is not in Debian's form.
    lintian --fail-on error --allow-root "$package" --suppress-tags malformed-contact,syntax-error-in-debian-changelog
fi

echo '-- removal'
in_root --purge kustom
[ "$(everything)" = "$before" ] || fail "left behind: $(diff <(echo "$before") <(everything))"
echo "$(basename "$package") is whole, and leaves nothing behind"
