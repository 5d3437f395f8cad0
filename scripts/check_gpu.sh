#!/usr/bin/env bash
# Checks and measures everything that is claimed of the GPU backend, in one call:
#     scripts/check_gpu.sh [RESULT.json]
# Builds, runs the GPU tests (their absence is an error), compute-sanitizer where it is installed, and the
# benchmark, whose table comes last. On a machine without a GPU the same kernels run on the emulated one.
#   PYTHON         the interpreter, which has torch and the test requirements (default: python)
#   SKIP_BUILD=1   check what is installed already
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python}

if [[ -z ${SKIP_BUILD:-} ]]; then
    "$python" -m pip install -q --no-deps --no-build-isolation .
fi
"$python" -c "import torchmcubes_bw, json; print(json.dumps(torchmcubes_bw.build_info()))"

if ! "$python" -c "import torch; raise SystemExit(not torch.cuda.is_available())"; then
    "$python" -m pytest -q tests/cuda
    echo "no GPU here: the kernels ran on the emulated one; nothing was measured"
    exit 0
fi

nvidia-smi --query-gpu=name,compute_cap,driver_version,clocks.max.sm,clocks.max.mem --format=csv
TORCHMCUBES_REQUIRE_CUDA=1 "$python" -m pytest -q -m gpu tests/cuda

if sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null); then
    for tool in memcheck racecheck initcheck; do
        echo "compute-sanitizer $tool"
        "$sanitizer" --tool "$tool" --error-exitcode 1 "$python" scripts/sanitizer_cases.py
    done
else
    echo "compute-sanitizer is not installed: skipped"
fi

result=${1:-benchmarks/results/gpu.json}
"$python" -m benchmarks --device cuda --fields metaballs,gyroid --out "${result%.json}_rivals.json"
"$python" -m benchmarks.gpu --out "$result"
