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

local function read_leases(page)
  if #page == 0 then return {} end
  local ids = {}
  for index = 1, #page, 2 do ids[#ids + 1] = page[index] end
  local records, leases = call('HMGET', LEASES, unpack(ids)), {}
  for index = 1, #ids do
    if records[index] then
      local permits, _, granted_at, _, fence, _, holder = cmsgpack.unpack(records[index])
      leases[#leases + 1] = { id = ids[index], expires_at = tonumber(page[2 * index]), permits = permits, fence = fence,
        granted_at = granted_at, holder = holder }
    end
  end
  return leases
end

-- Leases that have lapsed but were not swept yet are gone for whoever looks.
local lapsed = state[S_LEASES] == 0 and {}
  or read_leases(call('ZRANGEBYSCORE', EXPIRIES, '-inf', now, 'WITHSCORES', 'LIMIT', 0, LOOK_BOUND))
for _, lease in ipairs(lapsed) do state[S_IN_USE] = state[S_IN_USE] - lease.permits end
state[S_LEASES], state[S_LAPSES] = state[S_LEASES] - #lapsed, state[S_LAPSES] + #lapsed

local function live_from(least, offset, count)
  if state[S_LEASES] == 0 then return {} end
  return call('ZRANGEBYSCORE', EXPIRIES, least, '(+inf', 'WITHSCORES', 'LIMIT', offset, count)
end

local function oldest_lease_ms()
  local oldest = now
  for _, lease in ipairs(read_leases(live_from('(' .. number(now), 0, LOOK_BOUND))) do
    oldest = math.min(oldest, lease.granted_at)
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

-- The leases behind the place, with their expiries, one more than a page holds.
local function leases_behind(expiry, lease)
  local behind = tonumber(expiry) and tonumber(expiry) > now
  local least = behind and expiry or '(' .. number(now)
  local found, offset, page = {}, 0
  repeat
    page = live_from(least, offset, page_size + 1)
    offset = offset + page_size + 1
    for index = 1, #page, 2 do
      local is_shown = behind and page[index + 1] == expiry and not comes_before(lease, page[index])
      if not is_shown and #found <= 2 * page_size then
        found[#found + 1], found[#found + 2] = page[index], page[index + 1]
      end
    end
  until #found > 2 * page_size or #page <= 2 * page_size
  return found
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
  for _, held in ipairs(read_leases(found)) do
    rows[#rows + 1] = '[' .. cjson.encode(held.id) .. ',' .. number(held.permits) .. ',' .. number(held.fence) .. ','
      .. cjson.encode(held.holder) .. ',' .. number(now - held.granted_at) .. ',' .. number(held.expires_at - now) .. ']'
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
      rows[#rows + 1] = '[' .. number(permits) .. ',' .. number(priority) .. ',' .. cjson.encode(holder) .. ','
        .. number(now - queued_at) .. ']'
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
