#include "kernels/dnnl.h"

#include "kernels/simd.h"
#include "memory/pool.h"
#include "team/team.h"

namespace plait::kernels::onednn {
namespace {

// Memory for the length of one call.
class Scratch {
 public:
  explicit Scratch(int64_t bytes) : bytes_(bytes), data_(memory::allocate(bytes)) {}
  Scratch(Scratch&& other) noexcept
      : bytes_(other.bytes_), data_(std::exchange(other.data_, nullptr)) {}
  ~Scratch() { memory::deallocate(data_, bytes_); }
  void* data() const { return data_; }

 private:
  int64_t bytes_;
  void* data_;
};

void execute(const dnnl::reorder& reorder, const dnnl::memory& from, const dnnl::memory& to) {
  const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from.get()}, {DNNL_ARG_TO, to.get()}};
  dnnl::error::wrap_c_api(dnnl_primitive_execute(reorder.get(), stream().get(), 2, args),
                          "could not execute a reorder");
}

void append(dnnl::post_ops& ops, const Epilogue::Step& step, const dnnl::memory::desc& dst) {
  using dnnl::algorithm;
  static const std::unordered_map<std::string, algorithm> kFunctions{
      {"scale", algorithm::eltwise_linear},
      {"clip", algorithm::eltwise_clip},
      {"leaky", algorithm::eltwise_relu},
      {"elu", algorithm::eltwise_elu},
      {"relu", algorithm::eltwise_relu},
      {"sigmoid", algorithm::eltwise_logistic},
      {"tanh", algorithm::eltwise_tanh},
      {"softrelu", algorithm::eltwise_soft_relu},
      {"gelu", algorithm::eltwise_gelu_erf},
      {"silu", algorithm::eltwise_swish},
      {"hardsigmoid", algorithm::eltwise_hardsigmoid},
      {"hardswish", algorithm::eltwise_hardswish}};
  if (step.name == "add") return ops.append_binary(algorithm::binary_add, dst);
  const float one = step.name == "softrelu" || step.name == "silu" ? 1.0f : step.a;
  ops.append_eltwise(kFunctions.at(step.name), one, step.b);
}

}  // namespace

dnnl::primitive_attr attributes(const Epilogue* epilogue, const dnnl::memory::desc& dst) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (!epilogue) return attr;
  dnnl::post_ops ops;
  for (const Epilogue::Step& step : epilogue->steps()) append(ops, step, dst);
  attr.set_post_ops(ops);
  return attr;
}

void add_operands(Prepared& to, const Epilogue* epilogue, const dnnl::memory::desc& dst) {
  if (!epilogue) return;
  for (size_t i = 0; i < epilogue->steps().size(); ++i) {
    if (epilogue->steps()[i].name != "add") continue;
    to.add(DNNL_ARG_ATTR_MULTIPLE_POST_OP(static_cast<int>(i)) | DNNL_ARG_SRC_1, dst, dst, false);
  }
}

dnnl::engine& cpu() {
  static auto* engine = [] {
    // PLAIT_SIMD holds for oneDNN too; it listens before the first primitive only.
    if (kIsa == Isa::kBaseline) dnnl::set_max_cpu_isa(dnnl::cpu_isa::sse41);
    if (kIsa == Isa::kAvx2) dnnl::set_max_cpu_isa(dnnl::cpu_isa::avx2);
    return new dnnl::engine(dnnl::engine::kind::cpu, 0);
  }();
  return *engine;
}

dnnl::stream& stream() {
  thread_local dnnl::stream s(cpu());
  return s;
}

void Prepared::add(int arg, const dnnl::memory::desc& plain, const dnnl::memory::desc& wanted,
                   bool is_output, int64_t offset) {
  Operand o{is_output, offset, dnnl::memory(plain, cpu(), nullptr), {}, {}};
  if (plain != wanted) {
    const auto& from = is_output ? wanted : plain;
    const auto& to = is_output ? plain : wanted;
    o.wanted = dnnl::memory(wanted, cpu(), nullptr);
    o.reorder = dnnl::reorder(dnnl::reorder::primitive_desc(cpu(), from, cpu(), to));
  }
  args_.push_back({arg, (o.reorder ? o.wanted : o.plain).get()});
  operands_.push_back(std::move(o));
}

void Prepared::run(std::span<void* const> data) const {
  std::vector<Scratch> scratch;
  scratch.reserve(operands_.size() + 1);
  const auto allocate = [&](dnnl::memory m) {
    scratch.emplace_back(static_cast<int64_t>(m.get_desc().get_size()));
    m.set_data_handle(scratch.back().data());
  };
  auto at = data.begin();
  for (const Operand& o : operands_) {
    dnnl::memory(o.plain).set_data_handle(static_cast<char*>(*at++) + o.offset);
    if (!o.reorder) continue;
    allocate(o.wanted);
    if (!o.is_output) execute(o.reorder, o.plain, o.wanted);
  }
  allocate(scratchpad_);
  dnnl::error::wrap_c_api(dnnl_primitive_execute(primitive_.get(), stream().get(),
                                                 static_cast<int>(args_.size()), args_.data()),
                          "could not execute a primitive");
  for (const Operand& o : operands_) {
    if (o.reorder && o.is_output) execute(o.reorder, o.wanted, o.plain);
  }
}

int64_t PackedLayouts::offset_of_all() const {
  constexpr int64_t kLine = 64;
  if (one_ == all_) return 0;
  return (static_cast<int64_t>(one_.get_size()) + kLine - 1) / kLine * kLine;
}

void PackedLayouts::add_to(Prepared& primitive, int arg, const dnnl::memory::desc& wanted) const {
  if (!has(wanted)) return primitive.add(arg, one_, wanted, false);
  primitive.add(arg, wanted, wanted, false, wanted == one_ ? 0 : offset_of_all());
}

void PackedLayouts::pack(const dnnl::memory::desc& plain, const void* from, void* to,
                         const std::string& key) const {
  const auto put = [&](const char* which, const dnnl::memory::desc& layout, int64_t offset) {
    prepared(key + which, [&] {
      const dnnl::reorder::primitive_desc pd(cpu(), plain, cpu(), layout, attributes());
      Prepared p(pd, dnnl::reorder(pd));
      p.add(DNNL_ARG_FROM, plain, plain, false);
      p.add(DNNL_ARG_TO, layout, layout, true, offset);
      return p;
    }).run({const_cast<void*>(from), to});
  };
  put("one", one_, 0);
  if (one_ != all_) put("all", all_, offset_of_all());
}

ThreadScope::ThreadScope(int threads) : before_(team::set_limit(threads)) {}
ThreadScope::~ThreadScope() { team::set_limit(before_); }

}  // namespace plait::kernels::onednn
