// The kit's worker threads behind ParallelFor.
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "opkit/parallel.h"

namespace opkit {
namespace {

thread_local bool t_inside = false;  // nested calls run inline

struct Inside {
  Inside() { t_inside = true; }
  ~Inside() { t_inside = false; }
};

// One ParallelFor in flight. The caller takes ranges too, so that it finishes even when no worker
// comes (none can be started, or under load).
struct Job {
  RangeFn fn;
  int64_t n;
  int64_t step;
  int wanted;  // workers that may still join
  int active = 0;
  std::atomic<int64_t> next{0};

  void Work() {
    for (;;) {
      const int64_t begin = next.fetch_add(step, std::memory_order_relaxed);
      if (begin >= n) return;
      fn(begin, std::min(n, begin + step));
    }
  }
};

class Pool {
 public:
  static Pool& Get() {
    static const int watches_forks = (Renew(), pthread_atfork(nullptr, nullptr, Renew));
    (void)watches_forks;
    return *current_;
  }

  void Run(Job* job) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const size_t want = std::min<size_t>(static_cast<size_t>(job->wanted), kMaxWorkers);
      while (workers_ < want) {
        try {
          std::thread([this] { Loop(); }).detach();
        } catch (const std::exception&) {
          break;  // the process may have no more of them: those there are do the work
        }
        ++workers_;
      }
      jobs_.push_back(job);
    }
    wake_.notify_all();
    job->Work();
    std::unique_lock<std::mutex> lock(mutex_);
    jobs_.erase(std::find(jobs_.begin(), jobs_.end(), job));
    done_.wait(lock, [&] { return job->active == 0; });
  }

 private:
  static constexpr size_t kMaxWorkers = 63;

  // A pool is never destroyed: workers may outlive static destructors. The child of a fork gets a
  // new one, as it has none of the workers, and the old one still waits for them.
  static void Renew() { current_ = new Pool(); }
  static inline Pool* current_ = nullptr;

  void Loop() {
    t_inside = true;
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      Job* job = nullptr;
      wake_.wait(lock, [&] {
        for (Job* j : jobs_) {
          if (j->wanted > 0 && j->next.load(std::memory_order_relaxed) < j->n) {
            job = j;
            return true;
          }
        }
        return false;
      });
      --job->wanted;
      ++job->active;
      lock.unlock();
      job->Work();
      lock.lock();
      if (--job->active == 0) done_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::vector<Job*> jobs_;
  size_t workers_ = 0;
};

}  // namespace

void ParallelFor(int threads, int64_t n, int64_t grain, RangeFn fn) {
  if (n <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  const int64_t ranges = (n + grain - 1) / grain;
  const int64_t parts = std::min<int64_t>(ranges, threads);
  if (parts <= 1 || t_inside) {
    fn(0, n);
    return;
  }
  // A few ranges a thread, so that a slow core does not hold up the rest.
  const int64_t step = std::max(grain, (n + parts * 4 - 1) / (parts * 4));
  Job job{fn, n, step, static_cast<int>(parts - 1)};
  const Inside inside;
  Pool::Get().Run(&job);
}

}  // namespace opkit
