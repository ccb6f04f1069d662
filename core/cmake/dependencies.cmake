# Targets plait::onednn and plait::blas, and PLAIT_BUNDLED: shared libraries that are shipped beside libplait.so.
find_package(Threads REQUIRED)

if(PLAIT_PYTHON)
  find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module)
elseif(NOT PLAIT_SYSTEM_LIBS)
  find_package(Python 3.10 REQUIRED COMPONENTS Interpreter)
endif()

# Sets `out` to the file of Python distribution `dist` whose path ends in `suffix`.
function(plait_wheel_file out dist suffix)
  execute_process(
    COMMAND ${Python_EXECUTABLE} ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/wheel_file.py ${dist} ${suffix}
    OUTPUT_VARIABLE path
    OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_VARIABLE message
    RESULT_VARIABLE code)
  if(code)
    message(FATAL_ERROR "${message}hint: pip install ${dist}, or configure with -DPLAIT_SYSTEM_LIBS=ON")
  endif()
  set(${out}
      ${path}
      PARENT_SCOPE)
endfunction()

# An imported target for a shared library that is shipped, without its debug symbols, with ours.
# Further arguments: a Python script, in this folder, that changes the copy.
function(plait_import name header levels wheel_library)
  get_filename_component(file ${wheel_library} NAME)
  set(library ${CMAKE_BINARY_DIR}/bundled/${file})
  set(script ${wheel_library})
  if(ARGN)
    set(script ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/${ARGN})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${script})
  endif()
  if(${wheel_library} IS_NEWER_THAN ${library} OR "${script}" IS_NEWER_THAN ${library})
    file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/bundled)
    set(fresh ${CMAKE_BINARY_DIR}/bundled/${file}.new)
    execute_process(COMMAND ${CMAKE_STRIP} --strip-unneeded -o ${fresh} ${wheel_library}
                            COMMAND_ERROR_IS_FATAL ANY)
    if(ARGN)
      execute_process(COMMAND ${Python_EXECUTABLE} ${script} ${fresh} COMMAND_ERROR_IS_FATAL ANY)
    endif()
    file(RENAME ${fresh} ${library})
  endif()
  foreach(level RANGE 1 ${levels})
    get_filename_component(header ${header} DIRECTORY)
  endforeach()
  add_library(plait::${name} SHARED IMPORTED)
  set_target_properties(plait::${name} PROPERTIES IMPORTED_LOCATION ${library}
                                                  INTERFACE_INCLUDE_DIRECTORIES ${header})
  set(PLAIT_BUNDLED
      ${PLAIT_BUNDLED} ${library}
      PARENT_SCOPE)
endfunction()

# The oneDNN that we ship runs on our threads (core/team); that of the system on the system's OpenMP.
set(PLAIT_OPENMP ${PLAIT_SYSTEM_LIBS})

if(PLAIT_SYSTEM_LIBS)
  find_package(OpenMP REQUIRED COMPONENTS CXX)
  find_package(dnnl 3 REQUIRED CONFIG)
  add_library(plait::onednn ALIAS DNNL::dnnl)
  find_package(PkgConfig REQUIRED)
  pkg_check_modules(openblas REQUIRED IMPORTED_TARGET openblas)
  add_library(plait::blas ALIAS PkgConfig::openblas)
else()
  plait_wheel_file(header onednn-devel-cpu-gomp oneapi/dnnl/dnnl.h)
  plait_wheel_file(library onednn-cpu-gomp libdnnl.so.3)
  plait_import(onednn ${header} 3 ${library} redirect_openmp.py)
  plait_wheel_file(license onednn-cpu-gomp onednn/LICENSE)
  plait_wheel_file(parts onednn-cpu-gomp onednn/THIRD-PARTY-PROGRAMS)
  install(FILES ${license} ${parts} DESTINATION ${PLAIT_PREFIX}/lib/licenses/onednn)
  plait_wheel_file(header scipy-openblas32 include/cblas.h)
  plait_wheel_file(library scipy-openblas32 libscipy_openblas.so)
  plait_import(blas ${header} 1 ${library})
  plait_wheel_file(license scipy-openblas32 licenses/LICENSE.txt)
  install(FILES ${license} DESTINATION ${PLAIT_PREFIX}/lib/licenses/openblas)
  # That wheel puts this prefix before every BLAS and LAPACK name.
  set_property(TARGET plait::blas PROPERTY INTERFACE_COMPILE_DEFINITIONS PLAIT_BLAS_PREFIX=scipy_)
endif()

# JPEG and PNG come from the system; without them programs decode images with Pillow.
if(PLAIT_CODECS)
  find_package(JPEG)
  find_package(PNG)
  if(NOT JPEG_FOUND OR NOT PNG_FOUND)
    message(STATUS "no headers of libjpeg and libpng: building without PLAIT_CODECS")
    set(PLAIT_CODECS OFF)
  endif()
endif()
