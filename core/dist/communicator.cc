#include "dist/communicator.h"

#include <algorithm>
#include <numeric>

#include "dist/host_copies.h"
#include "dist/mpi.h"

namespace plait::dist {

namespace {

void require_dense(const ArrayRef& array, const char* kind, const char* name) {
  check(array->contiguous(), ErrorKind::kInvalidArgument, kind, ": ", name,
        " is not dense, must be in row-major order without gaps");
}

void require_writable(const ArrayRef& array, const char* kind, const char* name) {
  require_dense(array, kind, name);
  check(!array->storage()->read_only(), ErrorKind::kInvalidArgument, kind, ": ", name,
        " is read-only, must be writable");
}

void require_rank(int rank, int size, const char* kind, const char* name) {
  check(rank >= 0 && rank < size, ErrorKind::kInvalidArgument, kind, ": ", name, " is ", rank,
        ", must be in [0, ", size - 1, "]");
}

void require_size(const ArrayRef& array, int64_t size, const char* kind, const char* name) {
  check(array->size() == size, ErrorKind::kShape, kind, ": ", name, " has ", array->size(),
        " elements, must have ", size);
}

void require_dtype(const ArrayRef& a, const ArrayRef& b, const char* kind) {
  check(a->dtype() == b->dtype(), ErrorKind::kType, kind, ": dtypes are ", a->dtype(), " and ",
        b->dtype(), ", must be equal");
}

void require_device(const ArrayRef& a, const ArrayRef& b, const char* kind) {
  check(share_memory(a->device(), b->device()), ErrorKind::kDevice, kind, ": arrays are on ",
        a->device(), " and ", b->device(), ", must be on one device");
}

int64_t sum_of(const std::vector<int64_t>& counts, int size, const char* kind, const char* name) {
  check(static_cast<int>(counts.size()) == size, ErrorKind::kShape, kind, ": ", name, " has ",
        counts.size(), " items, must have ", size);
  for (int64_t c : counts) {
    check(c >= 0, ErrorKind::kInvalidArgument, kind, ": ", name, " has the item ", c,
          ", must be >= 0");
  }
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

Label label_of(const char* kind, const ArrayRef& array, const char* detail = "", int peer = -1) {
  return {kind, array->spec(), true, detail, peer, {}, 0};
}

Members everybody(int size) {
  std::vector<int> members(static_cast<size_t>(size));
  std::iota(members.begin(), members.end(), 0);
  return std::make_shared<const std::vector<int>>(std::move(members));
}

memory::GroupCall reduce_call(const ArrayRef& to, void* from, Reduction reduction) {
  return {memory::Collective::kAllreduce, from, to->address(), to->size(), to->dtype(), reduction};
}

memory::GroupCall move_call(memory::Collective kind, void* from, void* to, int64_t bytes,
                            int peer) {
  return {kind, from, to, bytes, DType::kUint8, Reduction::kSum, peer};
}

Span span_of(const ArrayRef& a) {
  return {static_cast<char*>(a->data()), a->size(), dtype_size(a->dtype())};
}

}  // namespace

std::vector<Ref<Communicator>> Communicator::in_process(int size) {
  check(size >= 1 && size <= 4096, ErrorKind::kInvalidArgument, "in_process: size is ", size,
        ", must be in [1, 4096]");
  check(!engine::is_serial() || size == 1, ErrorKind::kInvalidArgument,
        "in_process: the engine is serial, must be threaded for more than one rank");
  const Members members = everybody(size);
  std::vector<Ref<Communicator>> all;
  const auto table = std::make_shared<DeviceTable>();
  for (const TransportRef& t : in_process_transports(size)) {
    t->device_table = table;
    all.push_back(make_ref<Communicator>(t, members, t->rank(), uint16_t{0}));
  }
  return all;
}

Ref<Communicator> Communicator::world(const void* handle) {
  const TransportRef transport =
      Progress::instance().locked([&] { return world_transport(handle); });
  return make_ref<Communicator>(transport, everybody(transport->size()), transport->rank(),
                                uint16_t{0});
}

Communicator::Communicator(TransportRef transport, Members members, int rank, uint16_t context)
    : transport_(std::move(transport)),
      members_(std::move(members)),
      rank_(rank),
      context_(context) {
  Progress::instance().attach(transport_);
}

Communicator::~Communicator() {
  try {
    Progress::instance().detach(transport_);
  } catch (const Error&) {  // a child by fork(): the parent's communicator is none of its business
  }
}

Tag Communicator::next_tag() {
  std::lock_guard lock(mutex_);
  return {context_, false, 0, ++number_};
}

void Communicator::allreduce(const ArrayRef& data, Reduction reduction, const Options& options) {
  require_writable(data, "allreduce", "data");
  if (is_alone(data)) return;
  Label label = label_of("allreduce", data, reduction_name(reduction));
  if (auto ranks = device_ranks(data, "allreduce", true)) {
    return submit_exchange(std::move(ranks), std::move(label),
                           {reduce_call(data, data->address(), reduction)}, {data}, {data},
                           options);
  }
  HostCopies host(options);
  const ArrayRef here = host.both(data);
  const Tag tag = next_tag();
  submit(std::move(label),
         dist::allreduce(peers(tag), span_of(here), combine_of(data->dtype(), reduction)), tag,
         {here}, {here}, options);
  host.finish();
}

void Communicator::allreduce_list(const std::vector<ArrayRef>& data, Reduction reduction,
                                  const Options& options) {
  check(!data.empty(), ErrorKind::kInvalidArgument, "allreduce: there are no arrays, must be one");
  Label label{"allreduce"};
  label.spec = {{0}, data[0]->dtype()};
  label.has_array = true;
  label.detail = reduction_name(reduction);
  for (const ArrayRef& a : data) {
    require_writable(a, "allreduce", "data");
    require_dtype(a, data[0], "allreduce");
    check(share_memory(a->device(), data[0]->device()), ErrorKind::kDevice,
          "allreduce: an array is on ", a->device(), ", must be on ", data[0]->device(),
          " as the first");
    label.spec.shape[0] += a->size();
  }
  if (is_alone(data[0])) return;
  if (auto ranks = device_ranks(data[0], "allreduce", true)) {
    std::vector<memory::GroupCall> calls;
    for (const ArrayRef& a : data) calls.push_back(reduce_call(a, a->address(), reduction));
    return submit_exchange(std::move(ranks), std::move(label), std::move(calls), data, data,
                           options);
  }
  HostCopies host(options);
  std::vector<Span> parts;
  std::vector<ArrayRef> here;
  for (const ArrayRef& a : data) {
    here.push_back(host.both(a));
    parts.push_back(span_of(here.back()));
  }
  const Tag tag = next_tag();
  submit(
      std::move(label),
      dist::allreduce_list(peers(tag), std::move(parts), combine_of(data[0]->dtype(), reduction)),
      tag, here, here, options);
  host.finish();
}

void Communicator::broadcast(const ArrayRef& data, int root, const Options& options) {
  require_rank(root, size(), "broadcast", "root");
  const bool sends = rank_ == root;
  sends ? require_dense(data, "broadcast", "data") : require_writable(data, "broadcast", "data");
  if (is_alone(data)) return;
  Label label = label_of("broadcast", data, "from rank", root);
  const std::vector<ArrayRef> none;
  if (auto ranks = device_ranks(data, "broadcast", false)) {
    const std::vector<ArrayRef> list{data};
    return submit_exchange(std::move(ranks), std::move(label),
                           {move_call(memory::Collective::kBroadcast, data->address(),
                                      data->address(), data->nbytes(), root)},
                           sends ? list : none, sends ? none : list, options);
  }
  HostCopies host(options);
  const std::vector<ArrayRef> list{sends ? host.in(data) : host.out(data)};
  const Tag tag = next_tag();
  submit(std::move(label), dist::broadcast(peers(tag), span_of(list[0]), root), tag,
         sends ? list : none, sends ? none : list, options);
  host.finish();
}

void Communicator::allgather(const ArrayRef& mine, const ArrayRef& all, std::vector<int64_t> counts,
                             const Options& options) {
  require_dense(mine, "allgather", "mine");
  require_writable(all, "allgather", "all");
  require_dtype(mine, all, "allgather");
  require_device(mine, all, "allgather");
  const bool is_even = counts.empty();
  if (is_even) counts.assign(static_cast<size_t>(size()), mine->size());
  require_size(all, sum_of(counts, size(), "allgather", "counts"), "allgather", "all");
  require_size(mine, counts[static_cast<size_t>(rank_)], "allgather", "mine");
  Label label = label_of("allgather", all);
  if (auto ranks = device_ranks(mine, "allgather", false)) {
    std::vector<memory::GroupCall> calls;
    char* to = static_cast<char*>(all->address());
    for (int i = 0; i < size() && !is_even; ++i) {
      const int64_t bytes = counts[static_cast<size_t>(i)] * dtype_size(all->dtype());
      calls.push_back(move_call(memory::Collective::kBroadcast, mine->address(), to, bytes, i));
      to += bytes;
    }
    if (is_even) {
      calls = {move_call(memory::Collective::kAllgather, mine->address(), to, mine->nbytes(), 0)};
    }
    return submit_exchange(std::move(ranks), std::move(label), std::move(calls), {mine}, {all},
                           options);
  }
  HostCopies host(options);
  const ArrayRef from = host.in(mine), to = host.out(all);
  const Tag tag = next_tag();
  submit(std::move(label),
         dist::allgather(peers(tag), span_of(from), span_of(to), std::move(counts)), tag, {from},
         {to}, options);
  host.finish();
}

void Communicator::reduce_scatter(const ArrayRef& all, const ArrayRef& mine, Reduction reduction,
                                  const Options& options) {
  require_dense(all, "reduce_scatter", "all");
  require_writable(mine, "reduce_scatter", "mine");
  require_dtype(mine, all, "reduce_scatter");
  require_device(mine, all, "reduce_scatter");
  require_size(all, mine->size() * size(), "reduce_scatter", "all");
  Label label = label_of("reduce_scatter", all, reduction_name(reduction));
  if (auto ranks = device_ranks(all, "reduce_scatter", true)) {
    memory::GroupCall call = reduce_call(mine, all->address(), reduction);
    call.kind = memory::Collective::kReduceScatter;
    return submit_exchange(std::move(ranks), std::move(label), {call}, {all}, {mine}, options);
  }
  HostCopies host(options);
  const ArrayRef from = host.in(all), to = host.out(mine);
  const Tag tag = next_tag();
  submit(std::move(label),
         dist::reduce_scatter(peers(tag), span_of(from), span_of(to),
                              combine_of(all->dtype(), reduction)),
         tag, {from}, {to}, options);
  host.finish();
}

void Communicator::all_to_all(const ArrayRef& from, const ArrayRef& to,
                              std::vector<int64_t> send_counts, std::vector<int64_t> receive_counts,
                              const Options& options) {
  constexpr const char* kind = "all_to_all";
  require_dense(from, kind, "from");
  require_writable(to, kind, "to");
  require_dtype(from, to, kind);
  require_device(from, to, kind);
  check(from->storage() != to->storage(), ErrorKind::kInvalidArgument, kind,
        ": from and to share memory, must not");
  if (send_counts.empty() && receive_counts.empty()) {
    check(from->size() % size() == 0, ErrorKind::kShape, kind, ": from has ", from->size(),
          " elements, must be a multiple of the ", size(), " ranks");
    send_counts.assign(static_cast<size_t>(size()), from->size() / size());
    receive_counts = send_counts;
  }
  require_size(from, sum_of(send_counts, size(), kind, "send_counts"), kind, "from");
  require_size(to, sum_of(receive_counts, size(), kind, "receive_counts"), kind, "to");
  const auto me = static_cast<size_t>(rank_);
  check(send_counts[me] == receive_counts[me], ErrorKind::kShape, kind, ": rank ", rank_, " sends ",
        send_counts[me], " elements to itself, must be the ", receive_counts[me],
        " that it receives");
  if (auto ranks = device_ranks(from, kind, false)) {
    std::vector<memory::GroupCall> calls;
    const int64_t item = dtype_size(from->dtype());
    auto* out = static_cast<char*>(from->address());
    auto* in = static_cast<char*>(to->address());
    for (int i = 0; i < size(); ++i) {
      const int64_t sent = send_counts[static_cast<size_t>(i)] * item;
      const int64_t received = receive_counts[static_cast<size_t>(i)] * item;
      calls.push_back(move_call(memory::Collective::kSend, out, nullptr, sent, i));
      calls.push_back(move_call(memory::Collective::kReceive, nullptr, in, received, i));
      out += sent;
      in += received;
    }
    return submit_exchange(std::move(ranks), Label{kind}, std::move(calls), {from}, {to}, options);
  }
  HostCopies host(options);
  const ArrayRef source = host.in(from), target = host.out(to);
  const Tag tag = next_tag();
  submit(Label{kind},
         dist::all_to_all(peers(tag), span_of(source), span_of(target), std::move(send_counts),
                          std::move(receive_counts)),
         tag, {source}, {target}, options);
  host.finish();
}

void Communicator::transfer(bool is_send, const ArrayRef& data, int peer, int channel,
                            const Options& options) {
  const char* kind = is_send ? "send" : "receive";
  const char* side = is_send ? "to" : "from";
  require_rank(peer, size(), kind, side);
  check(peer != rank_, ErrorKind::kInvalidArgument, kind, ": ", side, " is ", peer,
        ", must be another rank");
  check(channel >= 0 && channel <= 127, ErrorKind::kInvalidArgument, kind, ": channel is ", channel,
        ", must be in [0, 127]");
  Tag tag{context_, true, static_cast<uint16_t>(channel), 0};
  {
    std::lock_guard lock(mutex_);
    tag.number = ++(is_send ? sent_ : received_)[{peer, channel}];
  }
  HostCopies host(options);
  const ArrayRef here = is_send ? host.in(data) : host.out(data);
  const std::vector<ArrayRef> list{here}, none;
  submit(label_of(kind, data, is_send ? "to rank" : "from rank", peer),
         is_send ? dist::send(peers(tag), span_of(here), peer)
                 : dist::receive(peers(tag), span_of(here), peer),
         tag, is_send ? list : none, is_send ? none : list, options);
  host.finish();
}

void Communicator::send(const ArrayRef& data, int to, int channel, const Options& options) {
  require_dense(data, "send", "data");
  transfer(true, data, to, channel, options);
}

void Communicator::receive(const ArrayRef& data, int from, int channel, const Options& options) {
  require_writable(data, "receive", "data");
  transfer(false, data, from, channel, options);
}

void Communicator::barrier() {
  // An array to wait for.
  const ArrayRef none = Array::empty({1}, DType::kUint8);
  const Tag tag = next_tag();
  Options options;
  options.waits = true;
  submit(Label{"barrier"}, dist::barrier(peers(tag)), tag, {}, {none}, options);
}

Ref<Communicator> Communicator::split(int64_t color, int64_t key) {
  const int64_t next =
      Progress::instance().locked([&] { return int64_t{transport_->next_context}; });
  const ArrayRef mine = Array::empty({3}, DType::kInt64);
  const ArrayRef all = Array::empty({size(), 3}, DType::kInt64);
  mine->wait_to_write();
  auto* out = static_cast<int64_t*>(mine->data());
  out[0] = color;
  out[1] = key;
  out[2] = next;
  Options options;
  options.name = "split";
  options.waits = true;
  allgather(mine, all, {}, options);
  const auto* in = static_cast<const int64_t*>(all->data());
  std::vector<int> chosen;
  int64_t context = 0;
  for (int i = 0; i < size(); ++i) {
    if (in[3 * i] == color) chosen.push_back(i);
    context = std::max(context, in[3 * i + 2]);
  }
  check(context < transport_->contexts(), ErrorKind::kComm, "split: there are ", context,
        " communicators, must be less than ", transport_->contexts());
  Progress::instance().locked(
      [&] { transport_->next_context = static_cast<uint16_t>(context + 1); });
  std::stable_sort(chosen.begin(), chosen.end(),
                   [&](int a, int b) { return in[3 * a + 1] < in[3 * b + 1]; });
  const auto place = std::find(chosen.begin(), chosen.end(), rank_) - chosen.begin();
  for (int& i : chosen) i = (*members_)[static_cast<size_t>(i)];
  return make_ref<Communicator>(transport_,
                                std::make_shared<const std::vector<int>>(std::move(chosen)),
                                static_cast<int>(place), static_cast<uint16_t>(context));
}

std::string Communicator::pending() const { return Progress::instance().pending(*transport_); }

void Communicator::abort(const std::string& reason) {
  Progress::instance().fail_all(*transport_, reason);
}

void Communicator::kill_all() {
  Progress::instance().locked([&] { transport_->kill_all(); });
}

}  // namespace plait::dist
