#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace plait::data {

// An option of a kind of iterator. Values are text, as in MXNet's interface: "128", "true",
// "(1, 28, 28)".
struct OptionDef {
  const char* name;
  const char* fallback;  // null: must be given
  const char* doc;
};

// The options that a user gave to `owner`, checked against those that it has.
class Options {
 public:
  Options(std::string owner, std::span<const OptionDef> known,
          const std::vector<std::pair<std::string, std::string>>& given);

  const std::string& owner() const { return owner_; }
  const std::string& text(const std::string& name) const;
  bool flag(const std::string& name) const;
  int64_t integer(const std::string& name, int64_t least) const;
  double real(const std::string& name) const;
  std::vector<int64_t> shape(const std::string& name) const;  // "(1, 28, 28)", "[3]" or "3"
  std::vector<double> reals(const std::string& name) const;   // "(0.1, 0.5)", "[1]" or "1"
  // The samples [first, second) of n that num_parts and part_index name.
  std::pair<int64_t, int64_t> part_of(int64_t n) const;
  // The place of the value among `choices`.
  size_t choice(const std::string& name, std::initializer_list<const char*> choices) const;

 private:
  // Reads "(a, b)", "[a, b]" or "a"; `read` moves `at` behind an item, or leaves it there.
  template <class T, class Read>
  std::vector<T> list(const std::string& name, const std::string& rule, const Read& read) const;
  [[noreturn]] void reject(const std::string& name, const std::string& rule) const;

  std::string owner_;
  std::map<std::string, std::string> values_;
};

}  // namespace plait::data
