#pragma once

#include <span>
#include <string>
#include <vector>

#include "op/op.h"

// Functions of arrays as attributes of operators: bodies of loops and branches. The layer of graphs
// makes and compiles them; operators run them on memory of their own.
namespace plait::op {

using Pointers = std::span<char* const>;

// A body compiled for inputs of fixed specs. All memory is contiguous and the caller's.
class Routine : public RefCounted {
 public:
  // What backward reads of a forward run beside its inputs.
  struct Residual {
    int32_t output = -1;  // an output of the body; -1: memory of its own
    Spec spec;
  };
  Specs out;
  std::vector<Residual> residuals;
  std::vector<bool> reads_input;  // whether backward reads the content of input i
  std::vector<bool> gives;        // whether backward gives a gradient of input i
  int64_t forward_scratch = 0;    // bytes
  int64_t backward_scratch = 0;   // bytes
  int64_t random_count = 0;       // random numbers that one forward run draws

  // `own` holds the residuals without an output.
  virtual void forward(Pointers in, Pointers out, Pointers own, char* scratch, RandomKey key,
                       int threads) = 0;
  // `residuals` holds all of them; `din` one pointer for each input, null where none is given.
  virtual void backward(Pointers in, Pointers residuals, Pointers dout, Pointers din, char* scratch,
                        int threads) = 0;
};

class Body : public RefCounted {
 public:
  virtual const std::string& text() const = 0;  // MXNet's JSON
  virtual size_t num_inputs() const = 0;
  virtual size_t num_outputs() const = 0;
  // Fills in shapes that follow from the known ones.
  virtual void complete(std::vector<Dims>& in, std::vector<bool>& known) const = 0;
  virtual Specs infer(const Specs& in) = 0;
  virtual double flops(const Specs& in) = 0;  // of one run
  // Whether a run changes input i; whether symbols list it among the auxiliary states.
  virtual bool writes(size_t i, bool is_train) const = 0;
  virtual bool is_aux(size_t i) const = 0;
  virtual bool waits_for_ranks(bool is_train) const = 0;  // see ranks.h
  // `needs`: inputs that want a gradient; empty: backward will not be run.
  virtual Ref<Routine> compile(const Specs& in, bool is_train, const std::vector<bool>& needs) = 0;
};
using BodyRef = Ref<Body>;

BodyRef read_body(const std::string& text);
bool set_body_reader(BodyRef (*reader)(const std::string& text));  // by the layer of graphs

template <>
struct AttrCodec<BodyRef> {
  static constexpr const char* kType = "str";
  static BodyRef from(const AttrValue& v) { return read_body(AttrCodec<std::string>::from(v)); }
  static AttrValue to(const BodyRef& body) { return body ? body->text() : std::string(); }
};

// What operators whose inputs depend on their attributes need beside their Op: those with bodies,
// and users' own.
struct Control {
  std::vector<const char*> bodies;  // the attributes that are bodies, in the order of files
  // The attributes for a call after which gradients of inputs in `needs` may be asked for.
  AttrsRef (*recorded)(const void* a, const std::vector<bool>& needs, bool is_train) = nullptr;
  int64_t (*random_count)(const void* a, const Specs& in, bool is_train) = nullptr;
  // Whether a call writes input i of n; whether symbols list it among the auxiliary states.
  bool (*writes)(const void* a, size_t i, size_t n, bool is_train) = nullptr;
  bool (*is_aux)(const void* a, size_t i, size_t n) = nullptr;
};
bool set_control(int32_t op_id, Control control);
bool is_body(const Op& op, std::string_view attribute);

// Whether a call with n inputs may write input i, in train mode or at all.
bool is_mutable(const Op& op, const AttrsRef& attrs, size_t i, size_t n);
bool is_aux(const Op& op, const AttrsRef& attrs, size_t i, size_t n);

// Counters that one call of a random operator takes.
int64_t random_count(const Op& op, const AttrsRef& attrs, const Specs& in, int64_t out_elements,
                     bool is_train);

}  // namespace plait::op
