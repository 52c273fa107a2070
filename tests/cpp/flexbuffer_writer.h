// Writes the flexbuffer map of a custom op's options; every slot is 8 bytes wide.
#ifndef OPKIT_TESTS_CPP_FLEXBUFFER_WRITER_H_
#define OPKIT_TESTS_CPP_FLEXBUFFER_WRITER_H_

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace opkit::testing {

// A value and its flexbuffer type: 1 int, 3 float, 5 string, 10 list, 26 bool, 0 null.
struct FlexValue {
  int type = 0;
  int64_t i = 0;
  double f = 0;
  std::string s;
  std::vector<FlexValue> list;

  static FlexValue Int(int64_t v) { return With(1, v); }
  static FlexValue Bool(bool v) { return With(26, v); }
  static FlexValue Float(double v) {
    FlexValue out = With(3, 0);
    out.f = v;
    return out;
  }
  static FlexValue String(std::string v) {
    FlexValue out = With(5, 0);
    out.s = std::move(v);
    return out;
  }
  static FlexValue List(std::vector<FlexValue> v) {
    FlexValue out = With(10, 0);
    out.list = std::move(v);
    return out;
  }

 private:
  static FlexValue With(int type, int64_t i) {
    FlexValue v;
    v.type = type;
    v.i = i;
    return v;
  }
};

class FlexWriter {
 public:
  static std::string Map(const std::map<std::string, FlexValue>& values) {
    FlexWriter w;
    std::vector<uint64_t> keys;
    std::vector<Slot> slots;
    for (const auto& [key, value] : values) {
      keys.push_back(w.out_.size());
      w.out_ += key + '\0';
      slots.push_back(w.Body(value));
    }
    w.U64(keys.size());
    const uint64_t keys_at = w.out_.size();
    for (uint64_t k : keys) w.Back(k);
    w.Back(keys_at);  // the map's prefix: keys vector, its width, the size
    w.U64(8);
    return w.Root(w.Slots(slots), 9);
  }

 private:
  struct Slot {
    const FlexValue* value;
    uint64_t at;  // of an out-of-line body
  };

  void U64(uint64_t v) { out_.append(reinterpret_cast<const char*>(&v), 8); }
  void Back(uint64_t target) { U64(out_.size() - target); }

  Slot Body(const FlexValue& v) {
    if (v.type == 5) {
      U64(v.s.size());
      const uint64_t at = out_.size();
      out_ += v.s + '\0';
      return {&v, at};
    }
    if (v.type == 10) {
      std::vector<Slot> slots;
      for (const FlexValue& item : v.list) slots.push_back(Body(item));
      return {&v, Slots(slots)};
    }
    return {&v, 0};
  }

  uint64_t Slots(const std::vector<Slot>& slots) {
    U64(slots.size());
    const uint64_t at = out_.size();
    for (const Slot& s : slots) {
      uint64_t bits = static_cast<uint64_t>(s.value->i);
      if (s.value->type == 3) std::memcpy(&bits, &s.value->f, 8);
      if (s.value->type == 5 || s.value->type == 10) {
        Back(s.at);
      } else {
        U64(bits);
      }
    }
    for (const Slot& s : slots) out_ += static_cast<char>(s.value->type << 2 | 3);
    return at;
  }

  std::string Root(uint64_t at, int type) {
    Back(at);
    out_ += static_cast<char>(type << 2 | 3);
    out_ += '\x08';
    return out_;
  }

  std::string out_;
};

}  // namespace opkit::testing

#endif  // OPKIT_TESTS_CPP_FLEXBUFFER_WRITER_H_
