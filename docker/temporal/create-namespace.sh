#!/bin/sh
# Creates TEMPORAL_NAMESPACE where it is missing. A server may take ten seconds to know a new namespace everywhere, and
# nobody should poll it before. The CLI reads address and namespace from TEMPORAL_*.
set -eu

# command…: tries it for two minutes, a second apart
until_it_works() {
  for _ in $(seq 120); do
    if "$@" >/dev/null 2>&1; then return; fi
    sleep 1
  done
  "$@"
}

until_it_works temporal operator cluster health
if ! temporal operator namespace describe >/dev/null 2>&1; then
  temporal operator namespace create --retention "$RETENTION"
fi
until_it_works temporal workflow count
echo "namespace $TEMPORAL_NAMESPACE is ready"
