# SPDX-License-Identifier: MIT
# The only place that names instruction sets. Every file of csrc/cpu/simd gets the flags of its level;
# everything else is built for the platform's baseline. The flags stay out of headers' reach: row
# functions live in anonymous namespaces, so no level's code can be linked into another's.

set(TORCHMCUBES_AVX2_FLAGS -mavx2 -mbmi -mbmi2 -mpopcnt -mlzcnt -mf16c)
set(TORCHMCUBES_AVX512_FLAGS
    ${TORCHMCUBES_AVX2_FLAGS} -mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx512vbmi -mavx512vbmi2
    -mavx512bitalg -mavx512vpopcntdq -mprefer-vector-width=512)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU") # GCC 12 warns of its own intrinsics' undefined operands
  list(APPEND TORCHMCUBES_AVX512_FLAGS -Wno-maybe-uninitialized -Wno-uninitialized)
endif()

function(torchmcubes_set_isa_flags simd_dir)
  # The AVX files are in GCC's and Clang's dialect (clang-cl too): Microsoft's own compiler builds the scalar level.
  if(CMAKE_CXX_COMPILER_ID STREQUAL "MSVC" OR NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    return()
  endif()
  # The definition that the others equal, and what a processor of before 2013 runs: half as large is worth more.
  set_source_files_properties(${simd_dir}/scalar.cpp PROPERTIES COMPILE_OPTIONS -O2)
  set_source_files_properties(${simd_dir}/avx2.cpp PROPERTIES COMPILE_OPTIONS "${TORCHMCUBES_AVX2_FLAGS}")
  set_source_files_properties(${simd_dir}/avx512.cpp PROPERTIES COMPILE_OPTIONS
                                                                "${TORCHMCUBES_AVX512_FLAGS}")
endfunction()
