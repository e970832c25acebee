-- Freed permits go to the first waiters that fit.

-- Waiters of one page of the queue: { { id, record }, ... }, in order.
local function read_page(page)
  local ids, entries = {}, {}
  for index = 1, #page, 2 do ids[#ids + 1] = page[index] end
  local packed = redis.call('HMGET', WAITERS, unpack(ids))
  for index = 1, #ids do
    local id = ids[index]
    entries[index] = { id = id, place = page[2 * index], waiter = unpack_waiter(packed[index]) }
  end
  return entries
end

-- A waiter whose process is dead is dropped, one whose process is silent keeps its place among the parked.
local function set_aside(entry, process, leaving, parking)
  leaving[#leaving + 1] = entry.id
  state.waiting = state.waiting - 1
  waiting[entry.id] = process and entry.waiter
  if not process then
    redis.call('HDEL', WAITERS, entry.id)
    return
  end
  digest_add(entry.waiter.process, -entry.waiter.sequence)
  parking[#parking + 1] = entry.place
  parking[#parking + 1] = entry.id
end

-- A waiter that can never be served is told so.
local function fail_misfit(entry, leaving)
  local misfits = notices_for(entry.waiter.process).misfits
  misfits[#misfits + 1] = entry.id
  leaving[#leaving + 1] = entry.id
  waiting[entry.id] = false
  redis.call('HDEL', WAITERS, entry.id)
  state.waiting = state.waiting - 1
  digest_add(entry.waiter.process, -entry.waiter.sequence)
end

local function leave_queue(leaving, parking)
  if #leaving > 0 then redis.call('ZREM', QUEUE, unpack(leaving)) end
  if #parking == 0 then return end
  redis.call('ZADD', PARKED, unpack(parking))
  redis.call('PEXPIRE', PARKED, time_to_live(state))
end

local function is_misfit(waiter)
  return state.limit > 0 and waiter.permits > state.limit
end

-- What becomes of a waiter before its permits are looked at. True where it left the queue.
local function left_before_its_turn(entry, leaving, parking)
  local waiter = entry.waiter
  if not waiter then
    leaving[#leaving + 1] = entry.id
    state.waiting = state.waiting - 1
    return true
  end
  local process = process_of(waiter.process)
  if not process or is_silent(process, waiter.lease_ms > 0 and waiter.lease_ms or state.lease_ms) then
    set_aside(entry, process, leaving, parking)
    return true
  end
  if is_misfit(waiter) then
    fail_misfit(entry, leaving)
    return true
  end
  return false
end

local function grant_waiter(id, waiter)
  digest_add(waiter.process, -waiter.sequence)
  waiting[id] = false
  state.waiting = state.waiting - 1
  local number = grant(id, {
    permits = waiter.permits, lease_ms = waiter.lease_ms > 0 and waiter.lease_ms or state.lease_ms,
    process = waiter.process, holder = waiter.holder, attempt = waiter.attempt, fingerprint = waiter.fingerprint,
  })
  local grants = notices_for(waiter.process).grants
  grants[#grants + 1] = '["' .. id .. '",' .. number .. ']'
end

-- Serves one page. Returns how many left the queue, and whether the head does not fit.
local function serve_page(size)
  local leaving, parking, served, blocked = {}, {}, {}, false
  for _, entry in ipairs(read_page(redis.call('ZRANGE', QUEUE, 0, size - 1, 'WITHSCORES'))) do
    if not left_before_its_turn(entry, leaving, parking) then
      if not admits(entry.waiter.permits) then
        blocked = true
        break
      end
      grant_waiter(entry.id, entry.waiter)
      leaving[#leaving + 1] = entry.id
      served[#served + 1] = entry.id
    end
  end
  leave_queue(leaving, parking)
  if #served > 0 then redis.call('HDEL', WAITERS, unpack(served)) end
  return #leaving, blocked
end

local function handoff()
  if OUT_OF_MEMORY then return end
  local budget, size = HANDOFF_BOUND, 0
  while state.waiting > 0 and state.in_use < state.limit do
    if budget <= 0 then
      more = 1
      return
    end
    size = math.max(size, state.limit - state.in_use)
    local left, blocked = serve_page(math.min(size, state.waiting, budget, PAGE_BOUND))
    if blocked then return end
    size = PAGE_BOUND -- permits are left over: those at the head were set aside
    if left == 0 then -- the queue is shorter than its count: the keys were lost
      state.waiting = redis.call('ZCARD', QUEUE)
      return
    end
    budget = budget - left
  end
end
