# SPDX-FileCopyrightText: The librr authors
# SPDX-License-Identifier: Apache-2.0
#
# Installs the public headers, the libraries, the `vmrr` program, and what
# find_package(librr) and pkg-config need. To be included when all rooms have
# been added: it reads the libraries that librr_library() has collected.
#
#   find_package(librr REQUIRED)
#   target_link_libraries(mine PRIVATE librr::librr)
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

get_property(librr_libraries GLOBAL PROPERTY LIBRR_LIBRARIES)

# The one target that people name: all libraries in link order.
add_library(librr_all INTERFACE)
set_target_properties(librr_all PROPERTIES EXPORT_NAME librr)
target_link_libraries(librr_all INTERFACE ${librr_libraries})

install(TARGETS librr_all ${librr_libraries}
  EXPORT librr_targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
if(TARGET vmrr)
  install(TARGETS vmrr RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# --- CMake ---
set(librr_cmake_dir ${CMAKE_INSTALL_LIBDIR}/cmake/librr)
install(EXPORT librr_targets FILE librr-targets.cmake NAMESPACE librr::
  DESTINATION ${librr_cmake_dir})
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/librr-config.cmake.in
  ${PROJECT_BINARY_DIR}/librr-config.cmake INSTALL_DESTINATION ${librr_cmake_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/librr-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/librr-config.cmake
  ${PROJECT_BINARY_DIR}/librr-config-version.cmake DESTINATION ${librr_cmake_dir})

# --- pkg-config: the same dependencies by their names there ---
set(librr_pc_libraries)
set(librr_pc_requires)
foreach(library IN LISTS librr_libraries)
  list(APPEND librr_pc_libraries -l${library})
  get_target_property(dependencies ${library} LINK_LIBRARIES)
  foreach(dependency IN LISTS dependencies)
    if(dependency MATCHES "^absl::(.+)$")
      list(APPEND librr_pc_requires absl_${CMAKE_MATCH_1})
    elseif(dependency MATCHES "^protobuf::lib(.+)$")
      list(APPEND librr_pc_requires ${CMAKE_MATCH_1})
    elseif(dependency MATCHES "^PkgConfig::(.+)$")
      list(APPEND librr_pc_requires ${${CMAKE_MATCH_1}_MODULE_NAME})
    endif()
  endforeach()
endforeach()
list(REMOVE_DUPLICATES librr_pc_requires)
list(JOIN librr_pc_libraries " " librr_pc_libraries)
list(JOIN librr_pc_requires " " librr_pc_requires)
file(RELATIVE_PATH librr_pc_prefix
  ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${CMAKE_CURRENT_LIST_DIR}/librr.pc.in ${PROJECT_BINARY_DIR}/librr.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/librr.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
