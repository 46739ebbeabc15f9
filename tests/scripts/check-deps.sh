#!/usr/bin/env bash
# scripts/check-deps against metadata that breaks one rule each.
# shellcheck source=tests/scripts/lib.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
registry='"registry+https://github.com/rust-lang/crates.io-index"'

# guest NAME VERSION SOURCE LICENCE RUST, the last three as JSON
guest() {
  printf '{"id":"%s %s","name":"%s","version":"%s","source":%s,"license":%s,"rust_version":%s,"dependencies":[]}' "$1" "$2" "$1" "$2" "$3" "$4" "$5"
}

# given REQUIREMENT GUEST…: a package of ours with two versions of syn, as the rules expect, and these.
given() {
  local requirement=$1
  shift
  {
    printf '{"workspace_members":["us"],"packages":[{"id":"us","name":"us","version":"0.1.0","source":null,"license":"MIT",'
    printf '"rust_version":"1.88","dependencies":[{"name":"g","req":"%s"}]}' "$requirement"
    printf ',%s' "$(guest syn 2.0.1 "$registry" '"MIT"' null)" "$(guest syn 3.0.1 "$registry" '"MIT"' '"1.88"')" "$@"
    printf ']}'
  } >"$scratch/metadata"
}

judge() { scripts/check-deps "$scratch/metadata"; }

# breaks RULE: this one, and no other.
breaks() {
  local verdict
  verdict=$(judge 2>&1) && return 1
  echo "$verdict"
  [[ $verdict == *"$1"* && $verdict == *' 1 breaches' ]]
}

given '^1' "$(guest g 1.0.0 "$registry" '"(MIT OR GPL-3.0) AND Unicode-3.0"' '"1.88.0"')"
check good_dependencies_pass judge
given '^1' "$(guest g 1.0.0 "$registry" '"MIT AND GPL-3.0"' null)"
check a_licence_off_the_list_fails breaks 'licence MIT AND GPL-3.0 is not on the list'
given '^1' "$(guest g 1.0.0 "$registry" null null)"
check no_licence_fails breaks 'licence (none named)'
given '^1' "$(guest g 1.0.0 '"git+https://example.org/g"' '"MIT"' null)"
check a_git_dependency_fails breaks 'not from crates.io'
given '^1' "$(guest g 1.0.0 null '"MIT"' null)"
check a_path_dependency_fails breaks 'comes from a path'
given '^1' "$(guest g 1.0.0 "$registry" '"MIT"' null)" "$(guest g 2.0.0 "$registry" '"MIT"' null)"
check a_second_version_fails breaks 'g: 2 versions, 1.0.0 and 2.0.0'
given '*' "$(guest g 1.0.0 "$registry" '"MIT"' null)"
check any_version_fails breaks 'any version at all'
given '^1' "$(guest g 1.0.0 "$registry" '"MIT"' '"1.89"')"
check a_newer_rust_than_promised_fails breaks 'needs Rust 1.89, we promise 1.88'
finish
