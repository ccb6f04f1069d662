#include "data/record.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"

// Layout of a record, little-endian: uint32 magic, uint32 (kind << 29 | length), the bytes, zeros
// up to a multiple of 4. The magic number never stands at a multiple of 4 inside the bytes: there a
// record is cut into parts (kinds: 1 first, 2 middle, 3 last; 0 if whole) and the number left out.
namespace plait::data {
namespace {

constexpr uint32_t kMagic = 0xced7230a, kLengthMask = (1u << 29) - 1;
constexpr uint32_t kWhole = 0, kFirst = 1, kMiddle = 2, kLast = 3;
constexpr int64_t kHeader = 8;

int64_t padded(uint32_t length) { return (int64_t{length} + 3) & ~int64_t{3}; }

[[noreturn]] void io_error(const char* verb, const std::string& path) {
  fail(ErrorKind::kIo, verb, ": ", path, ": ", std::strerror(errno));
}

}  // namespace

RecordFile::RecordFile(const std::string& path)
    : path_(path), fd_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
  if (fd_ < 0) io_error("recordio", path);
}

RecordFile::~RecordFile() { ::close(fd_); }

void RecordFile::fault(int64_t offset, const std::string& why) const {
  fail(ErrorKind::kIo, "recordio: ", path_, " is corrupt at byte ", offset, ": ", why);
}

size_t RecordFile::read_bytes(int64_t offset, void* to, size_t n) const {
  size_t done = 0;
  while (done < n) {
    const ssize_t got = pread(fd_, static_cast<char*>(to) + done, n - done,
                              static_cast<off_t>(offset) + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) io_error("recordio", path_);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

bool RecordFile::read_part(int64_t offset, bool first, Part& part) const {
  uint32_t words[2];
  const size_t got = read_bytes(offset, words, sizeof words);
  if (got == 0 && first) return false;
  if (got < sizeof words) fault(offset, "the file ends inside a header");
  if (words[0] != kMagic) fault(offset, "no record begins here");
  part = {words[1] >> 29, words[1] & kLengthMask};
  const bool fits = first ? part.kind == kWhole || part.kind == kFirst
                          : part.kind == kMiddle || part.kind == kLast;
  if (!fits)
    fault(offset, cat("part of kind ", part.kind, first ? " without" : " after", " a first part"));
  struct stat info;
  if (fstat(fd_, &info) != 0) io_error("recordio", path_);
  if (offset + kHeader + part.length > info.st_size) {
    fault(offset, cat("a part of ", part.length, " bytes ends after the file"));
  }
  return true;
}

int64_t RecordFile::read(int64_t offset, std::string& record) const {
  check(offset >= 0, ErrorKind::kInvalidArgument, "recordio: offset is ", offset, ", must be >= 0");
  record.clear();
  Part part;
  if (!read_part(offset, true, part)) return -1;
  for (;;) {
    const size_t before = record.size();
    record.resize(before + part.length);
    if (read_bytes(offset + kHeader, record.data() + before, part.length) < part.length) {
      fault(offset, "the file became shorter while it was read");
    }
    offset += kHeader + padded(part.length);
    if (part.kind == kWhole || part.kind == kLast) return offset;
    record.append(reinterpret_cast<const char*>(&kMagic), sizeof kMagic);
    read_part(offset, false, part);
  }
}

std::vector<int64_t> RecordFile::offsets(bool recover) const {
  std::vector<int64_t> begins;
  Part part{kLast, 0};
  for (int64_t at = 0; at >= 0;) {
    const bool first = part.kind == kWhole || part.kind == kLast;
    try {
      if (!read_part(at, first, part)) break;
    } catch (const Error&) {
      if (!recover) throw;
      if (!first) begins.pop_back();
      part = {kLast, 0};
      at = find(first ? at + 4 : at);
      continue;
    }
    if (first) begins.push_back(at);
    at += kHeader + padded(part.length);
  }
  return begins;
}

int64_t RecordFile::find(int64_t offset) const {
  std::vector<uint32_t> words(1 << 14);
  for (offset = (offset + 3) & ~int64_t{3};;) {
    const size_t n = read_bytes(offset, words.data(), words.size() * 4) / 4;
    for (size_t i = 0; i + 1 < n; ++i) {
      if (words[i] == kMagic && words[i + 1] >> 29 <= kFirst) {
        return offset + static_cast<int64_t>(i) * 4;
      }
    }
    if (n < words.size()) return -1;
    offset += static_cast<int64_t>(n - 1) * 4;  // a header may lie across two blocks
  }
}

RecordWriter::RecordWriter(const std::string& path)
    : path_(path), file_(std::fopen(path.c_str(), "wbe")) {
  if (!file_) io_error("recordio", path);
}

RecordWriter::~RecordWriter() {
  if (file_) std::fclose(file_);
}

void RecordWriter::put(const void* bytes, size_t n) {
  if (std::fwrite(bytes, 1, n, file_) != n) io_error("recordio", path_);
  at_ += static_cast<int64_t>(n);
}

int64_t RecordWriter::write(std::string_view record) {
  check(file_, ErrorKind::kIo, "recordio: ", path_, " is closed");
  check(record.size() <= kLengthMask, ErrorKind::kInvalidArgument, "recordio: record has ",
        record.size(), " bytes, must have less than 2^29");
  const int64_t begin = at_;
  const char zeros[4] = {};
  const auto part = [&](uint32_t kind, size_t from, size_t to) {
    const uint32_t length = static_cast<uint32_t>(to - from);
    const uint32_t header[2] = {kMagic, kind << 29 | length};
    put(header, sizeof header);
    put(record.data() + from, length);
    put(zeros, static_cast<size_t>(padded(length) - length));
  };
  size_t from = 0;
  for (size_t i = 0; i + 4 <= record.size(); i += 4) {
    if (std::memcmp(record.data() + i, &kMagic, 4) != 0) continue;
    part(from == 0 ? kFirst : kMiddle, from, i);
    from = i + 4;
  }
  // A record that begins with the number has an empty first part, so `from` tells them apart.
  part(from == 0 ? kWhole : kLast, from, record.size());
  return begin;
}

void RecordWriter::flush() {
  check(file_, ErrorKind::kIo, "recordio: ", path_, " is closed");
  if (std::fflush(file_) != 0) io_error("recordio", path_);
}

void RecordWriter::close() {
  if (!file_) return;
  std::FILE* file = file_;
  file_ = nullptr;
  if (std::fclose(file) != 0) io_error("recordio", path_);
}

}  // namespace plait::data
