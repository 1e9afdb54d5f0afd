#!/usr/bin/env bash
# The main job on a fresh machine: own environment, install, train, attack, purify,
# evaluate, report. Arguments go to experiments.quickstart.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. launch/environment.sh

install --editable '.[report]'
exec python -m experiments.quickstart "$@"
