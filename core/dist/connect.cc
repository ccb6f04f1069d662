#include <atomic>
#include <cstring>
#include <iostream>

#include "dist/communicator.h"

// How a communicator comes to exchange data between devices.
namespace plait::dist {
namespace {

// What ranks tell each other before they join.
struct Offer {
  int64_t has_nccl = 0;
  memory::GroupId id{};  // of rank 0 counts
};

}  // namespace

void Communicator::connect(Device device) {
  const std::string missing = memory::why_no_device_groups();
  Offer offer;
  offer.has_nccl = missing.empty();
  if (offer.has_nccl && rank_ == 0) offer.id = memory::accelerator_of(device).new_group_id();
  constexpr auto kBytes = static_cast<int64_t>(sizeof offer);
  const ArrayRef mine = Array::empty({kBytes}, DType::kUint8);
  const ArrayRef all = Array::empty({size(), kBytes}, DType::kUint8);
  std::memcpy(mine->data(), &offer, sizeof offer);
  Options options;
  options.name = "devices of the ranks";
  options.waits = true;
  allgather(mine, all, {}, options);
  std::vector<Offer> offers(static_cast<size_t>(size()));
  std::memcpy(offers.data(), all->data(), sizeof offer * offers.size());
  bool have_all = true;
  for (const Offer& o : offers) have_all = have_all && o.has_nccl;
  if (have_all) {
    device_ranks_ = make_ref<DeviceRanks>(size(), 1);
    device_ranks_->join(offers[0].id, rank_, device);
    return;
  }
  static std::atomic<bool> has_said{false};
  if (!missing.empty() && !has_said.exchange(true)) {
    std::cerr << "plait: rank " << rank_ << ": arrays on " << device
              << " go through the memory of the host. " << missing << "\n";
  }
}

Ref<DeviceRanks> Communicator::device_ranks(const ArrayRef& data, const char* kind, bool reduces) {
  const Device device = data->device();
  if (!is_gpu(device) || size() == 1) return {};
  if (reduces && !memory::can_reduce(data->dtype())) return {};
  if (!is_connected_) {
    is_connected_ = true;
    if (transport_->is_between_processes()) {
      connect(device);
    } else if (memory::why_no_device_groups().empty()) {
      DeviceTable& table = *transport_->device_table;
      std::lock_guard lock(table.mutex);
      Ref<DeviceRanks>& shared = table.ranks[{context_, *members_}];
      if (!shared) shared = make_ref<DeviceRanks>(size(), size());
      device_ranks_ = shared;
    }
  }
  if (!device_ranks_) return {};
  try {
    Progress::instance().locked([&] { device_ranks_->place(kind, rank_, device); });
  } catch (const Error& e) {  // the other ranks must not wait for this one
    abort(e.what());
    throw;
  }
  return device_ranks_;
}

void Communicator::submit_exchange(Ref<DeviceRanks> ranks, Label label,
                                   std::vector<memory::GroupCall> calls,
                                   std::vector<ArrayRef> reads, std::vector<ArrayRef> writes,
                                   const Options& options) {
  const Device device = reads.empty() ? writes[0]->device() : reads[0]->device();
  std::erase_if(calls, [](const memory::GroupCall& c) { return c.count == 0; });
  std::vector<int> others;
  for (int i = 1; i < size(); ++i) {
    others.push_back((*members_)[static_cast<size_t>((rank_ + i) % size())]);
  }
  const Tag tag = next_tag();
  submit(std::move(label),
         exchange(std::move(ranks), Turn(device), tag.number, rank_, std::move(calls),
                  std::move(others)),
         tag, std::move(reads), std::move(writes), options);
}

}  // namespace plait::dist
