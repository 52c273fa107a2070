// Unique, UniqueV2, UniqueWithCounts, UniqueWithCountsV2: the distinct values (or slices along an
// axis) in order of first occurrence. Open addressing, no sorting; integers of a narrow range and
// 8- and 16-bit types index a table directly. As in TF a NaN equals nothing, and -0 equals 0,
// except as single 16-bit floats, which TF tells apart by their bits.
#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>
#include <vector>

#include "hwy/base.h"
#include "math/fingerprint.h"
#include "math/range.h"
#include "opkit/op.h"

namespace opkit::set {
namespace {

using BitTypes = TypeList<uint8_t, uint16_t, uint32_t, uint64_t>;
using KeyTypes = TypeList<float, double, Half, BFloat16, uint8_t, uint16_t, uint32_t, uint64_t>;

// The unsigned integer as wide as a type: its values are copied by it.
DType BitType(DType type) {
  constexpr DType kBySize[] = {DType::kUInt8, DType::kUInt16, DType::kUInt32, DType::kUInt64};
  const size_t size = DTypeSize(type);
  return kBySize[(size > 1) + (size > 2) + (size > 4)];
}

// The type that values are compared as: of integers and bool their bits.
DType KeyType(DType type) {
  switch (type) {
    case DType::kFloat32:
    case DType::kFloat64:
    case DType::kFloat16:
    case DType::kBFloat16:
      return type;
    default:
      return BitType(type);
  }
}

struct State {
  int32_t* ids = nullptr;        // per input element: number of its value
  std::vector<int32_t> own_ids;  // their place when the output is not int32
  std::vector<int32_t> first;    // per value: where it occurred first; longer than `values`
  int32_t values = 0;
  std::vector<int32_t> direct;
  std::vector<int32_t> slots;  // a hash table, kept: fresh pages cost more than the hashing
  std::vector<char> keys;      // what equal values share, by number
};

template <typename T>
constexpr bool kIsFloat =
    std::is_floating_point_v<T> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

template <size_t kBytes>
struct BitsOf;
template <>
struct BitsOf<1> {
  using type = uint8_t;
};
template <>
struct BitsOf<2> {
  using type = uint16_t;
};
template <>
struct BitsOf<4> {
  using type = uint32_t;
};
template <>
struct BitsOf<8> {
  using type = uint64_t;
};

// The value as an unsigned integer: equal values have equal bits.
template <typename T, bool kZerosEqual = true>
typename BitsOf<sizeof(T)>::type KeyOf(T v) {
  using U = typename BitsOf<sizeof(T)>::type;
  U bits;
  std::memcpy(&bits, &v, sizeof(T));
  if constexpr (kIsFloat<T> && kZerosEqual) {
    if (static_cast<U>(bits << 1) == 0) bits = 0;  // -0 is 0
  }
  return bits;
}

template <typename T>
bool IsNan(T v) {
  if constexpr (kIsFloat<T>) {
    const auto wide = static_cast<double>(v);
    return wide != wide;
  } else {
    static_cast<void>(v);
    return false;
  }
}

// Numbers values through a table with one entry per possible key of [low, low + table size). Groups
// in which nothing is new take a loop without stores to the table.
template <typename T, typename U>
void ByTable(const T* x, int64_t n, U low, size_t range, State* s) {
  constexpr int64_t kGroup = 32;
  s->direct.assign(range, -1);
  int32_t* table = s->direct.data();
  int32_t* first = s->first.data();
  int32_t* ids = s->ids;
  int32_t values = 0;
  const auto at = [low](T v) {
    return static_cast<size_t>(static_cast<U>(KeyOf<T, false>(v) - low));
  };
  for (int64_t base = 0; base < n; base += kGroup) {
    const int64_t end = std::min(n, base + kGroup);
    int32_t all = 0;  // negative when one is new; a NaN always is, and so never stored
    HWY_UNROLL(8)
    for (int64_t i = base; i < end; ++i) all |= ids[i] = table[at(x[i])];
    if (all >= 0) continue;
    for (int64_t i = base; i < end; ++i) {
      // Masks, and stores in any case: whether a value is new is a coin toss.
      int32_t& entry = table[at(x[i])];
      const int32_t fresh = entry >> 31;  // all bits when it is
      ids[i] = (values & fresh) | (entry & ~fresh);
      entry = IsNan(x[i]) ? -1 : ids[i];
      first[values] = static_cast<int32_t>(i);
      values -= fresh;
    }
  }
  s->values = values;
}

// Numbers values through open addressing with linear probing. The table starts as large as the call
// before needed, and grows with the number of distinct values, so that few of them stay in the
// cache. A table that fits there is kept at most an eighth full, since each collision costs a
// mispredicted branch; a large one at most a quarter full. Its slots are numbers only, for less
// memory is touched at random when the values they stand for are packed apart.
template <typename T>
class HashNumbering {
  using U = typename BitsOf<sizeof(T)>::type;

 public:
  explicit HashNumbering(State* s) : s_(s) {
    if (s->keys.size() < s->first.size() * sizeof(U)) s->keys.resize(s->first.size() * sizeof(U));
    keys_ = reinterpret_cast<U*>(s->keys.data());
    Allocate(BitsFor(10, s->values));  // as many as in the call before
  }

  void Run(const T* x, int64_t n) {
    int32_t* first = s_->first.data();
    int32_t* ids = s_->ids;
    int32_t values = 0;
    uint64_t hashes[2][kAhead];
    Fetch(x, 0, n, hashes[0]);
    for (int64_t base = 0; base < n; base += kAhead) {
      const int64_t group = std::min(kAhead, n - base);
      // Room for a whole group of new values, so that the loop below need not ask.
      if (values + kAhead > limit_) {
        // When nearly all values so far are new, the rest will be, too.
        const bool all_new = values > base - base / 8;
        Grow(x, values, all_new ? n : int64_t{values} * 2);
      }
      const uint64_t* hash = hashes[base / kAhead % 2];
      Fetch(x, base + kAhead, n, hashes[(base / kAhead + 1) % 2]);
      if (64 - shift_ > kFetchedBits) {
        for (int64_t k = 0; k < group; ++k)
          __builtin_prefetch(keys_ + NumberOr(slots_[hash[k] >> shift_], values));
      }
      for (int64_t k = 0; k < group; ++k) {
        const T value = x[base + k];
        // The next number's key, should the value be new: a free slot then needs no branch of its
        // own, as whether it is new is a coin toss.
        keys_[values] = KeyOf(value);
        int32_t id = values;
        if (!IsNan(value)) {
          size_t i = hash[k] >> shift_;
          while (keys_[id = NumberOr(slots_[i], values)] != keys_[values]) i = (i + 1) & mask_;
          slots_[i] = id;
        }
        first[values] = static_cast<int32_t>(base + k);
        ids[base + k] = id;
        values += static_cast<int32_t>(id == values);
      }
    }
    s_->values = values;
  }

 private:
  static constexpr int64_t kAhead = 32;  // hashes are made and slots fetched a group ahead
  static constexpr int kCachedBits = 16, kFetchedBits = 18;  // of tables in the caches, beyond L2

  // The slot's number, or `next` where it is free (negative).
  static int32_t NumberOr(int32_t slot, int32_t next) {
    const int32_t free = slot >> 31;  // all bits or none
    return (next & free) | (slot & ~free);
  }

  // Hashes of up to kAhead values from `base` on; their slots are on the way when it returns.
  void Fetch(const T* x, int64_t base, int64_t n, uint64_t* hashes) const {
    const int64_t group = std::min(kAhead, n - base);
    for (int64_t k = 0; k < group; ++k) {
      hashes[k] = math::SpreadToHigh(KeyOf(x[base + k]));
      __builtin_prefetch(slots_ + (hashes[k] >> shift_), 1);
    }
  }

  static int64_t Limit(int bits) { return (int64_t{1} << bits) / (bits <= kCachedBits ? 8 : 4); }

  // The least number of bits, from `bits` on, for a table of that many values and a group more.
  static int BitsFor(int bits, int64_t values) {
    while (Limit(bits) < values + kAhead) ++bits;
    return bits;
  }

  void Allocate(int bits) {
    shift_ = 64 - bits;
    limit_ = Limit(bits);
    mask_ = (size_t{1} << bits) - 1;
    std::vector<int32_t>& memory = s_->slots;
    if (memory.size() <= mask_) memory.resize(mask_ + 1);
    slots_ = memory.data();
    std::fill_n(slots_, mask_ + 1, -1);
  }

  // A table for at least `expected` values, filled with those there are.
  void Grow(const T* x, int32_t values, int64_t expected) {
    Allocate(BitsFor(64 - shift_ + 1, expected));
    for (int32_t id = 0; id < values; ++id) {
      if (IsNan(x[s_->first[static_cast<size_t>(id)]])) continue;
      size_t i = math::SpreadToHigh(keys_[id]) >> shift_;
      while (slots_[i] >= 0) i = (i + 1) & mask_;
      slots_[i] = id;
    }
  }

  State* s_;
  int32_t* slots_ = nullptr;  // numbers of values, -1 where free
  U* keys_ = nullptr;         // by number
  size_t mask_ = 0;
  int64_t limit_ = 0;
  int shift_ = 0;
};

// Of signed integers `x` has the bits.
template <typename T>
void NumberScalars(const T* x, int64_t n, [[maybe_unused]] bool is_signed, State* s) {
  using U = typename BitsOf<sizeof(T)>::type;
  if constexpr (sizeof(T) <= 2) {
    ByTable<T, U>(x, n, U{0}, size_t{1} << (8 * sizeof(T)), s);
  } else {
    if constexpr (std::is_integral_v<T>) {
      using S = std::make_signed_t<T>;
      S low, high;
      math::RangeOf(reinterpret_cast<const S*>(x), n,
                    is_signed ? S{0} : std::numeric_limits<S>::min(), &low, &high);
      const U range = static_cast<U>(static_cast<U>(high) - static_cast<U>(low));
      if (range < static_cast<uint64_t>(2 * n)) {
        ByTable<T, U>(x, n, static_cast<U>(low), static_cast<size_t>(range) + 1, s);
        return;
      }
    }
    HashNumbering<T>(s).Run(x, n);
  }
}

// Numbers n things known by their hash and an equality of their positions.
template <typename Hash, typename Equal>
void NumberByEquality(int64_t n, State* s, const Hash& hash, const Equal& equal) {
  struct Entry {
    uint32_t tag;
    int32_t id;
  };
  int bits = 4;
  while ((int64_t{1} << bits) < 2 * n) ++bits;
  const size_t mask = (size_t{1} << bits) - 1;
  std::vector<Entry> table(mask + 1, Entry{0, -1});
  s->values = 0;
  for (int64_t k = 0; k < n; ++k) {
    const uint64_t h = hash(k);
    const uint32_t tag = static_cast<uint32_t>(h);
    size_t i = h >> (64 - bits);
    for (; table[i].id >= 0; i = (i + 1) & mask) {
      if (table[i].tag == tag && equal(s->first[static_cast<size_t>(table[i].id)], k)) break;
    }
    if (table[i].id < 0) {
      table[i] = {tag, s->values};
      s->first[static_cast<size_t>(s->values++)] = static_cast<int32_t>(k);
    }
    s->ids[k] = table[i].id;
  }
}

// The input seen as [outer, n, inner]: slices along the middle are compared.
struct View {
  int64_t outer = 1;
  int64_t n = 1;
  int64_t inner = 1;
  Shape shape;
  int axis = 0;
};

template <typename T>
void NumberSlices(const T* x, const View& v, State* s) {
  const auto at = [&](int64_t o, int64_t k) { return x + (o * v.n + k) * v.inner; };
  NumberByEquality(
      v.n, s,
      [&](int64_t k) {
        uint64_t h = 0;
        for (int64_t o = 0; o < v.outer; ++o) {
          const T* p = at(o, k);
          for (int64_t j = 0; j < v.inner; ++j) {
            // A NaN makes a slice differ from all others: so shall its hash.
            h = math::Mix64(h + (IsNan(p[j]) ? static_cast<uint64_t>(k) : KeyOf(p[j])) + 1);
          }
        }
        return h;
      },
      [&](int64_t a, int64_t b) {
        for (int64_t o = 0; o < v.outer; ++o) {
          const T* p = at(o, a);
          const T* q = at(o, b);
          for (int64_t j = 0; j < v.inner; ++j) {
            if (IsNan(p[j]) || KeyOf(p[j]) != KeyOf(q[j])) return false;
          }
        }
        return true;
      });
}

void NumberStrings(const StringsView& x, const View& v, State* s) {
  const auto at = [&](int64_t o, int64_t k, int64_t j) { return x[(o * v.n + k) * v.inner + j]; };
  NumberByEquality(
      v.n, s,
      [&](int64_t k) {
        uint64_t h = 0;
        for (int64_t o = 0; o < v.outer; ++o) {
          for (int64_t j = 0; j < v.inner; ++j) {
            h = math::Mix64(h + math::Fingerprint64(at(o, k, j)));
          }
        }
        return h;
      },
      [&](int64_t a, int64_t b) {
        for (int64_t o = 0; o < v.outer; ++o) {
          for (int64_t j = 0; j < v.inner; ++j) {
            if (at(o, a, j) != at(o, b, j)) return false;
          }
        }
        return true;
      });
}

Status WriteValues(OpContext& ctx, const View& v, const Shape& shape, const State& s) {
  if (ctx.dtype(0) == DType::kString) {
    const StringsView x = ctx.strings(0);
    StringWriter out;
    for (int64_t o = 0; o < v.outer; ++o) {
      for (int32_t id = 0; id < s.values; ++id) {
        const int64_t k = s.first[static_cast<size_t>(id)];
        for (int64_t j = 0; j < v.inner; ++j) out.Add(x[(o * v.n + k) * v.inner + j]);
      }
    }
    return ctx.WriteStrings(0, out, shape);
  }
  OPKIT_RETURN_IF_ERROR(ctx.Allocate(0, shape));
  return OpContext::VisitDType(BitType(ctx.dtype(0)), BitTypes{}, [&](auto tag) {
    using T = decltype(tag);
    const T* x = ctx.in<T>(0);
    T* y = ctx.out<T>(0);
    if (shape.size() == 0) return Status();
    if (v.outer == 1 && v.inner == 1) {
      const int32_t* first = s.first.data();
      for (int32_t i = 0; i < s.values; ++i) y[i] = x[first[i]];
      return Status();
    }
    for (int64_t o = 0; o < v.outer; ++o) {
      for (int32_t id = 0; id < s.values; ++id) {
        const int64_t k = s.first[static_cast<size_t>(id)];
        const T* from = x + (o * v.n + k) * v.inner;
        y = std::copy(from, from + v.inner, y);
      }
    }
    return Status();
  });
}

Status WriteIds(OpContext& ctx, int64_t n, const State& s) {
  const bool counts = ctx.num_outputs() > 2;
  const int64_t values = s.values;
  if (counts) OPKIT_RETURN_IF_ERROR(ctx.Allocate(2, Shape{values}));
  return OpContext::VisitDType(ctx.out_dtype(1), IndexTypes{}, [&](auto tag) {
    using I = decltype(tag);
    if (sizeof(I) != sizeof(int32_t)) std::copy(s.ids, s.ids + n, ctx.out<I>(1));
    if (counts) {
      I* count = ctx.out<I>(2);
      std::fill(count, count + values, I{0});
      for (int64_t i = 0; i < n; ++i) ++count[s.ids[i]];
    }
    return Status();
  });
}

Status Run(OpContext& ctx, const View& v) {
  if (v.n > INT32_MAX) return Error("more than 2^31 - 1 elements");
  const DType dtype = ctx.dtype(0);
  State& s = ctx.state<State>();
  OPKIT_RETURN_IF_ERROR(ctx.Allocate(1, Shape{v.n}));
  if (ctx.out_dtype(1) == DType::kInt32) {
    s.ids = ctx.out<int32_t>(1);
  } else {
    s.own_ids.resize(static_cast<size_t>(v.n));
    s.ids = s.own_ids.data();
  }
  // One more: the loops write the next value's place before they know whether there is one.
  if (s.first.size() <= static_cast<size_t>(v.n)) s.first.resize(static_cast<size_t>(v.n) + 1);
  if (v.n == 0) {
    s.values = 0;
  } else {
    if (dtype == DType::kString) {
      NumberStrings(ctx.strings(0), v, &s);
    } else {
      const bool is_signed = dtype == DType::kInt32 || dtype == DType::kInt64;
      OPKIT_RETURN_IF_ERROR(OpContext::VisitDType(KeyType(dtype), KeyTypes{}, [&](auto tag) {
        using T = decltype(tag);
        if (v.outer == 1 && v.inner == 1) {
          NumberScalars(ctx.in<T>(0), v.n, is_signed, &s);
        } else {
          NumberSlices(ctx.in<T>(0), v, &s);
        }
        return Status();
      }));
    }
  }
  Shape shape = v.shape;
  shape[v.axis] = s.values;
  OPKIT_RETURN_IF_ERROR(WriteValues(ctx, v, shape, s));
  return WriteIds(ctx, v.n, s);
}

Status Flat(OpContext& ctx) {
  View v;
  v.shape = ctx.shape(0);
  if (v.shape.rank() != 1) return Error("x has shape %s, want rank 1", v.shape.str().c_str());
  v.n = v.shape[0];
  return Run(ctx, v);
}

// An empty axis means a vector's elements, one value the slices along it.
Status AlongAxis(OpContext& ctx) {
  const Shape& shape = ctx.shape(0);
  const std::vector<int64_t> axes = ctx.IntValues(1);
  if (axes.empty()) return Flat(ctx);
  if (axes.size() > 1) return Error("axis has %zu values, want none or one", axes.size());
  const int64_t rank = shape.rank();
  const int64_t axis = axes[0] < 0 ? axes[0] + rank : axes[0];
  if (axis < 0 || axis >= rank) {
    return Error("axis is %lld, want a value in [%lld, %lld)", static_cast<long long>(axes[0]),
                 static_cast<long long>(-rank), static_cast<long long>(rank));
  }
  View v;
  v.shape = shape;
  v.axis = static_cast<int>(axis);
  v.outer = shape.size(0, v.axis);
  v.n = shape[v.axis];
  v.inner = shape.size(v.axis + 1, shape.rank());
  return Run(ctx, v);
}

OPKIT_OP(Unique)
    .Signature(R"(
      x: T[n] -> y: T, idx: out_idx
      T in {floating, integral, bool, string}
      out_idx in {index}
    )")
    .State<State>()
    .DataDependent()
    .Run(Flat);

OPKIT_OP(UniqueWithCounts)
    .Signature(R"(
      x: T[n] -> y: T, idx: out_idx, count: out_idx
      T in {floating, integral, bool, string}
      out_idx in {index}
    )")
    .State<State>()
    .DataDependent()
    .Run(Flat);

OPKIT_OP(UniqueV2)
    .Signature(R"(
      x: T, axis: Taxis[m] -> y: T, idx: out_idx
      T in {floating, integral, bool, string}
      Taxis in {index}
      out_idx in {index}
    )")
    .State<State>()
    .DataDependent()
    .Run(AlongAxis);

OPKIT_OP(UniqueWithCountsV2)
    .Signature(R"(
      x: T, axis: Taxis[m] -> y: T, idx: out_idx, count: out_idx
      T in {floating, integral, bool, string}
      Taxis in {index}
      out_idx in {index}
    )")
    .State<State>()
    .DataDependent()
    .Run(AlongAxis);

}  // namespace
}  // namespace opkit::set
