#include "ops/io/table.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "ops/io/wire.h"

namespace opkit::io {
namespace {

constexpr uint64_t kMagic = 0xdb4775248b80fb57ull;
constexpr size_t kFooter = 48;
constexpr size_t kTrailer = 5;            // compression byte, CRC
constexpr size_t kBlockSize = 256 << 10;  // TF's block size
constexpr int kRestartInterval = 16;

// Snappy: literals and back references; the format of the public description. Output is bounded
// by what the input can expand to, so a forged length allocates nothing large.
bool Unsnappy(std::string_view in, std::string* out) {
  WireReader r(in);
  const uint64_t size = r.Varint();
  if (!r.ok() || size > 64 * in.size() + 64) return false;
  out->clear();
  out->reserve(static_cast<size_t>(size));
  while (!r.done()) {
    const auto tag = static_cast<uint32_t>(r.Fixed(1));
    uint64_t length, back = 0;
    switch (tag & 3) {
      case 0: {
        length = tag >> 2;
        if (length >= 60) length = r.Fixed(static_cast<int>(length) - 59);
        ++length;
        const std::string_view literal = r.Take(length);
        if (!r.ok() || literal.size() > size - out->size()) return false;
        out->append(literal);
        continue;
      }
      case 1:
        length = ((tag >> 2) & 7) + 4;
        back = (tag >> 5) << 8;
        back |= r.Fixed(1);
        break;
      case 2:
        length = (tag >> 2) + 1;
        back = r.Fixed(2);
        break;
      default:
        length = (tag >> 2) + 1;
        back = r.Fixed(4);
    }
    if (!r.ok() || back == 0 || back > out->size() || length > size - out->size()) return false;
    for (uint64_t i = 0; i < length; ++i) out->push_back((*out)[out->size() - back]);
  }
  return r.ok() && out->size() == size;
}

}  // namespace

Status CheckFileName(const std::string& path) {
  if (path.find('\0') == std::string::npos) return {};
  return Error("the file name holds a zero byte; NumPy: np.array(name, dtype=np.bytes_)");
}

// --- AtomicFile -------------------------------------------------------------------------------

AtomicFile::AtomicFile(const std::string& path) : path_(path) {
  static std::atomic<uint64_t> counter{0};
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  const auto here = reinterpret_cast<uintptr_t>(this);
  temporary_ = path + ".tempstate" +
               std::to_string((static_cast<uint64_t>(now) * 1000003u) ^ here ^ ++counter);
}

AtomicFile::~AtomicFile() {
  if (file_ != nullptr) {
    std::fclose(file_);
    std::remove(temporary_.c_str());
  }
}

Status AtomicFile::Failed(const char* what) const {
  return Error("cannot %s %s: %s", what, path_.c_str(), std::strerror(errno));
}

Status AtomicFile::Open() {
  if (path_.empty()) return Error("the file name is empty");
  OPKIT_RETURN_IF_ERROR(CheckFileName(path_));
  file_ = std::fopen(temporary_.c_str(), "wb");
  return file_ == nullptr ? Failed("write") : Status();
}

Status AtomicFile::Write(std::string_view bytes) {
  if (bytes.empty()) return {};  // an empty tensor has no address
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) return Failed("write");
  size_ += bytes.size();
  return {};
}

Status AtomicFile::Commit() {
  std::FILE* const file = file_;
  file_ = nullptr;
  const bool flushed = std::fflush(file) == 0;
  if (std::fclose(file) != 0 || !flushed) {
    Status failed = Failed("finish");
    std::remove(temporary_.c_str());
    return failed;
  }
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    Status failed = Failed("rename the finished file to");
    std::remove(temporary_.c_str());
    return failed;
  }
  return {};
}

// --- TableWriter --------------------------------------------------------------------------------

void TableWriter::Block::Add(std::string_view key, std::string_view value) {
  size_t shared = 0;
  if (since_restart < kRestartInterval) {
    while (shared < key.size() && shared < last_key.size() && key[shared] == last_key[shared]) {
      ++shared;
    }
  } else {
    restarts.push_back(static_cast<uint32_t>(bytes.size()));
    since_restart = 0;
  }
  PutVarint(&bytes, shared);
  PutVarint(&bytes, key.size() - shared);
  PutVarint(&bytes, value.size());
  bytes.append(key.substr(shared));
  bytes.append(value);
  last_key.assign(key);
  ++since_restart;
}

void TableWriter::Block::Close() {
  for (const uint32_t r : restarts) PutFixed32(&bytes, r);
  PutFixed32(&bytes, static_cast<uint32_t>(restarts.size()));
}

Status TableWriter::WriteBlock(Block* block, std::string* handle) {
  block->Close();
  PutVarint(handle, file_->size());
  PutVarint(handle, block->bytes.size());
  block->bytes.push_back('\0');  // not compressed
  PutFixed32(&block->bytes, MaskCrc(ExtendCrc(0, block->bytes.data(), block->bytes.size())));
  OPKIT_RETURN_IF_ERROR(file_->Write(block->bytes));
  *block = Block();
  return {};
}

Status TableWriter::Flush() {
  if (data_.empty()) return {};
  const std::string last = data_.last_key;
  std::string handle;
  OPKIT_RETURN_IF_ERROR(WriteBlock(&data_, &handle));
  index_.Add(last, handle);
  return {};
}

Status TableWriter::Add(std::string_view key, std::string_view value) {
  // Restart offsets are 32 bits.
  if (value.size() > (uint64_t{1} << 31)) return Error("an entry of more than 2 GiB");
  data_.Add(key, value);
  return data_.bytes.size() >= kBlockSize ? Flush() : Status();
}

Status TableWriter::Finish() {
  OPKIT_RETURN_IF_ERROR(Flush());
  std::string footer;
  Block meta;  // empty, but has to be there
  OPKIT_RETURN_IF_ERROR(WriteBlock(&meta, &footer));
  OPKIT_RETURN_IF_ERROR(WriteBlock(&index_, &footer));
  footer.resize(kFooter - 8);
  PutFixed32(&footer, static_cast<uint32_t>(kMagic));
  PutFixed32(&footer, static_cast<uint32_t>(kMagic >> 32));
  return file_->Write(footer);
}

// --- TableReader --------------------------------------------------------------------------------

Status TableReader::Damaged(const char* what) const {
  return Error("%s is no checkpoint or is damaged (%s)", path_.c_str(), what);
}

Status TableReader::Open(const std::string& path) {
  path_ = path;
  file_.open(path, std::ios::binary);
  if (!file_) return Error("cannot read %s: %s", path.c_str(), std::strerror(errno));
  file_.seekg(0, std::ios::end);
  const auto size = static_cast<int64_t>(file_.tellg());
  if (!file_ || size < static_cast<int64_t>(kFooter)) return Damaged("too short");
  file_size_ = static_cast<uint64_t>(size);
  std::string footer(kFooter, '\0');
  file_.seekg(size - static_cast<int64_t>(kFooter));
  if (!file_.read(footer.data(), kFooter)) return Damaged("footer");
  WireReader tail(std::string_view(footer).substr(kFooter - 8));
  if (tail.Fixed(8) != kMagic) return Damaged("not a table");
  WireReader r(footer);
  r.Varint();
  r.Varint();
  const uint64_t offset = r.Varint(), length = r.Varint();
  if (!r.ok()) return Damaged("footer");
  std::string block;
  OPKIT_RETURN_IF_ERROR(ReadBlock(offset, length, &block));
  BlockCursor cursor(block);
  while (cursor.Next()) {
    WireReader handle(cursor.value());
    IndexEntry e;
    e.last_key = cursor.key();
    e.offset = handle.Varint();
    e.size = handle.Varint();
    if (!handle.ok()) return Damaged("index");
    index_.push_back(std::move(e));
  }
  return cursor.ok() ? Status() : Damaged("index");
}

Status TableReader::ReadBlock(uint64_t offset, uint64_t size, std::string* out) {
  if (offset > file_size_ || size > file_size_ - offset || file_size_ - offset - size < kTrailer) {
    return Damaged("a block lies outside the file");
  }
  out->resize(static_cast<size_t>(size) + kTrailer);
  file_.clear();
  file_.seekg(static_cast<std::streamoff>(offset));
  if (!file_.read(out->data(), static_cast<std::streamsize>(out->size()))) {
    return Damaged("a block cannot be read");
  }
  const std::string_view bytes(*out);
  WireReader trailer(bytes.substr(static_cast<size_t>(size)));
  const uint64_t compression = trailer.Fixed(1);
  const uint64_t crc = trailer.Fixed(4);
  if (crc != MaskCrc(ExtendCrc(0, out->data(), static_cast<size_t>(size) + 1))) {
    return Damaged("checksum of a block");
  }
  out->resize(static_cast<size_t>(size));
  if (compression == 0) return {};
  std::string plain;
  if (compression != 1 || !Unsnappy(*out, &plain)) return Damaged("compressed block");
  *out = std::move(plain);
  return {};
}

TableReader::BlockCursor::BlockCursor(std::string_view block) {
  if (block.size() < 4) {
    ok_ = false;
    return;
  }
  WireReader tail(block.substr(block.size() - 4));
  const uint64_t restarts = tail.Fixed(4);
  if (restarts > (block.size() - 4) / 4) {
    ok_ = false;
    return;
  }
  left_ = block.substr(0, block.size() - 4 - 4 * static_cast<size_t>(restarts));
}

bool TableReader::BlockCursor::Next() {
  if (!ok_ || left_.empty()) return false;
  WireReader r(left_);
  const uint64_t shared = r.Varint(), own = r.Varint(), value = r.Varint();
  const std::string_view key = r.Take(own);
  value_ = r.Take(value);
  if (!r.ok() || shared > key_.size()) {
    ok_ = false;
    return false;
  }
  key_.resize(static_cast<size_t>(shared));
  key_.append(key);
  left_ = r.rest();
  return true;
}

Status TableReader::Get(std::string_view key, std::string* value, bool* found) {
  *found = false;
  return Scan(key, [&](std::string_view k, std::string_view v) {
    if (k == key) {
      value->assign(v);
      *found = true;
    }
    return false;
  });
}

}  // namespace opkit::io
