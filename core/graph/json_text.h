#pragma once

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace plait::graph {

// A JSON document. Numbers are kept as text and converted when asked for.
class Json {
 public:
  enum Kind { kNull, kBool, kNumber, kString, kArray, kObject };

  // Throws ErrorKind::kInvalidArgument with the offset of the first fault.
  static Json parse(std::string_view text);
  static std::string quote(std::string_view text);

  Kind kind() const { return kind_; }
  const std::string& text() const { return text_; }  // of a string, number or bool
  const std::vector<Json>& items() const { return items_; }
  const std::map<std::string, Json>& members() const { return members_; }
  const Json* find(const std::string& key) const;
  // These throw ErrorKind::kInvalidArgument naming `what` when the kind differs.
  int64_t as_int(const char* what) const;
  const std::string& as_string(const char* what) const;
  const std::vector<Json>& as_array(const char* what) const;
  const Json& at(const std::string& key) const;
  std::string dump() const;  // the document as text again

 private:
  friend class JsonReader;
  Kind kind_ = kNull;
  std::string text_;
  std::vector<Json> items_;
  std::map<std::string, Json> members_;
};

}  // namespace plait::graph
