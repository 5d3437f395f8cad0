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
set(kernel_parts "${CMAKE_CURRENT_BINARY_DIR}/kernel_parts") # a file an architecture, before they are packed
set(kernel_script "${CMAKE_CURRENT_SOURCE_DIR}/cmake/compile_kernels.py")
set(compile_kernels "${Python_EXECUTABLE}" "${kernel_script}" "${kernel_source}")
set(pack_kernels ${compile_kernels} "${TORCHMCUBES_KERNEL_DIR}" "--architectures=${architectures}")

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
  list(APPEND pack_kernels "--prebuilt=${prebuilt}")
  set(packed_from "${prebuilt}/manifest.json")
  set(kernels "GPU kernels compiled before")
endif()

if(TORCHMCUBES_CUDA STREQUAL "AUTO" AND APPLE)
  message(STATUS "torchmcubes-bw: no GPU kernels, since CUDA does not exist on macOS")
elseif(TORCHMCUBES_CUDA)
  execute_process(COMMAND ${pack_kernels} --probe RESULT_VARIABLE failed OUTPUT_VARIABLE found ERROR_VARIABLE why
                  OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_STRIP_TRAILING_WHITESPACE)
  if(NOT failed)
    # The compiler's name and, unless they were compiled before, a line of the files to compile.
    if(found MATCHES "^(.*)\n([^\n]+)$")
      set(found "${CMAKE_MATCH_1}")
      set(images "${CMAKE_MATCH_2}")
    endif()
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
  # One command a file, so that they are compiled side by side, and beside the C++ sources.
  foreach(image IN LISTS images)
    add_custom_command(
      OUTPUT "${kernel_parts}/${image}"
      COMMAND ${compile_kernels} "${kernel_parts}" "--image=${image}"
      DEPENDS "${kernel_source}" "${kernel_script}" ${kernel_headers}
      COMMENT "GPU kernels: ${image}"
      JOB_POOL ${CMAKE_JOB_POOL_COMPILE} VERBATIM)
    list(APPEND packed_from "${kernel_parts}/${image}")
  endforeach()
  if(images)
    list(APPEND pack_kernels "--parts=${kernel_parts}")
  endif()
  # The list of architectures is part of the step's command, so another list packs anew.
  add_custom_command(
    OUTPUT "${TORCHMCUBES_KERNEL_DIR}/manifest.json"
    COMMAND ${pack_kernels}
    DEPENDS "${kernel_source}" "${kernel_script}" ${kernel_headers} ${packed_from}
    COMMENT "${kernels}"
    JOB_POOL ${CMAKE_JOB_POOL_COMPILE} VERBATIM)
  # Nothing waits for them: the modules load them as data.
  add_custom_target(torchmcubes_kernels ALL DEPENDS "${TORCHMCUBES_KERNEL_DIR}/manifest.json")
endif()
