#pragma once

#include "op/op.h"

namespace plait::op {

// Where the random stream stands, to draw the same numbers a second time.
RandomKey random_position();
void set_random_position(RandomKey position);

}  // namespace plait::op
