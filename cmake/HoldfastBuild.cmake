# What every target of ours shares: warnings, sanitizers, ccache, and the two
# functions that declare a library of src/ and its unit tests.

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(holdfast_options INTERFACE)
target_include_directories(holdfast_options INTERFACE "${CMAKE_SOURCE_DIR}/src")
target_compile_options(holdfast_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                                                  -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # Sees overlapping copies in "text" + std::string that are not there (GCC bug 105651).
  target_compile_options(holdfast_options INTERFACE -Wno-restrict)
endif()
if(HOLDFAST_WERROR)
  target_compile_options(holdfast_options INTERFACE -Werror)
endif()
# The build is portable: kernels for newer instruction sets live in folders with
# flags of their own and are chosen at run time (backend/cpu).
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(holdfast_options INTERFACE -march=x86-64-v2)
endif()
# The program tells nothing of where it was built.
target_compile_options(holdfast_options INTERFACE "-ffile-prefix-map=${CMAKE_SOURCE_DIR}/=")
# a*b+c must round the same in every build: fused only where a kernel says so.
target_compile_options(holdfast_options INTERFACE -ffp-contract=off)
# Addresses of functions of other libraries are looked up at the start and read-only from then on.
target_link_options(holdfast_options INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)
if(HOLDFAST_HARDEN)
  # Where memory is overrun all the same, the process ends: buffers' ends, stacks, jumps.
  target_compile_options(holdfast_options INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -D_GLIBCXX_ASSERTIONS
                                                    -fstack-protector-strong -fstack-clash-protection)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_compile_options(holdfast_options INTERFACE -fcf-protection)
  endif()
endif()
if(HOLDFAST_SANITIZE)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # Instrumentation makes GCC 12 see uninitialised members in Boost's optional that are none.
    target_compile_options(holdfast_options INTERFACE -Wno-maybe-uninitialized)
  endif()
  target_compile_options(holdfast_options INTERFACE -fsanitize=${HOLDFAST_SANITIZE} -fno-omit-frame-pointer
                                                    -fno-sanitize-recover=all)
  target_link_options(holdfast_options INTERFACE -fsanitize=${HOLDFAST_SANITIZE})
  if(HOLDFAST_SANITIZE MATCHES thread AND CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(holdfast_options INTERFACE -Wno-tsan)  # Asio has fences, which GCC's does not follow
  endif()
endif()

# The fuzzer steers by what it reaches: the libraries must tell it, not the targets alone.
if(HOLDFAST_FUZZ)
  target_compile_options(holdfast_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

# holdfast_library(NAME [DEPENDS lib...]): the library of the calling folder, from all its .cpp files.
function(holdfast_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*.cpp")
  if(NOT sources)  # headers only, so far
    add_library(holdfast_${name} INTERFACE)
    target_link_libraries(holdfast_${name} INTERFACE holdfast_options ${ARG_DEPENDS})
    return()
  endif()
  add_library(holdfast_${name} STATIC ${sources})
  target_link_libraries(holdfast_${name} PUBLIC holdfast_options ${ARG_DEPENDS})
  set_target_properties(holdfast_${name} PROPERTIES LINKER_LANGUAGE CXX)
endfunction()

# holdfast_unit_tests(NAME [DEPENDS lib...]): one GoogleTest program of the calling folder's *_test.cpp.
function(holdfast_unit_tests name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/*_test.cpp")
  if(NOT sources)
    return()
  endif()
  add_executable(test_${name} ${sources})
  target_link_libraries(test_${name} PRIVATE ${ARG_DEPENDS} GTest::gtest GTest::gtest_main)
  target_compile_definitions(test_${name} PRIVATE HOLDFAST_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  add_test(NAME ${name} COMMAND test_${name})
  set_tests_properties(${name} PROPERTIES LABELS unit WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
endfunction()
