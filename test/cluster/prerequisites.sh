#!/bin/sh
# Says what is missing for a cluster before anything is downloaded or built; test/cluster/cluster.ts makes the choice itself.
set -u
has() { command -v "$1" >/dev/null 2>&1; }
fail() { echo "error: $*" >&2; exit 1; }

# Go builds whatever else is needed; without it the tools must be there.
kind_tools() { has go || { has kind && has kubectl && has helm; }; }
docker_answers() { has docker && docker info >/dev/null 2>&1; }
# Once built, the cluster's programs need no Go any more.
built() { ls -d "${BREAKWATER_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/breakwater}"/bin/kube-* >/dev/null 2>&1; }
local_is_possible() { [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] && { has go || built; }; }

has npm || fail 'no npm: install Node.js 20 or newer (https://nodejs.org)'
case ${CLUSTER:-} in
  '')
    local_is_possible && exit 0
    docker_answers && { kind_tools || fail 'Docker answers, but one of kind, kubectl and helm is missing: install them, or Go (https://go.dev/dl), which builds them'; exit 0; }
    has go || has docker || fail 'no Go and no Docker: install one of Go (https://go.dev/dl), which builds a Kubernetes for this machine as root, or Docker with kind, kubectl and helm'
    fail 'no cluster is possible: start Docker, or on Linux become root (sudo) with Go installed, or set CLUSTER=current to use your kubectl context'
    ;;
  local)
    [ "$(uname -s)" = Linux ] || fail 'CLUSTER=local needs Linux: use CLUSTER=kind'
    [ "$(id -u)" = 0 ] || fail 'CLUSTER=local needs root, as it runs containers: use sudo, or CLUSTER=kind with Docker'
    has go || built || fail 'CLUSTER=local: no Go: install it (https://go.dev/dl), it builds Kubernetes from source once'
    ;;
  kind)
    docker_answers || fail 'CLUSTER=kind: no Docker engine answers: start it, or use CLUSTER=local'
    kind_tools || fail 'CLUSTER=kind: one of kind, kubectl and helm is missing: install them, or Go (https://go.dev/dl), which builds them'
    ;;
  current)
    has go || { has kubectl && has helm; } || fail 'CLUSTER=current: kubectl or helm is missing: install them'
    ;;
  *) fail "CLUSTER=$CLUSTER is not known: use local, kind or current" ;;
esac
