#include "base/env.h"

#include <cstdlib>

#include "base/error.h"
#include "testing.h"

using namespace plait;

TEST(env_prefers_our_name_to_that_of_mxnet) {
  setenv("MXNET_ENV_TEST", "mxnet", 1);
  CHECK_EQ(env::get_string("PLAIT_ENV_TEST", "MXNET_ENV_TEST", "none"), "mxnet");
  setenv("PLAIT_ENV_TEST", "plait", 1);
  CHECK_EQ(env::get_string("PLAIT_ENV_TEST", "MXNET_ENV_TEST", "none"), "plait");
  unsetenv("PLAIT_ENV_TEST");
  unsetenv("MXNET_ENV_TEST");
  CHECK_EQ(env::get_string("PLAIT_ENV_TEST", "MXNET_ENV_TEST", "none"), "none");
}

TEST(env_refuses_text_that_is_no_number) {
  setenv("PLAIT_ENV_TEST", "12", 1);
  CHECK_EQ(env::get_int("PLAIT_ENV_TEST", nullptr, 3), 12);
  setenv("PLAIT_ENV_TEST", "12 cores", 1);
  CHECK_THROWS(env::get_int("PLAIT_ENV_TEST", nullptr, 3), Error,
               "PLAIT_ENV_TEST is '12 cores', must be a whole number");
  unsetenv("PLAIT_ENV_TEST");
}

TEST(env_gives_at_least_one_core) { CHECK(env::num_cores() >= 1); }
