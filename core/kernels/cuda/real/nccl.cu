#include "kernels/cuda/real/nccl.h"

#include <dlfcn.h>

#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "base/env.h"
#include "base/error.h"
#include "kernels/cuda/real/nccl_api.h"
#include "kernels/cuda/stream.h"

namespace plait::cuda {
namespace {

using memory::Collective;
using memory::GroupCall;

struct Library {
  nccl::Functions functions;
  std::string reason;  // why it is not there
};

template <class F>
void find(Library& l, void* handle, F& function, const char* name) {
  function = reinterpret_cast<F>(dlsym(handle, name));
  if (function) return;
  l.reason = cat("NCCL: the library has no function ", name, "\n  hint: it must be 2.13 or later");
}

Library load() {
  Library l;
  const std::string named = env::get_string("PLAIT_NCCL_LIBRARY", nullptr, "");
  void* handle = nullptr;
  for (const std::string& name : {named, std::string("libnccl.so.2"), std::string("libnccl.so")}) {
    if (name.empty() || handle) continue;
    handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!handle && l.reason.empty()) l.reason = dlerror();
  }
  if (!handle) {
    l.reason = cat("NCCL: no library is there (", l.reason,
                   ")\n  hint: pip install nvidia-nccl-cu13, and name its libnccl.so.2 in "
                   "PLAIT_NCCL_LIBRARY");
    return l;
  }
  l.reason.clear();
#define PLAIT_NCCL_LOAD(name, result, arguments) find(l, handle, l.functions.name, "nccl" #name);
  PLAIT_NCCL_FUNCTIONS(PLAIT_NCCL_LOAD)
#undef PLAIT_NCCL_LOAD
  return l;
}

const Library& library() {
  static const auto* found = new Library(load());
  return *found;
}
const nccl::Functions& api() { return library().functions; }

void require(nccl::Result code, const char* what, nccl::Comm comm = nullptr) {
  if (code == nccl::kSuccess || code == nccl::kInProgress) return;
  const char* const more = api().GetLastError(comm);
  fail(ErrorKind::kDevice, "NCCL: ", what, ": ", api().GetErrorString(code),
       more && *more ? " (" : "", more ? more : "", more && *more ? ")" : "");
}

nccl::Type type_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat32: return nccl::kFloat32;
    case DType::kFloat64: return nccl::kFloat64;
    case DType::kFloat16: return nccl::kFloat16;
    case DType::kBfloat16: return nccl::kBfloat16;
    case DType::kInt8: return nccl::kInt8;
    case DType::kUint8:
    case DType::kBool: return nccl::kUint8;
    case DType::kInt32: return nccl::kInt32;
    case DType::kUint32: return nccl::kUint32;
    case DType::kInt64: return nccl::kInt64;
    case DType::kUint64: return nccl::kUint64;
    default: fail(ErrorKind::kInternal, "NCCL: dtype is ", dtype, ", must be one that it has");
  }
}

// Of bool, "or" is the larger byte and "and" the smaller.
nccl::Operation operation_of(const GroupCall& c) {
  const bool is_bool = c.dtype == DType::kBool;
  switch (c.reduction) {
    case Reduction::kSum: return is_bool ? nccl::kMax : nccl::kSum;
    case Reduction::kProd: return is_bool ? nccl::kMin : nccl::kProd;
    case Reduction::kMin: return nccl::kMin;
    case Reduction::kMax: return nccl::kMax;
  }
  fail(ErrorKind::kInternal, "an unknown reduction");
}

// All exchange of a device goes through one stream beside that of its kernels: what several groups
// do there has one order.
cudaStream_t exchange_stream(int32_t device) {
  static std::mutex mutex;
  static auto* streams = new std::map<int32_t, cudaStream_t>;
  std::lock_guard lock(mutex);
  cudaStream_t& stream = (*streams)[device];
  if (!stream) {
    int least = 0, most = 0;
    check_cuda(cudaDeviceGetStreamPriorityRange(&least, &most), "priorities of streams");
    check_cuda(cudaStreamCreateWithPriority(&stream, cudaStreamNonBlocking, most), "stream");
  }
  return stream;
}

// A point in a stream of the current device.
class Event {
 public:
  explicit Event(cudaStream_t stream) {
    check_cuda(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming), "event");
    check_cuda(cudaEventRecord(event_, stream), "event");
  }
  Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  ~Event() {
    if (event_) cudaEventDestroy(event_);
  }
  void hold_up(cudaStream_t stream) const {
    check_cuda(cudaStreamWaitEvent(stream, event_, 0), "order of streams");
  }
  bool has_come() const {
    const cudaError_t code = cudaEventQuery(event_);
    if (code != cudaErrorNotReady) check_cuda(code, "exchange between devices");
    return code == cudaSuccess;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

struct Member {
  int32_t device = 0;
  nccl::Comm comm = nullptr;
  cudaStream_t stream = nullptr;
};

// Calls come from one thread at a time: see DeviceGroup.
struct Members {
  std::vector<Member> list;
  bool is_over = false;

  Members() = default;
  Members(const Members&) = delete;
  // Abort frees all that a rank has without asking the others; nothing of ours is on its way here,
  // or it is given up. Ends kernels that wait for ranks which never come.
  ~Members() { abort(); }
  void abort() {
    if (std::exchange(is_over, true)) return;
    for (const Member& m : list) {
      if (m.comm) api().CommAbort(m.comm);
    }
  }
};

class OnItsWay final : public memory::GroupOperation {
 public:
  OnItsWay(std::shared_ptr<Members> members, std::vector<Event> ends)
      : members_(std::move(members)), ends_(std::move(ends)) {}
  ~OnItsWay() override {
    if (!is_done_) members_->abort();
  }
  bool is_done() override {
    for (const Member& m : members_->list) {
      check(!members_->is_over, ErrorKind::kDevice, "NCCL: another operation was given up");
      nccl::Result state = nccl::kSuccess;
      require(api().CommGetAsyncError(m.comm, &state), "question for errors", m.comm);
      require(state, "exchange between devices", m.comm);
    }
    while (!ends_.empty() && ends_.back().has_come()) ends_.pop_back();
    return is_done_ = ends_.empty();
  }

 private:
  std::shared_ptr<Members> members_;
  std::vector<Event> ends_;
  bool is_done_ = false;
};

void enqueue(const Member& m, const GroupCall& c) {
  const auto n = static_cast<size_t>(c.count);
  const nccl::Type type = type_of(c.dtype);
  const nccl::Functions& f = api();
  switch (c.kind) {
    case Collective::kAllreduce:
      return require(f.AllReduce(c.from, c.to, n, type, operation_of(c), m.comm, m.stream),
                     "ncclAllReduce", m.comm);
    case Collective::kReduceScatter:
      return require(f.ReduceScatter(c.from, c.to, n, type, operation_of(c), m.comm, m.stream),
                     "ncclReduceScatter", m.comm);
    case Collective::kAllgather:
      return require(f.AllGather(c.from, c.to, n, type, m.comm, m.stream), "ncclAllGather", m.comm);
    case Collective::kBroadcast:
      return require(f.Broadcast(c.from, c.to, n, type, c.peer, m.comm, m.stream), "ncclBroadcast",
                     m.comm);
    case Collective::kSend:
      return require(f.Send(c.from, n, type, c.peer, m.comm, m.stream), "ncclSend", m.comm);
    case Collective::kReceive:
      return require(f.Recv(c.to, n, type, c.peer, m.comm, m.stream), "ncclRecv", m.comm);
  }
}

// ncclGroupStart and ncclGroupEnd around `body`, also if it throws.
template <class Body>
void together(const char* what, const Body& body) {
  require(api().GroupStart(), "ncclGroupStart");
  try {
    body();
  } catch (...) {
    api().GroupEnd();
    throw;
  }
  require(api().GroupEnd(), what);
}

class NcclGroup final : public memory::DeviceGroup {
 public:
  NcclGroup(const memory::GroupId& id, int32_t size, std::span<const memory::GroupMember> members)
      : members_(std::make_shared<Members>()) {
    nccl::UniqueId unique;
    std::memcpy(unique.bytes, id.data(), sizeof unique.bytes);
    members_->list.resize(members.size());
    together("start of a group (each rank must have a gpu of its own)", [&] {
      for (size_t i = 0; i < members.size(); ++i) {
        Member& m = members_->list[i];
        m.device = members[i].device;
        stream_of(m.device);  // makes it the current device
        m.stream = exchange_stream(m.device);
        require(api().CommInitRank(&m.comm, size, unique, members[i].rank), "ncclCommInitRank");
      }
    });
  }

  std::unique_ptr<memory::GroupOperation> start(
      std::span<const std::vector<GroupCall>> calls) override {
    check(!members_->is_over, ErrorKind::kDevice, "NCCL: an operation before was given up");
    for (const Member& m : members_->list) Event(stream_of(m.device)).hold_up(m.stream);
    together("ncclGroupEnd", [&] {
      for (size_t i = 0; i < calls.size(); ++i) {
        for (const GroupCall& c : calls[i]) enqueue(members_->list[i], c);
      }
    });
    std::vector<Event> ends;
    for (const Member& m : members_->list) {
      stream_of(m.device);
      ends.emplace_back(m.stream);
    }
    return std::make_unique<OnItsWay>(members_, std::move(ends));
  }

 private:
  std::shared_ptr<Members> members_;
};

}  // namespace

std::string why_no_nccl() { return library().reason; }

memory::GroupId new_nccl_id() {
  nccl::UniqueId unique;
  require(api().GetUniqueId(&unique), "ncclGetUniqueId");
  memory::GroupId id;
  static_assert(sizeof id == sizeof unique);
  std::memcpy(id.data(), unique.bytes, sizeof unique.bytes);
  return id;
}

std::unique_ptr<memory::DeviceGroup> join_nccl(const memory::GroupId& id, int32_t size,
                                               std::span<const memory::GroupMember> members) {
  return std::make_unique<NcclGroup>(id, size, members);
}

}  // namespace plait::cuda
