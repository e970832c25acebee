-- What one semaphore looks like now. Reads only; looking is no use of the semaphore.
--
-- KEYS  1 facts; 2 expiries, 3 leases, 4 queue, 5 waiters, 6 parked, 7 marker where they are given (keys.lua)
-- ARGV  1 JSON: [page_size (0: no leases and waiters), expiry, lease, left, place]: behind which lease, by its expiry and
--       then by its id, and behind which place in the queue the page begins ('' for the first ones, 'end' for none any
--       more), and how many leases may still be told
-- Reply nil where there is none, or JSON: [limit, in_use, waiting, lease_ms, max_waiters, version, recovering,
--       oldest_waiter_ms, oldest_lease_ms, grants, lapses, revocations,
--       [[lease, permits, fence, holder, held_ms, expires_in_ms], ...] in the order of expiry,
--       [[permits, priority, holder, waited_ms], ...] in the order of the queue, expiry, lease, left, place for the next page]
--       The age of the oldest lease is exact up to 1,000 leases, else that of the oldest among those that expire first.
--
-- A page begins behind a lease and not at a number: with each renewal a lease moves to the end, and all behind it would
-- move up into the page before. So none is left out that is there all the time; one that was renewed may come again. For
-- a caller that reads more slowly than others renew this would never end: it does after twice as many as there were.

--@include state

local F, call = {}, redis.call
--@include life
--@include keys
--@include recovery

--@define LOOK_BOUND 1000

local request = cjson.decode(ARGV[1])
local page_size, after_expiry, after_lease, left, after_place = unpack(request)

local packed = call('HGET', FACTS, '')
if not packed then return false end
local state = { cmsgpack.unpack(packed) }
F.check_format(state)
local time = call('TIME')
local server_now = time[1] * 1000 + math.floor(time[2] / 1000)
local now = math.max(server_now + state[S_OFFSET], state[S_NOW])
if state[S_LIMIT] == REMOVED then return false end
if F.has_vanished(state, now) then return false end
if F.is_forgotten(state, now) then
  state[S_LAPSES] = state[S_LAPSES] + state[S_LEASES]
  state[S_IN_USE], state[S_LEASES], state[S_WAITING] = 0, 0, 0
end

-- Nobody has used the semaphore since the server began this life.
if state[S_RUN_ID] ~= RUN_ID then
  local left_ms = F.recovery_of_life(server_now, state[S_MAX_LEASE_MS])
  state[S_RECOVER_UNTIL] = math.max(state[S_RECOVER_UNTIL], now + left_ms)
end

local function number(value)
  return string.format('%.0f', value)
end

-- The ids of leases that were read with their expiries, and their records.
local function read_records(page)
  if #page == 0 then return {}, {} end
  local ids = {}
  for index = 1, #page, 2 do ids[#ids + 1] = page[index] end
  return ids, call('HMGET', LEASES, unpack(ids))
end

-- Leases that have lapsed but were not swept yet are gone for whoever looks.
local function forget_lapsed()
  if state[S_LEASES] == 0 then return end
  local page = call('ZRANGEBYSCORE', EXPIRIES, '-inf', now, 'WITHSCORES', 'LIMIT', 0, LOOK_BOUND)
  local ids, records = read_records(page)
  for index = 1, #ids do
    if records[index] then
      local _, permits = cmsgpack.unpack_limit(records[index], L_PERMITS)
      state[S_IN_USE] = state[S_IN_USE] - permits
      state[S_LEASES], state[S_LAPSES] = state[S_LEASES] - 1, state[S_LAPSES] + 1
    end
  end
end
forget_lapsed()

local function oldest_lease_ms()
  if state[S_LEASES] == 0 then return 0 end
  local page = call('ZRANGEBYSCORE', EXPIRIES, '(' .. number(now), '(+inf', 'WITHSCORES', 'LIMIT', 0, LOOK_BOUND)
  local ids, records = read_records(page)
  local oldest = now
  for index = 1, #ids do
    if records[index] then
      local _, _, _, granted_at = cmsgpack.unpack_limit(records[index], L_GRANTED_AT)
      oldest = math.min(oldest, granted_at)
    end
  end
  return now - oldest
end

-- As Redis orders members of one score; how Lua orders strings depends on the server's locale.
local function comes_before(one, other)
  for index = 1, math.min(#one, #other) do
    local a, b = string.byte(one, index), string.byte(other, index)
    if a ~= b then return a < b end
  end
  return #one < #other
end

-- How many leases come before the first one behind the place. Those that one call has renewed expire together, and may be
-- all that there are: among them the place is found by bisection.
local function count_before(expiry, lease)
  local is_past = (tonumber(expiry) or 0) <= now
  if is_past then return call('ZCOUNT', EXPIRIES, '-inf', number(now)) end
  local low = call('ZCOUNT', EXPIRIES, '-inf', '(' .. expiry)
  local high = low + call('ZCOUNT', EXPIRIES, expiry, expiry)
  while low < high do
    local middle = math.floor((low + high) / 2)
    if comes_before(lease, call('ZRANGE', EXPIRIES, middle, middle)[1]) then high = middle else low = middle + 1 end
  end
  return low
end

-- The leases behind the place, with their expiries, one more than a page holds.
local function leases_behind(expiry, lease)
  if state[S_LEASES] == 0 then return {} end
  local first, all = count_before(expiry, lease), call('ZCOUNT', EXPIRIES, '-inf', '(+inf')
  if first >= all then return {} end
  return call('ZRANGE', EXPIRIES, first, math.min(first + page_size, all - 1), 'WITHSCORES')
end

-- The longest waiter is the first of its priority, so one look at each priority in use is enough.
local function oldest_waiter_ms()
  local oldest, from = now, '-inf'
  while state[S_WAITING] > 0 do
    local first = call('ZRANGEBYSCORE', QUEUE, from, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if #first == 0 then break end
    local record = call('HGET', WAITERS, first[1])
    if record then
      local _, _, _, queued_at = cmsgpack.unpack(record)
      oldest = math.min(oldest, queued_at)
    end
    from = number((math.floor(tonumber(first[2]) / PRIORITY_BAND) + 1) * PRIORITY_BAND)
  end
  return now - oldest
end

-- Rows, and behind which lease the next page begins.
local function describe_leases()
  local rows = {}
  if after_expiry == 'end' then return rows, 'end', '', 0 end
  local found = leases_behind(after_expiry, after_lease)
  left = (after_expiry == '' and 2 * state[S_LEASES] or left) - page_size
  local expiry, lease = 'end', ''
  if #found > 2 * page_size then
    found[#found], found[#found - 1] = nil, nil
    if left > 0 then expiry, lease = found[#found], found[#found - 1] end
  end
  local ids, records = read_records(found)
  for index = 1, #ids do
    if records[index] then
      local permits, _, granted_at, _, fence, _, holder = cmsgpack.unpack(records[index])
      rows[#rows + 1] = string.format('[%s,%.0f,%.0f,%s,%.0f,%.0f]', cjson.encode(ids[index]), permits, fence,
        cjson.encode(holder), now - granted_at, found[2 * index] - now)
    end
  end
  return rows, expiry, lease, math.max(0, left)
end

-- Rows, and behind which place in the queue the next page begins.
local function describe_waiters()
  local rows = {}
  if after_place == 'end' or state[S_WAITING] == 0 then return rows, 'end' end
  local least = after_place == '' and '-inf' or '(' .. after_place
  local page = call('ZRANGEBYSCORE', QUEUE, least, '+inf', 'WITHSCORES', 'LIMIT', 0, page_size + 1)
  local place = #page > 2 * page_size and page[2 * page_size] or 'end'
  for index = 1, math.min(#page, 2 * page_size), 2 do
    local record = call('HGET', WAITERS, page[index])
    if record then
      local permits, _, priority, queued_at, _, _, holder = cmsgpack.unpack(record)
      rows[#rows + 1] = string.format('[%.0f,%.0f,%s,%.0f]', permits, priority, cjson.encode(holder), now - queued_at)
    end
  end
  return rows, place
end

local leases, waiters = {}, {}
local next_expiry, next_lease, next_left, next_place = 'end', '', 0, 'end'
if page_size > 0 then
  leases, next_expiry, next_lease, next_left = describe_leases()
  waiters, next_place = describe_waiters()
end

local facts = {
  state[S_LIMIT], state[S_IN_USE], state[S_WAITING], state[S_LEASE_MS], state[S_MAX_WAITERS], state[S_VERSION],
  state[S_RECOVER_UNTIL] > now and 1 or 0, oldest_waiter_ms(), oldest_lease_ms(), state[S_GRANTS], state[S_LAPSES],
  state[S_REVOCATIONS],
}
for index = 1, #facts do facts[index] = number(facts[index]) end
return '[' .. table.concat(facts, ',') .. ',[' .. table.concat(leases, ',') .. '],[' .. table.concat(waiters, ',')
  .. '],"' .. next_expiry .. '",' .. cjson.encode(next_lease) .. ',' .. number(next_left) .. ',"'
  .. next_place .. '"]'
