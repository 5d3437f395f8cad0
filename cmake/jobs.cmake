# SPDX-License-Identifier: MIT
# How many compilers run at once (with Ninja): MAX_JOBS where that is set, as torch's extensions know it; else one a
# core, and no more than fit into the memory that is free now. CMAKE_BUILD_PARALLEL_LEVEL limits all of CMake as ever.

set(TORCHMCUBES_MIB_A_JOB 512) # the largest file takes 400 MB

if("$ENV{MAX_JOBS}" MATCHES "^[1-9][0-9]*$")
  set(jobs "$ENV{MAX_JOBS}")
elseif(NOT "$ENV{MAX_JOBS}" STREQUAL "")
  message(FATAL_ERROR "MAX_JOBS must be a whole number from 1, got $ENV{MAX_JOBS}")
else()
  cmake_host_system_information(RESULT jobs QUERY NUMBER_OF_LOGICAL_CORES)
  cmake_host_system_information(RESULT free_mib QUERY AVAILABLE_PHYSICAL_MEMORY)
  math(EXPR fit "${free_mib} / ${TORCHMCUBES_MIB_A_JOB}")
  if(fit LESS jobs)
    set(jobs "${fit}")
  endif()
  if(jobs LESS 1)
    set(jobs 1)
  endif()
endif()

message(STATUS "torchmcubes-bw: ${jobs} compile jobs at once")
set_property(GLOBAL PROPERTY JOB_POOLS torchmcubes=${jobs})
set(CMAKE_JOB_POOL_COMPILE torchmcubes)
set(CMAKE_JOB_POOL_LINK torchmcubes)
