# Every cython/plait/_name.pyx becomes the extension module plait._name: C, over the C header only.
file(GLOB PLAIT_PYX CONFIGURE_DEPENDS ${PLAIT_ROOT}/cython/plait/_*.pyx)

# PLAIT_CYTHON_CHECKS=1 in the environment of cmake turns bounds and overflow checks on.
set(checks False)
set(cdivision True)
if("$ENV{PLAIT_CYTHON_CHECKS}")
  set(checks True)
  set(cdivision False)
endif()
set(PLAIT_DIRECTIVES
    -X language_level=3
    -X binding=True
    -X embedsignature=True
    -X boundscheck=${checks}
    -X wraparound=${checks}
    -X initializedcheck=${checks}
    -X cdivision=${cdivision}
    -X freethreading_compatible=True)

foreach(pyx ${PLAIT_PYX})
  get_filename_component(name ${pyx} NAME_WE)
  set(c_file ${CMAKE_CURRENT_BINARY_DIR}/cython/${name}.c)
  file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/cython)
  add_custom_command(
    OUTPUT ${c_file}
    COMMAND ${Python_EXECUTABLE} -m cython --module-name plait.${name} -I ${PLAIT_ROOT}/cython
            ${PLAIT_DIRECTIVES} -M -o ${c_file} ${pyx}
    DEPENDS ${pyx}
    DEPFILE ${c_file}.dep
    COMMENT "Cython plait.${name}"
    VERBATIM)
  python_add_library(${name} MODULE WITH_SOABI ${c_file})
  target_link_libraries(${name} PRIVATE plait)
  target_compile_options(${name} PRIVATE -Wno-unused-function)
  set_target_properties(${name} PROPERTIES INSTALL_RPATH "$ORIGIN/lib")
  install(TARGETS ${name} LIBRARY DESTINATION plait)
endforeach()
