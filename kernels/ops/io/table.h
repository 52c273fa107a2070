// The sorted string table that both checkpoint formats are stored in (LevelDB's format: blocks of
// prefix-compressed entries, an index block, a 48-byte footer).
#ifndef OPKIT_OPS_IO_TABLE_H_
#define OPKIT_OPS_IO_TABLE_H_

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "opkit/status.h"

namespace opkit::io {

// Refuses names that the system would cut short.
Status CheckFileName(const std::string& path);

// A file that appears under its name only once it is complete.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();  // removes the temporary file unless Commit succeeded
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  Status Open();
  Status Write(std::string_view bytes);
  Status Commit();
  uint64_t size() const { return size_; }

 private:
  Status Failed(const char* what) const;
  std::string path_, temporary_;
  std::FILE* file_ = nullptr;
  uint64_t size_ = 0;
};

// Writes entries in the order of their keys.
class TableWriter {
 public:
  explicit TableWriter(AtomicFile* file) : file_(file) {}
  Status Add(std::string_view key, std::string_view value);
  Status Finish();  // the file is then ready to be committed

 private:
  struct Block {
    std::string bytes, last_key;
    std::vector<uint32_t> restarts = {0};
    int since_restart = 0;
    bool empty() const { return bytes.empty(); }
    void Add(std::string_view key, std::string_view value);
    void Close();
  };
  Status Flush();
  Status WriteBlock(Block* block, std::string* handle);

  AtomicFile* file_;
  Block data_, index_;
};

// Reads a table, trusting nothing in it.
class TableReader {
 public:
  Status Open(const std::string& path);
  // Calls visit(key, value) for the entries from the first key >= `from` on, until it returns
  // false. The views live as long as the call.
  template <typename F>
  Status Scan(std::string_view from, F&& visit) {
    for (const IndexEntry& e : index_) {
      if (e.last_key < from) continue;
      std::string block;
      OPKIT_RETURN_IF_ERROR(ReadBlock(e.offset, e.size, &block));
      BlockCursor cursor(block);
      while (cursor.Next()) {
        if (cursor.key() < from) continue;
        if (!visit(std::string_view(cursor.key()), cursor.value())) return {};
      }
      if (!cursor.ok()) return Damaged("a block");
    }
    return {};
  }
  Status Get(std::string_view key, std::string* value, bool* found);
  Status Damaged(const char* what) const;
  const std::string& path() const { return path_; }

 private:
  struct IndexEntry {
    std::string last_key;
    uint64_t offset, size;
  };
  class BlockCursor {
   public:
    explicit BlockCursor(std::string_view block);
    bool Next();
    bool ok() const { return ok_; }
    const std::string& key() const { return key_; }
    std::string_view value() const { return value_; }

   private:
    std::string_view left_;
    std::string key_;
    std::string_view value_;
    bool ok_ = true;
  };
  Status ReadBlock(uint64_t offset, uint64_t size, std::string* out);

  std::string path_;
  std::ifstream file_;
  uint64_t file_size_ = 0;
  std::vector<IndexEntry> index_;
};

}  // namespace opkit::io

#endif  // OPKIT_OPS_IO_TABLE_H_
