// The test harness of tests/cpp:
//
//   TEST(small_vec_grows) {
//     plait::SmallVec<int64_t, 2> v(5);
//     CHECK_EQ(v.size(), 5u);
//     CHECK_THROWS(v.at(7), plait::Error, "index is 7");
//   }
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace plait::testing {

struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Adds a test under a unique name at program start.
struct Register {
  Register(const char* name, void (*body)());
};

[[noreturn]] inline void fail(const char* file, int line, const std::string& what) {
  throw Failure(std::string(file) + ':' + std::to_string(line) + ": " + what);
}

template <class A, class B>
void check_equal(const A& a, const B& b, const char* text, const char* file, int line) {
  if (a == b) return;
  std::ostringstream out;
  out << text;
  if constexpr (requires { out << a << b; }) out << ": " << a << " against " << b;
  fail(file, line, out.str());
}

}  // namespace plait::testing

#define TEST(name)                                                            \
  static void test_##name();                                                  \
  static const plait::testing::Register register_##name(#name, &test_##name); \
  static void test_##name()

#define CHECK(condition) \
  if (!(condition)) plait::testing::fail(__FILE__, __LINE__, #condition)

#define CHECK_EQ(a, b) plait::testing::check_equal((a), (b), #a " == " #b, __FILE__, __LINE__)

// The statement throws `type`, and what() contains `text`.
#define CHECK_THROWS(statement, type, text)                                                \
  do {                                                                                     \
    bool thrown_ = false;                                                                  \
    try {                                                                                  \
      statement;                                                                           \
    } catch (const type& e_) {                                                             \
      thrown_ = true;                                                                      \
      if (std::string(e_.what()).find(text) == std::string::npos) {                        \
        plait::testing::fail(__FILE__, __LINE__, std::string("message is: ") + e_.what()); \
      }                                                                                    \
    }                                                                                      \
    if (!thrown_) plait::testing::fail(__FILE__, __LINE__, #statement " threw nothing");   \
  } while (false)
