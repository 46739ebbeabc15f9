#!/usr/bin/env bash
# scripts/install.sh in a scratch home.      tests/scripts/install.sh BINARY
# shellcheck source=tests/scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
binary=$(realpath -- "${1:?the program to install}")

home=$scratch/'a home'
bin=$home/.local/bin
share=$home/.local/share
program=$bin/ollama-forward
completions=("$share/bash-completion/completions/ollama-forward" "$share/zsh/site-functions/_ollama-forward"
  "$share/fish/vendor_completions.d/ollama-forward.fish")
mkdir -p "$home/.config/ollama-forward"
echo 'quiet = true' >"$home/.config/ollama-forward/config.toml"

# install PATH ARGUMENT…: everything it says ends up in $said.
said=$scratch/said
shell=/bin/bash
run() {
  local path=$1
  shift
  env -i HOME="$home" SHELL="$shell" PATH="$path" bash scripts/install.sh "$@" >"$said" 2>&1
}
install() { run "$bin:$PATH" --binary "$@"; }
uninstall() { run "$bin:$PATH" --uninstall; }
says() { grep -qF -- "$1" "$said" || { cat "$said"; false; }; }
tree() { (cd "$home" && find . -type f -exec sha256sum {} + | sort -k2); }
# Another release, as far as the installation can tell.
printf '#!/bin/sh\nexec %q "$@"\n' "$binary" >"$scratch/next"
chmod +x "$scratch/next"

before=$(tree)
check a_first_installation_succeeds install "$binary"
check the_program_is_there_and_runs "$program" --version
for file in "${completions[@]}"; do
  check "completions_for_$(basename "$(dirname "$(dirname "$file")")")_are_there" test -s "$file"
done
check bash_understands_its_completions bash -n "${completions[0]}"
if command -v zsh >/dev/null; then
  check zsh_understands_its_completions zsh -n "${completions[1]}"
else
  skip zsh_understands_its_completions 'zsh is not installed'
fi
if command -v fish >/dev/null; then
  check fish_understands_its_completions fish --no-execute "${completions[2]}"
else
  skip fish_understands_its_completions 'fish is not installed'
fi
check no_warning_when_all_is_well not grep -q warning "$said"

once=$(tree)
check a_second_installation_succeeds install "$binary"
check a_second_installation_says_so says "unchanged: $program"
check a_second_installation_changes_nothing test "$(tree)" = "$once"

check another_release_replaces_the_first install "$scratch/next"
check another_release_says_so says "updated: $program"
check another_release_is_what_runs cmp -s "$program" "$scratch/next"
check what_we_installed_is_not_kept not test -e "$program.bak"

check removing_succeeds uninstall
check removing_leaves_what_was_there_before test "$(tree)" = "$before"
check removing_takes_its_directories_along not test -e "$home/.local"
check removing_twice_is_no_error uninstall
check removing_twice_says_so says 'nothing to remove'

mkdir -p "$bin"
printf '#!/bin/sh\nexec socat TCP-LISTEN:11434,fork TCP:172.24.0.1:11434\n' >"$program"
chmod +x "$program"
cp "$program" "$scratch/script"
check a_script_in_the_way_does_not_stop_it install "$binary"
check a_script_in_the_way_is_kept cmp -s "$program.bak" "$scratch/script"
check and_it_says_where says "kept: $program.bak"
echo '# mine' >>"${completions[0]}"
check removing_what_was_edited_succeeds uninstall
check what_was_edited_is_left_alone grep -q '# mine' "${completions[0]}"
check the_kept_script_is_still_there cmp -s "$program.bak" "$scratch/script"
rm -rf "$home/.local"

check a_bin_that_is_not_on_the_path_is_pointed_out run "$PATH" --binary "$binary"
check and_the_cure_is_said says "export PATH=\"$bin:\$PATH\""
mkdir "$scratch/earlier"
cp "$scratch/script" "$scratch/earlier/ollama-forward"
check another_program_first_on_the_path_is_pointed_out run "$scratch/earlier:$bin:$PATH" --binary "$binary"
check and_it_is_named says "another ollama-forward first: $scratch/earlier/ollama-forward"
uninstall

check zsh_is_not_spoken_of_to_others not grep -q fpath "$said"
shell=/bin/zsh
check with_zsh_it_installs_too install "$binary"
check zsh_needs_a_line_and_it_is_said says "fpath+=('$share/zsh/site-functions')"
uninstall

check what_is_not_a_program_is_refused not install "$scratch/said"
check a_refusal_leaves_nothing_behind not test -e "$home/.local"
check an_unknown_option_is_refused not run "$PATH" --frobnicate
check prefix_is_where_everything_goes env HOME="$home" PREFIX="$scratch/usr" bash scripts/install.sh --binary "$binary"
check prefix_has_the_program test -x "$scratch/usr/bin/ollama-forward"
check prefix_has_the_completions test -s "$scratch/usr/share/fish/vendor_completions.d/ollama-forward.fish"
check prefix_leaves_the_home_alone test "$(tree)" = "$before"
finish
