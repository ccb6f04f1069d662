#include "data/record.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "testing.h"

using namespace plait;
using data::RecordFile;
using data::RecordWriter;

namespace {

const std::string kMagic = "\x0a\x23\xd7\xce";

// A file that is removed at the end.
struct File {
  File() : path(std::filesystem::temp_directory_path() / "record_test.XXXXXX") {
    close(mkstemp(path.data()));
  }
  ~File() { unlink(path.c_str()); }
  std::string path;
};

void write(const File& file, const std::vector<std::string>& records) {
  RecordWriter writer(file.path);
  for (const std::string& record : records) writer.write(record);
  writer.close();
}

}  // namespace

TEST(record_with_magic_numbers_comes_back) {
  File file;
  const std::vector<std::string> records = {"a", kMagic, "abcd" + kMagic + kMagic + "e", "",
                                            "x" + kMagic};
  write(file, records);
  const RecordFile reader(file.path);
  std::string record;
  int64_t at = 0;
  for (const std::string& expected : records) {
    at = reader.read(at, record);
    CHECK_EQ(record, expected);
  }
  CHECK_EQ(reader.read(at, record), -1);
  CHECK_EQ(reader.offsets().size(), records.size());
}

TEST(record_offsets_recover_after_a_fault) {
  File file;
  write(file, {"first", "second", "third"});
  std::fstream bytes(file.path, std::ios::in | std::ios::out | std::ios::binary);
  bytes.seekp(16);
  bytes.put('\0');
  bytes.close();
  const RecordFile reader(file.path);
  CHECK_THROWS(reader.offsets(), Error, "is corrupt at byte 16: no record begins here");
  const std::vector<int64_t> expected = {0, 32};
  CHECK(reader.offsets(true) == expected);
  CHECK_EQ(reader.find(1), 32);
}

TEST(record_writer_refuses_writes_after_close) {
  File file;
  RecordWriter writer(file.path);
  CHECK_EQ(writer.write("abc"), 0);
  CHECK_EQ(writer.tell(), 12);
  writer.close();
  CHECK_THROWS(writer.write("d"), Error, "is closed");
}
