#!/usr/bin/env bash
# N processes of one command on this machine, each told its number.
#   bash launch/local.sh 4 python -m experiments.purify --config=... --source=... --out=DIR
# A GPU machine gives each its own GPU; on CPUs they share the cores.
set -uo pipefail

count=${1:?how many processes}
shift
gpus=$( (nvidia-smi --list-gpus || true) 2>/dev/null | wc -l)

pids=()
trap 'kill "${pids[@]}" 2>/dev/null' INT TERM
for ((i = 0; i < count; i++)); do
  (
    export PURIFAX_PROCESS_ID=$i PURIFAX_NUM_PROCESSES=$count
    export PURIFAX_COORDINATOR=${PURIFAX_COORDINATOR:-127.0.0.1:29517}
    if ((gpus > 0)); then export CUDA_VISIBLE_DEVICES=$((i % gpus)); fi
    exec "$@"
  ) &
  pids+=($!)
done

# All are waited for; the result is the first failure's.
code=0
for pid in "${pids[@]}"; do
  wait "$pid" || { failed=$?; ((code)) || code=$failed; }
done
exit "$code"
