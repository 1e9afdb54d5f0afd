#!/usr/bin/env bash
# One command on every host of a TPU slice, each told its number.
#   TPU=my-slice ZONE=us-central2-b bash launch/tpu_vm.sh \
#     python -m experiments.purify --distributed=on --config=... --source=... --out=gs://...
# Each host has the repository in ~/purifax, with purifax[tpu] installed in its .venv.
set -euo pipefail

: "${TPU:?the name of the TPU VM}" "${ZONE:?its zone}"
command=$(printf '%q ' "$@")

# What follows runs on the hosts: their number and addresses are in the VM's metadata.
read -r -d '' remote <<'HOST' || true
about() {
  curl -sf -H 'Metadata-Flavor: Google' \
    "http://metadata.google.internal/computeMetadata/v1/instance/attributes/$1"
}
hosts=$(about worker-network-endpoints | tr ',' '\n' | cut -d: -f3)
export PURIFAX_PROCESS_ID=$(about agent-worker-number)
export PURIFAX_NUM_PROCESSES=$(echo "$hosts" | wc -l)
export PURIFAX_COORDINATOR=$(echo "$hosts" | head -n 1):8476
cd ~/purifax && . .venv/bin/activate
HOST

exec gcloud compute tpus tpu-vm ssh "$TPU" --zone="$ZONE" --worker=all \
  --command="$remote"$'\n'"exec $command"
