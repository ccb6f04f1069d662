#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

namespace plait::data {

// MXNet's `.rec` files: byte strings one after another (the RecordIO format of dmlc-core).
//
//   RecordFile file("train.rec");
//   std::string record;
//   for (int64_t at = 0; (at = file.read(at, record)) > 0;) use(record);
//
// Reading keeps no position, so threads may share a file.
class RecordFile {
 public:
  explicit RecordFile(const std::string& path);
  ~RecordFile();
  RecordFile(const RecordFile&) = delete;
  RecordFile& operator=(const RecordFile&) = delete;

  const std::string& path() const { return path_; }

  // The record that begins at byte `offset`; returns where the next one begins, -1 at the end of
  // the file. Throws ErrorKind::kIo with path and offset for anything but a whole record.
  int64_t read(int64_t offset, std::string& record) const;

  // Where all records begin, reading headers only. `recover`: after a fault go on at the next place
  // that looks like the beginning of a record.
  std::vector<int64_t> offsets(bool recover = false) const;

  // The first place at or after `offset` that looks like the beginning of a record; -1 if none.
  int64_t find(int64_t offset) const;

 private:
  struct Part {
    uint32_t kind;
    uint32_t length;
  };
  size_t read_bytes(int64_t offset, void* to, size_t n) const;
  // False at the end of the file.
  bool read_part(int64_t offset, bool first, Part& part) const;
  [[noreturn]] void fault(int64_t offset, const std::string& why) const;

  std::string path_;
  int fd_;
};

class RecordWriter {
 public:
  explicit RecordWriter(const std::string& path);  // replaces what is there
  ~RecordWriter();
  RecordWriter(const RecordWriter&) = delete;
  RecordWriter& operator=(const RecordWriter&) = delete;

  // Appends a record and returns where it begins; it has less than 2^29 bytes.
  int64_t write(std::string_view record);
  int64_t tell() const { return at_; }
  void flush();
  // Further writes fail; throws if the system could not keep all bytes.
  void close();

 private:
  void put(const void* bytes, size_t n);

  std::string path_;
  std::FILE* file_;
  int64_t at_ = 0;
};

}  // namespace plait::data
