// What clang's -Wthread-safety checks: which mutex guards a member, and which one a function needs.
//
//     base::Mutex mutex_;
//     std::deque<Job> jobs_ GUARDED_BY(mutex_);  // touched only while mutex_ is held
//     void take_next() REQUIRES(mutex_);         // called only while mutex_ is held
//
// Other compilers see nothing of it.
#pragma once

#if defined(__clang__)
#define RPOGUARD_THREAD_ANNOTATION(attribute) __attribute__((attribute))
#else
#define RPOGUARD_THREAD_ANNOTATION(attribute)
#endif

#define GUARDED_BY(mutex) RPOGUARD_THREAD_ANNOTATION(guarded_by(mutex))
#define REQUIRES(mutex) RPOGUARD_THREAD_ANNOTATION(requires_capability(mutex))
