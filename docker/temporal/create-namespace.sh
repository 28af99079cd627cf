#!/bin/sh
# Creates TEMPORAL_NAMESPACE if it does not exist, and waits until the whole server knows it, which may take ten seconds.
# The CLI reads address and namespace from TEMPORAL_*.
set -eu

# Runs a command every second until it succeeds, for two minutes.
retry() {
  for _ in $(seq 120); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 1
  done
  "$@"
}

retry temporal operator cluster health
if ! temporal operator namespace describe >/dev/null 2>&1; then
  temporal operator namespace create --retention "$RETENTION"
fi
retry temporal workflow count
echo "namespace $TEMPORAL_NAMESPACE is ready"
