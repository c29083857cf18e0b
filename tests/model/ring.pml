/* Model the ring and its sleep handshake: one writer, one reader, and a memory that lets stores arrive late.
 *
 * Steps carry the names of the C functions that they stand for. The unit of length is the 8-byte word.
 *
 * Memory. A store first goes into the storing side's buffer and arrives later, in its own time and in any order with
 * the stores to other words; only a release store waits for the stores before it, and a full fence for all of them.
 * That is weaker than x86-TSO, whose buffers are first in, first out: what holds here holds there. Loads take effect in
 * order, which is what acquire asks for where it matters; a missing acquire is not found here but by ThreadSanitizer
 * (stress.ring_two_threads) and on arm64.
 *
 * Each MUTANT_... breaks one rule of SPEC.md section 3. check-model.sh has the list and what must come of each.
 */
#define CAPACITY 4		/* words */
#ifndef RECORDS
#define RECORDS 4		/* wanted at most; the writer may stop after any pass */
#endif
#ifndef LENGTH_MAX
#define LENGTH_MAX 2
#endif

/* A word of the ring names its record and its place in it; the first one holds the length. */
#define HEADER(number, length) (((number) << 3) | (length))
#define PAYLOAD(number, index) (((number) << 3) | 4 | (index))
#define NUMBER_OF(word)        ((word) >> 3)

/* Shared memory, as it is seen by the other side. */
byte ring[CAPACITY];
byte tail_word;			/* struct shm_producer_page */
byte head_word;			/* struct shm_control_page */
bool asleep_word;

/* Stores on their way. Between two full fences the writer stores to each of its words at most once. */
byte ring_buffer[CAPACITY];
bool ring_buffered[CAPACITY];
byte ring_buffered_count;
byte tail_buffer;
bool tail_buffered;
chan head_buffer = [2] of { byte };
chan asleep_buffer = [2] of { bool };

/* The eventfd behind its edge-triggered epoll instance. */
bool doorbell;

/* Private to the writer: struct shm_ring_writer and struct ring_session. */
byte tail, published, head_seen;
bool bell_due, bell_rung;

/* Private to the reader: struct shm_ring_reader. */
byte head, released, tail_seen;

/* Seen by the checks only. */
byte wanted, lost, consumed;
bool is_lost[RECORDS + 1];
bool writer_stopped;

#define WRITER_FENCE_DONE (ring_buffered_count == 0 && !tail_buffered)
#define READER_FENCE_DONE (len(head_buffer) == 0 && len(asleep_buffer) == 0)

/* ---- the memory ---- */

inline ring_arrive(i)
{
	d_step {
		ring_buffered[i];
		ring[i] = ring_buffer[i];
		ring_buffered[i] = false;
		ring_buffer[i] = 0;
		ring_buffered_count--
	}
}

active proctype memory()
{
end:
	do
	:: ring_arrive(0)
	:: ring_arrive(1)
	:: ring_arrive(2)
	:: ring_arrive(3)
#ifdef MUTANT_TAIL_WITHOUT_RELEASE
	:: d_step { tail_buffered -> tail_word = tail_buffer; tail_buffered = false; tail_buffer = 0 }
#else
	:: d_step { tail_buffered && ring_buffered_count == 0 ->
		tail_word = tail_buffer; tail_buffered = false; tail_buffer = 0 }
#endif
	:: d_step { nempty(head_buffer) -> head_buffer?head_word }
	:: d_step { nempty(asleep_buffer) -> asleep_buffer?asleep_word }
	od
}

/* ---- the writer ---- */

#ifdef MUTANT_SPACE_OFF_BY_ONE
#define HAS_ROOM(length) (CAPACITY + 1 - (tail - head_seen) >= (length))
#else
#define HAS_ROOM(length) (CAPACITY - (tail - head_seen) >= (length))
#endif

inline writer_refresh_head()
{
	d_step {
		/* A violation. Ours is an honest reader: it must not be taken for a hostile one. */
		assert(head_word >= head_seen && head_word <= published);
		head_seen = head_word
	}
}

inline ring_store(position, value)
{
	d_step {
		/* Never beyond capacity: the word before this one in the same place has been copied out. */
		assert(position - head < CAPACITY);
		assert(!ring_buffered[(position) % CAPACITY]);
		ring_buffer[(position) % CAPACITY] = value;
		ring_buffered[(position) % CAPACITY] = true;
		ring_buffered_count++
	}
}

inline record_fill()
{
	for (i : 0 .. length - 1) {
		if
		:: i == 0 -> ring_store(tail, HEADER(wanted, length))
		:: else -> ring_store(tail + i, PAYLOAD(wanted, i))
		fi
	}
	i = 0
}

inline shm_ring_writer_publish()
{
	if
	:: tail == published -> skip
	:: else ->
#ifdef MUTANT_FLAG_READ_BEFORE_TAIL
		bell_due = bell_due || asleep_word;
#endif
		d_step { tail_buffer = tail; tail_buffered = true; published = tail };
#ifndef MUTANT_NO_FENCE_IN_PUBLISH
		WRITER_FENCE_DONE;
#endif
#ifndef MUTANT_FLAG_READ_BEFORE_TAIL
		bell_due = bell_due || asleep_word
#endif
	fi
}

/* Within a pass the bell is rung once, and again at its end if it is due. */
inline session_publish(ends_pass)
{
	shm_ring_writer_publish();
	if
	:: d_step { bell_due && (!bell_rung || ends_pass) -> bell_due = false; bell_rung = true; doorbell = true }
	:: else ->
#ifdef MUTANT_DUE_BELL_FORGOTTEN
		bell_due = false
#else
		skip
#endif
	fi
}

inline ring_session_write()
{
	if
	:: HAS_ROOM(length) -> skip
	:: else -> writer_refresh_head()
	fi;
	if
	:: HAS_ROOM(length) ->
#ifdef MUTANT_PUBLISH_BEFORE_FILL
		d_step { tail = tail + length };
		session_publish(false);
		d_step { tail = tail - length };
		record_fill();
		d_step { tail = tail + length }
#else
		record_fill();
		/* shm_ring_writer_commit */
		d_step { tail = tail + length }
#endif
	:: else -> d_step { lost++; is_lost[wanted] = true }
	fi
}

active proctype sensor()
{
	byte length, i;

	do
	:: wanted < RECORDS ->
		d_step { wanted++ };
		select(length : 1 .. LENGTH_MAX);
		ring_session_write();
		if
		:: session_publish(false)	/* enough has gathered */
		:: skip
		fi
	:: /* ring_session_end_pass */
		session_publish(true);
		bell_rung = false;
		if
		:: break		/* no event may ever come again */
		:: wanted < RECORDS
		fi
	od;
	WRITER_FENCE_DONE;		/* stores arrive in the end */
	writer_stopped = true
}

/* ---- the reader ---- */

inline shm_ring_reader_release(upto)
{
	if
	:: released != upto -> d_step { nfull(head_buffer) -> head_buffer!upto; released = upto }
	:: else -> skip
	fi
}

/* Everything that can be asked of a record: whole, in order, and nothing missing but what was counted as lost. */
inline record_judge()
{
	d_step {
		consumed++;
		number++;
		do
		:: is_lost[number] -> number++
		:: else -> break
		od;
		assert(NUMBER_OF(copy[0]) == number);
		assert(copy[0] == HEADER(number, size));
		for (j : 1 .. size - 1) {
			assert(copy[j] == PAYLOAD(number, j));
			copy[j] = 0
		}
		copy[0] = 0;
		j = 0;
		size = 0
	}
}

inline shm_ring_reader_next()
{
	if
	:: head == tail_seen ->
		/* reader_refresh_tail */
		d_step {
			tail_seen = tail_word;
			assert(tail_seen >= head && tail_seen - head <= CAPACITY)
		}
	:: else -> skip
	fi;
	if
	:: head == tail_seen -> found = false
	:: else ->
		d_step {
			size = ring[head % CAPACITY] & 7;
			/* A violation: none is forgiven to an honest writer. */
			assert(size >= 1 && size <= LENGTH_MAX && size <= tail_seen - head)
		};
#ifdef MUTANT_RELEASE_BEFORE_COPY
		shm_ring_reader_release(head + size);
#endif
		for (j : 0 .. size - 1) {
			copy[j] = ring[(head + j) % CAPACITY]
		}
		j = 0;
		d_step { head = head + size; found = true };
		record_judge()
	fi
}

inline shm_ring_reader_wake()
{
#ifndef MUTANT_WAKE_NOT_WITHDRAWN
	asleep_buffer!false
#else
	skip
#endif
}

/* The verdict is in `found`: whether there is something to read after all. */
inline shm_ring_reader_sleep()
{
	shm_ring_reader_release(head);
#ifdef MUTANT_TAIL_READ_BEFORE_FLAG
	found = tail_word != head;
#endif
	asleep_buffer!true;
#ifndef MUTANT_NO_FENCE_IN_SLEEP
	READER_FENCE_DONE;
#endif
#ifdef MUTANT_TAIL_NOT_READ_AGAIN
	found = false;
#endif
#if !defined(MUTANT_TAIL_READ_BEFORE_FLAG) && !defined(MUTANT_TAIL_NOT_READ_AGAIN)
	found = tail_word != head;
#endif
	if
	:: found -> shm_ring_reader_wake()
	:: else -> skip
	fi
}

#define QUIET (writer_stopped && READER_FENCE_DONE && !doorbell)

active proctype receiver()
{
	byte copy[LENGTH_MAX];
	byte number, size, j;
	bool found;

	do
	:: shm_ring_reader_next();
		if
		:: found ->
			if
			:: shm_ring_reader_release(head)	/* the end of a batch, or an eighth of the ring */
			:: skip
			fi
		:: else ->
			shm_ring_reader_sleep();
			if
			:: found -> skip
			:: else ->
				if
				:: doorbell -> shm_ring_reader_wake(); doorbell = false
				:: shm_ring_reader_wake()	/* for another reason, a timer */
				:: QUIET -> break	/* asleep for ever */
				fi
			fi
		fi
	od;
	/* No lost wakeup: whoever sleeps for ever has read everything. */
	assert(head == published && head == tail);
	/* produced = consumed + lost + in flight, and nothing is in flight */
	assert(wanted == consumed + lost)
}
