#!/usr/bin/env bash
# Installs ollama-forward for one user: the program, its man pages, and completions for the shells that are there.
# In a checkout it builds the program first; in an unpacked release it takes the program beside it.
#
#   install.sh                 below ~/.local
#   install.sh --prefix DIR    below DIR (PREFIX=DIR is the same)
#   install.sh --binary FILE   FILE instead of building
#   install.sh --uninstall     removes what was installed, and nothing else; settings and captures stay
#   install.sh --purge         the same, then lists settings, state and captures, and removes them, after asking
#   install.sh --yes           asks nothing: yes to all that it would ask
#   install.sh --help          this
#
# Running it again upgrades: it changes only what is out of date. What somebody else wrote is never overwritten: it is
# moved aside, after asking. Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/install-words.sh
. "$here/install-words.sh"
name=ollama-forward
yes='' scratch='' made=() sources=() targets=() modes=() old_script=''

main() {
  choose_language
  trap 'rm -rf "$scratch"' EXIT
  trap interrupted INT TERM
  local binary='' action=install
  prefix=${PREFIX:-}
  while (($#)); do
    case $1 in
      --binary | --prefix) (($# > 1)) && [[ -n $2 ]] || usage ;;&
      --binary) binary=$2; shift 2 ;;
      --prefix) prefix=$2; shift 2 ;;
      --uninstall) [[ $action == purge ]] || action=uninstall; shift ;;
      --purge) action=purge; shift ;;
      -y | --yes) yes=1; shift ;;
      -h | --help) help; return ;;
      *) usage ;;
    esac
  done
  settle_places
  case $action in
    install) install_all "$binary" ;;
    uninstall) uninstall ;;
    purge)
      uninstall
      purge
      ;;
  esac
}

# Where everything belongs, by the rules of XDG; what a prefix was named for stays below it.
settle_places() {
  [[ -n ${HOME:-} ]] || fail 2 'HOME is not set' "HOME n'est pas défini"
  data=${prefix:+$prefix/share}
  data=${data:-${XDG_DATA_HOME:-$HOME/.local/share}}
  prefix=${prefix:-$HOME/.local}
  [[ $prefix == /* && $data == /* ]] ||
    fail 2 'the prefix and XDG_DATA_HOME must be absolute paths' 'le préfixe et XDG_DATA_HOME doivent être des chemins absolus'
  program=$prefix/bin/$name
  config=${XDG_CONFIG_HOME:-$HOME/.config}
  state=${XDG_STATE_HOME:-$HOME/.local/state}
  record=$data/$name/installed # `dir PATH` and `file SHA256 PATH`, in the order they were made
}

install_all() {
  local binary=$1
  [[ -n $binary || ! -x $here/$name ]] || binary=$here/$name
  [[ -n $binary ]] || binary=$(build)
  [[ -f $binary && -x $binary ]] || fail 1 '%s is not a program' "%s n'est pas un programme" "$binary"
  scratch=$(mktemp -d)
  gather "$binary"
  may_move_aside

  # A moment, in which nothing is interrupted: all of it is there, or none.
  trap '' INT TERM
  make_dir "$(dirname "$record")"
  touch "$record"
  local at
  for at in "${!targets[@]}"; do
    put "${sources[at]}" "${targets[at]}" "${modes[at]}"
  done
  tidy_record
  remove_stale
  say 'man pages: %s, in %s' 'pages de manuel : %s, dans %s' "$(pages)" "$data/man"
  trap interrupted INT TERM

  look_at_path
  look_at_zsh
  look_at_running 'still runs as it was before, with process id %s; a restart takes the new one:
  ollama-forward service restart    (or end it, and start it again)' \
    "tourne encore dans l'ancienne version, sous le numéro de processus %s ; un redémarrage prend la nouvelle :
  ollama-forward service restart    (ou arrêtez-le, puis relancez-le)"
  hint 'next: %s setup%s' 'ensuite : %s setup%s' "$(found_first)" "${old_script:+ --from-socat}"
}

# What is to be installed: sources, targets, modes.
gather() {
  local binary=$1 page dir
  plan "$binary" "$program" 755
  completions bash "$data/bash-completion/completions/$name"
  completions zsh "$data/zsh/site-functions/_$name"
  completions fish "$data/fish/vendor_completions.d/$name.fish"
  for dir in en:man/man1 fr:man/fr/man1; do
    mkdir -p "$scratch/${dir#*:}"
    if ! "$binary" man --all "$scratch/${dir#*:}" --lang "${dir%%:*}" >/dev/null 2>"$scratch/said"; then
      warn 'this program writes no man pages: %s' "ce programme n'écrit pas de pages de manuel : %s" "$(tail -n 1 "$scratch/said")"
      return 0
    fi
    for page in "$scratch/${dir#*:}"/*.1; do
      plan "$page" "$data/${dir#*:}/${page##*/}" 644
    done
  done
}

plan() { sources+=("$1") targets+=("$2") modes+=("$3"); }

# completions SHELL TARGET: for a shell that is there.
completions() {
  type -P "$1" >/dev/null || [[ ${SHELL:-} == */$1 ]] || return 0
  "$binary" completions "$1" >"$scratch/$1" || fail 1 '%s is not a program of ours' "%s n'est pas notre programme" "$binary"
  plan "$scratch/$1" "$2" 644
}

# Prints where the program is.
build() {
  local checkout=$here/.. wanted have built commit
  command -v cargo >/dev/null || need_rust 'cargo is missing, to build with' 'cargo manque pour compiler' \
    "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh"
  wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$checkout/Cargo.toml")
  have=$(cd "$checkout" && cargo --version | cut -d' ' -f2)
  printf '%s\n' "$wanted" "${have%%-*}" | sort -CV ||
    need_rust 'cargo %s is too old, %s or newer is needed' 'cargo %s est trop ancien : il faut la version %s ou une plus récente' \
      'rustup update stable' "$have" "$wanted"
  command -v "${CC:-cc}" >/dev/null ||
    fail 1 'a C compiler is missing
  next: sudo apt install gcc libc6-dev' 'il manque un compilateur C
  ensuite : sudo apt install gcc libc6-dev'
  # What `ollama-forward version` tells.
  if [[ -e $checkout/.git ]] && commit=$(git -C "$checkout" log -1 --format='%H %ct' 2>/dev/null); then
    export OLLAMA_FORWARD_COMMIT=${OLLAMA_FORWARD_COMMIT:-${commit% *}} SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-${commit#* }}
  fi
  built=$(cd "$checkout" && cargo build --release --locked --bin "$name" --message-format=json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1) ||
    fail 1 'the build failed, nothing was installed' "la compilation a échoué, rien n'a été installé"
  printf '%s\n' "$built"
}

# need_rust EN FR COMMAND ARGUMENT…
need_rust() {
  local en=$1 fr=$2 command=$3
  shift 3
  fail 1 "$en
  likely: Rust comes from rustup, and this script does not install it
  next: $command" "$fr
  cause : Rust vient de rustup, et ce script ne l'installe pas
  ensuite : $command" "$@"
}

# Asks for all that stands in the way, before anything is changed.
may_move_aside() {
  local target list=()
  for target in "${targets[@]}"; do
    if [[ -d $target && ! -L $target ]]; then
      fail 1 '%s is a directory' '%s est un répertoire' "$target"
    fi
    [[ ! -e $target && ! -L $target ]] || is_ours "$target" || list+=("$target")
  done
  ((${#list[@]})) || return 0
  hint 'not installed by this script:' 'pas installé par ce script :'
  printf '  %s\n' "${list[@]}" >&2
  if is_script "$program"; then
    old_script=1
    hint 'It looks like an old script of your own. What belongs to it is found afterwards, by
  ollama-forward setup --from-socat' "C'est sans doute un ancien script à vous. Ce qui en dépend se retrouve ensuite, par
  ollama-forward setup --from-socat"
  fi
  ask yes 'Move it aside, to a name that ends with .bak?' 'Le mettre de côté, sous un nom qui finit par .bak ?' ||
    fail 1 'nothing was installed
  likely: what stands there is yours, and nobody said that it may be moved
  next: move it yourself, or repeat this with --yes' "rien n'a été installé
  cause : ce fichier est à vous, et personne n'a permis de le déplacer
  ensuite : déplacez-le vous-même, ou recommencez avec --yes"
}

# put SOURCE TARGET MODE
put() {
  local source=$1 target=$2 mode=$3 sum was=new
  sum=$(sum_of "$source")
  if [[ -f $target && ! -L $target && $(sum_of "$target") == "$sum" ]]; then
    was=same
  elif [[ -e $target || -L $target ]]; then
    was=old
    is_ours "$target" || keep "$target"
  fi
  if [[ $was != same ]]; then
    make_dir "$(dirname "$target")"
    # By a rename, so that a running forwarder keeps its file and no half-written one is ever seen.
    install -m "$mode" "$source" "$target.new"
    mv -T "$target.new" "$target"
  fi
  remember "$sum" "$target"
  # A line for all of them is enough.
  [[ $target != "$data"/man/* ]] || return 0
  case $was in
    new) say 'installed: %s' 'installé : %s' "$target" ;;
    old) say 'updated: %s' 'mis à jour : %s' "$target" ;;
    same) say 'unchanged: %s' 'inchangé : %s' "$target" ;;
  esac
}

# A file of ours, or a program that was built and copied by hand: nothing a user wrote.
is_ours() {
  local target=$1
  [[ ! -L $target ]] || return 1
  ! grep -qsxF "file $(sum_of "$target") $target" "$record" || return 0
  [[ $target == "$program" && $(magic "$target") == 177ELF ]]
}

# How many man pages are installed.
pages() { man=$data/man/ awk '$1 == "file" && index($0, ENVIRON["man"]) == 71 { n++ } END { print n + 0 }' "$record"; }
is_script() { [[ -f $1 && $(magic "$1") == '#!'* ]]; }
magic() { head -c 4 -- "$1" | od -An -c | tr -d ' \n'; }
sum_of() {
  local sum
  read -r sum _ < <(sha256sum <"$1")
  printf '%s' "$sum"
}

# What somebody wrote is moved aside, never overwritten.
keep() {
  local target=$1 aside=$1.bak number=1
  while [[ -e $aside || -L $aside ]]; do
    aside=$target.bak.$((number++))
  done
  mv -T "$target" "$aside"
  say 'kept: %s (what was at %s before)' 'conservé : %s (ce qui se trouvait à %s auparavant)' "$aside" "$target"
}

remember() { printf 'file %s %s\n' "$1" "$2" >>"$record"; }

# One line for each path: where it first stood, with what is there now. A path starts in column 71, behind `file ` and its sum.
tidy_record() {
  awk '{ key = $1 == "file" ? substr($0, 71) : $0 }
    !(key in line) { order[++n] = key }
    { line[key] = $0 }
    END { for (i = 1; i <= n; i++) print line[order[i]] }' "$record" >"$record.new"
  mv -T "$record.new" "$record"
}

forget() {
  target=$1 awk '$1 != "file" || substr($0, 71) != ENVIRON["target"]' "$record" >"$record.new"
  mv -T "$record.new" "$record"
}

# What an earlier release had, or a shell that is gone: it would describe a program that is no more.
remove_stale() {
  local kind sum target
  while read -r kind sum target; do
    [[ $kind == file && -n $target ]] || continue
    ! among "$target" "${targets[@]}" || continue
    if [[ -f $target && $(sum_of "$target") == "$sum" ]]; then
      rm -- "$target"
      say 'removed: %s (no longer part of it)' "supprimé : %s (n'en fait plus partie)" "$target"
    fi
    forget "$target"
  done < <(cat "$record")
}

among() {
  local wanted=$1 one
  shift
  for one in "$@"; do
    [[ $one != "$wanted" ]] || return 0
  done
  return 1
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

uninstall() {
  if [[ ! -f $record ]]; then
    say 'nothing to remove: no installation is recorded in %s' 'rien à supprimer : %s ne mentionne aucune installation' "$record"
    return 0
  fi
  undo_first
  look_at_running 'still runs, with process id %s; this ends it:
  kill %s' 'tourne encore, sous le numéro de processus %s ; pour l'\''arrêter :
  kill %s'
  trap '' INT TERM
  local kind sum target dirs
  while read -r kind sum target; do
    [[ $kind == file && -n $target ]] || continue
    if [[ ! -e $target ]]; then
      say 'gone already: %s' 'déjà absent : %s' "$target"
    elif [[ $(sum_of "$target") == "$sum" ]]; then
      rm -- "$target"
      [[ $target == "$data"/man/* ]] || say 'removed: %s' 'supprimé : %s' "$target"
    else
      warn '%s is not what was installed any more; left alone' "%s n'est plus ce qui a été installé ; laissé en place" "$target"
    fi
    [[ ! -e $target.bak ]] || say 'still there: %s (what was there before the installation)' \
      "toujours là : %s (ce qui s'y trouvait avant l'installation)" "$target.bak"
  done <"$record"
  (($(pages) == 0)) || say 'removed: the man pages in %s' 'supprimé : les pages de manuel de %s' "$data/man"
  dirs=$(sed -n 's/^dir //p' "$record" | tac)
  rm -- "$record"
  while read -r target; do
    [[ -z $target ]] || rmdir --ignore-fail-on-non-empty -- "$target" 2>/dev/null || true
  done <<<"$dirs"
  trap interrupted INT TERM
  say 'settings, state and captures, if there are any, are where they were' \
    "configuration, état et captures, s'il y en a, sont restés à leur place"
}

# A service that starts the program and a profile that leads to it would stay behind, and nothing could undo them.
undo_first() {
  local file
  [[ -x $program ]] || return 0
  if file=$(first_with "$program" "$config/systemd/user/$name.service") ||
    file=$(first_with "# >>> $name service" "$HOME"/.{bash_profile,bash_login,profile} "${ZDOTDIR:-$HOME}/.zprofile" \
      "$config/fish/conf.d/$name.fish"); then
    undo "$file" service uninstall
  fi
  # Another ollama-forward may go on serving Codex.
  [[ $(found_first) == "$name" ]] || return 0
  if file=$(first_with '' "${CODEX_HOME:-$HOME/.codex}/$name.config.toml") ||
    file=$(first_with "# >>> $name" "${CODEX_HOME:-$HOME/.codex}/config.toml"); then
    undo "$file" codex --restore
  fi
}

# first_with TEXT FILE…: prints the first of them that has it.
first_with() {
  local text=$1 file
  shift
  for file in "$@"; do
    if grep -qsF -- "$text" "$file"; then
      printf '%s' "$file"
      return 0
    fi
  done
  return 1
}

# undo FILE ARGUMENT…: by the program's own command, which knows what it wrote.
undo() {
  local file=$1 status=0
  shift
  hint '%s needs this program.' '%s a besoin de ce programme.' "$file"
  if [[ -z $yes ]] && ! can_ask; then
    fail 1 'nothing was removed
  likely: it would be left behind, and fail
  next: %s %s, or repeat this with --yes' "rien n'a été supprimé
  cause : ce fichier resterait, et ne mènerait plus à rien
  ensuite : %s %s, ou recommencez avec --yes" "$program" "$*"
  fi
  ask yes 'Undo it first, by %s %s?' "L'annuler d'abord, par %s %s ?" "$name" "$*" || return 0
  timeout 60 "$program" "$@" --yes >&2 || status=$?
  ((status == 0)) || fail 1 '%s %s failed, with exit code %s; nothing was removed' \
    "échec de %s %s, code de sortie %s ; rien n'a été supprimé" "$program" "$*" "$status"
}

# Settings, state, captures: each is named, with its size, before it goes.
purge() {
  local dir list=() pids
  for dir in "$config/$name" "$state/$name" "${XDG_RUNTIME_DIR:+$XDG_RUNTIME_DIR/$name}"; do
    [[ $dir == /* && -e $dir ]] || continue
    if [[ -L $dir || ! -d $dir || ! -O $dir ]]; then
      warn '%s is no directory of yours; left alone' "%s n'est pas un répertoire à vous ; laissé en place" "$dir"
    else
      list+=("$dir")
    fi
  done
  if ((${#list[@]} == 0)); then
    say 'no settings, no state, no captures' 'ni configuration, ni état, ni captures'
    return 0
  fi
  pids=$(running)
  [[ -z $pids ]] || fail 1 '%s still runs, and writes there
  next: kill %s, and repeat this' "%s tourne encore et y écrit
  ensuite : kill %s, puis recommencez" "$program" "$pids"
  hint 'settings, state and captures:' 'configuration, état et captures :'
  du -sh -- "${list[@]}" >&2
  ! grep -qs '^ *capture *= *"' "$config/$name/config.toml" ||
    hint 'captures in a directory that config.toml names are not among them' \
      "les captures d'un répertoire indiqué dans config.toml n'en font pas partie"
  ask no 'Remove all of it, for good?' 'Tout supprimer, définitivement ?' ||
    fail 1 'they were left alone
  next: answer y, or repeat this with --yes' 'rien de tout cela n'\''a été supprimé
  ensuite : répondez o, ou recommencez avec --yes'
  rm -rf --one-file-system -- "${list[@]}"
  for dir in "${list[@]}"; do
    say 'removed: %s' 'supprimé : %s' "$dir"
  done
}

look_at_path() {
  local bin=$prefix/bin first
  if [[ :$PATH: != *:$bin:* ]]; then
    case ${SHELL:-} in
      */fish)
        warn '%s is not on PATH; this adds it:' "%s n'est pas dans PATH ; pour l'ajouter :" "$bin"
        printf '  fish_add_path "%s"\n' "$bin" >&2 ;;
      *)
        local file=.profile
        [[ ${SHELL:-} != */zsh ]] || file=.zprofile
        warn '%s is not on PATH; add this line to ~/%s, then log in again:' \
          "%s n'est pas dans PATH ; ajoutez cette ligne à ~/%s, puis reconnectez-vous :" "$bin" "$file"
        printf '  export PATH="%s:$%s"\n' "$bin" PATH >&2 ;;
    esac
  fi
  first=$(type -P "$name" || true)
  [[ -n $first && ! $first -ef $program ]] || return 0
  warn 'the shell finds another %s first: %s' 'le shell trouve un autre %s en premier : %s' "$name" "$first"
  if is_script "$first"; then
    printf '  %q setup --from-socat\n' "$program" >&2
  else
    printf '  mv %q %q\n' "$first" "$first.old" >&2
  fi
}

# The shortest word that starts what was installed.
found_first() {
  local first
  first=$(type -P "$name" || true)
  if [[ -n $first && $first -ef $program ]]; then
    printf '%s' "$name"
  else
    printf '%q' "$program"
  fi
}

# bash and fish look for completions there by themselves.
look_at_zsh() {
  [[ ${SHELL:-} == */zsh ]] || return 0
  ! grep -qsF zsh/site-functions "${ZDOTDIR:-$HOME}/.zshrc" || return 0
  hint 'for zsh, put this line into ~/.zshrc, before compinit:' 'pour zsh, mettez cette ligne dans ~/.zshrc, avant compinit :'
  printf '%s\n' "  fpath+=('$data/zsh/site-functions')" >&2
}

# look_at_running EN FR: with the ids of the processes that run the installed program, or ran it before it was replaced.
look_at_running() {
  local pids
  pids=$(running)
  [[ -z $pids ]] || warn "$name $1" "$name $2" "$pids" "$pids"
}

running() {
  local pid of pids=()
  while read -r pid of; do
    [[ $of != "$program" && $of != "$program (deleted)" ]] || pids+=("$pid")
  done < <(find /proc -mindepth 2 -maxdepth 2 -path '/proc/[0-9]*/exe' -printf '%h %l\n' 2>/dev/null | sed 's|^/proc/||')
  printf '%s' "${pids[*]}"
}

main "$@"
