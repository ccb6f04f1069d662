#include "dist/communicator.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <numeric>

#include "base/env.h"
#include "dist/mpi.h"

namespace plait::dist {

// What the engine sees of an operation.
class CommTask final : public engine::Task {
 public:
  CommTask(std::unique_ptr<Operation> operation, std::vector<ArrayRef> reads,
           std::vector<ArrayRef> writes)
      : operation_(std::move(operation)),
        transport_(operation_->transport),
        label_(operation_->label),
        name_(label_.title()),
        kept_reads_(std::move(reads)),
        kept_writes_(std::move(writes)) {
    for (const ArrayRef& a : kept_reads_) reads_.push_back(&a->var());
    for (const ArrayRef& a : kept_writes_) writes_.push_back(&a->var());
    updates_ = engine::make_distinct(reads_, writes_);
    // Handing over costs nothing, and the sooner it is done, the more goes on beside computation.
    priority_ = std::numeric_limits<int32_t>::max();
    is_async_ = true;
  }
  ~CommTask() override {
    // Never run: what it reads has failed. The other ranks must not wait for it.
    if (operation_) {
      Progress::instance().fail_all(*transport_,
                                    cat(label_, ": rank ", transport_->rank(),
                                        " left it out, because computing its input failed"));
    }
  }

  void run(int) override {
    operation_->task = this;
    Progress::instance().start(std::move(operation_));
  }
  const char* name() const override { return name_.c_str(); }
  std::string details() const override { return label_.text(); }

 private:
  std::unique_ptr<Operation> operation_;
  TransportRef transport_;
  const Label label_;
  const std::string name_;
  std::vector<ArrayRef> kept_reads_, kept_writes_;
};

namespace {

bool checks() {
  static const bool on = env::get_int("PLAIT_DIST_CHECK", nullptr, 0) != 0;
  return on;
}

uint64_t next_order() {
  static std::atomic<uint64_t> order{0};
  return ++order;
}

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

// Runs an operation in the calling thread if its arrays are free.
bool run_here(Operation& operation, const std::vector<ArrayRef>& reads,
              const std::vector<ArrayRef>& writes) {
  engine::Vars read, written;
  for (const ArrayRef& a : reads) read.push_back(&a->var());
  for (const ArrayRef& a : writes) written.push_back(&a->var());
  engine::make_distinct(read, written);
  const engine::InlineGuard guard(read, written);
  if (!guard.held()) return false;
  engine::count_inlined();
  std::optional<engine::profile::Scope> span;
  if (engine::profile::is_on()) {
    span.emplace(operation.label.title().c_str(), operation.label.text(), read, written, 0, 1);
  }
  Progress::instance().run(operation);
  return true;
}

Members everybody(int size) {
  std::vector<int> members(static_cast<size_t>(size));
  std::iota(members.begin(), members.end(), 0);
  return std::make_shared<const std::vector<int>>(std::move(members));
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
  for (const TransportRef& t : in_process_transports(size)) {
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

void Communicator::submit(Label label, Schedule body, const Tag& tag, std::vector<ArrayRef> reads,
                          std::vector<ArrayRef> writes, const Options& options) {
  auto op = std::make_unique<Operation>();
  op->transport = transport_;
  op->label = std::move(label);
  op->label.name = options.name;
  if (!tag.point_to_point) op->label.number = tag.number;
  if (checks() && !tag.point_to_point) {
    Tag before = tag;  // its own messages
    before.channel = 1;
    op->check = compare(peers(before), op->label.text());
  }
  op->body = std::move(body);
  op->priority = options.priority;
  op->order = next_order();
  op->may_wait = options.no_limit;
  if (options.waits && transport_->is_between_processes() && run_here(*op, reads, writes)) return;
  const std::vector<ArrayRef> results = options.waits ? writes : std::vector<ArrayRef>{};
  auto task = std::make_unique<CommTask>(std::move(op), std::move(reads), std::move(writes));
  engine::push(std::move(task));
  for (const ArrayRef& a : results) a->wait_to_read();
}

void Communicator::allreduce(const ArrayRef& data, Reduction reduction, const Options& options) {
  require_writable(data, "allreduce", "data");
  const Tag tag = next_tag();
  submit(label_of("allreduce", data, reduction_name(reduction)),
         dist::allreduce(peers(tag), span_of(data), combine_of(data->dtype(), reduction)), tag,
         {data}, {data}, options);
}

void Communicator::allreduce_list(const std::vector<ArrayRef>& data, Reduction reduction,
                                  const Options& options) {
  check(!data.empty(), ErrorKind::kInvalidArgument, "allreduce: there are no arrays, must be one");
  std::vector<Span> parts;
  Label label{"allreduce"};
  label.spec = {{0}, data[0]->dtype()};
  label.has_array = true;
  label.detail = reduction_name(reduction);
  for (const ArrayRef& a : data) {
    require_writable(a, "allreduce", "data");
    require_dtype(a, data[0], "allreduce");
    parts.push_back(span_of(a));
    label.spec.shape[0] += a->size();
  }
  const Tag tag = next_tag();
  submit(
      std::move(label),
      dist::allreduce_list(peers(tag), std::move(parts), combine_of(data[0]->dtype(), reduction)),
      tag, data, data, options);
}

void Communicator::broadcast(const ArrayRef& data, int root, const Options& options) {
  require_rank(root, size(), "broadcast", "root");
  const bool sends = rank_ == root;
  sends ? require_dense(data, "broadcast", "data") : require_writable(data, "broadcast", "data");
  const Tag tag = next_tag();
  const std::vector<ArrayRef> list{data}, none;
  submit(label_of("broadcast", data, "from rank", root),
         dist::broadcast(peers(tag), span_of(data), root), tag, sends ? list : none,
         sends ? none : list, options);
}

void Communicator::allgather(const ArrayRef& mine, const ArrayRef& all, std::vector<int64_t> counts,
                             const Options& options) {
  require_dense(mine, "allgather", "mine");
  require_writable(all, "allgather", "all");
  require_dtype(mine, all, "allgather");
  const bool is_even = counts.empty();
  if (is_even) counts.assign(static_cast<size_t>(size()), mine->size());
  require_size(all, sum_of(counts, size(), "allgather", "counts"), "allgather", "all");
  require_size(mine, counts[static_cast<size_t>(rank_)], "allgather", "mine");
  const Tag tag = next_tag();
  submit(label_of("allgather", all),
         dist::allgather(peers(tag), span_of(mine), span_of(all), std::move(counts)), tag, {mine},
         {all}, options);
}

void Communicator::reduce_scatter(const ArrayRef& all, const ArrayRef& mine, Reduction reduction,
                                  const Options& options) {
  require_dense(all, "reduce_scatter", "all");
  require_writable(mine, "reduce_scatter", "mine");
  require_dtype(mine, all, "reduce_scatter");
  require_size(all, mine->size() * size(), "reduce_scatter", "all");
  const Tag tag = next_tag();
  submit(label_of("reduce_scatter", all, reduction_name(reduction)),
         dist::reduce_scatter(peers(tag), span_of(all), span_of(mine),
                              combine_of(all->dtype(), reduction)),
         tag, {all}, {mine}, options);
}

void Communicator::all_to_all(const ArrayRef& from, const ArrayRef& to,
                              std::vector<int64_t> send_counts, std::vector<int64_t> receive_counts,
                              const Options& options) {
  constexpr const char* kind = "all_to_all";
  require_dense(from, kind, "from");
  require_writable(to, kind, "to");
  require_dtype(from, to, kind);
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
  const Tag tag = next_tag();
  submit(Label{kind},
         dist::all_to_all(peers(tag), span_of(from), span_of(to), std::move(send_counts),
                          std::move(receive_counts)),
         tag, {from}, {to}, options);
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
  const std::vector<ArrayRef> list{data}, none;
  submit(label_of(kind, data, is_send ? "to rank" : "from rank", peer),
         is_send ? dist::send(peers(tag), span_of(data), peer)
                 : dist::receive(peers(tag), span_of(data), peer),
         tag, is_send ? list : none, is_send ? none : list, options);
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
