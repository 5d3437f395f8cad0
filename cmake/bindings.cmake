# SPDX-License-Identifier: MIT
# The compiled module: for the Python that builds or, where TORCHMCUBES_PYTHONS lists others ("cp310;cp314"), one for
# each of them from its headers alone, so that a platform's core and kernels are compiled once for all its Pythons.
# scripts/build_wheels.py gives for each: TORCHMCUBES_HEADERS_cp310, TORCHMCUBES_SUFFIX_cp310 (the end of the file's
# name) and, where the platform links one, TORCHMCUBES_LIBRARY_cp310.

set(TORCHMCUBES_PYTHONS "" CACHE STRING "Pythons to build modules for, instead of the one that builds")
if(TORCHMCUBES_PYTHONS)
  set(PYBIND11_NOPYTHON ON)
  find_package(Python REQUIRED COMPONENTS Interpreter)
else()
  set(PYBIND11_FINDPYTHON ON)
  find_package(Python REQUIRED COMPONENTS Interpreter Development.Module)
endif()
find_package(pybind11 CONFIG REQUIRED)

# Adds the modules' targets and lists their names in `targets`: _core, or _core-cp310 ... in folders of that name.
function(torchmcubes_add_modules targets)
  if(NOT TORCHMCUBES_PYTHONS)
    pybind11_add_module(_core OPT_SIZE ${ARGN})
    set(${targets} _core PARENT_SCOPE)
    return()
  endif()
  set(kind MODULE)
  if(APPLE)
    set(kind SHARED) # zig's linker crashes on a bundle; a process loads the one as it loads the other
  endif()
  foreach(python IN LISTS TORCHMCUBES_PYTHONS)
    set(target _core-${python})
    list(APPEND added ${target})
    add_library(${target} ${kind} ${ARGN})
    target_include_directories(${target} SYSTEM PRIVATE "${TORCHMCUBES_HEADERS_${python}}")
    target_link_libraries(${target} PRIVATE pybind11::headers pybind11::opt_size ${TORCHMCUBES_LIBRARY_${python}})
    if(APPLE) # Python's own symbols come from the process that loads the module
      target_link_options(${target} PRIVATE -undefined dynamic_lookup)
    elseif(UNIX) # the C++ library is inside: its symbols are nobody else's business
      target_link_options(${target} PRIVATE "-Wl,--version-script=${CMAKE_CURRENT_FUNCTION_LIST_DIR}/exports.map")
    endif()
    target_link_options(${target} PRIVATE -s)
    set_target_properties(
      ${target}
      PROPERTIES PREFIX ""
                 SUFFIX "${TORCHMCUBES_SUFFIX_${python}}"
                 OUTPUT_NAME _core
                 CXX_VISIBILITY_PRESET hidden
                 VISIBILITY_INLINES_HIDDEN ON
                 LIBRARY_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/${python}")
  endforeach()
  set(${targets} ${added} PARENT_SCOPE)
endfunction()
