#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/dims.h"
#include "base/dtype.h"
#include "base/error.h"
#include "op/attr.h"
#include "op/value.h"
#include "tensor/array.h"

// The description of an operator. One file in ops/ holds one operator:
//
//   struct SoftmaxAttrs { int64_t axis; double temperature; };
//   Spec infer(const SoftmaxAttrs& a, const Specs& in);                 // throws Error
//   void kernel(const SoftmaxAttrs& a, const KernelArgs& k);           // fills k.out from k.in
//   Values backward(const SoftmaxAttrs& a, const GradArgs& g);         // a graph of operators
//   PLAIT_OP(softmax, SoftmaxAttrs).doc("...").input("data", "...").output("out", "...")
//       .attr("axis", &SoftmaxAttrs::axis, -1, "...").on("nd", "softmax")
//       .infer(infer).cpu(kernel).grad(backward, saves_output(0));
namespace plait::op {

struct Control;

// Random numbers of one call: a counter-based stream, so results do not depend on threads.
struct RandomKey {
  uint64_t seed = 0;
  uint64_t offset = 0;  // first counter that belongs to the call
};

// What a kernel gets. Inputs are contiguous unless the operator says `.strided()`. Outputs are
// contiguous unless it says so too. Outputs never overlap inputs unless `.inplace()` was said, and
// then they start at the same element. Mutable inputs are views in `in` that may be written.
struct KernelArgs {
  std::span<const View> in;
  std::span<const View> out;
  bool is_train = false;
  int threads = 1;  // cores to use: pass to kernels::parallel_for
  RandomKey random;
};

struct InputDef {
  std::string name, doc;
  enum Kind { kRequired, kOptional, kVariadic } kind = kRequired;
  bool is_mutable = false;  // written by the kernel (running statistics, optimiser state)
  bool is_aux = false;      // mutable, and Symbol lists it among the auxiliary states
};

struct OutputDef {
  std::string name, doc;
  bool hidden = false;  // computed, but not part of the visible result
};

struct Surface {
  std::string where;  // "nd", "sym", "np", "npx", "r"
  std::string name;   // dots make sub-namespaces: "random.uniform"
};

// Which arrays a gradient needs: bit i of `inputs` is input i. kAll: every one.
struct Saves {
  static constexpr uint64_t kAll = ~0ull;
  uint64_t inputs = 0, outputs = 0;
  friend Saves operator|(Saves a, Saves b) { return {a.inputs | b.inputs, a.outputs | b.outputs}; }
};
inline constexpr Saves saves_input(int i) { return {1ull << i, 0}; }
inline constexpr Saves saves_output(int i) { return {0, 1ull << i}; }
inline constexpr Saves saves_inputs() { return {Saves::kAll, 0}; }
inline constexpr Saves saves_nothing() { return {}; }

// How a result lies in the memory of the input; `offset` counts elements.
struct ViewPlan {
  Dims shape, strides;
  int64_t offset = 0;
};

class Op {
 public:
  std::string name, doc, source, file;
  int line = 0;
  int32_t id = -1;
  std::vector<InputDef> inputs;
  std::vector<OutputDef> outputs;
  std::vector<std::unique_ptr<AttrField>> fields;
  std::vector<Surface> surfaces;

  // Type-erased functions; `a` points to the attribute struct.
  int (*num_inputs)(const Op&, const void* a, int given) = nullptr;
  int (*num_outputs)(const Op&, const void* a) = nullptr;
  int (*visible_outputs)(const Op&, const void* a) = nullptr;
  void (*complete)(const Op&, const void* a, std::vector<Dims>& in,
                   std::vector<bool>& known) = nullptr;
  void (*infer)(const Op&, const void* a, const Specs& in, Specs& out) = nullptr;
  void (*kernel)(const Op&, const void* a, const KernelArgs&) = nullptr;
  Values (*grad)(const Op&, const void* a, const GradArgs&) = nullptr;
  bool (*view)(const Op&, const void* a, const View& in, ViewPlan& out) = nullptr;
  double (*flops)(const Op&, const void* a, const Specs& in) = nullptr;
  Ref<Attrs> (*copy_of_attrs)(const Attrs&) = nullptr;
  const void* (*attrs_data)(const Attrs*) = nullptr;
  Saves saves;
  int gathered = -1;         // the input of which a call reads as much as the others hold
  bool strided = false;      // the kernel takes any strides
  bool inplace = false;      // out 0 may be input 0
  bool elementwise = false;  // an element of out 0 depends only on the same element of each input
  bool random = false;       // needs a RandomKey
  bool uses_train = false;   // result depends on is_train
  bool complex = false;      // takes complex arrays and gives them; others refuse them
  bool has_attrs() const { return !fields.empty(); }

  // What the builder knows from the definitions, for the checks of each call.
  AttrsRef defaults;      // shared by all calls that give no attributes
  uint64_t required = 0;  // one bit for each field without a default
  size_t least_inputs = 0, most_inputs = 0;
  int hidden_outputs = 0;
  bool writes_inputs = false;        // a call may write some of its inputs
  const Control* control = nullptr;  // see body.h; null: the definition says it all

  // The untyped functions of the typed builder are kept here.
  void *user_infer = nullptr, *user_kernel = nullptr, *user_grad = nullptr, *user_view = nullptr,
       *user_flops = nullptr, *user_num_inputs = nullptr, *user_num_outputs = nullptr,
       *user_visible_outputs = nullptr, *user_complete = nullptr;

  // Of input i of a call; all those from the variadic one on share its definition.
  const InputDef& input_def(size_t i) const { return inputs[std::min(i, inputs.size() - 1)]; }
  int field_index(std::string_view attr) const;  // throws ErrorKind::kKey
  // Throws if an attribute without a default is missing; `given` has one bit for each field.
  void check_required(uint64_t given) const;
  const AttrsRef& default_attrs() const {
    check_required(0);
    return defaults;
  }
  // Attributes from (index of the field, value) pairs; others take their default.
  AttrsRef make_attrs(std::span<const std::pair<int, AttrValue>> values) const;
  const void* data_of(const AttrsRef& attrs) const {
    return attrs ? attrs_data(attrs.get()) : nullptr;
  }

  static const Op& get(std::string_view name);  // throws ErrorKind::kKey with near names
  static const Op* find(std::string_view name);
  static const Op* find_on(std::string_view surface, std::string_view name);
  static std::span<const std::unique_ptr<Op>> all();
  static Op& add(const char* name, const char* file, int line);
};

struct NoAttrs {};

}  // namespace plait::op

#ifdef PLAIT_DEVICE
#include "op/device_op.h"
#endif

namespace plait::op {

#ifndef PLAIT_DEVICE
// Typed front of Op: see the example above. Every function returns *this.
template <class A>
class OpBuilder {
 public:
  explicit OpBuilder(Op& op) : op_(&op), defaults_(new AttrsBox<A>) {
    op.defaults = Ref(defaults_);
    op.copy_of_attrs = [](const Attrs& a) -> Ref<Attrs> {
      return make_ref<AttrsBox<A>>(static_cast<const AttrsBox<A>&>(a).value);
    };
    op.attrs_data = [](const Attrs* a) -> const void* {
      return &static_cast<const AttrsBox<A>*>(a)->value;
    };
  }

  OpBuilder& doc(const char* text) {
    op_->doc = text;
    return *this;
  }
  OpBuilder& source(const char* text) {
    op_->source = text;
    return *this;
  }
  OpBuilder& input(const char* name, const char* doc) {
    return add_input(name, doc, InputDef::kRequired);
  }
  // Left out by the caller, or by `.num_inputs` according to the attributes.
  OpBuilder& optional_input(const char* name, const char* doc) {
    return add_input(name, doc, InputDef::kOptional);
  }
  // Any number of arrays; only as the last input.
  OpBuilder& variadic_input(const char* name, const char* doc) {
    return add_input(name, doc, InputDef::kVariadic);
  }
  // The same, written by the kernel: optimiser steps over many parameters.
  OpBuilder& mutable_variadic_input(const char* name, const char* doc) {
    add_input(name, doc, InputDef::kVariadic);
    return written();
  }
  OpBuilder& mutable_input(const char* name, const char* doc) {
    add_input(name, doc, InputDef::kRequired);
    return written();
  }
  OpBuilder& aux_input(const char* name, const char* doc) {
    mutable_input(name, doc);
    op_->inputs.back().is_aux = true;
    return *this;
  }
  OpBuilder& output(const char* name, const char* doc) {
    op_->outputs.push_back({name, doc, false});
    return *this;
  }
  OpBuilder& hidden_output(const char* name, const char* doc) {
    op_->outputs.push_back({name, doc, true});
    ++op_->hidden_outputs;
    return *this;
  }

  template <class T, class D>
  OpBuilder& attr(const char* name, T A::*member, const D& fallback, const char* doc) {
    auto field = new_field(name, member, doc);
    defaults_->value.*member = T(fallback);
    field->fallback = AttrCodec<T>::to(defaults_->value.*member);
    op_->fields.push_back(std::move(field));
    return *this;
  }
  template <class T>
  OpBuilder& required_attr(const char* name, T A::*member, const char* doc) {
    auto field = new_field(name, member, doc);
    field->required = true;
    op_->required |= uint64_t{1} << op_->fields.size();
    op_->fields.push_back(std::move(field));
    return *this;
  }
  // Of the attribute just declared.
  OpBuilder& choices(std::vector<std::string> names) {
    op_->fields.back()->choices = std::move(names);
    return *this;
  }
  // `surfaces`: one or more words, "nd sym".
  OpBuilder& on(std::string_view surfaces, const char* name) {
    while (!surfaces.empty()) {
      const size_t end = std::min(surfaces.find(' '), surfaces.size());
      op_->surfaces.push_back({std::string(surfaces.substr(0, end)), name});
      surfaces.remove_prefix(std::min(end + 1, surfaces.size()));
    }
    return *this;
  }

  // Shape and dtype of the output(s).
  OpBuilder& infer(Spec (*f)(const A&, const Specs&)) {
    op_->user_infer = reinterpret_cast<void*>(f);
    op_->infer = [](const Op& op, const void* a, const Specs& in, Specs& out) {
      out.clear();
      out.emplace_back(
          reinterpret_cast<Spec (*)(const A&, const Specs&)>(op.user_infer)(as(a), in));
    };
    return *this;
  }
  OpBuilder& infer(Specs (*f)(const A&, const Specs&)) {
    op_->user_infer = reinterpret_cast<void*>(f);
    op_->infer = [](const Op& op, const void* a, const Specs& in, Specs& out) {
      out = reinterpret_cast<Specs (*)(const A&, const Specs&)>(op.user_infer)(as(a), in);
    };
    return *this;
  }
  OpBuilder& cpu(void (*f)(const A&, const KernelArgs&)) {
    op_->user_kernel = reinterpret_cast<void*>(f);
    op_->kernel = [](const Op& op, const void* a, const KernelArgs& k) {
      reinterpret_cast<void (*)(const A&, const KernelArgs&)>(op.user_kernel)(as(a), k);
    };
    return *this;
  }
  // Returns one Value for each input; an empty Value means no gradient.
  OpBuilder& grad(Values (*f)(const A&, const GradArgs&), Saves saves) {
    op_->saves = saves;
    op_->user_grad = reinterpret_cast<void*>(f);
    op_->grad = [](const Op& op, const void* a, const GradArgs& g) {
      return reinterpret_cast<Values (*)(const A&, const GradArgs&)>(op.user_grad)(as(a), g);
    };
    return *this;
  }
  // For operators that only look at memory differently: no kernel is needed. False: not possible
  // for these strides, copy first.
  OpBuilder& view(bool (*f)(const A&, const View& in, ViewPlan& out)) {
    op_->strided = true;
    op_->user_view = reinterpret_cast<void*>(f);
    op_->view = [](const Op& op, const void* a, const View& in, ViewPlan& out) {
      return reinterpret_cast<bool (*)(const A&, const View&, ViewPlan&)>(op.user_view)(as(a), in,
                                                                                        out);
    };
    return *this;
  }
  // Arithmetic operations of one call; memory traffic is counted anyway.
  OpBuilder& flops(double (*f)(const A&, const Specs& in)) {
    op_->user_flops = reinterpret_cast<void*>(f);
    op_->flops = [](const Op& op, const void* a, const Specs& in) {
      return reinterpret_cast<double (*)(const A&, const Specs&)>(op.user_flops)(as(a), in);
    };
    return *this;
  }
  // How many inputs (outputs) a call with these attributes has; default: those declared.
  OpBuilder& num_inputs(int (*f)(const A&)) {
    op_->user_num_inputs = reinterpret_cast<void*>(f);
    op_->num_inputs = [](const Op& op, const void* a, int) {
      return reinterpret_cast<int (*)(const A&)>(op.user_num_inputs)(as(a));
    };
    return *this;
  }
  OpBuilder& num_outputs(int (*f)(const A&)) {
    op_->user_num_outputs = reinterpret_cast<void*>(f);
    op_->num_outputs = [](const Op& op, const void* a) {
      return reinterpret_cast<int (*)(const A&)>(op.user_num_outputs)(as(a));
    };
    return *this;
  }
  // How many of the outputs a caller gets; default: those that are not hidden.
  OpBuilder& visible_outputs(int (*f)(const A&)) {
    op_->user_visible_outputs = reinterpret_cast<void*>(f);
    op_->visible_outputs = [](const Op& op, const void* a) {
      return reinterpret_cast<int (*)(const A&)>(op.user_visible_outputs)(as(a));
    };
    return *this;
  }
  // Fills in the shapes of parameters that follow from the data, e.g. (num_hidden, features).
  OpBuilder& complete(void (*f)(const A&, std::vector<Dims>& in, std::vector<bool>& known)) {
    op_->user_complete = reinterpret_cast<void*>(f);
    op_->complete = [](const Op& op, const void* a, std::vector<Dims>& in,
                       std::vector<bool>& known) {
      reinterpret_cast<void (*)(const A&, std::vector<Dims>&, std::vector<bool>&)>(
          op.user_complete)(as(a), in, known);
    };
    return *this;
  }
  // Only as much of this input is read as the others and the result hold, however large it is.
  OpBuilder& gathers(int input) {
    op_->gathered = input;
    return *this;
  }
  OpBuilder& strided() {
    op_->strided = true;
    return *this;
  }
  OpBuilder& inplace() {
    op_->inplace = true;
    return *this;
  }
  // One output; each of its elements depends only on the same element of each input, after
  // broadcasting. Then graphs run the kernel on parts of the arrays, and out 0 may be any input of
  // its shape and dtype.
  OpBuilder& elementwise() {
    op_->inplace = op_->elementwise = true;
    return *this;
  }
  OpBuilder& takes_complex(bool yes = true) {
    op_->complex = yes;
    return *this;
  }
  // The kernel reaches elements only through functions of kernels/ that exist for other devices
  // too, so their libraries compile it for themselves: see device_op.h.
  OpBuilder& portable() { return *this; }
  OpBuilder& random() {
    op_->random = true;
    return *this;
  }
  OpBuilder& uses_train() {
    op_->uses_train = true;
    return *this;
  }

  operator int() const { return op_->id; }  // lets PLAIT_OP be a static initialiser

 private:
  static const A& as(const void* a) {
    static const A none{};
    return a ? *static_cast<const A*>(a) : none;
  }
  OpBuilder& add_input(const char* name, const char* doc, InputDef::Kind kind) {
    op_->inputs.push_back({name, doc, kind, false, false});
    op_->least_inputs += kind == InputDef::kRequired;
    op_->most_inputs = kind == InputDef::kVariadic ? SIZE_MAX : op_->inputs.size();
    return *this;
  }
  // The input just declared is.
  OpBuilder& written() {
    op_->inputs.back().is_mutable = op_->writes_inputs = true;
    return *this;
  }
  template <class T>
  std::unique_ptr<AttrField> new_field(const char* name, T A::*member, const char* doc) {
    auto field = std::make_unique<MemberField<A, T>>(member);
    field->name = name;
    field->doc = doc;
    field->type = AttrCodec<T>::kType;
    field->optional = kIsOptional<T>;
    return field;
  }

  Op* op_;
  AttrsBox<A>* defaults_;  // of op_, which owns it
};
#endif

#define PLAIT_OP(op_name, AttrsType)                     \
  [[maybe_unused]] static const int plait_op_##op_name = \
      ::plait::op::OpBuilder<AttrsType>(::plait::op::Op::add(#op_name, __FILE__, __LINE__))

}  // namespace plait::op
