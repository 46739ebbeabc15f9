#!/usr/bin/env bash
# scripts/release, packing a program that is built already.      tests/scripts/release.sh BINARY [OUT]
# The packages are left in OUT, for tests/scripts/bare.sh.
# shellcheck source=tests/scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
given=$(realpath -- "${1:?the program to pack}")
out=$(realpath -m -- "${2:-$scratch/out}")

# As a release has it; with what only a debugger wants it would take minutes to compress.
binary=$scratch/program
strip -o "$binary" "$given"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
top=ollama-forward-$version-x86_64-unknown-linux-gnu
archive=$out/$top.tar.gz
package=$out/ollama-forward_$version-1_amd64.deb
bill=$out/ollama-forward-$version.cdx.json

# The same sources elsewhere, with all that a machine can have of its own.
copy=$scratch/'an other place'
home=$HOME
git clone --quiet --shared --no-checkout . "$copy"
git -C "$copy" reset --quiet
git ls-files -z --cached --others --exclude-standard --deduplicate | tar --create --null --files-from - --ignore-failed-read 2>/dev/null |
  tar --extract --directory "$copy"
elsewhere() {
  (
    cd "$copy" && umask 077 && mkdir -p "$scratch/home" &&
      HOME=$scratch/home CARGO_HOME=${CARGO_HOME:-$home/.cargo} RUSTUP_HOME=${RUSTUP_HOME:-$home/.rustup} TZ=Asia/Tokyo LC_ALL=fr_FR.UTF-8 \
        scripts/release --dirty --binary "$binary" "$@"
  )
}

check packing_succeeds scripts/release --dirty --binary "$binary" --out "$out"
check packing_elsewhere_succeeds elsewhere --out "$scratch/other"
check both_have_the_same_bytes diff -r "$out" "$scratch/other"
names() { find "$out" -mindepth 1 -printf '%f\n' | sort; }
check nothing_else_is_written test "$(names)" = "$(printf '%s\n' SHA256SUMS "$top.tar.gz" "ollama-forward-$version.cdx.json" \
  "ollama-forward_$version-1_amd64.deb" | sort)"
check the_sums_are_right env --chdir="$out" sha256sum --check --strict SHA256SUMS
check the_sums_name_all_but_themselves test "$(wc -l <"$out/SHA256SUMS")" = 3

tree=$scratch/tree
mkdir -p "$tree"
check the_archive_unpacks tar --extract --file "$archive" --directory "$tree"
check it_has_one_folder test "$(ls "$tree")" = "$top"
check it_has_the_program cmp -s "$tree/$top/ollama-forward" "$binary"
for file in install.sh install-words.sh LICENSE README.md README.fr.md THIRD-PARTY.txt completions/ollama-forward.bash completions/_ollama-forward \
  completions/ollama-forward.fish man/man1/ollama-forward.1 man/fr/man1/ollama-forward.1; do
  check "it_has_${file//\//_}" test -s "$tree/$top/$file"
done
check its_pages_are_of_two_languages not cmp -s "$tree/$top/man/man1/ollama-forward.1" "$tree/$top/man/fr/man1/ollama-forward.1"
check nobody_owns_it test "$(tar --list --verbose --numeric-owner --file "$archive" | awk '{ print $2 }' | sort -u)" = 0/0
check it_has_one_time test "$(tar --list --verbose --full-time --file "$archive" | awk '{ print $4, $5 }' | sort -u | wc -l)" = 1
check nothing_in_it_is_for_others_to_write test -z "$(find "$tree" -perm /022)"
# Paths of this machine in the program itself come from an ordinary build; a release takes them out.
check its_texts_know_no_place_of_this_machine not grep -rlF --exclude=ollama-forward -e "$PWD" -e "$scratch" -e "$home/" "$tree"
check its_licences_name_what_is_linked grep -q '^tokio [0-9]' "$tree/$top/THIRD-PARTY.txt"
check its_licences_are_whole grep -q 'Copyright (c) Tokio Contributors' "$tree/$top/THIRD-PARTY.txt"

root=$scratch/root control=$scratch/control
check the_package_unpacks dpkg-deb --extract "$package" "$root"
check its_control_unpacks dpkg-deb --control "$package" "$control"
check it_runs_no_script_of_its_own test "$(ls "$control")" = $'control\nmd5sums'
check its_sums_are_right env --chdir="$root" md5sum --check --strict --quiet "$control/md5sums"
check its_program_is_the_same cmp -s "$root/usr/bin/ollama-forward" "$binary"
for file in usr/share/bash-completion/completions/ollama-forward usr/share/zsh/vendor-completions/_ollama-forward \
  usr/share/fish/vendor_completions.d/ollama-forward.fish usr/share/man/man1/ollama-forward.1.gz usr/share/man/fr/man1/ollama-forward.1.gz \
  usr/share/doc/ollama-forward/copyright usr/share/doc/ollama-forward/changelog.Debian.gz usr/share/doc/ollama-forward/THIRD-PARTY.txt.gz; do
  check "the_package_has_${file//\//_}" test -s "$root/$file"
done
check it_writes_nothing_outside_usr test "$(ls "$root")" = usr
newest=$(objdump -T "$binary" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -n 1)
check it_asks_for_the_c_library_that_it_needs grep -qF "libc6 (>= ${newest#GLIBC_})" "$control/control"
if command -v lintian >/dev/null; then
  # It closes no wish for a package, as it does not go to Debian.
  check lintian_has_no_objection lintian --allow-root --fail-on error,warning --suppress-tags initial-upload-closes-no-bugs "$package"
else
  skip lintian_has_no_objection 'lintian is not installed'
fi

check the_bill_names_the_commit grep -qF "$(git rev-parse HEAD)" "$bill"
check the_bill_names_the_c_library_inside grep -q 'pkg:github/facebook/zstd@v' "$bill"
crates() { cargo tree --locked --offline --edges "$1" --target x86_64-unknown-linux-gnu --prefix none --format '{p}' | cut -d' ' -f1,2 | sort -u; }
billed() {
  python3 -c 'import json, sys
for one in json.load(open(sys.argv[1]))["components"]: print(one["name"], "v" + one["version"])' "$bill" | sort -u
}
check the_bill_names_what_cargo_builds test "$(billed)" = "$(crates normal,build | grep -v '^ollama-forward ')"
if tools=$(scripts/get-release-tools check 2>"$scratch/why"); then
  check the_bill_fits_its_schema "$tools/python3" -c 'import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
sys.exit(str(error) if (error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())) else 0)' "$bill"
else
  skip the_bill_fits_its_schema 'its schema cannot be fetched'
fi

code() { local wanted=$1 got=0; shift; "$@" || got=$?; ((got == wanted)) || { echo "exit code $got"; false; }; }
check help_is_told scripts/release --help
check an_unknown_option_is_refused code 2 scripts/release --frobnicate
check what_is_not_a_program_is_refused code 1 scripts/release --dirty --binary README.md --out "$scratch/none"
check a_refusal_leaves_nothing test -z "$(ls -A "$scratch/none")"
echo >>"$copy/README.md"
undeclared() { (cd "$copy" && scripts/release --binary "$binary" --out "$scratch/none"); }
check changes_that_are_not_committed_are_refused code 1 undeclared
finish
