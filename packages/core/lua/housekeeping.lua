-- What has to be done now and then, in bounded pieces, by whoever calls.

-- Ends the leases that nobody renewed in time. `next_lapse` is a lower bound, so that most calls need not look.
local function sweep()
  if not state or state.next_lapse == 0 or now < state.next_lapse then return end
  local lapsed = redis.call('ZRANGEBYSCORE', EXPIRIES, '-inf', now, 'LIMIT', 0, SWEEP_BOUND)
  if #lapsed > 0 then
    local packed = redis.call('HMGET', LEASES, unpack(lapsed))
    for index = 1, #lapsed do
      local lease = unpack_lease(packed[index])
      if lease then state.in_use = state.in_use - lease.permits end
    end
    redis.call('ZREM', EXPIRIES, unpack(lapsed))
    redis.call('HDEL', LEASES, unpack(lapsed))
    state.leases = state.leases - #lapsed
    state.lapses = state.lapses + #lapsed
  end
  local first = redis.call('ZRANGE', EXPIRIES, 0, 0, 'WITHSCORES')
  state.next_lapse = first[2] and tonumber(first[2]) or 0
  if #lapsed == SWEEP_BOUND then more = 1 end
end

-- Walks along the queue: fails waiters that a lowered limit shuts out, sets aside those whose process is silent or dead.
-- `scan_at` 0 asks for a whole walk at once.
local function scan()
  if OUT_OF_MEMORY or now < state.scan_at then return end
  local urgent = state.scan_at == 0
  local page = state.waiting == 0 and {} or redis.call('ZRANGEBYSCORE', QUEUE,
    '(' .. string.format('%.0f', state.scan_from), '+inf', 'WITHSCORES', 'LIMIT', 0, SCAN_BOUND)
  if #page > 0 then
    local leaving, parking = {}, {}
    for _, entry in ipairs(read_page(page)) do left_before_its_turn(entry, leaving, parking) end
    leave_queue(leaving, parking)
  end
  if #page == 2 * SCAN_BOUND then
    state.scan_from = tonumber(page[#page])
    if urgent then more = 1 else state.scan_at = now + SCAN_EVERY_MS end
    return
  end
  state.scan_from, state.scan_at = -1, now + SCAN_EVERY_MS
end

-- Forgets processes that have been silent for long, and the parked waiters of those that are forgotten.
local function forget()
  if now < state.forget_at then return end
  state.forget_at = now + FORGET_EVERY_MS
  local scanned = redis.call('HSCAN', PROCESSES, string.format('%.0f', state.forget_cursor), 'COUNT', FORGET_BOUND)
  state.forget_cursor = tonumber(scanned[1])
  for index = 1, #scanned[2], 2 do
    local id = scanned[2][index]
    local seen_at = cmsgpack.unpack(scanned[2][index + 1])
    if id ~= caller and now - seen_at > FORGET_AFTER_MS + state.max_lease_ms then
      redis.call('HDEL', PROCESSES, id)
      processes[id], touched[id] = false, nil
    end
  end
  local parked = redis.call('ZRANGE', PARKED, 0, FORGET_BOUND - 1)
  for index = 1, #parked do
    local waiter = unpack_waiter(redis.call('HGET', WAITERS, parked[index]))
    if not waiter or not process_of(waiter.process) then
      redis.call('ZREM', PARKED, parked[index])
      redis.call('HDEL', WAITERS, parked[index])
    end
  end
end

-- When the earliest lease lapses, for callers that wait; the bound is made exact where it is near. 0: no need to come.
local function lapse_in_ms()
  if me.digest == 0 or state.next_lapse == 0 then return 0 end
  if state.next_lapse - now < state.lease_ms / 2 then
    local first = redis.call('ZRANGE', EXPIRIES, 0, 0, 'WITHSCORES')
    if first[2] then state.next_lapse = tonumber(first[2]) end
  end
  return math.max(1, state.next_lapse - now)
end
