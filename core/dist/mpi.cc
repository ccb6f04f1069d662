#include "dist/mpi.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/env.h"
#include "dist/started.h"

namespace plait::dist {
namespace {

// ---- the library

struct Library {
  void* handle;
  std::string path;

  void* find(const char* name) const { return dlsym(handle, name); }
  template <class F>
  void load(F& function, const char* name) const {
    function = reinterpret_cast<F>(find(name));
    check(function, ErrorKind::kComm, "MPI: ", path, " has no function ", name);
  }
};

// The path of a libmpi that is in the process already, such as mpi4py's; "" if there is none.
std::string loaded_library() {
  std::string path;
  dl_iterate_phdr(
      [](dl_phdr_info* info, size_t, void* out) {
        const std::string name = info->dlpi_name ? info->dlpi_name : "";
        const std::string file = name.substr(name.rfind('/') + 1);
        const bool is_mpi = file.rfind("libmpi.so", 0) == 0 || file.rfind("libmpich.so", 0) == 0;
        if (is_mpi) *static_cast<std::string*>(out) = name;
        return is_mpi ? 1 : 0;
      },
      &path);
  return path;
}

const Library& library() {
  static const Library found = [] {
    std::vector<std::string> names{loaded_library()};
    if (names[0].empty()) {
      names = {env::get_string("PLAIT_MPI_LIBRARY", nullptr, ""), "libmpi.so.40", "libmpich.so.12",
               "libmpi.so.12", "libmpi.so"};
      if (started_by_mpich()) std::rotate(names.begin() + 1, names.begin() + 2, names.end());
    }
    std::string reason;
    for (const std::string& name : names) {
      if (name.empty()) continue;
      // Open MPI's own plugins look for its symbols globally.
      if (void* handle = dlopen(name.c_str(), RTLD_NOW | RTLD_GLOBAL)) return Library{handle, name};
      if (reason.empty()) reason = dlerror();
    }
    fail(ErrorKind::kComm, "MPI: no library is there (", reason,
         ")\n  hint: install Open MPI or MPICH, or name the file in PLAIT_MPI_LIBRARY");
  }();
  return found;
}

// ---- the binary interfaces

struct OpenMpiAbi {
  using Handle = void*;
  static Handle constant(const char* symbol) {
    void* at = library().find(symbol);
    check(at, ErrorKind::kComm, "MPI: ", library().path, " has no symbol ", symbol);
    return at;
  }
  static Handle world() { return constant("ompi_mpi_comm_world"); }
  static Handle byte() { return constant("ompi_mpi_byte"); }
  static Handle errors_return() { return constant("ompi_mpi_errors_return"); }
  static Handle null_request() { return constant("ompi_request_null"); }
};

struct MpichAbi {
  using Handle = int;
  static Handle world() { return 0x44000000; }
  static Handle byte() { return 0x4c00010d; }
  static Handle errors_return() { return 0x54000001; }
  static Handle null_request() { return 0x2c000000; }
};

// Larger than MPI_Status of either.
struct alignas(16) Status {
  char bytes[64];
};

constexpr int kSerialized = 2, kMultiple = 3;  // levels of threads, the same in both

template <class Abi>
struct Functions {
  using H = typename Abi::Handle;
  int (*initialized)(int*);
  int (*init_thread)(int*, char***, int, int*);
  int (*query_thread)(int*);
  int (*finalize)();
  int (*finalized)(int*);
  int (*comm_rank)(H, int*);
  int (*comm_size)(H, int*);
  int (*comm_dup)(H, H*);
  int (*comm_free)(H*);
  int (*set_errhandler)(H, H);
  int (*allgather)(const void*, int, H, void*, int, H, H);
  int (*barrier)(H);
  int (*isend)(const void*, int, H, int, int, H, H*);
  int (*irecv)(void*, int, H, int, int, H, H*);
  int (*test)(H*, int*, Status*);
  int (*cancel)(H*);
  int (*request_free)(H*);
  int (*get_count)(const Status*, H, int*);
  int (*abort)(H, int);
  int (*error_string)(int, char*, int*);

  Functions() {
    const Library& l = library();
    l.load(initialized, "MPI_Initialized");
    l.load(init_thread, "MPI_Init_thread");
    l.load(query_thread, "MPI_Query_thread");
    l.load(finalize, "MPI_Finalize");
    l.load(finalized, "MPI_Finalized");
    l.load(comm_rank, "MPI_Comm_rank");
    l.load(comm_size, "MPI_Comm_size");
    l.load(comm_dup, "MPI_Comm_dup");
    l.load(comm_free, "MPI_Comm_free");
    l.load(set_errhandler, "MPI_Comm_set_errhandler");
    l.load(allgather, "MPI_Allgather");
    l.load(barrier, "MPI_Barrier");
    l.load(isend, "MPI_Isend");
    l.load(irecv, "MPI_Irecv");
    l.load(test, "MPI_Test");
    l.load(cancel, "MPI_Cancel");
    l.load(request_free, "MPI_Request_free");
    l.load(get_count, "MPI_Get_count");
    l.load(abort, "MPI_Abort");
    l.load(error_string, "MPI_Error_string");
  }

  void ok(int code, const char* what) const {
    if (code == 0) return;
    char text[1024] = "";
    int length = 0;
    error_string(code, text, &length);
    fail(ErrorKind::kComm, "MPI: ", what, ": ", text);
  }
};

template <class Abi>
class RequestOf final : public MpiRequest {
 public:
  using H = typename Abi::Handle;
  explicit RequestOf(const Functions<Abi>& f) : f_(f) {}
  ~RequestOf() override {
    if (is_done_) return;
    f_.cancel(&request);
    f_.request_free(&request);
  }
  bool test(int64_t* received) override {
    if (is_done_) return true;
    Status status;
    int done = 0;
    const int code = f_.test(&request, &done, &status);
    is_done_ = done || code;
    f_.ok(code, "a message failed");
    if (!done) return false;
    int count = 0;
    f_.ok(f_.get_count(&status, Abi::byte(), &count), "MPI_Get_count");
    *received = count;
    return true;
  }
  H request = Abi::null_request();

 private:
  const Functions<Abi>& f_;
  bool is_done_ = false;
};

template <class Abi>
class MpiOf final : public Mpi {
 public:
  using H = typename Abi::Handle;

  explicit MpiOf(const void* handle) {
    int is_on = 0, level = 0;
    f_.ok(f_.initialized(&is_on), "MPI_Initialized");
    if (is_on) {
      f_.ok(f_.query_thread(&level), "MPI_Query_thread");
    } else {
      f_.ok(f_.init_thread(nullptr, nullptr, kMultiple, &level), "MPI_Init_thread");
      // Not before the end of the process: MPI cannot begin twice.
      std::atexit([] {
        const Functions<Abi>& f = functions();
        int is_over = 0;
        f.finalized(&is_over);
        if (!is_over) f.finalize();
      });
    }
    check(level >= kSerialized, ErrorKind::kComm, "MPI: its thread level is ",
          level == 0 ? "single" : "funneled", ", must be serialized or multiple",
          "\n  hint: mpi4py.rc.thread_level = 'multiple' before mpi4py.MPI is imported");
    const H from = handle ? *static_cast<const H*>(handle) : Abi::world();
    f_.ok(f_.comm_dup(from, &comm_), "MPI_Comm_dup");
    f_.ok(f_.set_errhandler(comm_, Abi::errors_return()), "MPI_Comm_set_errhandler");
  }
  ~MpiOf() override {
    int is_over = 0;
    f_.finalized(&is_over);
    if (!is_over) f_.comm_free(&comm_);
  }

  int rank() override { return asked(f_.comm_rank); }
  int size() override { return asked(f_.comm_size); }
  void allgather(const void* mine, void* all, int bytes) override {
    f_.ok(f_.allgather(mine, bytes, Abi::byte(), all, bytes, Abi::byte(), comm_), "MPI_Allgather");
  }
  void barrier() override { f_.ok(f_.barrier(comm_), "MPI_Barrier"); }
  std::unique_ptr<MpiRequest> send(int peer, int tag, const void* data, int bytes) override {
    auto r = std::make_unique<RequestOf<Abi>>(f_);
    f_.ok(f_.isend(data, bytes, Abi::byte(), peer, tag, comm_, &r->request), "MPI_Isend");
    return r;
  }
  std::unique_ptr<MpiRequest> receive(int peer, int tag, void* data, int bytes) override {
    auto r = std::make_unique<RequestOf<Abi>>(f_);
    f_.ok(f_.irecv(data, bytes, Abi::byte(), peer, tag, comm_, &r->request), "MPI_Irecv");
    return r;
  }
  void abort() override { f_.abort(comm_, 1); }

 private:
  int asked(int (*question)(H, int*)) {
    int answer = 0;
    f_.ok(question(comm_, &answer), "MPI_Comm_rank");
    return answer;
  }

  static const Functions<Abi>& functions() {
    static const Functions<Abi> found;
    return found;
  }

  const Functions<Abi>& f_ = functions();
  H comm_{};
};

}  // namespace

std::unique_ptr<Mpi> Mpi::open(const void* handle) {
  if (library().find("ompi_mpi_comm_world")) return std::make_unique<MpiOf<OpenMpiAbi>>(handle);
  return std::make_unique<MpiOf<MpichAbi>>(handle);
}

}  // namespace plait::dist
