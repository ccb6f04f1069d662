#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/dims.h"
#include "base/dtype.h"
#include "base/ref.h"

namespace plait::op {

// A value on its way into a typed attribute struct. monostate: not given / None.
using AttrValue =
    std::variant<std::monostate, bool, int64_t, double, std::string, Dims, std::vector<double>>;

std::string to_string(const AttrValue& value);  // as MXNet's JSON spells it: "(2, 2)", "True"
// Reads that spelling (also plain Python literals); a text that is none stays a string.
AttrValue parse_attr(const std::string& text);

// The attributes of one call: a typed struct behind a common base.
class Attrs : public RefCounted {};
using AttrsRef = Ref<const Attrs>;

template <class A>
class AttrsBox final : public Attrs {
 public:
  AttrsBox() = default;
  explicit AttrsBox(const A& v) : value(v) {}
  A value{};
};

// Conversions between AttrValue and the types that attribute structs may hold. `from` throws
// ErrorKind::kType with the rule; the caller adds the operator and the attribute.
template <class T>
struct AttrCodec;
template <>
struct AttrCodec<bool> {
  static constexpr const char* kType = "bool";
  static bool from(const AttrValue&);
  static AttrValue to(bool v) { return v; }
};
template <>
struct AttrCodec<int64_t> {
  static constexpr const char* kType = "int";
  static int64_t from(const AttrValue&);
  static AttrValue to(int64_t v) { return v; }
};
template <>
struct AttrCodec<double> {
  static constexpr const char* kType = "float";
  static double from(const AttrValue&);
  static AttrValue to(double v) { return v; }
};
template <>
struct AttrCodec<std::string> {
  static constexpr const char* kType = "str";
  static std::string from(const AttrValue&);
  static AttrValue to(const std::string& v) { return v; }
};
template <>
struct AttrCodec<Dims> {
  static constexpr const char* kType = "tuple of int";
  static Dims from(const AttrValue&);  // an int gives one element
  static AttrValue to(const Dims& v) { return v; }
};
template <>
struct AttrCodec<std::vector<double>> {
  static constexpr const char* kType = "tuple of float";
  static std::vector<double> from(const AttrValue&);
  static AttrValue to(const std::vector<double>& v) { return v; }
};
template <>
struct AttrCodec<DType> {
  static constexpr const char* kType = "dtype";
  static DType from(const AttrValue&);  // a name or a number
  static AttrValue to(DType v) { return std::string(dtype_name(v)); }
};
template <class T>
struct AttrCodec<std::optional<T>> {
  static constexpr const char* kType = AttrCodec<T>::kType;
  static std::optional<T> from(const AttrValue& v) {
    if (std::holds_alternative<std::monostate>(v)) return std::nullopt;
    return AttrCodec<T>::from(v);
  }
  static AttrValue to(const std::optional<T>& v) { return v ? AttrCodec<T>::to(*v) : AttrValue{}; }
};

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

// One attribute of an operator: how it is documented, written and read.
class AttrField {
 public:
  virtual ~AttrField() = default;
  virtual void set(void* attrs_struct, const AttrValue& value) const = 0;
  virtual AttrValue get(const void* attrs_struct) const = 0;

  std::string name, doc, type;  // type: "int", "tuple of int", ...
  bool optional = false;        // None is a legal value
  bool required = false;        // has no default
  AttrValue fallback;
  std::vector<std::string> choices;  // of a string; empty: any
};

template <class A, class T>
class MemberField final : public AttrField {
 public:
  explicit MemberField(T A::*member) : member_(member) {}
  void set(void* s, const AttrValue& v) const override {
    static_cast<A*>(s)->*member_ = AttrCodec<T>::from(v);
  }
  AttrValue get(const void* s) const override {
    return AttrCodec<T>::to(static_cast<const A*>(s)->*member_);
  }

 private:
  T A::*member_;
};

}  // namespace plait::op
