#pragma once

#include <memory>
#include <string>
#include <vector>

#include "op/op.h"

// A short program of element-wise operators, the attribute of the operator `pointwise`.
//
// Its text has one line an instruction:
//
//   t0:float32 = exp(i0)
//   o0:float32 = multiply_scalar(t0) scalar=2.5; is_int=False
//
// i0, i1, ... are the inputs, o0, o1, ... the outputs, t0, t1, ... intermediates. An output may be
// read by later lines.
namespace plait::ops {

class Program {
 public:
  struct Instruction {
    const op::Op* op = nullptr;
    op::AttrsRef attrs;
    std::vector<int32_t> in;  // registers
    int32_t out = 0;
  };

  // Throws ErrorKind::kInvalidArgument.
  static std::shared_ptr<const Program> parse(const std::string& text);

  const std::string& text() const { return text_; }
  const std::vector<Instruction>& code() const { return code_; }
  int32_t num_inputs() const { return num_inputs_; }
  int32_t num_outputs() const { return static_cast<int32_t>(out_dtypes_.size()); }
  DType out_dtype(size_t i) const { return out_dtypes_[i]; }

  // Registers: the inputs, then the outputs, then the intermediates.
  int32_t num_registers() const { return num_inputs_ + num_outputs() + num_temporaries(); }
  int32_t num_temporaries() const { return static_cast<int32_t>(temporary_dtypes_.size()); }
  DType temporary_dtype(int32_t i) const { return temporary_dtypes_[static_cast<size_t>(i)]; }
  // Where intermediates lie: they share places once their last reader is done.
  int32_t place_of(int32_t temporary) const { return places_[static_cast<size_t>(temporary)]; }
  int32_t num_places() const { return num_places_; }
  int64_t num_reads(int32_t reg) const;

 private:
  class Reader;
  void assign_places();

  std::string text_;
  std::vector<Instruction> code_;
  int32_t num_inputs_ = 0, num_places_ = 0;
  std::vector<DType> out_dtypes_, temporary_dtypes_;
  std::vector<int32_t> places_;
};
using ProgramRef = std::shared_ptr<const Program>;

}  // namespace plait::ops

namespace plait::op {
template <>
struct AttrCodec<ops::ProgramRef> {
  static constexpr const char* kType = "str";
  static ops::ProgramRef from(const AttrValue& v) {
    return ops::Program::parse(AttrCodec<std::string>::from(v));
  }
  static AttrValue to(const ops::ProgramRef& v) { return v ? v->text() : std::string(); }
};
}  // namespace plait::op
