// Runs every op with random calls, valid and hostile. Built with ASan and UBSan it proves that no
// input crashes a kernel or reads outside its buffers; a refusal must say why. A run of a minute or
// more must also see a call of every op accepted: an op that refuses everything proves nothing.
//
//   fuzz_ops [--seconds 60] [--seed 1] [--ops Erf,UniqueV2] [--case SEED]
//
// A failing case prints the command that repeats it. With clang's -fsanitize=fuzzer
// (OPKIT_LIBFUZZER) the same cases are driven by libFuzzer instead.
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "random_case.h"

using opkit::internal::OpEntry;

namespace {

constexpr double kLongRun = 60;      // seconds after which every op must have had its call
constexpr unsigned kHang = 60;       // seconds of one call after which SIGALRM ends the process
constexpr uint64_t kMoreDraws = 10;  // a round, for an op that had none yet

bool Selected(const std::string& ops, const char* name) {
  return ops.empty() || ("," + ops + ",").find("," + std::string(name) + ",") != std::string::npos;
}

// False when a refused call gave no reason.
bool RunOne(const OpEntry& op, uint64_t seed, bool* ran) {
  opkit::testing::Source source(seed);
  const auto outcome = opkit::testing::RunRandomCase(op, &source);
  *ran = outcome.ran;
  return outcome.ran || !outcome.message.empty();
}

char current_case[160] = "";  // the command that repeats the running case

// Called by sanitizers before they end the process.
void NameCase() { [[maybe_unused]] auto n = write(2, current_case, std::strlen(current_case)); }

void NameCaseAndEnd(int signal_number) {
  NameCase();
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

}  // namespace

extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());

// Memory that cannot be had is an error a kernel has to report, not the sanitizer's to end on.
extern "C" __attribute__((visibility("default"))) const char* __asan_default_options() {
  return "allocator_may_return_null=1";
}

#ifdef OPKIT_LIBFUZZER

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* ops = new auto(opkit::testing::AllOps());
  opkit::testing::Source source(data, size);
  const auto& op = *(*ops)[source.Bits() % ops->size()];
  opkit::testing::RunRandomCase(op, &source);
  return 0;
}

#else

int main(int argc, char** argv) {
  double seconds = 60;
  uint64_t seed = 1, one_case = 0;
  bool has_case = false;
  std::string names;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string flag = argv[i];
    if (flag == "--seconds") {
      seconds = std::atof(argv[i + 1]);
    } else if (flag == "--seed") {
      seed = std::strtoull(argv[i + 1], nullptr, 10);
    } else if (flag == "--ops") {
      names = argv[i + 1];
    } else if (flag == "--case") {
      one_case = std::strtoull(argv[i + 1], nullptr, 10);
      has_case = true;
    } else {
      std::fprintf(stderr, "unknown option %s\n", flag.c_str());
      return 2;
    }
  }
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(NameCase);
  for (const int s : {SIGALRM, SIGABRT}) std::signal(s, NameCaseAndEnd);
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  std::vector<const OpEntry*> ops;
  for (const OpEntry* e : opkit::testing::AllOps()) {
    if (Selected(names, e->decl.name_)) ops.push_back(e);
  }
  uint64_t calls = 0, accepted = 0, silent = 0;
  std::vector<uint64_t> ran_count(ops.size(), 0);
  const auto draw = [&](size_t k, uint64_t case_seed) {
    std::snprintf(current_case, sizeof(current_case), "\nin fuzz_ops --ops %s --case %llu\n",
                  ops[k]->decl.name_, static_cast<unsigned long long>(case_seed));
    alarm(kHang);
    bool ran = false;
    if (!RunOne(*ops[k], case_seed, &ran)) {
      ++silent;
      std::fprintf(stderr, "\nrefused without a reason: fuzz_ops --ops %s --case %llu\n",
                   ops[k]->decl.name_, static_cast<unsigned long long>(case_seed));
    }
    ++calls;
    accepted += ran;
    ran_count[k] += ran;
  };
  const bool terminal = isatty(2) != 0;
  for (uint64_t round = 0; has_case ? round == 0 : elapsed() < seconds; ++round) {
    if (terminal) {
      std::fprintf(stderr, "\r%3.0f of %.0f s, %llu calls", elapsed(), seconds,
                   static_cast<unsigned long long>(calls));
    }
    for (size_t k = 0; k < ops.size(); ++k) {
      if (has_case) {
        draw(k, one_case);
        continue;
      }
      for (uint64_t i = 0; i == 0 || (i < kMoreDraws && round > 0 && ran_count[k] == 0); ++i) {
        if (elapsed() >= seconds && round > 0) break;
        draw(k, seed * 1000003 + round * 7919 + k + (i << 40));
      }
    }
  }
  std::string never;
  for (size_t k = 0; k < ops.size(); ++k) {
    if (ran_count[k] == 0) never += std::string("\n  ") + ops[k]->decl.name_;
  }
  if (terminal) std::fprintf(stderr, "\n");
  std::printf("fuzz_ops: %zu ops, %llu calls, %llu accepted, %llu refused without a reason\n",
              ops.size(), static_cast<unsigned long long>(calls),
              static_cast<unsigned long long>(accepted), static_cast<unsigned long long>(silent));
  std::printf("ops without an accepted call:%s\n", never.empty() ? " none" : never.c_str());
  const bool all_seen = never.empty() || has_case || seconds < kLongRun;
  return silent == 0 && all_seen ? 0 : 1;
}

#endif
