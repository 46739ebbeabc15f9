#!/usr/bin/env bash
# A release on a Debian with nothing on it: no Rust, no tools, only what every Debian has.
#
#   tests/scripts/bare.sh DIST [SUITE…]      the packages of DIST; the suite of this machine, or others, such as bullseye
#
# Each Debian is fetched once, to target/roots, and entered through namespaces, without root: with a network of its own
# that leads nowhere.
# shellcheck source=tests/scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
dist=$(realpath -- "${1:?the folder of the packages}")
shift
roots=${OLLAMA_FORWARD_ROOTS:-$PWD/target/roots}
usual=$(sed -n 's/^VERSION_CODENAME=//p;s/^ID=/id=/p' /etc/os-release | sort -r | tr '\n' ' ')

main() {
  local suite suites=("$@")
  if ((${#suites[@]} == 0)) && [[ $usual == 'id=debian '* ]]; then
    suites=("$(echo "${usual#* }" | tr -d ' ')")
  fi
  ((${#suites[@]})) || skip a_bare_debian 'this machine is no Debian, and none was named'
  for suite in "${suites[@]}"; do
    if ! unshare -Urmnp --fork true 2>"$scratch/why"; then
      skip "$suite" 'no user namespaces'
    elif ! fetch "$suite" >"$scratch/why" 2>&1; then
      sed 's/^/    /' "$scratch/why"
      skip "$suite" 'a bare Debian cannot be fetched'
    else
      try "$suite"
      # Its directories are ours, and some say that nobody may write there.
      chmod -R u+rwX "$root" && rm -rf "$root"
    fi
  done
  finish
}

# Moved into place as a whole, so that an interrupted download is never taken for a Debian.
fetch() {
  local suite=$1
  [[ ! -e $roots/$suite.tar ]] || return 0
  command -v mmdebstrap || { echo 'mmdebstrap is not installed'; return 1; }
  mkdir -p "$roots"
  timeout --kill-after=10 200 mmdebstrap --variant=minbase --quiet "$suite" "$roots/.$suite.tar" && mv "$roots/.$suite.tar" "$roots/$suite.tar"
}

# inside SHELL-TEXT: in the root, as its root, with an empty environment.
inside() {
  # shellcheck disable=SC2016
  timeout --kill-after=5 60 unshare -Urmnp --fork --kill-child bash -euc '
    ip link set lo up
    mount --rbind /dev "$1/dev"
    mount -t proc proc "$1/proc" 2>/dev/null || mount --rbind /proc "$1/proc"
    exec env -i HOME=/root USER=root LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin chroot "$1" bash -euc "$2"
  ' bash "$root" "$prelude"$'\n'"$1" </dev/null
}

# What the shells inside know: to start a forward and wait until it says that it serves, and to ask for the version.
# shellcheck disable=SC2016
prelude='
up() {
  exec {said}< <(exec "$@" 2>&1)
  while IFS= read -r -t 20 -u "$said" line; do
    echo "$line"
    case $line in *" forwarding "*) return 0 ;; esac
  done
  return 1
}
asks() {
  exec {web}<>"/dev/tcp/127.0.0.1/$1"
  printf "GET /api/version HTTP/1.1\r\nHost: localhost:%s\r\nConnection: close\r\n\r\n" "$1" >&"$web"
  grep -F "\"version\":" <&"$web"
}
files() { find / -xdev \( -path /proc -o -path /dev -o -path /dist -o -path /var/lib/dpkg -o -path /var/log -o -path /var/cache -o -path /tmp \) -prune \
  -o -newer /before -type f -print -o -type d -print | sort; }
cd /root
'

try() {
  local suite=$1
  root=$scratch/$suite
  mkdir -p "$root"
  # Devices cannot be made without root, and are not needed: those of this machine are mounted.
  tar --extract --file "$roots/$suite.tar" --directory "$root" --no-same-owner --exclude='./dev/*'
  mkdir -p "$root/dev" "$root/proc" "$root/dist" "$root/root/.config/ollama-forward" "$root/root/.local/state/ollama-forward"
  cp "$dist"/*.tar.gz "$dist"/*.deb "$root/dist"
  echo '127.0.0.1 localhost windows.test' >"$root/etc/hosts"
  echo 'quiet = false' >"$root/root/.config/ollama-forward/config.toml"
  touch "$root/before"
  row() { check "on_${suite}_$1" inside "$2"; }
  # shellcheck disable=SC2016
  {
    row there_is_no_cargo_and_no_compiler '! command -v cargo && ! command -v cc && ! command -v curl'
    row nothing_was_there_before 'files >/tmp/before && test -s /tmp/before'
    row the_archive_unpacks 'tar xzf /dist/*.tar.gz -C /tmp && mv /tmp/ollama-forward-* /tmp/release'
    row the_program_runs '/tmp/release/ollama-forward --version'
    row it_serves_the_stand_in 'up /tmp/release/ollama-forward --upstream demo; asks 11434'
    row it_looks_up_names 'up /tmp/release/ollama-forward --upstream demo
      up /tmp/release/ollama-forward --upstream http://windows.test:11434 --listen-port 11435; asks 11435'
    row a_name_that_is_none_is_told 'up /tmp/release/ollama-forward --upstream nowhere.test --wait-for-upstream 1s
      ! asks 11434'
    row it_installs_from_the_archive 'PATH=$HOME/.local/bin:$PATH /tmp/release/install.sh </dev/null 2>&1 | tee /tmp/said
      grep -F "next: ollama-forward setup" /tmp/said'
    row what_was_installed_runs '/root/.local/bin/ollama-forward --version'
    row its_pages_are_there 'test -s /root/.local/share/man/man1/ollama-forward.1 && test -s /root/.local/share/man/fr/man1/ollama-forward.1'
    row an_upgrade_changes_nothing '/tmp/release/install.sh | grep -F "unchanged: /root/.local/bin/ollama-forward"'
    row it_uninstalls '/tmp/release/install.sh --uninstall'
    row nothing_of_it_stays 'files | diff /tmp/before -'

    row the_package_installs 'dpkg -i /dist/*.deb'
    row the_package_is_whole 'dpkg --verify ollama-forward && dpkg --audit'
    row its_program_is_found 'test "$(command -v ollama-forward)" = /usr/bin/ollama-forward && ollama-forward --version'
    row its_program_serves 'up ollama-forward --upstream demo; asks 11434'
    row it_installs_over_itself 'dpkg -i /dist/*.deb'
    row the_package_is_removed 'dpkg -r ollama-forward && ! command -v ollama-forward'
    row the_package_is_purged 'dpkg -i /dist/*.deb && dpkg -P ollama-forward && ! dpkg -s ollama-forward'
    row nothing_of_the_package_stays 'files | diff /tmp/before -'
    row settings_are_as_they_were 'grep -qx "quiet = false" /root/.config/ollama-forward/config.toml'
    row a_purge_by_name_takes_them '/tmp/release/install.sh --purge --yes && ! test -e /root/.config/ollama-forward'
  }
}

main "$@"
