#!/usr/bin/env bash
# scripts/install.sh in a scratch home.      tests/scripts/install.sh BINARY
# shellcheck source=tests/scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
binary=$(realpath -- "${1:?the program to install}")

home=$scratch/'a home'
bin=$home/.local/bin
share=$home/.local/share
program=$bin/ollama-forward
bash_words=$share/bash-completion/completions/ollama-forward
zsh_words=$share/zsh/site-functions/_ollama-forward
fish_words=$share/fish/vendor_completions.d/ollama-forward.fish
mkdir -p "$home/.config/ollama-forward" "$home/.local/state/ollama-forward/captures"
echo 'quiet = true' >"$home/.config/ollama-forward/config.toml"
echo '{}' >"$home/.local/state/ollama-forward/captures/index.jsonl"

# A PATH with what the script needs, and with these shells: what else this machine has must not decide.
# tools NAME…
tools() {
  local tool
  rm -rf "$scratch/tools"
  mkdir "$scratch/tools"
  for tool in awk cat chmod cp cut dirname du env find git grep head install mkdir mktemp mv od rm rmdir sed sha256sum sort \
    tac tail timeout touch tr "$@"; do
    ln -s "$(type -P "$tool" || echo /bin/true)" "$scratch/tools/$tool"
  done
}

# run PATH ARGUMENT…: everything it says ends up in $said.
said=$scratch/said
shell=/bin/bash locale=C.UTF-8
run() {
  local path=$1
  shift
  env -i HOME="$home" SHELL="$shell" PATH="$path" LANG="$locale" bash "${script:-scripts/install.sh}" "$@" >"$said" 2>&1 </dev/null
}
install() { run "$bin:$scratch/tools" --binary "$@"; }
uninstall() { run "$bin:$scratch/tools" --uninstall; }
# answer TEXT ARGUMENT…: on a terminal, TEXT as soon as there is a question; with the script's own exit code.
answer() {
  local text=$1 chunk pid
  shift
  coproc TERMINAL {
    exec env -i HOME="$home" SHELL=/bin/bash PATH="$bin:$scratch/tools" LANG="$locale" TERM=dumb timeout --foreground 60 \
      "$(type -P script)" --quiet --return --command "exec $(printf '%q ' bash scripts/install.sh "$@")" /dev/null 2>&1
  }
  pid=$TERMINAL_PID
  : >"$said"
  # A question ends with its marks: [Y/n] or [y/N].
  while IFS= read -r -t 30 -d ']' -u "${TERMINAL[0]}" chunk; do
    printf '%s]' "$chunk" >>"$said"
    [[ $chunk != */[nN] ]] || printf '%s' "$text" >&"${TERMINAL[1]}"
  done
  printf '%s' "$chunk" >>"$said"
  wait "$pid"
}
says() { grep -qF -- "$1" "$said" || { cat "$said"; false; }; }
code() { local wanted=$1 got=0; shift; "$@" || got=$?; ((got == wanted)) || { echo "exit code $got"; cat "$said"; false; }; }
tree() { (cd "$home" && find . -type f -exec sha256sum {} + | sort -k2); }
# Other releases, as far as the installation can tell: with one page less, and without any.
printf '#!/bin/sh\n%q "$@" || exit\n[ "$1" != man ] || rm -f "$3/ollama-forward-status.1"\n' "$binary" >"$scratch/next"
printf '#!/bin/sh\n[ "$1" != man ] || { echo "no such command" >&2; exit 2; }\nexec %q "$@"\n' "$binary" >"$scratch/bare"
chmod +x "$scratch/next" "$scratch/bare"

tools bash zsh fish
before=$(tree)
check a_first_installation_succeeds install "$binary"
check the_program_is_there_and_runs "$program" --version
for file in "$bash_words" "$zsh_words" "$fish_words"; do
  check "completions_in_$(basename "$(dirname "$file")")_are_there" test -s "$file"
done
for page in man1/ollama-forward.1 man1/ollama-forward-status.1 fr/man1/ollama-forward.1 fr/man1/ollama-forward-status.1; do
  check "the_man_page_${page//\//_}_is_there" grep -q '^\.TH' "$share/man/$page"
done
check the_french_pages_are_not_the_english_ones not cmp -s "$share/man/man1/ollama-forward.1" "$share/man/fr/man1/ollama-forward.1"
check its_man_pages_are_counted says "man pages: $(find "$share/man" -type f | wc -l), in $share/man"
check the_next_command_is_said says 'next: ollama-forward setup'
check bash_understands_its_completions bash -n "$bash_words"
if type -P zsh >/dev/null; then
  check zsh_understands_its_completions zsh -n "$zsh_words"
else
  skip zsh_understands_its_completions 'zsh is not installed'
fi
if type -P fish >/dev/null; then
  check fish_understands_its_completions fish --no-execute "$fish_words"
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
check a_page_it_no_longer_has_is_gone not test -e "$share/man/man1/ollama-forward-status.1"
tools bash
check without_other_shells_it_installs_too install "$scratch/next"
check completions_of_shells_that_are_not_there_go not test -e "$zsh_words" -o -e "$fish_words"
check those_of_the_shell_that_is_there_stay test -s "$bash_words"

check removing_succeeds uninstall
check removing_leaves_what_was_there_before test "$(tree)" = "$before"
check removing_takes_its_directories_along not test -e "$home/.local/bin" -o -e "$share"
check removing_twice_is_no_error uninstall
check removing_twice_says_so says 'nothing to remove'

check a_program_without_man_pages_is_installed install "$scratch/bare"
check and_that_is_said says 'writes no man pages: no such command'
uninstall

mkdir -p "$bin"
printf '#!/bin/sh\nexec socat TCP-LISTEN:11434,fork TCP:172.24.0.1:11434\n' >"$program"
chmod +x "$program"
cp "$program" "$scratch/script"
blocked=$(tree)
check a_script_in_the_way_stops_it_where_nobody_can_be_asked code 1 install "$binary"
check it_names_the_script says "  $program"
check it_says_what_else_cares_for_scripts says 'ollama-forward setup --from-socat'
check it_says_what_to_type says 'repeat this with --yes'
check nothing_was_changed test "$(tree)" = "$blocked"
check no_is_an_answer code 1 answer $'n\n' --binary "$binary"
check after_no_nothing_was_changed test "$(tree)" = "$blocked"
check ctrl_c_is_an_answer code 130 answer $'\x03' --binary "$binary"
check after_ctrl_c_nothing_was_changed test "$(tree)" = "$blocked"
check enter_moves_it_aside answer $'\n' --binary "$binary"
check the_next_command_looks_for_the_rest_of_the_script says 'next: ollama-forward setup --from-socat'
check the_script_is_kept cmp -s "$program.bak" "$scratch/script"
check and_it_says_where says "kept: $program.bak"
uninstall
mv "$program.bak" "$program"
check with_yes_nothing_is_asked install "$binary" --yes
check and_the_script_is_kept_too cmp -s "$program.bak" "$scratch/script"
echo '# mine' >>"$bash_words"
check what_was_edited_stops_an_upgrade code 1 install "$scratch/next"
check removing_what_was_edited_succeeds uninstall
check what_was_edited_is_left_alone grep -q '# mine' "$bash_words"
check the_kept_script_is_still_there cmp -s "$program.bak" "$scratch/script"
rm -rf "$bin" "$share"
mkdir -p "$bin"
ln -s "$scratch/script" "$program"
check a_link_in_the_way_is_moved_not_followed install "$binary" --yes
check what_it_led_to_is_as_it_was grep -q socat "$scratch/script"
uninstall
rm -rf "$bin" "$share"

check a_bin_that_is_not_on_the_path_is_pointed_out run "$scratch/tools" --binary "$binary"
check and_the_cure_is_said says "export PATH=\"$bin:\$PATH\""
check the_next_command_works_nevertheless says "$(printf 'next: %q setup' "$program")"
mkdir "$scratch/earlier"
cp "$scratch/script" "$scratch/earlier/ollama-forward"
check another_program_first_on_the_path_is_pointed_out run "$scratch/earlier:$bin:$scratch/tools" --binary "$binary"
check and_it_is_named says "another ollama-forward first: $scratch/earlier/ollama-forward"
check and_its_replacement_too says "$(printf '%q setup --from-socat' "$program")"
uninstall

check zsh_is_not_spoken_of_to_others not grep -q fpath "$said"
shell=/bin/zsh
check with_zsh_it_installs_too install "$binary"
check zsh_needs_a_line_and_it_is_said says "fpath+=('$share/zsh/site-functions')"
uninstall
shell=/bin/bash

# What starts the program, and what leads to it.
stub() {
  printf '#!/bin/sh\ncase "$*" in\n  completions*) echo :; exit ;;\n  man*) exit 2 ;;\nesac\necho "$*" >>%q\nexit %d\n' \
    "$scratch/asked" "$1" >"$scratch/stub"
  chmod +x "$scratch/stub"
}
mkdir -p "$home/.config/systemd/user" "$home/.codex"
printf '[Service]\nExecStart=%s run\n' "$program" >"$home/.config/systemd/user/ollama-forward.service"
echo 'model = "demo"' >"$home/.codex/ollama-forward.config.toml"
stub 1
install "$scratch/stub"
check a_service_stops_the_removal_where_nobody_can_be_asked code 1 uninstall
check the_removal_says_how_to_go_on says 'service uninstall, or repeat this with --yes'
check the_program_is_still_there test -x "$program"
check a_service_that_cannot_be_undone_stops_it_too code 1 run "$bin:$scratch/tools" --uninstall --yes
check then_the_program_stays test -x "$program"
stub 0
rm "$scratch/asked"
install "$scratch/stub"
check with_yes_the_program_undoes_both run "$bin:$scratch/tools" --uninstall --yes
check it_was_asked_for_both test "$(cat "$scratch/asked")" = $'service uninstall --yes\ncodex --restore --yes'
rm -r "$home/.config/systemd"
printf 'PATH=x\n# >>> ollama-forward service >>>\n' >"$home/.profile"
mv "$home/.codex/ollama-forward.config.toml" "$home/.codex/config.toml"
install "$scratch/stub"
check a_start_at_login_is_undone_too run "$bin:$scratch/tools" --uninstall --yes
check it_was_asked_for_that_alone test "$(tail -n 1 "$scratch/asked")" = 'service uninstall --yes'
echo '# >>> ollama-forward: written by ollama-forward' >>"$home/.codex/config.toml"
rm "$home/.profile"
install "$scratch/stub"
check a_block_in_the_settings_of_codex_is_undone run "$bin:$scratch/tools" --uninstall --yes
check it_was_asked_for_the_block test "$(tail -n 1 "$scratch/asked")" = 'codex --restore --yes'
mkdir "$scratch/other"
cp "$scratch/stub" "$scratch/other/ollama-forward"
install "$scratch/stub"
rm "$scratch/asked"
check with_another_program_first_codex_is_left_to_it run "$scratch/other:$scratch/tools" --uninstall --yes
check nothing_was_asked_for not test -e "$scratch/asked"
rm -r "$home/.codex"

check a_refusal_is_not_a_program code 1 install "$scratch/said"
check a_refusal_leaves_nothing_behind test "$(tree)" = "$before"
check an_unknown_option_is_refused code 2 run "$PATH" --frobnicate
check and_the_options_are_told says 'install.sh --purge'
check an_option_without_its_value_is_refused code 2 run "$PATH" --prefix
check a_relative_prefix_is_refused code 2 run "$PATH" --prefix usr
check help_is_told run "$PATH" --help
check help_names_all_options grep -q -- --purge "$said"
check help_ends_where_the_script_begins not grep -q 'set -e' "$said"
locale=fr_FR.UTF-8
check help_speaks_french run "$PATH" --help
check french_help_names_all_options grep -q -- '--purge.*confirmation' "$said"
check it_installs_in_french install "$binary"
check it_speaks_french says "installé"$'\xc2\xa0'": $program"
uninstall
locale=C.UTF-8

PREFIX=$scratch/usr check prefix_is_where_everything_goes env HOME="$home" bash scripts/install.sh --binary "$binary"
check prefix_has_the_program test -x "$scratch/usr/bin/ollama-forward"
check prefix_has_the_completions test -s "$scratch/usr/share/bash-completion/completions/ollama-forward"
check prefix_leaves_the_home_alone test "$(tree)" = "$before"
check the_option_is_the_same_as_the_variable run "$PATH" --uninstall --prefix "$scratch/usr"
check and_removes_what_was_put_there not test -e "$scratch/usr"

# A checkout without the tools to build.
mkdir -p "$scratch/checkout/scripts"
cp scripts/install.sh scripts/install-words.sh "$scratch/checkout/scripts"
cp Cargo.toml "$scratch/checkout"
script=$scratch/checkout/scripts/install.sh
check without_cargo_it_gives_up code 1 run "$scratch/tools"
check it_says_where_cargo_comes_from says 'https://sh.rustup.rs | sh'
printf '#!/bin/sh\necho cargo 1.87.0\n' >"$scratch/tools/cargo"
chmod +x "$scratch/tools/cargo"
check with_an_old_cargo_it_gives_up code 1 run "$scratch/tools"
check it_says_which_it_needs says 'cargo 1.87.0 is too old, 1.88 or newer is needed'
check it_says_how_to_get_it says 'rustup update stable'
printf '#!/bin/sh\necho cargo 1.100.0-nightly\n' >"$scratch/tools/cargo"
check without_a_c_compiler_it_gives_up code 1 run "$scratch/tools"
check it_says_which_packages says 'apt install gcc libc6-dev'
# cargo STATUS: one that says that it built the program.
cargo() {
  printf '#!/bin/sh\n[ "$1" != --version ] || { echo cargo 1.88.0; exit; }\necho "$*; $OLLAMA_FORWARD_COMMIT" >%q\n%s\nexit %d\n' "$scratch/asked" \
    "echo '{\"reason\":\"compiler-artifact\",\"executable\":\"$binary\"}'" "$1" >"$scratch/tools/cargo"
  ln -sf /bin/true "$scratch/tools/cc"
}
cargo 101
check a_build_that_fails_is_told code 1 run "$scratch/tools"
check it_says_that_nothing_was_installed says 'the build failed, nothing was installed'
check none_of_that_left_anything test "$(tree)" = "$before"
cargo 0
git -C "$scratch/checkout" init --quiet
git -C "$scratch/checkout" -c user.name=me -c user.email=me@example.com commit --quiet --allow-empty --message=one
ln -sf "$(type -P git)" "$scratch/tools/git"
check a_build_is_installed run "$bin:$scratch/tools"
check what_was_built_is_what_runs cmp -s "$program" "$binary"
check it_is_built_as_it_is_locked grep -q '^build --release --locked ' "$scratch/asked"
check the_build_is_told_its_commit grep -qF "; $(git -C "$scratch/checkout" rev-parse HEAD)" "$scratch/asked"
unset script
unset -f cargo
uninstall

# Settings, state and captures: only when they are asked for by name.
install "$binary"
check a_purge_asks_and_nobody_there_means_no code 1 run "$bin:$scratch/tools" --purge
check it_lists_what_it_would_remove says "$home/.local/state/ollama-forward"
check they_are_still_there test "$(tree)" = "$before"
check enter_is_no code 1 answer $'\n' --purge
check after_enter_they_are_still_there test "$(tree)" = "$before"
mkdir "$scratch/elsewhere"
mv "$home/.config/ollama-forward" "$scratch/elsewhere/settings"
ln -s "$scratch/elsewhere/settings" "$home/.config/ollama-forward"
check yes_removes_them run "$bin:$scratch/tools" --purge --yes
check nothing_of_the_state_is_left not test -e "$home/.local/state/ollama-forward"
check a_link_is_not_followed test -s "$scratch/elsewhere/settings/config.toml"
check what_is_beside_them_stays test -d "$home/.config"
finish
