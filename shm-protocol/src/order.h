/* Name the memory orderings that the ring needs, over Concurrency Kit's ck_pr. Private to shm-protocol/src.
 *
 * Every access to a word that the other side writes goes through one of these: one machine access, never repeated by
 * the compiler. ThreadSanitizer does not understand ck_pr's inline assembly, so under it the same names stand for the
 * compiler's atomics.
 */
#ifndef SHM_PROTOCOL_ORDER_H
#define SHM_PROTOCOL_ORDER_H

#include <stdint.h>

/* Where a test lets the other side act: before and after every load of a word that the other side
 * may change (tests/hostile). */
#ifdef SHM_ORDER_HOOK
void SHM_ORDER_HOOK(void);
#else
#define SHM_ORDER_HOOK() ((void)0)
#endif

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SHM_ORDER_BUILTINS 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define SHM_ORDER_BUILTINS 1
#endif

#if defined(SHM_ORDER_BUILTINS)

static inline uint32_t shm_load_32(const uint32_t *word)
{
	SHM_ORDER_HOOK();
	uint32_t value = __atomic_load_n(word, __ATOMIC_RELAXED);

	SHM_ORDER_HOOK();
	return value;
}

static inline void shm_store_32(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline void shm_store_64(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static inline uint64_t shm_load_acquire_64(const uint64_t *word)
{
	SHM_ORDER_HOOK();
	uint64_t value = __atomic_load_n(word, __ATOMIC_ACQUIRE);

	SHM_ORDER_HOOK();
	return value;
}

static inline void shm_store_release_64(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

static inline void shm_fence_full(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

#else

#include <ck_pr.h>

/* Its configuration decides which fences are instructions: one for x86 would leave another machine without. */
#if defined(CK_MD_TSO) && !defined(__x86_64__) && !defined(__i386__)
#error "Concurrency Kit is configured for another machine"
#endif

static inline uint32_t shm_load_32(const uint32_t *word)
{
	SHM_ORDER_HOOK();
	uint32_t value = ck_pr_load_32(word);

	SHM_ORDER_HOOK();
	return value;
}

static inline void shm_store_32(uint32_t *word, uint32_t value)
{
	ck_pr_store_32(word, value);
}

static inline void shm_store_64(uint64_t *word, uint64_t value)
{
	ck_pr_store_64(word, value);
}

/* What follows in program order happens after the load. */
static inline uint64_t shm_load_acquire_64(const uint64_t *word)
{
	SHM_ORDER_HOOK();
	uint64_t value = ck_pr_load_64(word);

	ck_pr_fence_acquire();
	SHM_ORDER_HOOK();
	return value;
}

/* What precedes in program order happens before the store. */
static inline void shm_store_release_64(uint64_t *word, uint64_t value)
{
	ck_pr_fence_release();
	ck_pr_store_64(word, value);
}

/* What precedes happens before what follows, a store before a later load included. */
static inline void shm_fence_full(void)
{
#if defined(__x86_64__)
	/* Any locked instruction orders all ordinary loads and stores, and costs a fraction of mfence. */
	uint32_t word = 0;

	ck_pr_fas_32(&word, 1);
#else
	ck_pr_fence_memory();
#endif
}

#endif

#endif
