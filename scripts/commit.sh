# Sourced by scripts/build-release and ./release: which commit this is, from git or from an archive that git made.
# shellcheck shell=bash

# Sets what 'kubewright version' says. Without git, in an archive from elsewhere, that is nothing.
name_commit() {
  local commit time tree=clean
  # The repository has to be this one: an unpacked archive may lie inside another.
  if [ "$(git rev-parse --show-toplevel 2> /dev/null)" = "$PWD" ]; then
    commit=$(git rev-parse HEAD) time=$(git show -s --format=%cI HEAD)
    [ -z "$(git status --porcelain --untracked-files=no)" ] || tree=dirty
  else
    read -r commit time < packaging/commit
    # shellcheck disable=SC2016 # what git replaces
    case $commit in '$Format:'*) commit='' time='' tree='' ;; esac
  fi
  export KUBEWRIGHT_COMMIT=$commit KUBEWRIGHT_COMMIT_TIME=$time KUBEWRIGHT_TREE=$tree
  # Programs that make archives take this for the time.
  export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(date -d "${time:-1980-01-01T00:00:00Z}" +%s)}
}
