# What is installed beside the library: shipped libraries, headers, pkg-config and CMake package files.
include(CMakePackageConfigHelpers)
set(lib ${PLAIT_PREFIX}/lib)

install(TARGETS plait plait_team LIBRARY DESTINATION ${lib})
if(PLAIT_CUDA)
  install(TARGETS plait_cuda LIBRARY DESTINATION ${lib})
endif()
install(PROGRAMS ${PLAIT_BUNDLED} DESTINATION ${lib})
install(DIRECTORY ${PLAIT_INCLUDE}/plait DESTINATION ${PLAIT_PREFIX}/include)

configure_file(${PLAIT_ROOT}/bindings_c/pkgconfig/plait.pc.in plait.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/plait.pc DESTINATION ${lib}/pkgconfig)

configure_file(${PLAIT_ROOT}/bindings_c/pkgconfig/plait-config.cmake.in plait-config.cmake @ONLY)
write_basic_package_version_file(plait-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/plait-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/plait-config-version.cmake DESTINATION ${lib}/cmake/plait)
