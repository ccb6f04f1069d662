#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tensor/array.h"
#include "tensor/sparse.h"

namespace plait::data {

// An array of a file: one of the two.
struct Stored {
  ArrayRef dense;
  SparseRef sparse;
};

// Arrays with or without names.
struct Archive {
  std::vector<Stored> arrays;
  std::vector<std::string> names;  // empty, or one for each array
};

// MXNet's format of `.params` files. The arrays are contiguous; waits for them.
std::string write_archive(const std::vector<Stored>& arrays, const std::vector<std::string>& names);
// Throws ErrorKind::kIo with the offset of the fault; `what` names the source in messages.
Archive read_archive(std::string_view bytes, const std::string& what);

// The whole content of a file.
std::string read_file(const std::string& path);
// Writes under a temporary name, then renames: the file is complete or as before.
void write_file(const std::string& path, std::string_view bytes);

}  // namespace plait::data
