#include "op/attr.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "base/error.h"

namespace plait::op {
namespace {

std::string double_text(double v) {
  char text[40];
  for (int digits : {6, 15, 17}) {
    std::snprintf(text, sizeof text, "%.*g", digits, v);
    if (std::strtod(text, nullptr) == v || std::isnan(v)) break;
  }
  return text;
}

[[noreturn]] void wrong(const AttrValue& v, const char* rule) {
  const bool text = std::holds_alternative<std::string>(v);
  fail(ErrorKind::kType, "is ", text ? "'" : "", to_string(v), text ? "'" : "", ", must be ", rule);
}

// Values that arrive as text, as in files, are read first.
AttrValue plain(const AttrValue& v) {
  const std::string* text = std::get_if<std::string>(&v);
  return text ? parse_attr(*text) : v;
}

std::string trimmed(const std::string& s) {
  const size_t a = s.find_first_not_of(" \t\n");
  if (a == std::string::npos) return "";
  return s.substr(a, s.find_last_not_of(" \t\n") - a + 1);
}

bool parse_number(const std::string& s, AttrValue& out) {
  if (s.empty()) return false;
  int64_t whole = 0;
  const char* begin = s.data() + (s[0] == '+');
  const auto [end, error] = std::from_chars(begin, s.data() + s.size(), whole);
  size_t used = static_cast<size_t>(end - s.data());
  if (error == std::errc() && (used == s.size() || (used + 1 == s.size() && s[used] == 'L'))) {
    out = whole;
    return true;
  }
  const char c = s[s[0] == '-' || s[0] == '+'];
  if (!(c == '.' || (c >= '0' && c <= '9') || s.find("inf") != s.npos || s == "nan")) return false;
  char* stop = nullptr;
  const double v = std::strtod(s.c_str(), &stop);
  if (*stop) return false;
  out = v;
  return true;
}

bool parse_tuple(const std::string& s, AttrValue& out) {
  if (s.size() < 2 ||
      !((s.front() == '(' && s.back() == ')') || (s.front() == '[' && s.back() == ']'))) {
    return false;
  }
  Dims whole;
  std::vector<double> reals;
  bool all_whole = true;
  std::string item;
  for (size_t i = 1; i < s.size(); ++i) {
    if (s[i] != ',' && i + 1 < s.size()) {
      item += s[i];
      continue;
    }
    const std::string word = trimmed(item);
    item.clear();
    if (word.empty()) continue;
    AttrValue v;
    if (word == "None")
      v = kNone;
    else if (!parse_number(word, v))
      return false;
    if (const int64_t* n = std::get_if<int64_t>(&v)) {
      whole.push_back(*n);
      reals.push_back(static_cast<double>(*n));
    } else {
      all_whole = false;
      reals.push_back(std::get<double>(v));
    }
  }
  if (all_whole) {
    out = whole;
  } else {
    out = reals;
  }
  return true;
}

}  // namespace

std::string to_string(const AttrValue& value) {
  struct Writer {
    std::string operator()(std::monostate) const { return "None"; }
    std::string operator()(bool v) const { return v ? "True" : "False"; }
    std::string operator()(int64_t v) const { return std::to_string(v); }
    std::string operator()(double v) const { return double_text(v); }
    std::string operator()(const std::string& v) const { return v; }
    std::string operator()(const Dims& v) const { return plait::to_string(v); }
    std::string operator()(const std::vector<double>& v) const {
      std::string text = "(";
      for (size_t i = 0; i < v.size(); ++i) text += (i ? ", " : "") + double_text(v[i]);
      return text + (v.size() == 1 ? ",)" : ")");
    }
  };
  return std::visit(Writer{}, value);
}

AttrValue parse_attr(const std::string& text) {
  const std::string s = trimmed(text);
  if (s == "None") return {};
  if (s == "True" || s == "true") return true;
  if (s == "False" || s == "false") return false;
  AttrValue v;
  if (parse_number(s, v) || parse_tuple(s, v)) return v;
  return text;
}

bool AttrCodec<bool>::from(const AttrValue& raw) {
  if (const bool* b = std::get_if<bool>(&raw)) return *b;
  const AttrValue v = plain(raw);
  if (const bool* b = std::get_if<bool>(&v)) return *b;
  if (const int64_t* n = std::get_if<int64_t>(&v); n && (*n == 0 || *n == 1)) return *n != 0;
  wrong(raw, "True or False");
}

int64_t AttrCodec<int64_t>::from(const AttrValue& raw) {
  if (const int64_t* n = std::get_if<int64_t>(&raw)) return *n;
  const AttrValue v = plain(raw);
  if (const int64_t* n = std::get_if<int64_t>(&v)) return *n;
  if (const bool* b = std::get_if<bool>(&v)) return *b;
  if (const double* d = std::get_if<double>(&v);
      d && *d == std::floor(*d) && std::fabs(*d) < 9e15) {
    return static_cast<int64_t>(*d);
  }
  if (const Dims* t = std::get_if<Dims>(&v); t && t->size() == 1) return (*t)[0];
  wrong(raw, "int");
}

double AttrCodec<double>::from(const AttrValue& raw) {
  if (const double* d = std::get_if<double>(&raw)) return *d;
  const AttrValue v = plain(raw);
  if (const double* d = std::get_if<double>(&v)) return *d;
  if (const int64_t* n = std::get_if<int64_t>(&v)) return static_cast<double>(*n);
  if (const bool* b = std::get_if<bool>(&v)) return *b;
  wrong(raw, "float");
}

std::string AttrCodec<std::string>::from(const AttrValue& v) {
  if (const std::string* s = std::get_if<std::string>(&v)) return *s;
  wrong(v, "str");
}

Dims AttrCodec<Dims>::from(const AttrValue& raw) {
  if (const Dims* t = std::get_if<Dims>(&raw)) return *t;
  const AttrValue v = plain(raw);
  if (const Dims* t = std::get_if<Dims>(&v)) return *t;
  if (const int64_t* n = std::get_if<int64_t>(&v)) return Dims{*n};
  if (const auto* t = std::get_if<std::vector<double>>(&v)) {
    Dims whole;
    for (double d : *t) {
      if (d != std::floor(d)) wrong(raw, "tuple of int");
      whole.push_back(static_cast<int64_t>(d));
    }
    return whole;
  }
  wrong(raw, "tuple of int");
}

std::vector<double> AttrCodec<std::vector<double>>::from(const AttrValue& raw) {
  const AttrValue v = plain(raw);
  if (const auto* t = std::get_if<std::vector<double>>(&v)) return *t;
  if (const Dims* t = std::get_if<Dims>(&v)) return {t->begin(), t->end()};
  if (const double* d = std::get_if<double>(&v)) return {*d};
  if (const int64_t* n = std::get_if<int64_t>(&v)) return {static_cast<double>(*n)};
  wrong(raw, "tuple of float");
}

DType AttrCodec<DType>::from(const AttrValue& raw) {
  try {
    const std::string* s = std::get_if<std::string>(&raw);
    if (s && !s->empty() && (*s)[0] >= 'a') return dtype_from_name(*s);  // a number starts lower
    const AttrValue v = plain(raw);
    if (const int64_t* n = std::get_if<int64_t>(&v)) return dtype_from_number(*n);
  } catch (const Error&) {  // the rule below says more
  }
  wrong(raw, "the name of a dtype");
}

}  // namespace plait::op
