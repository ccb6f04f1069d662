#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "dist/device_ranks.h"
#include "dist/progress.h"
#include "tensor/array.h"

namespace plait::dist {

// How an operation is run.
struct Options {
  std::string name;       // for messages and the profile, such as that of a parameter
  int32_t priority = 0;   // larger first
  bool waits = false;     // return when the operation is done, moving messages meanwhile
  bool no_limit = false;  // wait for ever as long as the peer lives
};

// A group of ranks. Every operation is a task of the engine that reads and writes its arrays: it
// starts when they are ready and goes on beside computation. All ranks call the same operations in
// the same order with arrays of the same size and dtype; they may start in any order.
//
//   auto ranks = Communicator::in_process(2);
//   for (auto& r : ranks) r->allreduce(array_of_rank[r->rank()], Reduction::kSum, {});
//
// Data of arrays on GPUs go from device to device if NCCL is there, but for send() and receive(),
// and else through the memory of the host. The first such operation waits for all ranks; each rank
// has one device, and all the same kind.
//
// Arrays are dense (row-major). PLAIT_DIST_CHECK=1 compares each call between ranks first.
class Communicator final : public RefCounted {
 public:
  static std::vector<Ref<Communicator>> in_process(int size);
  // All ranks of an MPI communicator; see Mpi::open().
  static Ref<Communicator> world(const void* handle);
  ~Communicator() override;

  int rank() const { return rank_; }
  int size() const { return static_cast<int>(members_->size()); }

  void allreduce(const ArrayRef& data, Reduction reduction, const Options& options);
  // Several arrays of one dtype in one operation, as if they were one behind the other.
  void allreduce_list(const std::vector<ArrayRef>& data, Reduction reduction,
                      const Options& options);
  void broadcast(const ArrayRef& data, int root, const Options& options);
  // `counts[i]` elements from rank i; empty: as many from each.
  void allgather(const ArrayRef& mine, const ArrayRef& all, std::vector<int64_t> counts,
                 const Options& options);
  void reduce_scatter(const ArrayRef& all, const ArrayRef& mine, Reduction reduction,
                      const Options& options);
  void all_to_all(const ArrayRef& from, const ArrayRef& to, std::vector<int64_t> send_counts,
                  std::vector<int64_t> receive_counts, const Options& options);
  // In pairs: the n-th send to a rank with a channel meets the n-th receive from there.
  void send(const ArrayRef& data, int to, int channel, const Options& options);
  void receive(const ArrayRef& data, int from, int channel, const Options& options);
  void barrier();
  // Ranks with the same color, ordered by key, then by rank. Waits.
  Ref<Communicator> split(int64_t color, int64_t key);

  // What is on its way on this rank, a line for each operation.
  std::string pending() const;
  // Makes what is on its way fail on all ranks, and all that follows.
  void abort(const std::string& reason);
  // Ends the processes of all ranks, if they are processes.
  void kill_all();

 private:
  Communicator(TransportRef transport, Members members, int rank, uint16_t context);
  template <class T, class... Args>
  friend Ref<T> plait::make_ref(Args&&... args);

  Peers peers(const Tag& tag) const { return {transport_, members_, rank_, tag}; }
  Tag next_tag();
  void submit(Label label, Schedule body, const Tag& tag, std::vector<ArrayRef> reads,
              std::vector<ArrayRef> writes, const Options& options);
  // The ranks as devices see them; null if the data of this array go another way.
  Ref<DeviceRanks> device_ranks(const ArrayRef& data, const char* kind, bool reduces);
  void connect(Device device);
  bool is_alone(const ArrayRef& data) const { return size() == 1 && is_gpu(data->device()); }
  void submit_exchange(Ref<DeviceRanks> ranks, Label label, std::vector<memory::GroupCall> calls,
                       std::vector<ArrayRef> reads, std::vector<ArrayRef> writes,
                       const Options& options);
  void transfer(bool is_send, const ArrayRef& data, int peer, int channel, const Options& options);

  TransportRef transport_;
  Members members_;
  int rank_;
  uint16_t context_;
  std::mutex mutex_;
  uint32_t number_ = 0;
  std::map<std::pair<int, int>, uint32_t> sent_, received_;  // by peer and channel
  Ref<DeviceRanks> device_ranks_;
  bool is_connected_ = false;  // whether device_ranks_ is known
};

}  // namespace plait::dist
