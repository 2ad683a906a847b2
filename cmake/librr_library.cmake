# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# librr_library(NAME SRCS ... HDRS ... DEPS ...): an internal static library with
# its dependencies declared. librr_test(NAME SRCS ... DEPS ...): a GoogleTest
# program, registered with CTest under NAME.

function(librr_library name)
  cmake_parse_arguments(ARG "" "" "SRCS;HDRS;DEPS" ${ARGN})
  add_library(${name} STATIC ${ARG_SRCS} ${ARG_HDRS})
  target_include_directories(${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}>
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}>)
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
  set_property(GLOBAL APPEND PROPERTY LIBRR_LIBRARIES ${name})
endfunction()

function(librr_test name)
  if(NOT LIBRR_BUILD_TESTS)
    return()
  endif()
  cmake_parse_arguments(ARG "" "TIMEOUT" "SRCS;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SRCS})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} GTest::gmock GTest::gtest_main)
  add_test(NAME ${name} COMMAND ${name})
  # A folder of this tree: trees and users of one host do not share names in it.
  file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/tmp)
  set_tests_properties(${name} PROPERTIES TIMEOUT ${ARG_TIMEOUT}
    ENVIRONMENT TEST_TMPDIR=${PROJECT_BINARY_DIR}/tmp)
endfunction()

# The same for a test that drives vmrr with the Linux guest of scripts/guests.
function(librr_linux_test name)
  librr_test(${name} ${ARGN})
  if(LIBRR_BUILD_TESTS)
    target_compile_definitions(${name} PRIVATE
      VMRR_PROGRAM="$<TARGET_FILE:vmrr>" GUESTS_FOLDER="${PROJECT_BINARY_DIR}/guests")
    target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
    add_dependencies(${name} vmrr)
    set_tests_properties(${name} PROPERTIES LABELS "linux;slow")
  endif()
endfunction()
