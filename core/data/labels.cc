#include "data/labels.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/error.h"
#include "data/archive.h"

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

// The fields of a line between tabs, without the white space around the line.
std::vector<std::string_view> fields_of(std::string_view line) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
  while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
  std::vector<std::string_view> fields;
  while (!line.empty()) {
    const size_t tab = std::min(line.find('\t'), line.size());
    fields.push_back(line.substr(0, tab));
    line.remove_prefix(std::min(tab + 1, line.size()));
  }
  return fields;
}

template <class T>
bool reads(std::string_view text, T& to) {
  const char* stop = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), stop, to);
  return error == std::errc{} && end == stop;
}

}  // namespace

std::shared_ptr<const LabelTable> read_label_list(const std::string& owner,
                                                  const std::string& path) {
  const std::string bytes = read_file(path);
  auto table = std::make_shared<LabelTable>();
  int64_t number = 1;
  for (std::string_view left = bytes; !left.empty(); ++number) {
    const size_t stop = std::min(left.find('\n'), left.size());
    const std::vector<std::string_view> fields = fields_of(left.substr(0, stop));
    left.remove_prefix(std::min(stop + 1, left.size()));
    if (fields.empty()) continue;
    uint64_t id = 0;
    bool good = fields.size() >= 3 && reads(fields[0], id);
    const size_t begin = table->values.size();
    for (size_t i = 1; good && i + 1 < fields.size(); ++i) {
      good = reads(fields[i], table->values.emplace_back());
    }
    check(good, ErrorKind::kIo, owner, ": ", path, ", line ", number,
          ", must be an id, labels and a path with tabs in between");
    table->places[id] = {begin, fields.size() - 2};
  }
  check(!table->places.empty(), ErrorKind::kIo, owner, ": ", path, " has no entries");
  return table;
}

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
