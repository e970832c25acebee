-- The queue, and the waiters that this call touches.

local waiting = {} -- waiter -> record, or false where there is none
local arrivals = {} -- waiters queued by this call and not yet written

local function unpack_waiter(packed)
  if not packed then return false end
  local permits, priority, lease_ms, queued_at, process, holder, attempt, fingerprint, sequence = cmsgpack.unpack(packed)
  return { permits = permits, priority = priority, lease_ms = lease_ms, queued_at = queued_at, process = process,
    holder = holder, attempt = attempt, fingerprint = fingerprint, sequence = sequence }
end

local function pack_waiter(waiter)
  return cmsgpack.pack(waiter.permits, waiter.priority, waiter.lease_ms, waiter.queued_at, waiter.process,
    waiter.holder, waiter.attempt, waiter.fingerprint, waiter.sequence)
end

local function load_waiters(ids)
  if #ids == 0 or not state then return end
  local packed = redis.call('HMGET', WAITERS, unpack(ids))
  for index = 1, #ids do waiting[ids[index]] = unpack_waiter(packed[index]) end
end

local function enqueue(id, waiter)
  state.sequence = state.sequence + 1
  state.waiting = state.waiting + 1
  waiter.sequence, waiter.queued_at, waiter.arriving = state.sequence, now, true
  waiting[id] = waiter
  arrivals[#arrivals + 1] = id
  digest_add(waiter.process, waiter.sequence)
end

-- Takes a waiter out of the queue, or from among the parked.
local function dequeue(id, waiter)
  waiting[id] = false
  if not waiter.arriving then
    redis.call('HDEL', WAITERS, id)
    if redis.call('ZREM', QUEUE, id) == 0 then
      redis.call('ZREM', PARKED, id)
      return
    end
  end
  state.waiting = state.waiting - 1
  digest_add(waiter.process, -waiter.sequence)
end

-- The waiter belongs to this attempt of this process from now on; one that was parked gets its place back.
local function take_over(id, waiter, attempt)
  if waiter.arriving then
    waiter.attempt = attempt
    return
  end
  if redis.call('ZREM', PARKED, id) == 1 then
    redis.call('ZADD', QUEUE, place_of(waiter.priority, waiter.sequence), id)
    state.waiting = state.waiting + 1
    digest_add(caller, waiter.sequence)
  elseif waiter.process ~= caller then
    digest_add(waiter.process, -waiter.sequence)
    digest_add(caller, waiter.sequence)
  end
  waiter.process, waiter.attempt = caller, attempt
  redis.call('HSET', WAITERS, id, pack_waiter(waiter))
end

local function flush_waiters()
  local places, records = {}, {}
  for index = 1, #arrivals do
    local id = arrivals[index]
    local waiter = waiting[id]
    if waiter and waiter.arriving then
      waiter.arriving = nil
      places[#places + 1] = place_of(waiter.priority, waiter.sequence)
      places[#places + 1] = id
      records[#records + 1] = id
      records[#records + 1] = pack_waiter(waiter)
    end
  end
  arrivals = {}
  if #places == 0 then return end
  redis.call('ZADD', QUEUE, unpack(places))
  redis.call('HSET', WAITERS, unpack(records))
  if state.waiting * 2 <= #places then -- the keys may have been made by this call
    redis.call('PEXPIRE', QUEUE, time_to_live(state))
    redis.call('PEXPIRE', WAITERS, time_to_live(state))
  end
end
