// Fuzzes the decoding of node options: flexbuffer maps and Flex's [name, NodeDef].
//
//   fuzz_options [--seconds 20] [--seed 1]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "flexbuffer_writer.h"
#include "framework/attr_value.h"
#include "random_case.h"

namespace {

using opkit::testing::FlexValue;
using opkit::testing::FlexWriter;
using opkit::testing::Source;

void Decode(const std::string& bytes) {
  std::vector<opkit::internal::NamedRawAttr> attrs;
  // Exact copies: a read past the end is then seen.
  const std::unique_ptr<char[]> exact(new char[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), exact.get());
  (void)opkit::internal::DecodeOptions(exact.get(), bytes.size(), "Op", &attrs).ok();
  std::string op;
  (void)opkit::internal::DecodeNodeDef(bytes, &op, &attrs).ok();
}

FlexValue RandomValue(Source* s, int depth) {
  switch (s->Below(depth > 2 ? 5 : 6)) {
    case 0:
      return FlexValue::Int(static_cast<int64_t>(s->Bits()));
    case 1:
      return FlexValue::Float(static_cast<double>(s->Bits()));
    case 2:
      return FlexValue::Bool(s->OneIn(2));
    case 3:
      return FlexValue::String(std::string(static_cast<size_t>(s->Below(20)), 'x'));
    case 4:
      return FlexValue();
    default: {
      std::vector<FlexValue> list;
      for (int n = s->Below(5); n > 0; --n) list.push_back(RandomValue(s, depth + 1));
      return FlexValue::List(std::move(list));
    }
  }
}

std::string Varint(uint64_t v) {
  std::string out;
  for (; v > 127; v >>= 7) out += static_cast<char>(v | 128);
  return out + static_cast<char>(v);
}

// A NodeDef whose fields are plausible: numbers, lengths and nesting of the real message.
std::string RandomMessage(Source* s, int depth) {
  std::string out;
  for (int n = s->Below(5); n > 0; --n) {
    const uint64_t field = static_cast<uint64_t>(1 + s->Below(10));
    if (s->OneIn(3)) {
      out += Varint(field << 3) + Varint(s->Bits() >> s->Below(64));
    } else {
      const std::string body = depth > 3 ? std::string(static_cast<size_t>(s->Below(9)), 'y')
                                         : RandomMessage(s, depth + 1);
      out += Varint(field << 3 | 2) + Varint(body.size()) + body;
    }
  }
  return out;
}

void RunOne(Source* s) {
  std::string bytes;
  if (s->OneIn(2)) {
    std::map<std::string, FlexValue> values;
    for (int n = s->Below(6); n > 0; --n) {
      values[std::string(1, static_cast<char>('a' + n))] = RandomValue(s, 0);
    }
    bytes = FlexWriter::Map(values);
  } else {
    bytes = RandomMessage(s, 0);
  }
  Decode(bytes);
  for (int n = 1 + s->Below(6); n > 0 && !bytes.empty(); --n) {
    bytes[static_cast<size_t>(s->Below(static_cast<int>(bytes.size())))] =
        static_cast<char>(s->Bits());
    Decode(bytes);
  }
  bytes.resize(bytes.size() / 2);
  Decode(bytes);
}

}  // namespace

#ifdef OPKIT_LIBFUZZER

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Decode(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}

#else

int main(int argc, char** argv) {
  double seconds = 20;
  uint64_t seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--seconds") seconds = std::atof(argv[i + 1]);
    if (std::string(argv[i]) == "--seed") seed = std::strtoull(argv[i + 1], nullptr, 10);
  }
  const auto start = std::chrono::steady_clock::now();
  uint64_t cases = 0;
  while (std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() <
         seconds) {
    Source source(seed * 1000003 + cases++);
    RunOne(&source);
  }
  std::printf("fuzz_options: %llu cases\n", static_cast<unsigned long long>(cases));
  return 0;
}

#endif
