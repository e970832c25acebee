-- How each operation is decided that does not go the common way. Each reads what it needs and writes at once.

function F.lease_of(id)
  flush()
  local record = id ~= '' and call('HGET', LEASES, id)
  return record and { cmsgpack.unpack(record) }
end

function F.write_lease(id, lease)
  lease[L_SHARED] = lease[L_SHARED] or 0
  call('HSET', LEASES, id, cmsgpack.pack(unpack(lease, 1, lease[L_OWNED_AT] and L_OWNED_AT or L_SHARED)))
end

function F.drop_now(id, lease)
  S[S_IN_USE], S[S_LEASES] = S[S_IN_USE] - lease[L_PERMITS], S[S_LEASES] - 1
  drops = { id }
  flush()
  return 1
end

-- A waiter that may be in the queue, or parked.
function F.find_waiter(id)
  F.flush_arrivals()
  return F.waiter_of(call('HGET', WAITERS, id))
end

function F.dequeue(id, waiter)
  call('HDEL', WAITERS, id)
  if call('ZREM', QUEUE, id) == 0 then
    call('ZREM', PARKED, id)
    return
  end
  S[S_WAITING] = S[S_WAITING] - 1
  F.digest_add(waiter[W_PROCESS], -waiter[W_SEQUENCE])
end

function F.pack_waiter(waiter)
  return cmsgpack.pack(unpack(waiter, 1, W_FINGERPRINT))
end

function F.admit_operation(operation)
  local holder = operation[7]
  if holder == nil or holder == '' then holder = request[5] end
  return F.admit(operation[2], operation[3] or 1, operation[4] or 1, operation[5] or 0, operation[6] or 0,
    cmsgpack.pack(caller, holder, operation[8] or '', operation[9] or ''))
end

-- The request of a lease that was restored is not known any more.
function F.is_same_request(lease, operation)
  if lease[L_FINGERPRINT] == NOT_KNOWN then return lease[L_PERMITS] == (operation[3] or 1) end
  return lease[L_FINGERPRINT] == (operation[9] or '')
end

function F.ask_for_held(operation, lease)
  local id, attempt = operation[2], operation[8] or ''
  if not F.is_same_request(lease, operation) then return REUSED end
  if operation[1] == '?' and lease[L_ATTEMPT] ~= attempt then return SUPERSEDED end
  if lease[L_REVOKED] == 1 then
    if operation[1] ~= '?' then return REUSED end
    F.drop_now(id, lease) -- its grant never arrived: nobody has believed in it
    return F.admit_operation(operation)
  end
  local again = lease[L_ATTEMPT] ~= attempt and 1 or 0
  if again == 1 or lease[L_PROCESS] ~= caller or lease[L_FINGERPRINT] == NOT_KNOWN then
    lease[L_ATTEMPT], lease[L_PROCESS], lease[L_FINGERPRINT] = attempt, caller, operation[9] or ''
    if again == 1 then lease[L_SHARED], lease[L_OWNED_AT] = 1, now end
    F.write_lease(id, lease)
  end
  local expires_at = call('ZSCORE', EXPIRIES, id)
  if not expires_at then -- it was lost with its key
    expires_at = now + lease[L_LEASE_MS]
    call('ZADD', EXPIRIES, expires_at, id)
    if S[S_NEXT_LAPSE] == 0 or expires_at < S[S_NEXT_LAPSE] then S[S_NEXT_LAPSE] = expires_at end
  end
  return string.format('[1,%.0f,%.0f,%.0f,%.0f,%d]', lease[L_FENCE], expires_at, lease[L_LEASE_MS], lease[L_PERMITS], again)
end

-- The waiter belongs to this attempt of this process from now on; one that was parked gets its place back.
function F.ask_for_queued(operation, waiter)
  local id, attempt = operation[2], operation[8] or ''
  if waiter[W_FINGERPRINT] ~= (operation[9] or '') then return REUSED end
  if operation[1] == '?' and waiter[W_ATTEMPT] ~= attempt then return SUPERSEDED end
  if operation[4] == 0 then
    F.dequeue(id, waiter)
    return F.not_now()
  end
  if call('ZREM', PARKED, id) == 1 or not call('ZSCORE', QUEUE, id) then -- parked, or its queue was lost
    call('ZADD', QUEUE, F.place_of(waiter[W_PRIORITY], waiter[W_SEQUENCE]), id)
    call('PEXPIRE', QUEUE, F.time_to_live(S))
    S[S_WAITING] = S[S_WAITING] + 1
    F.digest_add(caller, waiter[W_SEQUENCE])
  elseif waiter[W_PROCESS] ~= caller then
    F.digest_add(waiter[W_PROCESS], -waiter[W_SEQUENCE])
    F.digest_add(caller, waiter[W_SEQUENCE])
  end
  waiter[W_PROCESS], waiter[W_ATTEMPT] = caller, attempt
  call('HSET', WAITERS, id, F.pack_waiter(waiter))
  return string.format('[0,%.0f]', waiter[W_SEQUENCE])
end

function F.ask_known(operation)
  local lease = F.lease_of(operation[2])
  if lease then return F.ask_for_held(operation, lease) end
  local waiter = F.find_waiter(operation[2])
  if waiter then return F.ask_for_queued(operation, waiter) end
  return F.admit_operation(operation)
end

local renewals = {}

-- The record does not hold the expiry, so that a renewal writes one number.
function F.renew(lease, record, lease_ms)
  if not record or lease == '' then
    F.notice_lost_keys()
    return LAPSED
  end
  local _, _, granted_for_ms, _, revoked = cmsgpack.unpack_limit(record, 4)
  if revoked == 1 then return REVOKED end
  lease_ms = lease_ms or granted_for_ms
  local expires_at = now + lease_ms
  if S[S_NEXT_LAPSE] == 0 or expires_at < S[S_NEXT_LAPSE] then S[S_NEXT_LAPSE] = expires_at end
  renewals[#renewals + 1] = expires_at
  renewals[#renewals + 1] = lease
  return lease_ms
end

-- Never to an earlier end: a holder that missed the answer goes by an older one.
function F.flush_renewals()
  if #renewals > 0 then call('ZADD', EXPIRIES, 'GT', unpack(renewals)) end
  renewals = {}
end

-- A renewal by whoever goes on with the lease: it belongs to this attempt of this process from now on. Somebody holds it,
-- so no abort ends it.
function F.claim(operation)
  local id, attempt = operation[2], operation[3]
  flush()
  local record = call('HGET', LEASES, id)
  if not record then
    F.notice_lost_keys()
    return F.restore(operation)
  end
  local answer = F.renew(id, record)
  if answer < 0 then return answer end
  F.flush_renewals()
  local lease = { cmsgpack.unpack(record) }
  local owned_at = operation[1] == 'K' and operation[8] or now
  if operation[1] == 'K' and owned_at <= (lease[L_OWNED_AT] or lease[L_GRANTED_AT]) then return answer end
  lease[L_PROCESS], lease[L_ATTEMPT], lease[L_SHARED], lease[L_OWNED_AT] = caller, attempt, 1, owned_at
  F.write_lease(id, lease)
  return answer
end

-- Takes a lease for held that its holder tells of, whether or not there is room for it. Who waits under its name has
-- asked for the very same: its process is told to ask again, and finds the lease.
function F.restore(operation)
  local _, id, attempt, permits, fence, lease_ms, holder, owned_at = unpack(operation, 1, 8)
  if S[S_RECOVER_UNTIL] == 0 or not permits then return LAPSED end
  if fence <= 0 or fence > (now + IMPLAUSIBLE_MS) * 1000 then return LAPSED end
  local waiter = F.find_waiter(id)
  if waiter then
    if waiter[W_PERMITS] ~= permits then return LAPSED end
    F.dequeue(id, waiter)
    F.notices_for(waiter[W_PROCESS]).removed = 1
  end
  local granted_at, expires_at = math.min(math.floor(fence / 1000), now), now + lease_ms
  local fingerprint = waiter and waiter[W_FINGERPRINT] or NOT_KNOWN
  F.write_lease(id, { permits, lease_ms, granted_at, 0, fence, caller, holder, attempt, fingerprint, 1, owned_at or now })
  call('ZADD', EXPIRIES, expires_at, id)
  S[S_IN_USE], S[S_LEASES], S[S_FENCE] = S[S_IN_USE] + permits, S[S_LEASES] + 1, math.max(S[S_FENCE], fence)
  if S[S_NEXT_LAPSE] == 0 or expires_at < S[S_NEXT_LAPSE] then S[S_NEXT_LAPSE] = expires_at end
  return lease_ms
end

function F.cancel(operation)
  local id, attempt = operation[2], operation[3]
  local lease = F.lease_of(id)
  if lease and lease[L_ATTEMPT] == attempt and lease[L_SHARED] ~= 1 then return F.drop_now(id, lease) end
  local waiter = F.find_waiter(id)
  if not waiter or waiter[W_ATTEMPT] ~= attempt then return 0 end
  F.dequeue(id, waiter)
  return 1
end

function F.release_owned(operation)
  local lease = F.lease_of(operation[2])
  if not lease or lease[L_ATTEMPT] ~= operation[3] then return 0 end
  return F.drop_now(operation[2], lease)
end

function F.discard(operation)
  local lease = F.lease_of(operation[2])
  if not lease or lease[L_FENCE] ~= operation[3] or lease[L_PROCESS] ~= caller then return 0 end
  return F.drop_now(operation[2], lease)
end

function F.terms(limit, lease_ms, max_waiters, version)
  return limit .. ',' .. lease_ms .. ',' .. max_waiters .. ',' .. version
end

function F.create(limit, lease_ms, max_waiters, version)
  F.unlink_all_but_facts()
  local recover_until, cause = unpack(C.recovery or { 0, '' })
  S = {
    FORMAT, RUN_ID, limit, lease_ms, max_waiters, version, math.min(version, 1), 0, 0, 0,
    math.max(F.fence_seen(), grave and grave[S_FENCE] or 0), 0, grave and grave[S_OFFSET] or 0, now, 0, 0, 0, 0,
    math.max(request[4], C.longest_ms or 0, grave and grave[S_MAX_LEASE_MS] or 0), 0, BEFORE_ALL, 0, 0, now + FORGET_EVERY_MS, recover_until,
    F.terms(limit, lease_ms, max_waiters, version), cause, now,
  }
  F.prepare_lease_keys()
  return 1
end

function F.change_definition(limit, lease_ms, max_waiters)
  local changed = S[S_LIMIT] ~= limit or S[S_LEASE_MS] ~= lease_ms or S[S_MAX_WAITERS] ~= max_waiters
  if changed or S[S_PERMANENT] == 0 then F.redefine(limit, lease_ms, max_waiters, S[S_VERSION] + 1) end
end

-- Waiters that no longer fit are found by a walk along the whole queue.
function F.redefine(limit, lease_ms, max_waiters, version)
  S[S_VERSION], S[S_PERMANENT], S[S_REFRESH_AT] = version, 1, 0
  S[S_LIMIT], S[S_LEASE_MS], S[S_MAX_WAITERS] = limit, lease_ms, max_waiters
  S[S_TERMS] = F.terms(limit, lease_ms, max_waiters, S[S_VERSION])
  S[S_SCAN_FROM], S[S_SCAN_AT] = BEFORE_ALL, 0
  F.flush_arrivals()
  F.scan()
end

-- A definition that the caller knows from before: while the semaphore recovers, the latest one is taken. What is not there
-- may also have been removed since the caller has seen it: it is made anew where it is in use, or where nothing is left of
-- the time before.
function F.recall(operation)
  local limit, lease_ms, max_waiters, version, in_use = unpack(operation, 2, 6)
  if S then
    local is_later = S[S_RECOVER_UNTIL] > 0 and version > S[S_VERSION]
    if is_later then F.redefine(limit, lease_ms, max_waiters, version) end
  elseif C.recovery then
    local has_lost_all = not grave and (C.recovery[2] == 'start' or C.recovery[2] == 'flush')
    if has_lost_all or in_use == 1 then F.create(limit, lease_ms, max_waiters, version) end
  end
  return 0
end

function F.revoke(operation)
  local lease = F.lease_of(operation[2])
  if not lease then return 0 end
  if lease[L_REVOKED] == 1 then return 1 end
  lease[L_REVOKED] = 1
  F.write_lease(operation[2], lease)
  S[S_REVOCATIONS] = S[S_REVOCATIONS] + 1
  local revoked = F.notices_for(lease[L_PROCESS]).revoked
  revoked[#revoked + 1] = operation[2]
  return 1
end

-- Every process that waits is told to ask again, as if it came now.
function F.remove()
  if S[S_LEASES] > 0 then return IN_USE end
  F.flush_arrivals()
  if S[S_WAITING] > 0 then
    for _, process in ipairs(call('HKEYS', FACTS)) do
      if process ~= '' then F.notices_for(process).removed = 1 end
    end
    F.notices_for(caller).removed = 1
  end
  F.bury()
  C.processes, C.changed = { [caller] = me }, {}
  me[P_DIGEST] = 0
  return 1
end

-- What is asked of a semaphore that does not exist.
function F.decide_without_semaphore(operation)
  local code = operation[1]
  if code == 'd' then return F.create(operation[2], operation[3], operation[4], 1) end
  if code == 'e' then return F.create(operation[2], operation[3], operation[4], 0) end
  if code == 'D' then return F.recall(operation) end
  if code == 'n' or code == 'N' or code == 'k' or code == 'K' then return LAPSED end
  if code == 'c' or code == 'r' or code == 'R' or code == 'z' or code == 'v' then return 0 end
  return UNKNOWN
end

function F.decide_one(operation)
  if not S then return F.decide_without_semaphore(operation) end
  local code = operation[1]
  if code == 'B' and not repeated then return F.admit_operation(operation) end
  if code == 'B' or code == 'a' or code == '?' then return F.ask_known(operation) end
  if code == 'c' then return F.cancel(operation) end
  if code == 'R' then return F.release_owned(operation) end
  if code == 'z' then return F.discard(operation) end
  if code == 'v' then return F.revoke(operation) end
  if code == 'k' or code == 'K' then return F.claim(operation) end
  if code == 'D' then return F.recall(operation) end
  if code == 'x' then return F.remove() end
  if code == 'N' then
    flush()
    local answer = F.renew(operation[2], call('HGET', LEASES, operation[2]), operation[3])
    F.flush_renewals()
    return answer
  end
  if code == 'd' then F.change_definition(operation[2], operation[3], operation[4]) end
  if code == 's' then F.change_definition(operation[2], S[S_LEASE_MS], S[S_MAX_WAITERS]) end
  return code == 's' and 1 or 0
end

function F.renew_run(run)
  flush()
  local records = call('HMGET', LEASES, unpack(run, 2))
  for index = 2, #run do F.answer(F.renew(run[index], records[index - 1])) end
  F.flush_renewals()
end

function F.decide(run)
  local code = run[1]
  if code == 'n' and S then
    F.renew_run(run)
  elseif code == 'A' then
    for index = 3, #run do F.answer(F.decide_one({ 'B', run[index], 1, 1, 0, run[2] })) end
  elseif code == 'r' or code == 'n' then
    for index = 2, #run do F.answer(F.decide_one({ code, run[index] })) end
  else
    F.answer(F.decide_one(run))
  end
end
