#!/usr/bin/env bash
# Install and run everything that is checked by default: lint, types, tests.
# The tests run against the installed package, not the checkout. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. launch/environment.sh

install '.[dev]'
ruff check .
ruff format --check .
pyright

# experiments is not installed: it comes from the checkout, through a folder that holds
# nothing else, so that purifax cannot.
mkdir -p "$VENV/checkout"
ln -sfn "$PWD/experiments" "$VENV/checkout/experiments"
export PYTHONPATH
PYTHONPATH=$(cd "$VENV/checkout" && pwd)
# In the order of tests/conftest.py, not the files with the most tests first.
pytest -n "${PURIFAX_TEST_WORKERS:-auto}" --dist loadgroup --no-loadscope-reorder "$@"
