#pragma once

#include "engine/engine.h"
#include "testing.h"

// A test of what only exists with workers; serial mode has no such test.
#define THREADED_TEST(name)                                                         \
  static void test_##name();                                                        \
  static const bool registered_##name = [] {                                        \
    if (!plait::engine::is_serial()) plait::testing::Register(#name, &test_##name); \
    return true;                                                                    \
  }();                                                                              \
  static void test_##name()
