-- What this master knows of a semaphore. On the way, what has lapsed is swept, and waiters are entered and removed.
--
-- KEYS: marker, facts, leases, queue, waiters, processes
-- ARGV: the process that looks
--       the waiters to enter, as JSON: [[lease, place, ticket, text], ...]; the leases of waiters to remove, as JSON
--       with "1": the records of the leases too
--       the place in the queue from which on to list waiters, and how many
--       the incarnation met
-- Reply: [now, recovers ms, definition or "", granted, ticket, grants, lapses, revocations, waiting,
--         ms until the next lease lapses or -1,
--         [lease, entry, ...] or [lease, entry, record, ms it lasts, ...], [lease, place, waiter, ...]]
--@include quorum/voting

local QUEUE, WAITERS, PROCESSES = KEYS[4], KEYS[5], KEYS[6]
local PROCESS, RECORDS, FROM, MOST = ARGV[1], ARGV[4] == '1', ARGV[5], tonumber(ARGV[6])

local function sweep()
  local leases, next_ms = {}, -1
  local all = redis.call('HGETALL', LEASES)
  for i = 1, #all, 2 do
    local lease, entry = all[i], all[i + 1]
    local flags, slots, lapses_at = parse_entry(entry)
    local lasts_ms = lapses_at - now
    local record = (RECORDS or lasts_ms <= 0) and record_of(lease, slots)
    if lasts_ms > 0 and (record or not RECORDS) then
      if next_ms < 0 or lasts_ms < next_ms then next_ms = lasts_ms end
      leases[#leases + 1] = lease
      leases[#leases + 1] = entry
      if RECORDS then
        leases[#leases + 1] = record
        leases[#leases + 1] = lasts_ms
      end
    elseif not record then
      redis.call('HDEL', LEASES, lease)
      if flags:find('c', 1, true) then redis.call('HINCRBY', FACTS, 'lapses', 1) end
    end
  end
  return leases, next_ms
end

local function forget(lease)
  redis.call('ZREM', QUEUE, lease)
  redis.call('HDEL', WAITERS, lease)
end

local function is_own(text)
  return text and cjson.decode(text).process == PROCESS
end

local function enter_and_remove()
  for _, lease in ipairs(cjson.decode(ARGV[3])) do
    -- Another process may have taken the acquire over.
    if is_own(redis.call('HGET', WAITERS, lease)) then forget(lease) end
  end
  local entered = cjson.decode(ARGV[2])
  for _, waiter in ipairs(entered) do
    local lease, place, ticket, text = waiter[1], waiter[2], waiter[3], waiter[4]
    -- Who takes over has the place that is there.
    if redis.call('ZADD', QUEUE, 'NX', string.format('%.0f', place), lease) == 1 then raise('ticket', ticket) end
    redis.call('HSET', WAITERS, lease, text)
  end
end

-- One that has waiters says so with each look; the waiters of a silent one are passed over, and then forgotten.
local function beat()
  if redis.call('EXISTS', QUEUE) == 0 then return end
  redis.call('ZREMRANGEBYSCORE', PROCESSES, '-inf', now - FORGET_MS)
  if PROCESS == '' then return end
  redis.call('ZADD', PROCESSES, now, PROCESS)
  for _, key in ipairs({ QUEUE, WAITERS, PROCESSES }) do redis.call('PEXPIRE', key, QUEUE_MS) end
  use_facts()
end

local function listen()
  local waiters = {}
  local found = redis.call('ZRANGEBYSCORE', QUEUE, FROM, '+inf', 'WITHSCORES', 'LIMIT', 0, MOST)
  for i = 1, #found, 2 do
    local lease, place = found[i], found[i + 1]
    local text = redis.call('HGET', WAITERS, lease)
    local process = text and cjson.decode(text).process
    local silent_ms = now - tonumber(process and redis.call('ZSCORE', PROCESSES, process) or 0)
    if silent_ms > FORGET_MS then
      forget(lease)
    elseif silent_ms <= SILENT_MS then
      waiters[#waiters + 1] = lease
      waiters[#waiters + 1] = place
      waiters[#waiters + 1] = text
    end
  end
  return waiters
end

enter_and_remove()
beat()
local leases, next_ms = sweep()
local waiters = listen()
return {
  now,
  math.max(0, recovers_ms),
  redis.call('HGET', FACTS, 'definition') or '',
  number_of('granted'),
  number_of('ticket'),
  number_of('grants'),
  number_of('lapses'),
  number_of('revocations'),
  redis.call('ZCARD', QUEUE),
  next_ms,
  leases,
  waiters,
}
