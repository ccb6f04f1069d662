#pragma once

#include <cstdio>

// Of the programs in C++: checks that print their line when they fail, and go on.
inline int failures = 0;

#define EXPECT(condition)                                 \
  do {                                                    \
    if (!(condition)) {                                   \
      std::printf("line %d: %s\n", __LINE__, #condition); \
      ++failures;                                         \
    }                                                     \
  } while (0)
