#pragma once

#include <memory>
#include <string>

#include "dist/transport.h"

// The MPI library, found and loaded when it is first asked for. Nothing of it is needed to build:
// the two binary interfaces that exist in practice (Open MPI's, where handles are addresses, and
// MPICH's, where they are numbers, which Intel MPI, MVAPICH and Cray MPI share) are described here.
namespace plait::dist {

// Bytes that one side of a message is sent or received with.
class MpiRequest {
 public:
  virtual ~MpiRequest() = default;
  // True once the library is done; `received` gets the bytes of a message that came in.
  virtual bool test(int64_t* received) = 0;
};

// A communicator of MPI, ours alone. Calls come from one thread at a time.
class Mpi {
 public:
  // A duplicate of the communicator whose handle stands at `handle` (what mpi4py's _addressof
  // gives), or of MPI_COMM_WORLD if null. Initialises MPI if nobody has. Throws ErrorKind::kComm
  // without a library, and if its threads do not suffice.
  static std::unique_ptr<Mpi> open(const void* handle);
  virtual ~Mpi() = default;

  virtual int rank() = 0;
  virtual int size() = 0;
  // All ranks' `bytes` bytes, one after another.
  virtual void allgather(const void* mine, void* all, int bytes) = 0;
  virtual void barrier() = 0;
  virtual std::unique_ptr<MpiRequest> send(int peer, int tag, const void* data, int bytes) = 0;
  virtual std::unique_ptr<MpiRequest> receive(int peer, int tag, void* data, int bytes) = 0;
  // Ends all processes.
  virtual void abort() = 0;
};

// All ranks of a communicator of MPI: through shared memory between processes of one machine
// (PLAIT_DIST_SHM=0: not), through MPI's messages between machines.
TransportRef world_transport(const void* handle);

}  // namespace plait::dist
