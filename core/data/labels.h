#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace plait::data {

// Labels by the first id of a record, in place of those inside.
struct LabelTable {
  std::unordered_map<uint64_t, std::pair<size_t, size_t>> places;  // begin and count of the values
  std::vector<float> values;
};

// The labels of a list of images, lines "id<tab>label...<tab>path". Throws ErrorKind::kIo with path
// and line for anything else.
std::shared_ptr<const LabelTable> read_label_list(const std::string& owner,
                                                  const std::string& path);

// A record of `recordio.pack`: a header with one label, or with the number of labels that follow.
struct RecordParts {
  size_t count;        // of labels
  const char* labels;  // that many floats, perhaps not aligned
  std::string_view image;
};

// `what` names the record in messages; `table` may be null. Throws ErrorKind::kIo if the record is
// too short or the table does not have its id.
RecordParts split_record(const std::string& record, const std::string& what,
                         const LabelTable* table);

}  // namespace plait::data
