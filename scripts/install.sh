#!/usr/bin/env bash
# Builds ollama-forward from this checkout and installs it for one user, with completions for bash, zsh and fish.
#
#   scripts/install.sh                 build, then install below ~/.local
#   PREFIX=DIR scripts/install.sh      … below DIR
#   scripts/install.sh --binary FILE   install FILE instead of building
#   scripts/install.sh --uninstall     remove what was installed, and nothing else; settings stay
#
# Running it again changes only what is out of date. A script of the same name that stood there before is kept beside it.
set -euo pipefail
checkout=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
name=ollama-forward

say() { printf '%s\n' "$*"; }
warn() { printf 'warning: %s\n' "$*" >&2; }
fail() { printf 'error: %s\n' "$*" >&2; exit "${2:-1}"; }
usage() { sed -n '2,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2; exit 2; }

main() {
  local binary='' uninstall=''
  while (($#)); do
    case $1 in
      --binary) (($# > 1)) || usage; binary=$2; shift 2 ;;
      --uninstall) uninstall=1; shift ;;
      *) usage ;;
    esac
  done
  [[ -n ${HOME:-} ]] || fail 'HOME is not set'

  prefix=${PREFIX:-$HOME/.local}
  data=${PREFIX:+$PREFIX/share}
  data=${data:-${XDG_DATA_HOME:-$HOME/.local/share}}
  [[ $prefix == /* && $data == /* ]] || fail 'PREFIX and XDG_DATA_HOME must be absolute paths'
  record=$data/$name/installed # `dir PATH` and `file SHA256 PATH`, in the order they were made

  if [[ -n $uninstall ]]; then
    uninstall
  else
    install_all "$binary"
  fi
}

install_all() {
  local binary=$1
  [[ -n $binary ]] || binary=$(build)
  [[ -x $binary ]] || fail "$binary is not a program"

  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  local shell
  for shell in bash zsh fish; do
    "$binary" completions "$shell" >"$scratch/$shell"
  done

  make_dir "$(dirname "$record")"
  touch "$record"
  put "$binary" "$prefix/bin/$name" 755
  put "$scratch/bash" "$data/bash-completion/completions/$name" 644
  put "$scratch/zsh" "$data/zsh/site-functions/_$name" 644
  put "$scratch/fish" "$data/fish/vendor_completions.d/$name.fish" 644
  look_at_path "$prefix/bin"
  look_at_zsh "$data/zsh/site-functions"
}

# Prints where the program is.
build() {
  command -v cargo >/dev/null || fail 'cargo is needed: https://rustup.rs'
  (cd "$checkout" && cargo build --release --locked >&2) || fail 'the build failed, nothing was installed'
  say "$(cd "$checkout" && cargo metadata --no-deps --offline --format-version 1 |
    sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/release/$name"
}

# put SOURCE TARGET MODE
put() {
  local source=$1 target=$2 mode=$3 sum was=installed
  sum=$(sum_of "$source")
  if [[ -f $target && ! -L $target && $(sum_of "$target") == "$sum" ]]; then
    was=unchanged
  elif [[ -e $target || -L $target ]]; then
    was=updated
    is_ours "$target" || keep "$target"
  fi
  if [[ $was != unchanged ]]; then
    make_dir "$(dirname "$target")"
    # By a rename, so that a running forwarder keeps its file and no half-written one is ever seen.
    install -m "$mode" "$source" "$target.new"
    mv -T "$target.new" "$target"
  fi
  remember "$sum" "$target"
  say "$was: $target"
}

# A program of ours, or one that was built and copied by hand: nothing a user wrote.
is_ours() {
  local target=$1
  [[ ! -L $target ]] || return 1
  grep -qxF "file $(sum_of "$target") $target" "$record" && return 0
  [[ $(head -c 4 "$target" | od -An -c | tr -d ' \n') == '177ELF' ]]
}

# What somebody wrote is moved aside, never overwritten.
keep() {
  local target=$1 aside=$1.bak number=1
  while [[ -e $aside || -L $aside ]]; do
    aside=$target.bak.$((number++))
  done
  mv -T "$target" "$aside"
  say "kept: $aside (what was at $target before)"
}

remember() {
  local sum=$1 target=$2
  ! grep -qxF "file $sum $target" "$record" || return 0
  # A path starts in column 71, behind `file ` and its sum.
  target=$target awk '$1 != "file" || substr($0, 71) != ENVIRON["target"]' "$record" >"$record.new"
  printf 'file %s %s\n' "$sum" "$target" >>"$record.new"
  mv -T "$record.new" "$record"
}

# Makes a directory and its parents, and remembers those that were not there.
make_dir() {
  local dir=$1
  [[ ! -d $dir ]] || return 0
  make_dir "$(dirname "$dir")"
  mkdir "$dir"
  made+=("$dir")
  # The record itself may be the reason for the directory.
  if [[ -d $(dirname "$record") ]]; then
    printf 'dir %s\n' "${made[@]}" >>"$record"
    made=()
  fi
}
made=()

uninstall() {
  if [[ ! -f $record ]]; then
    say "nothing to remove: no installation is recorded in $record"
    return 0
  fi
  local kind rest sum target
  while read -r kind rest; do
    [[ $kind == file ]] || continue
    sum=${rest%% *} target=${rest#* }
    if [[ ! -e $target ]]; then
      say "gone already: $target"
    elif [[ $(sum_of "$target") == "$sum" ]]; then
      rm -- "$target"
      say "removed: $target"
    else
      warn "$target is not what was installed any more; left alone"
    fi
    [[ ! -e $target.bak ]] || say "still there: $target.bak (what was there before the installation)"
  done <"$record"

  local dirs
  dirs=$(sed -n 's/^dir //p' "$record" | tac)
  rm -- "$record"
  while read -r target; do
    [[ -z $target ]] || rmdir --ignore-fail-on-non-empty -- "$target" 2>/dev/null || true
  done <<<"$dirs"
  say 'settings, if you wrote any, are where they were'
}

look_at_path() {
  local bin=$1 first
  if [[ :$PATH: != *:$bin:* ]]; then
    warn "$bin is not on PATH; add this line to ~/.profile, then log in again:"
    printf '  export PATH="%s:$%s"\n' "$bin" PATH >&2
  fi
  first=$(type -P "$name" || true)
  if [[ -n $first && $first != "$bin/$name" ]]; then
    warn "the shell finds another $name first: $first"
    printf '  see what it is:    file %q\n  then remove it, or move it aside:    mv %q %q\n' "$first" "$first" "$first.old" >&2
  fi
}

# bash and fish look for completions there by themselves.
look_at_zsh() {
  [[ ${SHELL:-} == */zsh ]] || return 0
  ! grep -qsF zsh/site-functions "${ZDOTDIR:-$HOME}/.zshrc" || return 0
  say "for zsh, put this line into ~/.zshrc, before compinit:"
  say "  fpath+=('$1')"
}

sum_of() { sha256sum <"$1" | cut -d' ' -f1; }

main "$@"
