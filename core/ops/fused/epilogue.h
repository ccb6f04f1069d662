#pragma once

#include <memory>
#include <span>
#include <string>

#include "kernels/epilogue.h"
#include "op/op.h"

// Epilogues as attributes of operators; null: none.
namespace plait::ops {

using EpilogueRef = std::shared_ptr<const kernels::Epilogue>;

inline int num_operands(const EpilogueRef& e) { return e ? e->num_operands() : 0; }

// The operands of `e` are the last inputs.
inline kernels::Finish finish_of(const EpilogueRef& e, std::span<const View> in) {
  kernels::Finish finish{e.get(), {}};
  for (const View& v : in.last(static_cast<size_t>(num_operands(e)))) {
    finish.operands.push_back(v.data);
  }
  return finish;
}

// Throws unless the last inputs are arrays of `shape`, one for each step `add`.
inline void check_operands(const EpilogueRef& e, const Specs& in, const Dims& shape) {
  for (size_t i = in.size() - static_cast<size_t>(num_operands(e)); i < in.size(); ++i) {
    check(in[i].shape == shape, ErrorKind::kShape, "operand has shape ", in[i].shape, ", must be ",
          shape, " as the result");
  }
}

}  // namespace plait::ops

namespace plait::op {
template <>
struct AttrCodec<ops::EpilogueRef> {
  static constexpr const char* kType = "str";
  static ops::EpilogueRef from(const AttrValue& v) {
    const std::string text = AttrCodec<std::string>::from(v);
    return text.empty() ? nullptr : kernels::Epilogue::parse(text);
  }
  static AttrValue to(const ops::EpilogueRef& v) { return v ? v->text() : std::string(); }
};
}  // namespace plait::op
