#pragma once

#include "op/op.h"

// The random stream that operators of kind `.random()` draw from.
namespace plait::op {

void seed_random(uint64_t seed);
RandomKey next_random_key(int64_t count);  // reserves `count` counters

// Where the stream stands, to draw the same numbers a second time.
RandomKey random_position();
void set_random_position(RandomKey position);

}  // namespace plait::op
