# tests/cpp in one executable. It holds the objects themselves, so it reaches what libplait.so hides.
file(GLOB_RECURSE PLAIT_TEST_SOURCES CONFIGURE_DEPENDS ${PLAIT_ROOT}/tests/cpp/*.cc)
if(PLAIT_TEST_SOURCES)
  add_executable(plait_tests ${PLAIT_TEST_SOURCES} $<TARGET_OBJECTS:plait_objects>)
  target_include_directories(plait_tests PRIVATE ${PLAIT_ROOT}/tests/cpp)
  target_link_libraries(plait_tests PRIVATE plait_objects)
  set_target_properties(plait_tests PROPERTIES BUILD_WITH_INSTALL_RPATH OFF)
endif()
