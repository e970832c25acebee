-- Applies a batch of operations to one semaphore: sweep, the operations in order, handoff, write, publish.
-- docs/protocol.md has the rules; src/stores/memory/ledger.ts is the readable twin.
--
-- KEYS  1 facts      hash  "" -> the packed facts (state.lua); process -> its record
--       Beside it, with names that are made from its own where they are not given: on one server a key that is passed
--       costs more than all that a call does with it. On a Cluster all are given, so that a call fails as a whole
--       while its slot moves.
--       2 expiries   zset  lease -> when it lapses; "" -> +inf, which keeps the key and its time to live
--       3 leases     hash  lease -> record; "" -> "", likewise
--       4 queue      zset  waiter -> its place
--       5 waiters    hash  waiter -> record, of those in the queue and those parked
--       6 parked     zset  waiter of a silent process -> its place, should the process come back
--       7 marker     string  one life of the server: format, run_id, since, the longest lease
-- ARGV  1 JSON: [process, batch, fence_seen, max_lease_ms, holder, [run, ...], after, known, served_ago_ms]
--         after: the batch that must have been the last one of this process; 0: any older one
--         known (may be left out): 1, this life of the server has lasted for longer than any lease; 2, it holds no
--         leases of an earlier life
--         served_ago_ms (may be left out): how long ago another life of the server has served the process
--         run: a list of operations that need nothing but names, or one operation. What is left out at the end takes the
--         default. Each name, and each operation, has an answer.
--         "A" lease_ms (0: the definition's), lease, lease, ...   acquire, the first time that these leases are named,
--                                     all else by default
--         "B" lease, permits 1, queue 1, priority 0, lease_ms 0 (the definition's), holder "" (the call's), attempt "",
--             fingerprint ""          acquire, the first time that this lease is named
--         "a" as B                    acquire, perhaps a repeat
--         "?" as B                    ask again for what this process waits for
--         "c" lease, attempt          cancel
--         "r" lease, lease, ...       release
--         "R" lease, attempt          release what this attempt owns
--         "z" lease, fence            give back a grant that nobody awaits
--         "n" lease, lease, ...       renew for as long as it was granted
--         "N" lease, lease_ms         renew
--         "k" lease, attempt, permits, fence, lease_ms, holder   claim: renew for as long as it was granted, for this
--                                     attempt of this process. With what follows the attempt, restore it in a recovery
--         "K" as "k", owned_at        the same by a process that believes in it, and has had it since then: whoever has
--                                     had it for less long keeps it
--         "e" limit, lease_ms, max_waiters   create where missing, in passing
--         "D" limit, lease_ms, max_waiters, version, in_use   the definition last seen, which a recovery may need;
--                                     in_use 1: the process holds leases or waits
--         "d" limit, lease_ms, max_waiters   define; first in its batch, so that all grants are on the replied terms
--         "s" limit                   resize
--         "v" lease                   revoke
--         "x"                         remove
-- Reply JSON: [now, fence_base - now * 1000, limit (-1: no such semaphore), lease_ms, max_waiters, version, digest,
--              lapse_in_ms, more (1) + repeated (2), [answer, ...], notices or 0, [recover_until, cause] while the
--              semaphore recovers], or 0 where nothing was done: the batch is older than the last one, or does not
--              follow the one that it must follow.
--         answer: n > 0 granted now with fence_base + n (renewals and claims: for n ms) | [1, fence, expires_at, lease_ms, permits,
--         again] held already (again 1: by another attempt) | [0, sequence] queued | 0 or 1 not found, found | a refusal, below 0
--         notices: [[[lease, n], ...] granted, [lease, ...] that exceed the limit, [lease, ...] revoked, removed]
-- Published to {prefix}:inbox:{process}: [semaphore, run_id, now, fence_base, lease_ms, limit, notices]
--
-- RUN_ID is put in front of this text for each server, so that a restarted or promoted server answers NOSCRIPT.
--
-- The functions are made when they are needed: making them all takes as long as a common call, for which quick.lua does
-- without them.

--@include keys

--@define TIMEOUT -1
--@define QUEUE_FULL -2
--@define EXCEEDS_LIMIT -3
--@define UNKNOWN -4
--@define REUSED -5
--@define SUPERSEDED -6
--@define NO_MEMORY -7
--@define IN_USE -8
--@define LAPSED -9
--@define REVOKED -10
--@define RECOVERING -11

-- Bounds on the work of one call; what is left is done by a next one, which the reply asks for.
--@define SWEEP_BOUND 256
--@define HANDOFF_BOUND 256
--@define PAGE_BOUND 64
--@define SCAN_BOUND 256
--@define FORGET_BOUND 64
--@define PARKED_BOUND 256
--@define SCAN_EVERY_MS 1000
--@define FORGET_EVERY_MS 10000
--@define FORGET_AFTER_MS 60000
-- More permits than any limit
--@define IMPOSSIBLE 4294967296
-- A fence this far ahead of the clock was never given out.
--@define IMPLAUSIBLE_MS 86400000

--@include state

local call = redis.call
local request = cjson.decode(ARGV[1])
local caller = request[1]
local time = call('TIME')
local server_now = time[1] * 1000 + math.floor(time[2] / 1000)
local now = server_now -- in the semaphore's clock, once that is known
local stored = call('HMGET', FACTS, '', caller)

local runs = request[6]

if stored[1] and stored[2] then
--@include quick
end

local S -- the facts, or nil where there is no semaphore
local grave -- the facts of one that was removed
local me = stored[2] and { cmsgpack.unpack(stored[2]) } or { 0, 0, 0 }
local F, C -- functions for what is not common, and what they keep in this call
local repeated -- whether the last batch of this process comes again
local expiries, leases, drops = {}, {}, {} -- to be written
local granted, fence_base, more, lapse_in_ms = 0, 0, 0, 0
local answers, answered = {}, 0

--@include grant
-- Makes the functions that keep the queue, and with `rest` all others.
local function load(rest)
  if not F then
    F, C = {}, { processes = { [caller] = me }, changed = {} }
--@include life
--@include queue
  end
  if not rest or C.has_rest then return end
  C.has_rest = true
--@include recovery
--@include open
--@include housekeeping
--@include rare
end

-- Judged before anything is changed: a call that is not run leaves all as it was.
repeated = request[2] == me[P_BATCH]
if request[2] < me[P_BATCH] or (not repeated and request[7] > 0 and request[7] ~= me[P_BATCH]) then return '0' end

if stored[1] then
  S = { cmsgpack.unpack(stored[1]) }
  local offset_now = now + S[S_OFFSET]
  if S[S_FORMAT] ~= FORMAT or offset_now < S[S_NOW] or offset_now - S[S_NOW] > REFRESH_MS or S[S_RUN_ID] ~= RUN_ID
    or request[3] > S[S_FENCE] or request[4] > S[S_MAX_LEASE_MS] or request[9] or S[S_LIMIT] == REMOVED then
    load(true)
    F.open()
  else
    now = offset_now
  end
end
if not S then
  load(true)
  F.look_back()
elseif S[S_RECOVER_UNTIL] > 0 and now >= S[S_RECOVER_UNTIL] then
  S[S_RECOVER_UNTIL], S[S_CAUSE] = 0, ''
end

me[P_SEEN_AT], me[P_BATCH] = now, request[2]

if S and S[S_NEXT_LAPSE] ~= 0 and now >= S[S_NEXT_LAPSE] then
  load(true)
  F.sweep()
end

for _, run in ipairs(runs) do
  if run[1] == 'A' and S and not repeated then
    load()
    for index = 3, #run do
      answered = answered + 1
      answers[answered] = F.admit(run[index], 1, 1, 0, run[2])
    end
  elseif run[1] == 'r' and S then
    load()
    F.release_run(run)
  else
    load(true)
    F.decide(run)
  end
end

if S then
  if S[S_WAITING] > 0 then
    load()
    F.tend_queue()
  end
  if now >= S[S_FORGET_AT] then
    load(true)
    F.forget()
  end
  flush()
  S[S_NOW] = now
  if now >= S[S_REFRESH_AT] then
    load(true)
    F.refresh()
  end
  local facts, record = cmsgpack.pack(unpack(S, 1, S_SIZE)), cmsgpack.pack(me[1], me[2], me[3])
  call('HSET', FACTS, '', facts, caller, record)
end
if F then F.tell() end
local recovery = ''
if S and S[S_RECOVER_UNTIL] > 0 then
  recovery = ',[' .. S[S_RECOVER_UNTIL] .. ',"' .. S[S_CAUSE] .. '"]'
elseif not S and C.recovery then
  recovery = ',[' .. C.recovery[1] .. ',"' .. C.recovery[2] .. '"]'
end
return '[' .. now .. ',' .. fence_base - now * 1000 .. ',' .. (S and S[S_TERMS] or '-1,0,0,0') .. ','
  .. (S and me[P_DIGEST] or 0) .. ',' .. lapse_in_ms .. ',' .. more + (repeated and 2 or 0) .. ',['
  .. table.concat(answers, ',') .. '],' .. (F and F.own_notices() or '0') .. recovery .. ']'
