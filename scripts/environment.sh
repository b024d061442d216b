# Shared by the scripts beside it: finds Python, makes .venv and installs what a script needs, once per change.
# POSIX sh; sourced with the repository's root as working directory.

say() { printf '%s\n' "$*" >&2; }
die() { say "$1"; [ -z "${2:-}" ] || say "  → $2"; exit 1; }

find_python() {
    for candidate in ${VITRINE_PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return 0
        fi
    done
    die "Vitrine needs Python 3.11 or later; none was found." \
        "Install it (Debian: apt install python3 python3-venv), or name it: VITRINE_PYTHON=/path/to/python3 $0"
}

# environment NAME PIP-ARGUMENTS…  — installs into .venv unless the same was installed from the same files before
environment() {
    name=$1
    shift
    if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$(find_python) || exit 1
        say "Making .venv with $("$python" --version 2>&1) …"
        rm -rf .venv
        "$python" -m venv .venv || die "Python could not make a virtual environment." \
            "On Debian and Ubuntu: apt install python3-venv"
    fi
    stamp=.venv/installed-$name
    now=$(cat pyproject.toml constraints.txt hatch_build.py api/web/package-lock.json | cksum)
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ] && return 0
    say "Installing what “$name” needs (a few minutes the first time) …"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt 'pip>=25.1' ||
        die "pip could not be brought up to date." "Is a package index reachable from here? (pip config list)"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt "$@" ||
        die "The packages could not be installed." "The lines above say which, and why."
    printf '%s' "$now" >"$stamp"
}

# dashboards_environment — grafana-client takes over urllib3, so it lives in an environment of its own
dashboards_environment() {
    stamp=.venv-dashboards/installed
    now=$(cat pyproject.toml constraints.txt | cksum)
    [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ] && return 0
    say "Making .venv-dashboards …"
    rm -rf .venv-dashboards
    .venv/bin/python -m venv .venv-dashboards
    .venv-dashboards/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt 'pip>=25.1' &&
        .venv-dashboards/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt \
            --editable '.[dashboards]' || die "The packages for dashboards could not be installed."
    printf '%s' "$now" >"$stamp"
}
