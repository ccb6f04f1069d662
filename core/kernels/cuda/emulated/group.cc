#include "kernels/cuda/emulated/group.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernels/combine.h"

// Ranks leave each other messages in files, so that ranks of one process and of several take one
// way. A message is a file for each receiver, which appears under its name when it is complete and
// goes when it is read. Nothing happens before somebody asks whether an operation is done, and the
// first questions get "no": the latest that NCCL allows.
namespace plait::cuda {
namespace {

namespace fs = std::filesystem;
using memory::Collective;
using memory::GroupCall;
using memory::GroupMember;

constexpr int kIdleLooks = 3;
using Bytes = std::vector<char>;

struct Shared {
  std::string prefix;  // of the files
  int32_t size;
  std::vector<GroupMember> members;
  bool is_over = false;  // an operation was given up
};

// One call of one member: what it still has to take in.
struct Open {
  const GroupMember& member;
  const GroupCall& call;
  std::string name;                         // the same on all ranks
  std::vector<int32_t> from;                // ranks
  std::vector<std::optional<Bytes>> taken;  // from each of them
};

int64_t bytes_of(const GroupCall& c) { return c.count * dtype_size(c.dtype); }

class Exchange final : public memory::GroupOperation {
 public:
  Exchange(std::shared_ptr<Shared> shared, std::span<const std::vector<GroupCall>> calls,
           uint64_t number)
      : shared_(std::move(shared)), calls_(calls.begin(), calls.end()) {
    for (size_t i = 0; i < calls_.size(); ++i) {
      int collectives = 0;
      for (const GroupCall& c : calls_[i]) {
        const bool is_pair = c.kind == Collective::kSend || c.kind == Collective::kReceive;
        std::string name = cat(shared_->prefix, ".", number, ".");
        name += is_pair ? "pair" : cat(collectives++);
        open_.push_back({shared_->members[i], c, std::move(name), sources(c), {}});
        open_.back().taken.resize(open_.back().from.size());
      }
    }
  }
  ~Exchange() override {
    if (!is_done_) shared_->is_over = true;
  }

  bool is_done() override {
    check(!shared_->is_over, ErrorKind::kDevice, "NCCL (emulated): an operation was given up");
    if (is_done_ || looks_++ < kIdleLooks) return is_done_;
    if (looks_ == kIdleLooks + 1) {
      for (const Open& o : open_) give(o);
    }
    is_done_ = true;
    for (Open& o : open_) is_done_ = take(o) && is_done_;
    return is_done_;
  }

 private:
  std::vector<int32_t> everybody() const {
    std::vector<int32_t> ranks(static_cast<size_t>(shared_->size));
    for (size_t i = 0; i < ranks.size(); ++i) ranks[i] = static_cast<int32_t>(i);
    return ranks;
  }
  std::vector<int32_t> sources(const GroupCall& c) const {
    if (c.kind == Collective::kSend) return {};
    if (c.kind == Collective::kReceive || c.kind == Collective::kBroadcast) return {c.peer};
    return everybody();
  }
  std::vector<int32_t> receivers(const Open& o) const {
    if (o.call.kind == Collective::kReceive) return {};
    if (o.call.kind == Collective::kSend) return {o.call.peer};
    if (o.call.kind == Collective::kBroadcast && o.call.peer != o.member.rank) return {};
    return everybody();
  }
  static std::string file(const std::string& name, int32_t from, int32_t to) {
    return cat(name, ".", from, ".", to);
  }

  void give(const Open& o) {
    const std::vector<int32_t> to = receivers(o);
    if (to.empty()) return;
    const bool is_many = o.call.kind == Collective::kReduceScatter;
    Bytes content(static_cast<size_t>(bytes_of(o.call) * (is_many ? shared_->size : 1)));
    run_behind(o.member.device, "exchange",
               [&] { std::memcpy(content.data(), o.call.from, content.size()); });
    for (const int32_t rank : to) {
      const std::string path = file(o.name, o.member.rank, rank), partial = path + ".part";
      std::ofstream(partial, std::ios::binary)
          .write(content.data(), static_cast<std::streamsize>(content.size()));
      fs::rename(partial, path);
    }
  }

  // True if all is there, and written to the device.
  bool take(Open& o) {
    bool is_all = true;
    for (size_t i = 0; i < o.from.size(); ++i) {
      if (o.taken[i]) continue;
      const std::string path = file(o.name, o.from[i], o.member.rank);
      if (!fs::exists(path)) {
        is_all = false;
        continue;
      }
      o.taken[i].emplace(static_cast<size_t>(fs::file_size(path)));
      std::ifstream(path, std::ios::binary)
          .read(o.taken[i]->data(), static_cast<std::streamsize>(o.taken[i]->size()));
      fs::remove(path);
    }
    if (!is_all || o.from.empty()) return is_all;
    run_behind(o.member.device, "exchange", [&] { finish(o); });
    o.from.clear();
    return true;
  }

  void finish(const Open& o) const {
    const GroupCall& c = o.call;
    const auto bytes = static_cast<size_t>(bytes_of(c));
    char* const to = static_cast<char*>(c.to);
    const bool is_reduced =
        c.kind == Collective::kAllreduce || c.kind == Collective::kReduceScatter;
    const size_t skip =
        c.kind == Collective::kReduceScatter ? bytes * static_cast<size_t>(o.member.rank) : 0;
    for (size_t i = 0; i < o.from.size(); ++i) {
      const Bytes& content = *o.taken[i];
      check(content.size() >= skip + bytes, ErrorKind::kDevice, "NCCL (emulated): rank ", o.from[i],
            " sent ", content.size(), " bytes, must be ", skip + bytes);
      if (is_reduced && i > 0) {
        kernels::combine_of(c.dtype, c.reduction)(to, content.data() + skip, c.count);
      } else {
        std::memcpy(is_reduced ? to : to + i * bytes, content.data() + skip, bytes);
      }
    }
  }

  std::shared_ptr<Shared> shared_;
  std::vector<std::vector<GroupCall>> calls_;
  std::vector<Open> open_;
  int looks_ = 0;
  bool is_done_ = false;
};

class EmulatedGroup final : public memory::DeviceGroup {
 public:
  explicit EmulatedGroup(Shared shared) : shared_(std::make_shared<Shared>(std::move(shared))) {}
  std::unique_ptr<memory::GroupOperation> start(
      std::span<const std::vector<GroupCall>> calls) override {
    return std::make_unique<Exchange>(shared_, calls, ++number_);
  }

 private:
  std::shared_ptr<Shared> shared_;
  uint64_t number_ = 0;
};

}  // namespace

memory::GroupId new_emulated_id() {
  memory::GroupId id{};
  std::random_device random;
  const std::string text = cat(random(), "-", random());
  std::copy(text.begin(), text.end(), id.begin());
  return id;
}

std::unique_ptr<memory::DeviceGroup> join_emulated(const memory::GroupId& id, int32_t size,
                                                   std::span<const GroupMember> members) {
  for (size_t i = 0; i < members.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      check(members[i].device != members[j].device, ErrorKind::kDevice, "NCCL (emulated): ranks ",
            members[j].rank, " and ", members[i].rank, " are both on gpu(", members[i].device,
            "), must be on devices of their own");
    }
  }
  const std::string path = (fs::temp_directory_path() / "plait-emulated-").string();
  return std::make_unique<EmulatedGroup>(
      Shared{path + id.data(), size, {members.begin(), members.end()}});
}

}  // namespace plait::cuda
