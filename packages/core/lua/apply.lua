-- Applies a batch of operations to one semaphore: sweep, the operations in order, handoff, write, publish.
-- docs/protocol.md has the rules; src/stores/memory/ledger.ts is the readable twin.
--
-- KEYS  1 state      string  the packed facts (state.lua)
--       2 expiries   zset    lease -> when it lapses
--       3 leases     hash    lease -> record
--       4 queue      zset    waiter -> its place
--       5 waiters    hash    waiter -> record, of those in the queue and those parked
--       6 processes  hash    process -> record
--       7 parked     zset    waiter of a silent process -> its place, should the process come back
--       8 marker     string  one life of the server: format, run_id, since, the longest lease
-- ARGV  1 JSON: [process, batch, fence_seen, max_lease_ms, holder, [operation, ...]]
--         operation, by its first item (what is left out at the end takes the default):
--         "A" lease, permits 1, queue 1, priority 0, lease_ms 0 (the definition's), holder "" (the call's), attempt "",
--             fingerprint ""          acquire, the first time that this lease is named
--         "a" the same                acquire, perhaps a repeat
--         "?" the same                ask again for what this process waits for
--         "c" lease, attempt          cancel
--         "r" lease, attempt nil      release
--         "z" lease, fence            give back a grant that nobody awaits
--         "n" lease, lease_ms 0       renew
--         "e" limit, lease_ms, max_waiters   create where missing, in passing
--         "d" limit, lease_ms, max_waiters   define
--         "s" limit                   resize
--         "v" lease                   revoke
--         "x"                         remove
-- Reply JSON: [now, fence_base, limit (-1: no such semaphore), lease_ms, max_waiters, version, digest, lapse_in_ms,
--              more, repeated, [answer, ...], notices or 0], or 0 for a batch older than the last one.
--         answer: n > 0 granted now with fence_base + n ("n": renewed for n ms) | [n, fence, expires_at, lease_ms, permits]
--         held already | [0, sequence] queued | 0 or 1 found | a REFUSAL
--         notices: [[lease, n], ...] granted, [lease, ...] that exceed the limit, [lease, ...] revoked, removed
-- Published to {prefix}:inbox:{process}: [semaphore, run_id, now, fence_base, lease_ms, limit, notices]
--
-- RUN_ID is put in front of this text for each server, so that a restarted or promoted server answers NOSCRIPT.

--@include state

local STATE, EXPIRIES, LEASES, QUEUE, WAITERS, PROCESSES, PARKED, MARKER =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8]

local REFUSAL = {
  timeout = -1, queue_full = -2, exceeds_limit = -3, unknown = -4, reused = -5, superseded = -6, out_of_memory = -7,
  in_use = -8, lapsed = -9, revoked = -10,
}

-- Bounds on the work of one call; what is left is done by a next one, which the reply asks for.
local SWEEP_BOUND, HANDOFF_BOUND, PAGE_BOUND, SCAN_BOUND, FORGET_BOUND = 256, 256, 64, 256, 64
local SCAN_EVERY_MS, FORGET_EVERY_MS, FORGET_AFTER_MS = 1000, 10000, 60000

local request = cjson.decode(ARGV[1])
local caller, batch, fence_seen, max_lease_ms, default_holder, operations =
  request[1], request[2], request[3], request[4], request[5], request[6]

local state, now, me, repeated
local more = 0

--@include open
--@include processes
--@include outbox
--@include leases
--@include waiters
--@include handoff
--@include housekeeping
--@include operations

open_state()
me = process_of(caller) or new_process(caller)
if batch < me.batch then return '0' end
repeated = batch == me.batch
me.batch, me.seen_at = batch, now
touch_process(caller)

sweep()
load_mentioned()
local answers, next_lapse_in_ms = {}, 0
for index = 1, #operations do
  local operation = operations[index]
  answers[index] = decide[operation[1]](operation)
end
if state then
  flush_waiters()
  scan()
  handoff()
  flush_leases()
  forget()
  next_lapse_in_ms = lapse_in_ms()
  flush_processes()
  write_state()
end
publish_notices()
return reply(answers, next_lapse_in_ms)
