# SPDX-License-Identifier: MIT
# Ends a build without a C++ compiler in our words, before CMake's own: they name no cure.
if(NOT CMAKE_CXX_COMPILER)
  include(CheckLanguage)
  check_language(CXX)
  if(NOT CMAKE_CXX_COMPILER)
    message(
      FATAL_ERROR
        "torchmcubes-bw: no C++ compiler was found, and building from source needs one. Install it, then repeat the command:\n"
        "  Debian, Ubuntu, WSL2:  sudo apt-get install g++\n"
        "  Fedora, RHEL:          sudo dnf install gcc-c++\n"
        "  Arch:                  sudo pacman -S gcc\n"
        "  openSUSE:              sudo zypper install gcc-c++\n"
        "  conda, any system:     conda install -c conda-forge cxx-compiler\n"
        "  macOS:                 xcode-select --install\n"
        "  Windows:               winget install Microsoft.VisualStudio.2022.BuildTools, with the workload "
        "\"Desktop development with C++\" and its component \"C++ Clang Compiler\"\n"
        "A compiler with another name: CXX=/path/to/it pip install . "
        "A wheel, built elsewhere for this Python and platform, needs none.\n")
  endif()
  # It notes the compiler alone: what follows its name in CXX ("ccache g++") is found by CMake itself.
  if(DEFINED ENV{CXX})
    unset(CMAKE_CXX_COMPILER CACHE)
    unset(CMAKE_CXX_COMPILER)
  endif()
endif()
enable_language(CXX)
