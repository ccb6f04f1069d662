#include "dist/device_ranks.h"

#include <functional>
#include <set>

namespace plait::dist {
namespace {

// Numbers of operations that have not begun, by device.
struct Lines {
  std::mutex mutex;
  uint64_t last = 0;
  std::map<int32_t, std::set<uint64_t>> waiting;
};
Lines& lines() {
  static auto* all = new Lines;  // lives as long as threads that use it
  return *all;
}

using MeetingPtr = std::shared_ptr<DeviceRanks::Meeting>;

class TurnCome final : public Transfer {
 public:
  TurnCome(const Turn& turn, int peer) : Transfer(peer, true), turn_(turn) {}
  Advance advance() override { return turn_.has_come() ? Advance::kDone : Advance::kStuck; }

 private:
  const Turn& turn_;
};

class AllCome final : public Transfer {
 public:
  AllCome(MeetingPtr meeting, int peer) : Transfer(peer, false), meeting_(std::move(meeting)) {}
  Advance advance() override { return meeting_->operation ? Advance::kDone : Advance::kStuck; }

 private:
  MeetingPtr meeting_;
};

// One for each rank that may be the one which keeps the others waiting.
class Exchanged final : public Transfer {
 public:
  Exchanged(MeetingPtr meeting, int peer) : Transfer(peer, false), meeting_(std::move(meeting)) {}
  Advance advance() override {
    if (!meeting_->is_done) meeting_->is_done = meeting_->operation->is_done();
    return meeting_->is_done ? Advance::kDone : Advance::kStuck;
  }

 private:
  MeetingPtr meeting_;
};

template <class T, class... Args>
Transfers for_each_peer(const std::vector<int>& peers, const Args&... args) {
  Transfers all;
  for (const int peer : peers) all.push_back(std::make_unique<T>(args..., peer));
  return all;
}

}  // namespace

Turn::Turn(Device device) : device_(device) {
  std::lock_guard lock(lines().mutex);
  number_ = ++lines().last;
  lines().waiting[device.id].insert(number_);
}

Turn::Turn(Turn&& other) noexcept
    : device_(other.device_), number_(std::exchange(other.number_, 0)) {}

bool Turn::has_come() const {
  std::lock_guard lock(lines().mutex);
  return *lines().waiting[device_.id].begin() == number_;
}

void Turn::pass() {
  if (number_ == 0) return;
  std::lock_guard lock(lines().mutex);
  lines().waiting[device_.id].erase(std::exchange(number_, 0));
}

void DeviceRanks::join(const memory::GroupId& id, int rank, Device device) {
  const memory::GroupMember member{device.id, rank};
  group_ = memory::accelerator_of(device).join_group(id, size_, {&member, 1});
  devices_[rank] = device;
}

void DeviceRanks::place(const char* kind, int rank, Device device) {
  for (const auto& [other, place] : devices_) {
    check(other == rank || !(place == device), ErrorKind::kDevice, kind, ": ranks ", other, " and ",
          rank, " are both on ", device, ", must be on devices of their own");
  }
  const Device before = devices_.emplace(rank, device).first->second;
  check(before == device, ErrorKind::kDevice, kind, ": data is on ", device, ", must be on ",
        before, " as before in this communicator");
}

MeetingPtr DeviceRanks::come(uint32_t number, int rank, Device device,
                             std::vector<memory::GroupCall> calls) {
  MeetingPtr& found = meetings_[number];
  if (!found) found = std::make_shared<Meeting>();
  const MeetingPtr meeting = found;
  meeting->calls[rank] = std::move(calls);
  if (static_cast<int>(meeting->calls.size()) < here_) return meeting;
  meetings_.erase(number);
  if (!group_) {
    std::vector<memory::GroupMember> members;
    for (const auto& [r, d] : devices_) members.push_back({d.id, r});
    memory::Accelerator& accelerator = memory::accelerator_of(device);
    group_ = accelerator.join_group(accelerator.new_group_id(), size_, members);
  }
  std::vector<std::vector<memory::GroupCall>> all;  // in the order of ranks, as the members are
  for (auto& [r, c] : meeting->calls) all.push_back(std::move(c));
  meeting->operation = group_->start(all);
  return meeting;
}

Schedule exchange(Ref<DeviceRanks> ranks, Turn turn, uint32_t number, int rank,
                  std::vector<memory::GroupCall> calls, std::vector<int> others) {
  co_await for_each_peer<TurnCome>(others, std::cref(turn));
  const auto meeting = ranks->come(number, rank, turn.device(), std::move(calls));
  co_await for_each_peer<AllCome>(others, meeting);
  turn.pass();
  co_await for_each_peer<Exchanged>(others, meeting);
}

}  // namespace plait::dist
