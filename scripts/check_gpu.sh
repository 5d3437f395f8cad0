#!/usr/bin/env bash
# Checks and measures everything that is claimed of the GPU backend, in one call:
#     scripts/check_gpu.sh [RESULT.json]
# Builds, runs the GPU tests (their absence is an error), compute-sanitizer where it is installed, the benchmark, the
# other libraries that are installed, and holds what is predicted of each kernel against its time here; the benchmark's
# table comes last. Nothing is downloaded, and a step that
# fails costs none of the later ones: what failed is said at the end, and in the exit code.
# On a machine without a GPU the same kernels run on the emulated one.
#   PYTHON         the interpreter, which has torch, the build requirements and pytest (default: python)
#   SKIP_BUILD=1   check what is installed already
#   TORCHMCUBES_PREBUILT_KERNELS=DIR   take kernels compiled elsewhere instead of compiling (see csrc/README.md)
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python}
result=${1:-benchmarks/results/gpu.json}
failed=()

step() { # step NAME COMMAND...: runs it, and notes a failure
    echo "== $1"
    "${@:2}" || failed+=("$1")
}

finish() {
    if ((${#failed[@]})); then
        printf 'FAILED: %s\n' "${failed[@]}"
        exit 1
    fi
}

if [[ -z ${SKIP_BUILD:-} ]]; then
    echo "== build"
    "$python" -c "import scikit_build_core, pybind11" 2>/dev/null || {
        echo "the build needs: pip install scikit-build-core pybind11 cmake ninja 'nvidia-cuda-nvrtc-cu12==12.8.*'"
        echo "SKIP_BUILD=1 checks what is installed already"
        exit 1
    }
    "$python" -m pip install -q --no-deps --no-build-isolation --force-reinstall .
fi
"$python" -c "import torchmcubes_bw, json; print(json.dumps(torchmcubes_bw.build_info()))"

if ! "$python" -c "import torch; raise SystemExit(not torch.cuda.is_available())"; then
    step "the kernels on an emulated GPU" "$python" -m pytest -q tests/cuda
    echo "no GPU that torch sees: the kernels ran on the emulated one only. NOT done: the GPU tests,"
    echo "compute-sanitizer, the benchmark, the model beside it, the other libraries. Nothing was measured and no result written."
    finish
    exit 0
fi

nvidia-smi --query-gpu=name,compute_cap,driver_version,clocks.max.sm,clocks.max.mem --format=csv 2>/dev/null ||
    echo "nvidia-smi is not installed"
step "GPU tests" env TORCHMCUBES_REQUIRE_CUDA=1 "$python" -m pytest -q -m gpu tests/cuda

# Each tensor gets its own memory, so that a step past its end is a step out of bounds.
sanitize() {
    PYTORCH_NO_CUDA_MEMORY_CACHING=1 "$sanitizer" --tool "$1" "$filter" kns=mc_ --error-exitcode 1 \
        "$python" scripts/sanitizer_cases.py
}
if sanitizer=$(command -v compute-sanitizer || ls /usr/local/cuda/bin/compute-sanitizer 2>/dev/null); then
    filter=--kernel-regex # its name before CUDA 12
    if "$sanitizer" --help 2>&1 | grep -q -e --kernel-name; then filter=--kernel-name; fi
    for tool in memcheck racecheck initcheck; do
        step "compute-sanitizer $tool" sanitize "$tool"
    done
else
    echo "compute-sanitizer is not installed: memcheck, racecheck and initcheck skipped"
fi

step "benchmark" "$python" -m benchmarks.gpu --out "$result"
"$python" -m benchmarks --device cuda --fields metaballs,gyroid --out "${result%.json}_rivals.json" ||
    echo "the other libraries could not be measured; the results in $result stand"
# The document's predictions, kernel by kernel: where they are off, the model is wrong, or the kernel is.
step "the model beside this card" "$python" -m benchmarks.gpu_model --against "$result"
"$python" -m benchmarks.gpu --show "$result" || true
finish
