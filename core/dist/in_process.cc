#include <cstring>
#include <map>

#include "dist/transport.h"

namespace plait::dist {

void Landing::take(int64_t offset, const void* source, int64_t count_bytes) const {
  if (count_bytes == 0) return;
  char* target = static_cast<char*>(data) + offset;
  if (combine) {
    combine(target, source, count_bytes / item);
  } else {
    std::memcpy(target, source, static_cast<size_t>(count_bytes));
  }
}

namespace {

struct Offer {
  const void* data;
  int64_t bytes;
  bool taken = false;
};

// What ranks of one group offer each other: the receiver copies straight from the sender's memory.
struct Hub : RefCounted {
  using Key = std::tuple<int, int, uint64_t>;  // from, to, tag
  std::map<Key, Offer*> offers;
  std::string failure;
};

class HubSend final : public Transfer {
 public:
  HubSend(Ref<Hub> hub, Hub::Key key, int peer, Offer offer)
      : Transfer(peer, true), hub_(std::move(hub)), key_(key), offer_(offer) {
    hub_->offers[key_] = &offer_;
  }
  ~HubSend() override {
    if (!offer_.taken) hub_->offers.erase(key_);
  }
  Advance advance() override { return offer_.taken ? Advance::kDone : Advance::kStuck; }

 private:
  Ref<Hub> hub_;
  Hub::Key key_;
  Offer offer_;
};

class HubReceive final : public Transfer {
 public:
  HubReceive(Ref<Hub> hub, Hub::Key key, int peer, const Landing& landing)
      : Transfer(peer, false), hub_(std::move(hub)), key_(key), landing_(landing) {}
  Advance advance() override {
    const auto found = hub_->offers.find(key_);
    if (found == hub_->offers.end()) return Advance::kStuck;
    Offer& offer = *found->second;
    check(offer.bytes == landing_.bytes, ErrorKind::kComm, "rank ", peer, " sent ", offer.bytes,
          " bytes, must be ", landing_.bytes);
    landing_.take(0, offer.data, offer.bytes);
    offer.taken = true;
    hub_->offers.erase(found);
    return Advance::kDone;
  }

 private:
  Ref<Hub> hub_;
  Hub::Key key_;
  Landing landing_;
};

class HubTransport final : public Transport {
 public:
  HubTransport(Ref<Hub> hub, int rank, int size) : Transport(rank, size), hub_(std::move(hub)) {}
  TransferPtr send(int peer, Tag tag, const void* data, int64_t bytes) override {
    return std::make_unique<HubSend>(hub_, Hub::Key{rank(), peer, tag.packed()}, peer,
                                     Offer{data, bytes});
  }
  TransferPtr receive(int peer, Tag tag, const Landing& landing) override {
    return std::make_unique<HubReceive>(hub_, Hub::Key{peer, rank(), tag.packed()}, peer, landing);
  }
  std::string trouble(int, int64_t) override { return hub_->failure; }
  void announce_failure(const std::string& message) override {
    if (hub_->failure.empty()) hub_->failure = cat("rank ", rank(), " failed: ", message);
  }
  bool is_between_processes() const override { return false; }

 private:
  Ref<Hub> hub_;
};

}  // namespace

std::vector<TransportRef> in_process_transports(int size) {
  const Ref<Hub> hub = make_ref<Hub>();
  std::vector<TransportRef> all;
  for (int rank = 0; rank < size; ++rank) {
    all.push_back(make_ref<HubTransport>(hub, rank, size));
  }
  return all;
}

}  // namespace plait::dist
