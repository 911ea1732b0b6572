# Language level, warnings, sanitizers: the same for every target.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo CACHE STRING "" FORCE)
endif()

# The compiler cache is the user's (CCACHE_DIR). What it holds is told apart by what is compiled, not by the folder
# it is compiled in, so that a second clone is warm. Times and defines of a header that is not there do not count.
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  set(CMAKE_C_COMPILER_LAUNCHER ${CMAKE_CXX_COMPILER_LAUNCHER})
endif()
# GNU ld takes seconds for each of the large test programs. What is shipped it links itself.
find_program(MOLD mold)
if(MOLD AND RPOGUARD_TESTS)
  add_link_options(-fuse-ld=mold)
endif()

add_library(rpoguard_warnings INTERFACE)
target_compile_options(
  rpoguard_warnings
  INTERFACE -Wall -Wextra -Wpedantic $<$<COMPILE_LANGUAGE:CXX>:-Wshadow -Wconversion -Wnon-virtual-dtor
            -Woverloaded-virtual>
            $<$<BOOL:${RPOGUARD_WERROR}>:-Werror>
            $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:Clang>>:-Wthread-safety>
            # GCC 12 sees overruns inside std::string where there are none (GCC bugs 105329, 105651), and
            # uninitialised members of std::variant alternatives that are not there (105562, 105593).
            $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>>:-Wno-restrict -Wno-array-bounds
            -Wno-stringop-overflow -Wno-maybe-uninitialized>
            # Where files are compiled in batches, each looks like a header to it.
            $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:GNU>,$<BOOL:${CMAKE_UNITY_BUILD}>>:-Wno-subobject-linkage>
            # And a local name may be one that another file of the batch has for itself.
            $<$<AND:$<COMPILE_LANGUAGE:CXX>,$<CXX_COMPILER_ID:Clang>,$<BOOL:${CMAKE_UNITY_BUILD}>>:-Wno-shadow>)

# Hardening that costs nothing measurable here.
add_compile_options(-fstack-protector-strong)
if(CMAKE_BUILD_TYPE MATCHES "Release|RelWithDebInfo" AND NOT RPOGUARD_SANITIZE)
  add_compile_definitions($<$<CONFIG:Release,RelWithDebInfo>:_FORTIFY_SOURCE=2>)
endif()
if(CMAKE_BUILD_TYPE STREQUAL Release)
  add_link_options(-Wl,-z,relro,-z,now)
  # The same bytes wherever it is built.
  add_compile_options(-ffile-prefix-map=${PROJECT_SOURCE_DIR}/=)
endif()

if(RPOGUARD_SANITIZE)
  add_compile_options(-fsanitize=${RPOGUARD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${RPOGUARD_SANITIZE})
endif()
if(RPOGUARD_FUZZERS)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(RPOGUARD_COVERAGE)
  add_compile_options(--coverage -O0)
  add_link_options(--coverage)
endif()
