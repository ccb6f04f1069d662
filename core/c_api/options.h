#pragma once

#include "data/iterator.h"
#include "plait/c_api.h"

namespace plait::c_api {

// `count` options of an iterator, in text, from the caller.
data::Given given_options(const char* const* names, const char* const* values, int32_t count);

}  // namespace plait::c_api
