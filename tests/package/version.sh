#!/usr/bin/env bash
# Tests build.rs in a small crate: which commit the version names, and that the script runs again when that has changed, and only
# then.
set -euo pipefail
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null CARGO_TARGET_DIR="$work/target"
export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x@example.com GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x@example.com
export GIT_COMMITTER_DATE='2026-11-23T23:59:00-11:00'
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE
target=$(rustc -vV | sed -n 's/^host: //p')

mkdir -p "$work/crate/src"
cd "$work/crate"
cp "$OLDPWD/build.rs" .
printf '[package]\nname = "stub"\nversion = "1.2.3"\nedition = "2024"\n' > Cargo.toml
printf 'fn main() {\n    println!("{}", env!("BUILT_FROM"));\n}\n' > src/main.rs
printf '/ignored\n' > .gitignore
cargo generate-lockfile --offline --quiet

# tells WHEN EXPECTED [PROFILE]
tells() {
    local told
    told=$(cargo run --quiet --offline "${3:---release}")
    [ "$told" = "1.2.3 ($2$target)" ] || { echo "$1: $told instead of 1.2.3 ($2$target)"; exit 1; }
}
commit() { git add -A && git commit --quiet --allow-empty -m "$1"; }
hash() { git rev-parse HEAD | cut -c -7; }
is_fresh() {
    cargo build --release --offline --verbose 2>&1 | grep -q 'Fresh stub' || { echo "$1: built again"; exit 1; }
}

tells 'without a repository' ''
git init --quiet --initial-branch main
commit one
# A repository that appears later does not run the script again.
touch build.rs
tells 'a commit' "$(hash) 2026-11-23, "
is_fresh 'nothing has changed'
touch README.md ignored
is_fresh 'a file outside the program has changed'
commit two
tells 'another commit' "$(hash) 2026-11-23, "
git pack-refs --all
commit three
tells 'a commit after the branches were packed' "$(hash) 2026-11-23, "
git switch --quiet --create other HEAD~1
tells 'another branch' "$(hash) 2026-11-23, "
echo '// more' >> src/main.rs
tells 'a change' "$(hash)-dirty 2026-11-23, "
git checkout --quiet src/main.rs
tells 'a change that was taken back' "$(hash) 2026-11-23, "
touch src/new.rs
tells 'a new file' "$(hash)-dirty 2026-11-23, "
rm src/new.rs
tells 'no new file any more' "$(hash) 2026-11-23, "
git init --quiet "$work/elsewhere"
touch build.rs
GIT_DIR=$work/elsewhere/.git tells 'another repository in the environment' "$(hash) 2026-11-23, "
tells 'while developing' 'debug build, ' --profile=dev
commit four
cargo build --offline --verbose 2>&1 | grep -q 'Fresh stub' || { echo 'a commit builds everything anew'; exit 1; }

git worktree add --quiet --detach "$work/tree" HEAD~1
cd "$work/tree"
tells 'a worktree' "$(hash) 2026-11-23, "
commit five
tells 'a commit in a worktree' "$(hash) 2026-11-23, "

cd "$work/crate"
cargo package --offline --quiet --no-verify 2> /dev/null
mkdir "$work/unpacked"
tar -xf "$work/target/package/stub-1.2.3.crate" -C "$work/unpacked"
packed=$(hash)
cd "$work/unpacked/stub-1.2.3"
tells 'a crate' "$packed, "
git init --quiet "$work"
tells 'a crate inside a repository' "$packed, "
rm .cargo_vcs_info.json
tells 'a folder inside a repository' ''
echo 'the version names the commit'
