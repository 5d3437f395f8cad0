# SPDX-License-Identifier: MIT
# Which architectures, and the step that compiles them, or takes them as compiled elsewhere. Sets TORCHMCUBES_CUDA_KERNELS where there are kernels.

# PTX of 7.5 serves what no cubin serves, or what refuses one; PTX of the newest, GPUs to come.
set(TORCHMCUBES_DEFAULT_ARCHITECTURES "7.0;7.5+PTX;8.0;8.6;8.9;9.0;10.0;12.0+PTX")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64)$") # Jetson Orin; Thor under its names of CUDA 12 and 13
  set(TORCHMCUBES_DEFAULT_ARCHITECTURES "7.0;7.5+PTX;8.0;8.6;8.7;8.9;9.0;10.0;10.1;11.0;12.0+PTX")
endif()

# TORCH_CUDA_ARCH_LIST as torch writes it, from the command line or the environment, comes before
# CMAKE_CUDA_ARCHITECTURES as CMake writes it; both before the default.
if(TORCH_CUDA_ARCH_LIST)
  set(architectures "${TORCH_CUDA_ARCH_LIST}")
elseif(DEFINED ENV{TORCH_CUDA_ARCH_LIST} AND NOT "$ENV{TORCH_CUDA_ARCH_LIST}" STREQUAL "")
  set(architectures "$ENV{TORCH_CUDA_ARCH_LIST}")
elseif(CMAKE_CUDA_ARCHITECTURES)
  set(architectures "${CMAKE_CUDA_ARCHITECTURES}")
elseif(DEFINED ENV{CUDAARCHS} AND NOT "$ENV{CUDAARCHS}" STREQUAL "")
  set(architectures "$ENV{CUDAARCHS}")
else()
  set(architectures "${TORCHMCUBES_DEFAULT_ARCHITECTURES}")
endif()

string(REPLACE ";" "," architectures "${architectures}") # a list would fall apart in a command

set(TORCHMCUBES_CUDA_KERNELS FALSE)
set(TORCHMCUBES_KERNEL_DIR "${CMAKE_CURRENT_BINARY_DIR}/kernels")
set(kernel_source "${CMAKE_CURRENT_SOURCE_DIR}/csrc/cuda/kernels.cu")
set(compile_kernels "${Python_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/cmake/compile_kernels.py" "${kernel_source}"
    "${TORCHMCUBES_KERNEL_DIR}" "--architectures=${architectures}")

# A folder of kernels that cmake/compile_kernels.py made on another machine, or that an installed package holds
# (torchmcubes_bw/kernels): from the command line or the environment.
set(TORCHMCUBES_PREBUILT_KERNELS "" CACHE PATH "A folder of compiled GPU kernels to take instead of compiling")
set(prebuilt "${TORCHMCUBES_PREBUILT_KERNELS}")
if(prebuilt STREQUAL "")
  set(prebuilt "$ENV{TORCHMCUBES_PREBUILT_KERNELS}") # never cached: the next build may have another
endif()
set(kernels "GPU kernels for ${architectures}")
if(NOT prebuilt STREQUAL "")
  get_filename_component(prebuilt "${prebuilt}" ABSOLUTE)
  list(APPEND compile_kernels "--prebuilt=${prebuilt}")
  set(prebuilt_manifest "${prebuilt}/manifest.json")
  set(kernels "GPU kernels compiled before")
endif()

if(TORCHMCUBES_CUDA STREQUAL "AUTO" AND APPLE)
  message(STATUS "torchmcubes-bw: no GPU kernels, since CUDA does not exist on macOS")
elseif(TORCHMCUBES_CUDA)
  execute_process(COMMAND ${compile_kernels} --probe RESULT_VARIABLE failed OUTPUT_VARIABLE found ERROR_VARIABLE why
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_STRIP_TRAILING_WHITESPACE)
  if(NOT failed)
    message(STATUS "torchmcubes-bw: ${kernels}, by ${found}")
    set(TORCHMCUBES_CUDA_KERNELS TRUE)
  elseif(TORCHMCUBES_CUDA STREQUAL "AUTO" AND failed EQUAL 3) # NVRTC is missing or too old
    message(WARNING "torchmcubes-bw: building WITHOUT GPU kernels, for the CPU only. ${why}")
  else()
    message(FATAL_ERROR "torchmcubes-bw: TORCHMCUBES_CUDA is ${TORCHMCUBES_CUDA}, but ${why}")
  endif()
endif()

if(TORCHMCUBES_CUDA_KERNELS)
  file(GLOB kernel_headers CONFIGURE_DEPENDS csrc/core/*.h csrc/cuda/*.cuh csrc/cuda/*job.h)
  # The list of architectures is part of the step's command, so another list compiles anew.
  add_custom_command(
    OUTPUT "${TORCHMCUBES_KERNEL_DIR}/manifest.json"
    COMMAND ${compile_kernels}
    DEPENDS "${kernel_source}" cmake/compile_kernels.py ${kernel_headers} ${prebuilt_manifest}
    COMMENT "${kernels}"
    JOB_POOL ${CMAKE_JOB_POOL_COMPILE} VERBATIM)
  add_custom_target(torchmcubes_kernels DEPENDS "${TORCHMCUBES_KERNEL_DIR}/manifest.json")
endif()
