# What scripts/install.sh says and asks, in English and in French. Read by it, from the folder that it stands in.
# shellcheck shell=bash disable=SC2034,SC2154
lang=en

# The program's own rule: the strongest variable that says anything.
choose_language() {
  local word=${OLLAMA_FORWARD_LANG:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}}
  word=${word%%[_.@-]*}
  [[ ${word,,} != fr ]] || lang=fr
}

# words EN FR ARGUMENT…: one of the two formats, in French with the spaces that do not break.
words() {
  local format=$1 space=$'\xc2\xa0'
  if [[ $lang == fr ]]; then
    format=${2// :/"$space":}
    format=${format// ;/"$space";}
    format=${format// \?/"$space"?}
  fi
  shift 2
  # Without arguments a format stands for itself, and one that takes fewer than there are is not repeated.
  local holes=${format//[!%]/}
  printf -- "$format" "${@:1:${#holes}}"
}

say() { words "$@"; echo; }
hint() { say "$@" >&2; }
warn() { hint "warning: $1" "attention : $2" "${@:3}"; }
fail() {
  local code=$1
  shift
  hint "error: $1" "erreur : $2" "${@:3}"
  exit "$code"
}

# Where a question stands, the shell's own prompt begins a line of its own.
interrupted() {
  ! can_ask || echo >&2
  exit 130
}

can_ask() { [[ -t 0 && -t 2 ]]; }

# ask yes|no EN FR ARGUMENT…: whether it may be done. Enter is the first word; where nobody can be asked, it may not.
ask() {
  local usual=$1 answer marks='[y/N]' tries
  shift
  [[ -z $yes ]] || return 0
  can_ask || return 1
  [[ $usual == no ]] || marks='[Y/n]'
  [[ $lang == en ]] || marks=${marks//y/o} marks=${marks//Y/O}
  for tries in 1 2 3; do
    words "$@" >&2
    printf ' %s ' "$marks" >&2
    read -r answer || return 1
    case ${answer,,} in
      '') [[ $usual == yes ]]; return ;;
      y | yes | o | oui) return 0 ;;
      n | no | non) return 1 ;;
    esac
    ((tries == 3)) || hint '  y or n, please' "  o ou n, s'il vous plaît"
  done
  return 1
}

help() {
  if [[ $lang == en ]]; then
    sed -n '2,/^set /s/^# \{0,1\}//p' "$here/install.sh"
    return
  fi
  cat <<'END'
Installe ollama-forward pour un utilisateur : le programme, ses pages de manuel et la complétion des shells présents.
Dans une copie du dépôt, compile d'abord le programme ; dans une archive dépliée, prend celui qui s'y trouve.

  install.sh                 dans ~/.local
  install.sh --prefix DIR    dans DIR (PREFIX=DIR revient au même)
  install.sh --binary FILE   FILE, sans compiler
  install.sh --uninstall     supprime ce qui a été installé, rien d'autre ; configuration et captures restent
  install.sh --purge         de même, puis montre configuration, état et captures, et les supprime après confirmation
  install.sh --yes           ne demande rien : oui à toutes les questions
  install.sh --help          ce texte

Relancé, le script met à jour : il ne change que ce qui a vieilli. Ce qu'un autre a écrit n'est jamais écrasé, mais mis
de côté, après confirmation. Codes de sortie : 0 réussi, 1 échec, 2 usage, 130 interrompu.
END
}
usage() { help >&2; exit 2; }
