#include "graph/json_text.h"

#include <cstdio>
#include <cstdlib>

#include "base/error.h"

namespace plait::graph {

class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  Json document() {
    Json value = read(0);
    skip_space();
    if (at_ != text_.size()) fault("text after the document");
    return value;
  }

 private:
  static constexpr int kMaxDepth = 200;

  [[noreturn]] void fault(const char* what) const {
    fail(ErrorKind::kInvalidArgument, "json: ", what, " at offset ", at_, " of ", text_.size());
  }
  void skip_space() {
    while (at_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  char peek() {
    skip_space();
    if (at_ == text_.size()) fault("unexpected end");
    return text_[at_];
  }
  void expect(char c, const char* what) {
    if (peek() != c) fault(what);
    ++at_;
  }
  bool accept(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  Json read(int depth) {
    if (depth > kMaxDepth) fault("too deeply nested");
    Json value;
    switch (peek()) {
      case '{': read_object(value, depth); break;
      case '[': read_array(value, depth); break;
      case '"':
        value.kind_ = Json::kString;
        value.text_ = read_string();
        break;
      default: read_word(value);
    }
    return value;
  }

  void read_object(Json& value, int depth) {
    value.kind_ = Json::kObject;
    expect('{', "no '{'");
    if (accept('}')) return;
    do {
      if (peek() != '"') fault("no name");
      std::string key = read_string();
      expect(':', "no ':'");
      value.members_[std::move(key)] = read(depth + 1);
    } while (accept(','));
    expect('}', "no '}'");
  }

  void read_array(Json& value, int depth) {
    value.kind_ = Json::kArray;
    expect('[', "no '['");
    if (accept(']')) return;
    do {
      value.items_.push_back(read(depth + 1));
    } while (accept(','));
    expect(']', "no ']'");
  }

  void read_word(Json& value) {
    const size_t start = at_;
    while (at_ < text_.size() &&
           std::string_view(",]} \t\r\n:").find(text_[at_]) == std::string_view::npos)
      ++at_;
    value.text_ = text_.substr(start, at_ - start);
    const char first = value.text_.empty() ? ' ' : value.text_[0];
    if (value.text_ == "null") {
      value.kind_ = Json::kNull;
    } else if (value.text_ == "true" || value.text_ == "false") {
      value.kind_ = Json::kBool;
    } else if (first == '-' || (first >= '0' && first <= '9')) {
      value.kind_ = Json::kNumber;
    } else {
      at_ = start;
      fault("no value");
    }
  }

  std::string read_string() {
    std::string out;
    for (++at_;; ++at_) {
      if (at_ >= text_.size()) fault("unfinished string");
      const char c = text_[at_];
      if (c == '"') break;
      if (c != '\\') {
        out += c;
        continue;
      }
      if (++at_ >= text_.size()) fault("unfinished string");
      read_escape(out);
    }
    ++at_;
    return out;
  }

  void read_escape(std::string& out) {
    static constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    const size_t which = kFrom.find(text_[at_]);
    if (which != std::string_view::npos) {
      out += kTo[which];
      return;
    }
    if (text_[at_] != 'u' || at_ + 4 >= text_.size()) fault("unknown escape");
    const std::string digits(text_.substr(at_ + 1, 4));
    char* end = nullptr;
    const unsigned long code = std::strtoul(digits.c_str(), &end, 16);
    if (*end) fault("unknown escape");
    at_ += 4;
    if (code < 0x80) {
      out += static_cast<char>(code);
    } else if (code < 0x800) {
      out += static_cast<char>(0xc0 | code >> 6);
      out += static_cast<char>(0x80 | (code & 0x3f));
    } else {
      out += static_cast<char>(0xe0 | code >> 12);
      out += static_cast<char>(0x80 | (code >> 6 & 0x3f));
      out += static_cast<char>(0x80 | (code & 0x3f));
    }
  }

  std::string_view text_;
  size_t at_ = 0;
};

Json Json::parse(std::string_view text) { return JsonReader(text).document(); }

std::string Json::quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char code[8];
      std::snprintf(code, sizeof code, "\\u%04x", c);
      out += code;
    } else {
      out += c;
    }
  }
  return out + '"';
}

const Json* Json::find(const std::string& key) const {
  const auto it = members_.find(key);
  return it == members_.end() ? nullptr : &it->second;
}

const Json& Json::at(const std::string& key) const {
  const Json* value = find(key);
  check(value, ErrorKind::kInvalidArgument, "json: no member '", key, "'");
  return *value;
}

int64_t Json::as_int(const char* what) const {
  check(kind_ == kNumber, ErrorKind::kInvalidArgument, "json: ", what, " is '", text_,
        "', must be a number");
  return std::strtoll(text_.c_str(), nullptr, 10);
}

const std::string& Json::as_string(const char* what) const {
  check(kind_ == kString || kind_ == kNumber || kind_ == kBool, ErrorKind::kInvalidArgument,
        "json: ", what, " must be a string");
  return text_;
}

const std::vector<Json>& Json::as_array(const char* what) const {
  check(kind_ == kArray, ErrorKind::kInvalidArgument, "json: ", what, " must be a list");
  return items_;
}

std::string Json::dump() const {
  std::string text;
  switch (kind_) {
    case kNull: return "null";
    case kBool:
    case kNumber: return text_;
    case kString: return quote(text_);
    case kArray:
      for (const Json& item : items_) text += (text.empty() ? "" : ", ") + item.dump();
      return '[' + text + ']';
    case kObject:
      for (const auto& [key, value] : members_) {
        text += (text.empty() ? "" : ", ") + quote(key) + ": " + value.dump();
      }
      return '{' + text + '}';
  }
  return text;
}

}  // namespace plait::graph
