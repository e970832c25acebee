-- The packed facts of one semaphore, and the records of its leases, waiters and processes. Shared by apply.lua and
-- inspect.lua. Times are milliseconds of the semaphore's own clock: the server's TIME plus an offset, which grows
-- whenever TIME has run backward, so that the clock never does.
--
-- A record is a packed list, read by position: that takes a third of the time of a table with named fields. The names
-- are put in by `--@define`, which replaces them in the text before it is embedded. The order is the stored format: a
-- change of order or meaning needs a new FORMAT.

--@define FORMAT 1

-- Facts
--@define S_FORMAT 1
--@define S_RUN_ID 2
--@define S_LIMIT 3
--@define S_LEASE_MS 4
--@define S_MAX_WAITERS 5
--@define S_VERSION 6
--@define S_PERMANENT 7
--@define S_IN_USE 8
--@define S_LEASES 9
--@define S_WAITING 10
--@define S_FENCE 11
--@define S_SEQUENCE 12
--@define S_OFFSET 13
--@define S_NOW 14
-- No lease lapses before this; 0: none is held. A lower bound, so that most calls need not look.
--@define S_NEXT_LAPSE 15
--@define S_GRANTS 16
--@define S_LAPSES 17
--@define S_REVOCATIONS 18
--@define S_MAX_LEASE_MS 19
--@define S_REFRESH_AT 20
--@define S_SCAN_FROM 21
-- 0: at once
--@define S_SCAN_AT 22
--@define S_FORGET_CURSOR 23
--@define S_FORGET_AT 24
-- Grants wait until then; 0: the semaphore does not recover.
--@define S_RECOVER_UNTIL 25
-- "limit,lease_ms,max_waiters,version", as replies have it
--@define S_TERMS 26
--@define S_SIZE 26

-- A lease. Permits come first, so that a release can read them without unpacking the rest.
--@define L_PERMITS 1
--@define L_LEASE_MS 2
--@define L_GRANTED_AT 3
--@define L_REVOKED 4
--@define L_FENCE 5
--@define L_PROCESS 6
--@define L_HOLDER 7
--@define L_ATTEMPT 8
--@define L_FINGERPRINT 9

-- A waiter. The last three are those of the lease that it becomes, which are copied and not packed again.
--@define W_PERMITS 1
-- 0: the definition's
--@define W_LEASE_MS 2
--@define W_PRIORITY 3
--@define W_QUEUED_AT 4
--@define W_SEQUENCE 5
--@define W_PROCESS 6
--@define W_HOLDER 7
--@define W_ATTEMPT 8
--@define W_FINGERPRINT 9

-- A process: when it was last seen, its last batch, and the sum of the sequence numbers of its queued waiters. A process
-- that computes another sum from what it was told has missed a push, was silent and is parked, or meets a server that
-- lost its state: it asks again.
--@define P_SEEN_AT 1
--@define P_BATCH 2
--@define P_DIGEST 3
--@define DIGEST_MODULUS 4294967296

-- A semaphore made in passing disappears so long after its last use.
--@define IDLE_MS 600000
-- How often the time to live of the keys is set anew.
--@define REFRESH_MS 60000
-- 2^41 places in each priority, of which there are 2001: all places stay within 53 bits.
--@define PRIORITY_BAND 2199023255552
--@define BEFORE_ALL -2251799813685248

local function unpack_state(packed)
  local state = { cmsgpack.unpack(packed) }
  if state[S_FORMAT] > FORMAT then
    error({ err = 'INCOMPATIBLE format ' .. state[S_FORMAT] .. ' is newer than ' .. FORMAT })
  end
  return state
end

-- How long the keys outlive their last use: longer than any lease, and than a semaphore made in passing.
local function time_to_live(state)
  return IDLE_MS + 2 * state[S_MAX_LEASE_MS]
end

-- After such a silence every lease has lapsed and every waiter is dead, whether or not their keys have expired yet.
local function is_forgotten(state, now)
  return now - state[S_NOW] >= time_to_live(state) - 2 * REFRESH_MS
end

-- Made in passing, nobody holds or waits, and nobody has come for a while.
local function has_vanished(state, now)
  if state[S_PERMANENT] == 1 or now - state[S_NOW] < IDLE_MS then return false end
  return is_forgotten(state, now) or (state[S_LEASES] == 0 and state[S_WAITING] == 0)
end
