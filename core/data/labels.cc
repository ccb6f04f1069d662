#include "data/labels.h"

#include <cstring>

#include "base/error.h"

namespace plait::data {
namespace {

constexpr size_t kHeader = 24;  // uint32 number of labels, float label, two uint64 ids

RecordParts own_labels(const std::string& record, const std::string& what) {
  check(record.size() >= kHeader, ErrorKind::kIo, what, " has ", record.size(),
        " bytes, must have a header of ", kHeader);
  uint32_t count;
  std::memcpy(&count, record.data(), sizeof count);
  const std::string_view content = std::string_view(record).substr(kHeader);
  if (count == 0) return {1, record.data() + 4, content};
  check(content.size() / 4 >= count, ErrorKind::kIo, what, " promises ", count,
        " labels, which end after the record");
  return {count, content.data(), content.substr(size_t{count} * 4)};
}

}  // namespace

RecordParts split_record(const std::string& record, const std::string& what,
                         const LabelTable* table) {
  RecordParts parts = own_labels(record, what);
  if (!table) return parts;
  uint64_t id;
  std::memcpy(&id, record.data() + 8, sizeof id);
  const auto found = table->places.find(id);
  check(found != table->places.end(), ErrorKind::kIo, what, " has the id ", id,
        ", for which the list has no labels");
  parts.count = found->second.second;
  parts.labels = reinterpret_cast<const char*>(table->values.data() + found->second.first);
  return parts;
}

}  // namespace plait::data
