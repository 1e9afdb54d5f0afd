#!/usr/bin/env bash
# Show that purifax runs with the lowest versions that pyproject.toml allows, or with the
# newest that there are: a training, its evaluation, a purified set, tests of a few
# folders. Installs beside .venv. Arguments: lowest or newest, then what pytest runs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
which=${1:-}
case $which in
  lowest) PYTHON=${PYTHON:-python3.11} ;;
  newest) PYTHON=${PYTHON:-python3.14 python3.13 python3.12 python3.11} ;;
  *)
    echo "error: say lowest or newest; got '$which'." >&2
    exit 2
    ;;
esac
shift
export PYTHON VENV=${VENV:-build/$which}
. launch/environment.sh

wanted=$VENV/wanted.txt
python - "$which" >"$wanted" <<'PYTHON'
import sys
import tomllib

with open("pyproject.toml", "rb") as file:
    project = tomllib.load(file)["project"]
sign = "==" if sys.argv[1] == "lowest" else ">="
for line in project["dependencies"] + project["optional-dependencies"]["report"]:
    print(line.replace(">=", sign))
PYTHON
echo "installing $(tr '\n' ' ' <"$wanted")" >&2
python -m pip install --quiet --disable-pip-version-check --upgrade \
  --upgrade-strategy eager -r "$wanted" "pytest<9.2" pytest-xdist

runs=$(mktemp -d)
trap 'rm -rf "$runs"' EXIT
# Programs that another jax compiled are of no use here.
export PYTHONPATH=$PWD JAX_PLATFORMS=cpu JAX_COMPILATION_CACHE_DIR=$runs/compiled
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
