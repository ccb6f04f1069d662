#include "data/options.h"

#include <cerrno>
#include <cstdlib>

#include "base/error.h"

namespace plait::data {
namespace {

bool ends(const char* at) {
  while (*at == ' ') ++at;
  return *at == 0;
}

}  // namespace

Options::Options(std::string owner, std::span<const OptionDef> known,
                 const std::vector<std::pair<std::string, std::string>>& given)
    : owner_(std::move(owner)) {
  const std::map<std::string, std::string> all(given.begin(), given.end());
  std::string names;
  for (const OptionDef& d : known) {
    names += (names.empty() ? "" : ", ") + std::string(d.name);
    const auto it = all.find(d.name);
    check(it != all.end() || d.fallback, ErrorKind::kInvalidArgument, owner_, ": ", d.name,
          " is missing, must be given");
    values_[d.name] = it != all.end() ? it->second : d.fallback;
  }
  for (const auto& [name, value] : given) {
    check(values_.count(name), ErrorKind::kKey, owner_, ": option is '", name, "', must be one of ",
          names);
  }
}

void Options::reject(const std::string& name, const std::string& rule) const {
  const std::string& v = text(name);
  char* end = nullptr;
  std::strtod(v.c_str(), &end);
  const char* quote = end == v.c_str() || !ends(end) ? "'" : "";  // numbers stand without
  fail(ErrorKind::kInvalidArgument, owner_, ": ", name, " is ", quote, v, quote, ", must be ",
       rule);
}

const std::string& Options::text(const std::string& name) const { return values_.at(name); }

bool Options::flag(const std::string& name) const {
  const std::string& v = text(name);
  if (v == "1" || v == "true" || v == "True" || v == "TRUE") return true;
  if (v == "0" || v == "false" || v == "False" || v == "FALSE") return false;
  reject(name, "true or false");
}

int64_t Options::integer(const std::string& name, int64_t least) const {
  const std::string& v = text(name);
  char* end = nullptr;
  errno = 0;
  const int64_t n = std::strtoll(v.c_str(), &end, 10);
  if (end == v.c_str() || !ends(end) || errno || n < least) {
    reject(name, "a whole number >= " + std::to_string(least));
  }
  return n;
}

double Options::real(const std::string& name) const {
  const std::string& v = text(name);
  char* end = nullptr;
  const double x = std::strtod(v.c_str(), &end);
  if (end == v.c_str() || !ends(end)) reject(name, "a number");
  return x;
}

template <class T, class Read>
std::vector<T> Options::list(const std::string& name, const std::string& rule,
                             const Read& read) const {
  const char* at = text(name).c_str();
  const bool open = *at == '(' || *at == '[';
  std::vector<T> items;
  if (open) ++at;
  while (*at && *at != ')' && *at != ']') {
    char* end = const_cast<char*>(at);
    items.push_back(read(at, &end));
    if (end == at) reject(name, rule);
    at = end;
    while (*at == ' ' || *at == ',') ++at;
  }
  if (open != (*at != 0) || (*at && !ends(at + 1)) || items.empty()) reject(name, rule);
  return items;
}

std::vector<int64_t> Options::shape(const std::string& name) const {
  return list<int64_t>(name, "sizes >= 1 such as (1, 28, 28)", [](const char* at, char** end) {
    const int64_t n = std::strtoll(at, end, 10);
    if (n < 1) *end = const_cast<char*>(at);
    return n;
  });
}

std::vector<double> Options::reals(const std::string& name) const {
  return list<double>(name, "numbers such as (0.1, 0.5)", std::strtod);
}

std::pair<int64_t, int64_t> Options::part_of(int64_t n) const {
  const int64_t parts = integer("num_parts", 1), part = integer("part_index", 0);
  check(part < parts, ErrorKind::kInvalidArgument, owner_, ": part_index is ", part,
        ", must be less than num_parts, ", parts);
  return {n * part / parts, n * (part + 1) / parts};
}

size_t Options::choice(const std::string& name, std::initializer_list<const char*> choices) const {
  std::string rule = "one of";
  size_t place = 0;
  for (const char* one : choices) {
    if (text(name) == one) return place;
    rule += (place++ ? ", " : " ") + std::string(one);
  }
  reject(name, rule);
}

}  // namespace plait::data
