-- The packed facts of one semaphore: how they are read, judged and written. Shared by apply.lua and inspect.lua.
--
-- Times are milliseconds of the semaphore's own clock: the server's TIME plus `offset`, which grows whenever TIME has
-- run backward, so that the clock never does.

local FORMAT = 1
local IDLE_MS = 600000 -- a semaphore made in passing disappears this long after its last use
local REFRESH_MS = 60000 -- how often the time to live of the keys is set anew

-- The order of these names is the stored format: a changed order or meaning needs a new FORMAT.
local function unpack_state(packed)
  local state = {}
  state.format, state.run_id, state.limit, state.lease_ms, state.max_waiters, state.version, state.permanent,
    state.in_use, state.leases, state.waiting, state.fence, state.sequence, state.offset, state.now,
    state.next_lapse, state.grants, state.lapses, state.revocations, state.max_lease_ms, state.refresh_at,
    state.scan_from, state.scan_at, state.forget_cursor, state.forget_at, state.recover_until =
    cmsgpack.unpack(packed)
  if state.format > FORMAT then
    error({ err = 'INCOMPATIBLE the state has format ' .. state.format .. ', this library knows ' .. FORMAT })
  end
  return state
end

local function pack_state(state)
  return cmsgpack.pack(
    state.format, state.run_id, state.limit, state.lease_ms, state.max_waiters, state.version, state.permanent,
    state.in_use, state.leases, state.waiting, state.fence, state.sequence, state.offset, state.now,
    state.next_lapse, state.grants, state.lapses, state.revocations, state.max_lease_ms, state.refresh_at,
    state.scan_from, state.scan_at, state.forget_cursor, state.forget_at, state.recover_until)
end

local function server_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- How long the keys outlive their last use: longer than any lease, and than a semaphore made in passing.
local function time_to_live(state)
  return IDLE_MS + 2 * state.max_lease_ms
end

-- After such a silence every lease has lapsed and every waiter is dead, whether or not their keys have expired yet.
local function is_forgotten(state, now)
  return now - state.now >= time_to_live(state) - 2 * REFRESH_MS
end

-- Made in passing, nobody holds or waits, and nobody has come for a while.
local function has_vanished(state, now)
  if state.permanent == 1 or now - state.now < IDLE_MS then return false end
  return is_forgotten(state, now) or (state.leases == 0 and state.waiting == 0)
end

-- A lease's record: permits, fence, lease_ms, granted_at, process, holder, attempt, fingerprint, revoked.
-- A waiter's: permits, priority, lease_ms (0: the definition's), queued_at, process, holder, attempt, fingerprint, sequence.
-- A process's: seen_at, batch, digest.
local LOWEST_PRIORITY, PRIORITY_BAND = 1000, 2199023255552 -- 2^41 places in each priority; scores stay below 2^53

local function place_of(priority, sequence)
  return (LOWEST_PRIORITY - priority) * PRIORITY_BAND + sequence
end
