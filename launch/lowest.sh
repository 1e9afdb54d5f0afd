#!/usr/bin/env bash
# Install the lowest versions that pyproject.toml allows, beside .venv, and show that
# they work together: a training, its evaluation, a purified set, tests of a few folders.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export VENV=${VENV:-build/lowest}
. launch/environment.sh

lowest=$VENV/lowest.txt
python - >"$lowest" <<'PYTHON'
import tomllib

with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
for line in project["dependencies"] + project["optional-dependencies"]["report"]:
    print(line.replace(">=", "=="))
PYTHON
echo "installing $(tr '\n' ' ' <"$lowest")" >&2
python -m pip install --quiet --disable-pip-version-check -r "$lowest" pytest pytest-xdist

export PYTHONPATH=$PWD JAX_PLATFORMS=cpu
runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
python -m purifax
python -m experiments.train --config=digits_classifier --workdir="$runs/classifier" \
  --config.train.steps=20 --config.train.save_every=10
python -m experiments.evaluate --config=digits_adp --workdir="$runs/evaluation" \
  --config.score=digits_dsm --config.classifier="$runs/classifier" \
  --config.images.count=4 --config.attacks=blind --config.attacks.blind.steps=2 \
  --config.keys=2 --config.samples=2 --config.probed=2
python -m purifax purify --weights=digits_dsm --source=digits --split=test \
  --out="$runs/purified"
[ $# -gt 0 ] || set -- tests/run tests/record tests/recipe tests/noise tests/sample
pytest -q "$@"
