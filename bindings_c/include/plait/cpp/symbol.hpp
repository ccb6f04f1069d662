/* Symbols, and operators by name. Part of plait.hpp. */
#pragma once

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "plait/cpp/ndarray.hpp"

namespace plait::cpp {

class Executor;

class Symbol {
 public:
  /* No symbol: an input that becomes a variable. */
  Symbol() = default;
  /* Takes over the handle. */
  explicit Symbol(plait_symbol_t handle) : handle_(handle, plait_symbol_free) {}
  /* A variable. */
  explicit Symbol(const std::string& name) : Symbol(Variable(name)) {}
  explicit Symbol(const char* name) : Symbol(Variable(name)) {}

  static Symbol Variable(const std::string& name) {
    plait_symbol_t out = nullptr;
    Check(plait_symbol_variable(name.c_str(), &out));
    return Symbol(out);
  }
  static Symbol LoadJSON(const std::string& text) {
    plait_symbol_t out = nullptr;
    Check(plait_symbol_from_json(text.data(), static_cast<int64_t>(text.size()), &out));
    return Symbol(out);
  }
  static Symbol Load(const std::string& file);
  void Save(const std::string& file) const;
  static Symbol Group(const std::vector<Symbol>& parts) {
    std::vector<plait_symbol_t> handles;
    for (const Symbol& s : parts) handles.push_back(s.handle());
    plait_symbol_t out = nullptr;
    Check(plait_symbol_group(handles.data(), static_cast<int32_t>(handles.size()), &out));
    return Symbol(out);
  }

  explicit operator bool() const { return handle_ != nullptr; }
  plait_symbol_t handle() const { return handle_.get(); }
  Symbol operator[](int32_t index) const {
    plait_symbol_t out = nullptr;
    Check(plait_symbol_output(handle(), index, &out));
    return Symbol(out);
  }
  /* The output with this name. */
  Symbol operator[](const std::string& name) const {
    const std::vector<std::string> all = ListOutputs();
    const auto at = std::find(all.begin(), all.end(), name);
    if (at == all.end()) throw Error(PLAIT_ERR_KEY, "symbol: has no output '" + name + "'");
    return (*this)[static_cast<int32_t>(at - all.begin())];
  }
  size_t GetNumOutputs() const { return static_cast<size_t>(plait_symbol_num_outputs(handle())); }
  /* Empty for a group. */
  std::string GetName() const {
    const char* name = plait_symbol_name(handle());
    return name ? name : "";
  }
  Symbol GetInternals() const {
    plait_symbol_t out = nullptr;
    Check(plait_symbol_internals(handle(), &out));
    return Symbol(out);
  }
  std::string ToJSON() const {
    plait_buffer_t out = nullptr;
    Check(plait_symbol_to_json(handle(), &out));
    return detail::text_of(out);
  }
  std::vector<std::string> ListArguments() const { return names(PLAIT_NAMES_ARGUMENTS); }
  std::vector<std::string> ListAuxiliaryStates() const {
    return names(PLAIT_NAMES_AUXILIARY_STATES);
  }
  std::vector<std::string> ListInputs() const { return names(PLAIT_NAMES_INPUTS); }
  std::vector<std::string> ListOutputs() const { return names(PLAIT_NAMES_OUTPUTS); }

  /* Shapes of all arguments and auxiliary states by name, from those given. Throws if some do not
   * follow. */
  std::map<std::string, Shape> InferShapes(const std::map<std::string, Shape>& known) const;
  /* Adds an array to `args` for each argument that has none there. */
  void InferArgsMap(Context ctx, std::map<std::string, NDArray>* args,
                    const std::map<std::string, NDArray>& known) const;
  /* The shapes of arguments, auxiliary states and outputs in the order of their names. */
  void InferShape(const std::map<std::string, Shape>& known, std::vector<Shape>* arg_shapes,
                  std::vector<Shape>* aux_shapes, std::vector<Shape>* out_shapes) const;
  /* What Bind() takes, in the order of the names: the arrays given, and zeros for those that are
   * not; of no request, kWriteTo. */
  void InferExecutorArrays(Context ctx, std::vector<NDArray>* arg_arrays,
                           std::vector<NDArray>* grad_arrays, std::vector<OpReqType>* grad_reqs,
                           std::vector<NDArray>* aux_arrays,
                           const std::map<std::string, NDArray>& args,
                           const std::map<std::string, NDArray>& grads = {},
                           const std::map<std::string, OpReqType>& requests = {},
                           const std::map<std::string, NDArray>& aux = {}) const;
  /* An executor on these arrays; auxiliary states that are not among them are zeros. */
  std::unique_ptr<Executor> SimpleBind(Context ctx, const std::map<std::string, NDArray>& args,
                                       plait_grad_req_t request = PLAIT_GRAD_WRITE) const;
  /* The same with places for gradients, and a request for each. */
  std::unique_ptr<Executor> SimpleBind(Context ctx, const std::map<std::string, NDArray>& args,
                                       const std::map<std::string, NDArray>& grads,
                                       const std::map<std::string, OpReqType>& requests = {},
                                       const std::map<std::string, NDArray>& aux = {}) const;
  /* An executor on arrays in the order of ListArguments() and ListAuxiliaryStates(). */
  std::unique_ptr<Executor> Bind(Context ctx, const std::vector<NDArray>& arg_arrays,
                                 const std::vector<NDArray>& grad_arrays,
                                 const std::vector<OpReqType>& grad_reqs,
                                 const std::vector<NDArray>& aux_arrays) const;

 private:
  std::vector<std::string> names(plait_names_t which) const;
  /* By kind: "arg_shapes", "aux_shapes", "out_shapes"; none where a shape does not follow. */
  std::map<std::string, std::vector<std::optional<Shape>>> inferred(
      const std::map<std::string, Shape>& known) const;
  static Shape require(const std::optional<Shape>& shape, const std::string& name) {
    if (shape) return *shape;
    throw Error(PLAIT_ERR_SHAPE, "symbol: the shape of " + name + " does not follow");
  }
  std::shared_ptr<std::remove_pointer_t<plait_symbol_t>> handle_;
};

inline Symbol Symbol::Load(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  if (!stream.good()) throw Error(PLAIT_ERR_IO, "symbol: " + file + " cannot be read");
  return LoadJSON(text);
}
inline void Symbol::Save(const std::string& file) const {
  std::ofstream stream(file, std::ios::binary);
  stream << ToJSON();
  if (!stream.flush()) throw Error(PLAIT_ERR_IO, "symbol: " + file + " cannot be written");
}

namespace detail {

/* Reads the two forms of JSON that the interface writes: lists of names, and lists of shapes. */
class Reader {
 public:
  explicit Reader(const std::string& text) : at_(text.c_str()) {}

  std::vector<std::string> names() {
    std::vector<std::string> list;
    expect('[');
    while (!take(']')) {
      list.push_back(string());
      take(',');
    }
    return list;
  }
  /* {"key": [[1, 2], null], "other": [...]}; lists of anything but shapes are left out. */
  std::map<std::string, std::vector<std::optional<Shape>>> shapes() {
    std::map<std::string, std::vector<std::optional<Shape>>> all;
    expect('{');
    while (!take('}')) {
      const std::string key = string();
      expect(':');
      expect('[');
      while (!take(']')) {
        if (peek() == '"') {
          string();
        } else if (take('n')) {
          at_ += 3;
          all[key].emplace_back();
        } else {
          all[key].emplace_back(shape());
        }
        take(',');
      }
      take(',');
    }
    return all;
  }

 private:
  char peek() {
    while (*at_ == ' ' || *at_ == '\n') ++at_;
    return *at_;
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) throw Error(PLAIT_ERR_INTERNAL, "plait.hpp: unexpected JSON of the library");
  }
  std::string string() {
    std::string text;
    expect('"');
    for (; *at_ && *at_ != '"'; ++at_) {
      if (*at_ == '\\' && at_[1]) ++at_;
      text += *at_;
    }
    expect('"');
    return text;
  }
  Shape shape() {
    Shape sizes;
    expect('[');
    while (!take(']')) {
      char* end = nullptr;
      sizes.push_back(std::strtoll(at_, &end, 10));
      at_ = end;
      take(',');
      peek();
    }
    return sizes;
  }
  const char* at_;
};

/* A node; an empty name is made up from that of the operator. */
inline Symbol compose(plait_op_t op, std::string name, const std::vector<const char*>& input_names,
                      const std::vector<Symbol>& inputs, const std::vector<const char*>& keys,
                      const std::vector<plait_value_t>& values) {
  if (name.empty()) {
    static std::mutex mutex;
    static std::map<std::string, int> counts;
    const std::lock_guard lock(mutex);
    name = plait_op_name(op);
    name += std::to_string(counts[name]++);
  }
  std::vector<plait_symbol_t> handles;
  std::vector<const char*> names;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i]) continue;
    handles.push_back(inputs[i].handle());
    names.push_back(i < input_names.size() ? input_names[i] : "");
  }
  plait_symbol_t out = nullptr;
  Check(plait_symbol_apply(op, name.c_str(), handles.data(), names.data(),
                           static_cast<int32_t>(handles.size()), keys.data(), values.data(),
                           static_cast<int32_t>(values.size()), &out));
  return Symbol(out);
}

}  // namespace detail

inline std::vector<std::string> Symbol::names(plait_names_t which) const {
  plait_buffer_t out = nullptr;
  Check(plait_symbol_names(handle(), which, &out));
  return detail::Reader(detail::text_of(out)).names();
}

inline std::map<std::string, std::vector<std::optional<Shape>>> Symbol::inferred(
    const std::map<std::string, Shape>& known) const {
  std::string given = "{";
  for (const auto& [name, shape] : known) {
    given += (given.size() > 1 ? ", \"" : "\"") + name + "\": {\"shape\": [";
    for (size_t i = 0; i < shape.size(); ++i) given += (i ? ", " : "") + std::to_string(shape[i]);
    given += "]}";
  }
  plait_buffer_t out = nullptr;
  Check(plait_symbol_infer(handle(), (given + "}").c_str(), &out));
  return detail::Reader(detail::text_of(out)).shapes();
}

inline std::map<std::string, Shape> Symbol::InferShapes(
    const std::map<std::string, Shape>& known) const {
  auto found = inferred(known);
  std::map<std::string, Shape> shapes;
  const auto add = [&](const std::vector<std::string>& names, const char* key) {
    for (size_t i = 0; i < names.size(); ++i) {
      shapes[names[i]] = require(found[key].at(i), names[i]);
    }
  };
  add(ListArguments(), "arg_shapes");
  add(ListAuxiliaryStates(), "aux_shapes");
  return shapes;
}

inline void Symbol::InferShape(const std::map<std::string, Shape>& known,
                               std::vector<Shape>* arg_shapes, std::vector<Shape>* aux_shapes,
                               std::vector<Shape>* out_shapes) const {
  auto found = inferred(known);
  const auto fill = [&](const std::vector<std::string>& names, const char* key,
                        std::vector<Shape>* to) {
    to->clear();
    for (size_t i = 0; i < names.size(); ++i) {
      to->push_back(require(found[key].at(i), names[i]));
    }
  };
  fill(ListArguments(), "arg_shapes", arg_shapes);
  fill(ListAuxiliaryStates(), "aux_shapes", aux_shapes);
  fill(ListOutputs(), "out_shapes", out_shapes);
}

/* Any operator by name, for those that have no function. */
class Operator {
 public:
  explicit Operator(const std::string& name) {
    if (plait_op_find_on("sym", name.c_str(), &op_) != PLAIT_OK) op_ = detail::find(name.c_str());
  }
  template <class T>
  Operator& SetParam(const std::string& name, const T& value) {
    keys_.push_back(name);
    if constexpr (std::is_same_v<T, bool>) {
      numbers_.push_back(detail::value(value));
    } else if constexpr (std::is_integral_v<T>) {
      numbers_.push_back(detail::value(static_cast<int64_t>(value)));
    } else if constexpr (std::is_floating_point_v<T>) {
      numbers_.push_back(detail::value(static_cast<double>(value)));
    } else if constexpr (std::is_convertible_v<T, std::string>) {
      texts_.push_back(std::make_unique<std::string>(value));
      numbers_.push_back(detail::value(*texts_.back()));
    } else {
      lists_.push_back(std::make_unique<std::vector<int64_t>>(value));
      numbers_.push_back(detail::value(*lists_.back()));
    }
    return *this;
  }
  Operator& SetInput(const std::string& name, const Symbol& symbol) {
    input_names_.push_back(name);
    symbols_.push_back(symbol);
    return *this;
  }
  /* The names of arrays are not looked at: their order counts. */
  Operator& SetInput(const std::string&, const NDArray& array) { return PushInput(array); }
  Operator& PushInput(const Symbol& symbol) { return SetInput("", symbol); }
  Operator& PushInput(const NDArray& array) {
    arrays_.push_back(array);
    return *this;
  }
  Operator& operator()() { return *this; }
  Operator& operator()(const Symbol& symbol) { return PushInput(symbol); }
  Operator& operator()(const NDArray& array) { return PushInput(array); }
  template <class Input>
  Operator& operator()(const std::vector<Input>& inputs) {
    for (const Input& x : inputs) PushInput(x);
    return *this;
  }

  Symbol CreateSymbol(const std::string& name = "") const {
    std::vector<const char*> names, keys;
    for (const std::string& n : input_names_) names.push_back(n.c_str());
    for (const std::string& k : keys_) keys.push_back(k.c_str());
    return detail::compose(op_, name, names, symbols_, keys, numbers_);
  }
  std::vector<NDArray> Invoke(const std::vector<NDArray>& out = {}) const {
    detail::Attrs attrs;
    for (size_t i = 0; i < keys_.size(); ++i) attrs.emplace_back(keys_[i].c_str(), numbers_[i]);
    return detail::invoke(op_, arrays_, detail::by_position(op_, attrs), out);
  }
  void Invoke(NDArray& out) const { Invoke(std::vector<NDArray>{out}); }

 private:
  plait_op_t op_ = nullptr;
  std::vector<std::string> keys_, input_names_;
  std::vector<plait_value_t> numbers_;
  std::vector<std::unique_ptr<std::string>> texts_;
  std::vector<std::unique_ptr<std::vector<int64_t>>> lists_;
  std::vector<Symbol> symbols_;
  std::vector<NDArray> arrays_;
};

#define PLAIT__ARITHMETIC(op, name, scalar_name, reverse_name)                  \
  inline Symbol operator op(const Symbol& a, const Symbol& b) {                 \
    return detail::compose(detail::find(name), "", {}, {a, b}, {}, {});         \
  }                                                                             \
  inline Symbol operator op(const Symbol& a, double b) {                        \
    return detail::compose(detail::find(scalar_name), "", {}, {a}, {"scalar"},  \
                           {detail::value(b)});                                 \
  }                                                                             \
  inline Symbol operator op(double a, const Symbol& b) {                        \
    return detail::compose(detail::find(reverse_name), "", {}, {b}, {"scalar"}, \
                           {detail::value(a)});                                 \
  }
PLAIT__ARITHMETIC(+, "add", "add_scalar", "add_scalar")
PLAIT__ARITHMETIC(-, "subtract", "subtract_scalar", "rsubtract_scalar")
PLAIT__ARITHMETIC(*, "multiply", "multiply_scalar", "multiply_scalar")
PLAIT__ARITHMETIC(/, "divide", "divide_scalar", "rdivide_scalar")
#undef PLAIT__ARITHMETIC

}  // namespace plait::cpp
