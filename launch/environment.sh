# Sourced by the scripts beside it: a virtual environment in .venv, activated.
# PYTHON names the interpreter to make it with (3.11 or newer); VENV another folder.

find_python() {
  local name
  for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      echo "$name"
      return
    fi
  done
  echo "error: Python 3.11 or newer is needed; set PYTHON to its path." >&2
  return 1
}

VENV=${VENV:-.venv}
if [ ! -x "$VENV/bin/python" ]; then
  python=$(find_python)
  echo "making a virtual environment in $VENV with $("$python" --version)" >&2
  if ! "$python" -m venv "$VENV" >/dev/null 2>&1; then
    rm -rf "$VENV"
    "$python" -m pip install --quiet --user virtualenv
    "$python" -m virtualenv --quiet "$VENV"
  fi
fi
# shellcheck disable=SC1091
. "$VENV/bin/activate"

install() {
  echo "installing $* (the first time takes a minute or two)" >&2
  python -m pip install --quiet --disable-pip-version-check \
    --constraint launch/constraints.txt "$@"
}
