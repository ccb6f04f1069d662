#include "dist/schedule.h"

#include <algorithm>
#include <bit>
#include <cstring>

// Ring, recursive doubling, dissemination and trees: Thakur, Rabenseifner, Gropp, "Optimization of
// collective communication operations in MPICH", IJHPCA 19 (2005). The order in which values are
// combined depends on the number of ranks and elements only, so that results are the same bits on
// every rank and in every run.
namespace plait::dist {
namespace {

Transfers both(TransferPtr a, TransferPtr b) {
  Transfers list;
  list.reserve(2);
  list.push_back(std::move(a));
  list.push_back(std::move(b));
  return list;
}

Transfers one(TransferPtr a) {
  Transfers list;
  list.push_back(std::move(a));
  return list;
}

// Part `index` (modulo `parts`) of `data` cut into `parts` pieces that differ by at most one
// element.
Span piece(Span data, int64_t index, int64_t parts) {
  const int64_t i = (index % parts + parts) % parts;
  return data.part(data.count * i / parts, data.count * (i + 1) / parts);
}

std::vector<int64_t> starts_of(const std::vector<int64_t>& counts) {
  std::vector<int64_t> starts(counts.size() + 1, 0);
  for (size_t i = 0; i < counts.size(); ++i) starts[i + 1] = starts[i] + counts[i];
  return starts;
}

// Recursive doubling among the largest power of two of ranks; the others hand their values to a
// neighbour first and get the result from it.
Schedule allreduce_doubling(Peers peers, Span data, Combine combine) {
  const int n = peers.size(), rank = peers.rank();
  const int core = static_cast<int>(std::bit_floor(static_cast<unsigned>(n)));
  const int extra = n - core;
  const auto bytes = static_cast<size_t>(data.bytes());
  const auto mine = std::make_unique_for_overwrite<char[]>(bytes);
  if (rank >= core) {
    co_await one(peers.send(rank - core, data.data, data.bytes()));
    co_await one(peers.receive(rank - core, data.landing()));
    co_return;
  }
  if (rank < extra) co_await one(peers.receive(rank + core, data.landing(combine)));
  for (int step = 1; step < core; step *= 2) {
    // What is sent must stay as it is while the partner's values are added.
    if (bytes) std::memcpy(mine.get(), data.data, bytes);
    co_await both(peers.send(rank ^ step, mine.get(), data.bytes()),
                  peers.receive(rank ^ step, data.landing(combine)));
  }
  if (rank < extra) co_await one(peers.send(rank + core, data.data, data.bytes()));
}

// After n - 1 steps rank r holds the sum of piece r + 1, after 2 (n - 1) all pieces.
Schedule allreduce_ring(Peers peers, Span data, Combine combine) {
  const int n = peers.size(), rank = peers.rank();
  for (int step = 0; step < n - 1; ++step) {
    const Span out = piece(data, rank - step, n), in = piece(data, rank - step - 1, n);
    co_await both(peers.send(peers.right(), out.data, out.bytes()),
                  peers.receive(peers.left(), in.landing(combine)));
  }
  for (int step = 0; step < n - 1; ++step) {
    const Span out = piece(data, rank + 1 - step, n), in = piece(data, rank - step, n);
    co_await both(peers.send(peers.right(), out.data, out.bytes()),
                  peers.receive(peers.left(), in.landing()));
  }
}

// One segment after another: a rank sends on what it has just combined while it is in its cache.
Schedule allreduce_segments(Peers peers, Span data, Combine combine, int64_t segments) {
  for (int64_t i = 0; i < segments; ++i) {
    co_await allreduce_ring(peers, piece(data, i, segments), combine);
  }
}

// Binomial tree below `root`.
Schedule broadcast_tree(Peers peers, Span data, int root) {
  const int n = peers.size(), me = (peers.rank() - root + n) % n;
  const auto real = [=](int relative) { return (relative + root) % n; };
  int step = 1;
  while (step < n && !(me & step)) step *= 2;
  if (me != 0) co_await one(peers.receive(real(me - step), data.landing()));
  for (int s = step / 2; s > 0; s /= 2) {
    if (me + s < n) co_await one(peers.send(real(me + s), data.data, data.bytes()));
  }
}

// The root hands each rank one piece, then the pieces go round (van de Geijn).
Schedule broadcast_scattered(Peers peers, Span data, int root) {
  const int n = peers.size(), me = (peers.rank() - root + n) % n;
  const Span mine = piece(data, me, n);
  if (me == 0) {
    Transfers all;
    for (int i = 1; i < n; ++i) {
      const Span out = piece(data, i, n);
      all.push_back(peers.send((i + root) % n, out.data, out.bytes()));
    }
    co_await std::move(all);
  } else {
    co_await one(peers.receive(root, mine.landing()));
  }
  for (int step = 0; step < n - 1; ++step) {
    const Span out = piece(data, me - step, n), in = piece(data, me - step - 1, n);
    Transfers list;
    if (peers.right() != root) {  // which has everything
      list.push_back(peers.send(peers.right(), out.data, out.bytes()));
    }
    if (me != 0) list.push_back(peers.receive(peers.left(), in.landing()));
    co_await std::move(list);
  }
}

}  // namespace

Advance Schedule::advance() {
  auto& promise = handle_.promise();
  bool moved = false;
  while (true) {
    auto& waiting = promise.waiting;
    std::erase_if(waiting, [&](const TransferPtr& t) {
      const Advance state = t->advance();
      moved |= state != Advance::kStuck;
      return state == Advance::kDone;
    });
    if (!waiting.empty()) return moved ? Advance::kMoved : Advance::kStuck;
    if (promise.inner) {
      const Advance state = promise.inner->advance();
      moved |= state != Advance::kStuck;
      if (state != Advance::kDone) return moved ? Advance::kMoved : Advance::kStuck;
      promise.inner = nullptr;
    }
    if (!handle_.done()) handle_.resume();
    moved = true;
    if (promise.failure) std::rethrow_exception(promise.failure);
    if (handle_.done()) return Advance::kDone;
  }
}

const Transfers* Schedule::missing() const {
  if (!handle_) return nullptr;
  const auto& promise = handle_.promise();
  if (promise.inner) return promise.inner->missing();
  return promise.waiting.empty() ? nullptr : &promise.waiting;
}

Schedule allreduce(Peers peers, Span data, Combine combine) {
  if (data.bytes() < kRingBytes) return allreduce_doubling(std::move(peers), data, combine);
  const int64_t segment = peers.size() * peers.piece_bytes();
  if (data.bytes() <= segment) return allreduce_ring(std::move(peers), data, combine);
  const int64_t segments = (data.bytes() - 1) / segment + 1;
  return allreduce_segments(std::move(peers), data, combine, segments);
}

Schedule allreduce_list(Peers peers, std::vector<Span> parts, Combine combine) {
  if (parts.size() == 1) {
    co_await allreduce(std::move(peers), parts[0], combine);
    co_return;
  }
  int64_t count = 0;
  for (const Span& part : parts) count += part.count;
  const auto buffer =
      std::make_unique_for_overwrite<char[]>(static_cast<size_t>(count * parts[0].item));
  const Span flat{buffer.get(), count, parts[0].item};
  char* at = flat.data;
  for (const Span& part : parts) {
    if (part.count) std::memcpy(at, part.data, static_cast<size_t>(part.bytes()));
    at += part.bytes();
  }
  co_await allreduce(std::move(peers), flat, combine);
  at = flat.data;
  for (const Span& part : parts) {
    if (part.count) std::memcpy(part.data, at, static_cast<size_t>(part.bytes()));
    at += part.bytes();
  }
}

Schedule broadcast(Peers peers, Span data, int root) {
  return data.bytes() < kRingBytes ? broadcast_tree(std::move(peers), data, root)
                                   : broadcast_scattered(std::move(peers), data, root);
}

Schedule allgather(Peers peers, Span mine, Span all, std::vector<int64_t> counts) {
  const int n = peers.size(), rank = peers.rank();
  const std::vector<int64_t> starts = starts_of(counts);
  const auto part = [&](int index) {
    const auto i = static_cast<size_t>((index % n + n) % n);
    return all.part(starts[i], starts[i + 1]);
  };
  if (mine.bytes() > 0) {
    std::memmove(part(rank).data, mine.data, static_cast<size_t>(mine.bytes()));
  }
  for (int step = 0; step < n - 1; ++step) {
    const Span out = part(rank - step), in = part(rank - step - 1);
    co_await both(peers.send(peers.right(), out.data, out.bytes()),
                  peers.receive(peers.left(), in.landing()));
  }
}

Schedule reduce_scatter(Peers peers, Span all, Span mine, Combine combine) {
  const int n = peers.size(), rank = peers.rank();
  if (mine.bytes() == 0) co_return;
  // Piece r - 1 - step is passed on with this rank's values added; piece r arrives last.
  std::vector<char> sum(static_cast<size_t>(mine.bytes())), next(sum.size());
  const Span first = piece(all, rank - 1, n);
  std::memcpy(sum.data(), first.data, sum.size());
  for (int step = 0; step < n - 1; ++step) {
    const Span own = piece(all, rank - 2 - step, n);
    std::memcpy(next.data(), own.data, next.size());
    co_await both(
        peers.send(peers.right(), sum.data(), mine.bytes()),
        peers.receive(peers.left(), Landing{next.data(), mine.bytes(), combine, mine.item}));
    std::swap(sum, next);
  }
  std::memcpy(mine.data, sum.data(), sum.size());
}

Schedule all_to_all(Peers peers, Span from, Span to, std::vector<int64_t> send_counts,
                    std::vector<int64_t> receive_counts) {
  const int n = peers.size(), rank = peers.rank();
  const std::vector<int64_t> out = starts_of(send_counts), in = starts_of(receive_counts);
  const auto sent = [&](int i) {
    return from.part(out[static_cast<size_t>(i)], out[static_cast<size_t>(i) + 1]);
  };
  const auto got = [&](int i) {
    return to.part(in[static_cast<size_t>(i)], in[static_cast<size_t>(i) + 1]);
  };
  if (sent(rank).bytes() > 0) {
    std::memcpy(got(rank).data, sent(rank).data, static_cast<size_t>(sent(rank).bytes()));
  }
  for (int step = 1; step < n; ++step) {
    const int right = (rank + step) % n, left = (rank - step + n) % n;
    co_await both(peers.send(right, sent(right).data, sent(right).bytes()),
                  peers.receive(left, got(left).landing()));
  }
}

// Dissemination (Hensgen, Finkel, Manber, 1988).
Schedule barrier(Peers peers) {
  const int n = peers.size(), rank = peers.rank();
  for (int step = 1; step < n; step *= 2) {
    co_await both(peers.send((rank + step) % n, nullptr, 0),
                  peers.receive((rank - step + n) % n, Landing{}));
  }
}

Schedule send(Peers peers, Span data, int to) {
  co_await one(peers.send(to, data.data, data.bytes()));
}

Schedule receive(Peers peers, Span data, int from) {
  co_await one(peers.receive(from, data.landing()));
}

Schedule compare(Peers peers, std::string signature) {
  const int n = peers.size(), rank = peers.rank();
  signature.resize(kSignatureBytes, '\0');
  std::vector<char> all(static_cast<size_t>(n * kSignatureBytes));
  const auto at = [&](int i) { return all.data() + (i % n + n) % n * kSignatureBytes; };
  std::memcpy(at(rank), signature.data(), kSignatureBytes);
  for (int step = 0; step < n - 1; ++step) {
    co_await both(peers.send(peers.right(), at(rank - step), kSignatureBytes),
                  peers.receive(peers.left(), Landing{at(rank - step - 1), kSignatureBytes}));
  }
  for (int i = 1; i < n; ++i) {
    check(std::memcmp(at(i), at(0), kSignatureBytes) == 0, ErrorKind::kComm, "rank 0 calls ",
          std::string(at(0)), ", rank ", i, " calls ", std::string(at(i)), "; must be the same");
  }
}

}  // namespace plait::dist
