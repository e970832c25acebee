-- What has to be done now and then, in bounded pieces, by whoever calls.

-- Ends the leases that nobody renewed in time.
function F.sweep()
  F.notice_lost_keys()
  local lapsed = call('ZRANGEBYSCORE', EXPIRIES, '-inf', now, 'LIMIT', 0, SWEEP_BOUND)
  if #lapsed > 0 then
    local records = call('HMGET', LEASES, unpack(lapsed))
    for index = 1, #lapsed do
      if records[index] then S[S_IN_USE] = S[S_IN_USE] - F.permits_of(records[index]) end
    end
    S[S_LEASES], S[S_LAPSES] = S[S_LEASES] - #lapsed, S[S_LAPSES] + #lapsed
    drops = lapsed
    flush()
  end
  S[S_NEXT_LAPSE] = F.first_expiry()
  if #lapsed == SWEEP_BOUND then more = 1 end
end

-- A key of the leases was evicted or deleted. Where their expiries are gone, nobody believes for longer than one longest
-- lease from now; where the leases themselves are, their holders must claim them.
function F.notice_lost_keys()
  local knows_leases = call('HEXISTS', LEASES, '') == 1
  if knows_leases and call('ZSCORE', EXPIRIES, '') then return end
  F.prepare_lease_keys()
  F.recount()
  if not knows_leases then F.recover(S[S_MAX_LEASE_MS], 'keys') end
  S[S_NEXT_LAPSE] = F.first_expiry()
end

-- Counts the leases that are there.
function F.recount()
  flush()
  S[S_IN_USE], S[S_LEASES] = 0, 0
  local all = call('HGETALL', LEASES)
  for index = 1, #all, 2 do
    local lease = all[index]
    if lease ~= '' then
      call('ZADD', EXPIRIES, 'NX', now + S[S_MAX_LEASE_MS], lease)
      S[S_IN_USE], S[S_LEASES] = S[S_IN_USE] + F.permits_of(all[index + 1]), S[S_LEASES] + 1
    end
  end
  for _, lease in ipairs(call('ZRANGEBYSCORE', EXPIRIES, '-inf', '(+inf')) do
    if call('HEXISTS', LEASES, lease) == 0 then call('ZREM', EXPIRIES, lease) end
  end
end

-- Walks along the queue: fails waiters that a lowered limit shuts out, sets aside those whose process is silent or dead.
function F.scan()
  if OUT_OF_MEMORY or S[S_WAITING] == 0 then return end
  F.notice_lost_keys()
  local page = call('ZRANGEBYSCORE', QUEUE, '(' .. string.format('%.0f', S[S_SCAN_FROM]), '+inf', 'WITHSCORES',
    'LIMIT', 0, SCAN_BOUND)
  if #page > 0 then F.serve(page, false) end
  if #page == 2 * SCAN_BOUND then
    S[S_SCAN_FROM] = tonumber(page[#page])
    if S[S_SCAN_AT] == 0 then more = 1 else S[S_SCAN_AT] = now + SCAN_EVERY_MS end
    return
  end
  S[S_SCAN_FROM], S[S_SCAN_AT] = BEFORE_ALL, now + SCAN_EVERY_MS
end

-- Forgets processes that have been silent for long, and the parked waiters of those that are forgotten, or have not asked
-- for them for long in this life of the server.
function F.forget()
  S[S_FORGET_AT] = now + FORGET_EVERY_MS
  local scanned = call('HSCAN', FACTS, string.format('%.0f', S[S_FORGET_CURSOR]), 'COUNT', FORGET_BOUND)
  S[S_FORGET_CURSOR] = tonumber(scanned[1])
  for index = 1, #scanned[2], 2 do
    local id = scanned[2][index]
    if id ~= '' and id ~= caller then
      local seen_at, _, digest = cmsgpack.unpack(scanned[2][index + 1])
      -- One whose waiters are still in the queue is kept until they were set aside.
      if digest == 0 and now - seen_at > FORGET_AFTER_MS + S[S_MAX_LEASE_MS] then
        call('HDEL', FACTS, id)
        C.processes[id] = false
      end
    end
  end
  local may_forget = now - S[S_BEGAN_AT] > FORGET_AFTER_MS -- processes have had the time to come in this life
  local parked, dropped = call('ZRANGE', PARKED, 0, PARKED_BOUND - 1), 0
  for _, id in ipairs(parked) do
    local waiter = F.waiter_of(call('HGET', WAITERS, id))
    local may_return = waiter and (not may_forget or waiter[W_QUEUED_AT] >= S[S_BEGAN_AT] and F.process_of(waiter[W_PROCESS]))
    if not may_return then
      call('ZREM', PARKED, id)
      call('HDEL', WAITERS, id)
      dropped = dropped + 1
    end
  end
  if dropped == PARKED_BOUND then S[S_FORGET_AT] = now + SCAN_EVERY_MS end
end
