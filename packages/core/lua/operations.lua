-- How each operation is decided, and the reply.

local function holder_of(operation)
  local holder = operation[7]
  return (holder == nil or holder == '') and default_holder or holder
end

local function held_answer(id, lease)
  return string.format('[1,%.0f,%.0f,%.0f,%.0f]', lease.fence, expires_at_of(id, lease), lease.lease_ms, lease.permits)
end

-- The first time that a lease is named nothing can be known of it, and nothing is looked up.
local function decide_newcomer(operation)
  local id, permits, queue, priority, lease_ms =
    operation[2], operation[3] or 1, operation[4] or 1, operation[5] or 0, operation[6] or 0
  if state.limit > 0 and permits > state.limit then return REFUSAL.exceeds_limit end
  if OUT_OF_MEMORY then return REFUSAL.out_of_memory end
  if queue == 0 and state.waiting > 0 then -- whoever does not wait is judged after those who do
    flush_waiters()
    handoff()
  end
  local request_of = { permits = permits, process = caller, holder = holder_of(operation),
    attempt = operation[8] or '', fingerprint = operation[9] or '' }
  if state.waiting == 0 and admits(permits) then
    request_of.lease_ms = lease_ms > 0 and lease_ms or state.lease_ms
    return grant(id, request_of)
  end
  if queue == 0 then return REFUSAL.timeout end
  if state.waiting >= state.max_waiters then return REFUSAL.queue_full end
  request_of.lease_ms, request_of.priority = lease_ms, priority
  enqueue(id, request_of)
  return string.format('[0,%.0f]', request_of.sequence)
end

local function decide_known_lease(operation, lease, asks_again)
  local attempt = operation[8] or ''
  if lease.fingerprint ~= (operation[9] or '') then return REFUSAL.reused end
  if asks_again and lease.attempt ~= attempt then return REFUSAL.superseded end
  if lease.revoked == 1 then return REFUSAL.reused end
  if lease.attempt ~= attempt or lease.process ~= caller then
    lease.attempt, lease.process = attempt, caller
    change_lease(operation[2], lease)
  end
  return held_answer(operation[2], lease)
end

local function decide_known_waiter(operation, waiter, asks_again)
  local attempt = operation[8] or ''
  if waiter.fingerprint ~= (operation[9] or '') then return REFUSAL.reused end
  if asks_again and waiter.attempt ~= attempt then return REFUSAL.superseded end
  if operation[4] == 0 then
    dequeue(operation[2], waiter)
    return REFUSAL.timeout
  end
  take_over(operation[2], waiter, attempt)
  return string.format('[0,%.0f]', waiter.sequence)
end

local function acquire(operation, asks_again)
  if not state then return REFUSAL.unknown end
  local lease, waiter = held[operation[2]], waiting[operation[2]]
  if lease and asks_again and lease.revoked == 1 then -- its grant never arrived: nobody has believed in it
    drop_lease(operation[2], lease)
    return decide_newcomer(operation)
  end
  if lease then return decide_known_lease(operation, lease, asks_again) end
  if waiter then return decide_known_waiter(operation, waiter, asks_again) end
  return decide_newcomer(operation)
end

local function cancel(operation)
  local id, attempt = operation[2], operation[3]
  local lease, waiter = held[id], waiting[id]
  if lease and lease.attempt == attempt then
    drop_lease(id, lease)
    return 1
  end
  if not waiter or waiter.attempt ~= attempt then return 0 end
  dequeue(id, waiter)
  return 1
end

local function release(operation)
  local lease = held[operation[2]]
  if not lease or (operation[3] and lease.attempt ~= operation[3]) then return 0 end
  drop_lease(operation[2], lease)
  return 1
end

local function discard(operation)
  local lease = held[operation[2]]
  if not lease or lease.fence ~= operation[3] then return 0 end
  drop_lease(operation[2], lease)
  return 1
end

local function renew_lease(operation)
  local lease = held[operation[2]]
  if not lease then return REFUSAL.lapsed end
  if lease.revoked == 1 then return REFUSAL.revoked end
  local lease_ms = operation[3] and operation[3] > 0 and operation[3] or lease.lease_ms
  renew(operation[2], lease, lease_ms)
  return lease_ms
end

local function ensure(operation)
  if not state then create_state(operation[2], operation[3], operation[4], 0) end
  return 0
end

local function change_definition(limit, lease_ms, max_waiters)
  local same = state.permanent == 1 and state.limit == limit and state.lease_ms == lease_ms
    and state.max_waiters == max_waiters
  if same then return end
  if state.version == 0 or state.limit ~= limit or state.lease_ms ~= lease_ms or state.max_waiters ~= max_waiters then
    state.version = state.version + 1
  end
  state.limit, state.lease_ms, state.max_waiters, state.permanent = limit, lease_ms, max_waiters, 1
  state.scan_from, state.scan_at = -1, 0
end

local function define(operation)
  if not state then
    create_state(operation[2], operation[3], operation[4], 1)
    return 1
  end
  change_definition(operation[2], operation[3], operation[4])
  return 0
end

local function resize(operation)
  if not state then return REFUSAL.unknown end
  change_definition(operation[2], state.lease_ms, state.max_waiters)
  return 1
end

local function revoke(operation)
  local id = operation[2]
  local lease = held[id]
  if not lease then return 0 end
  if lease.revoked == 1 then return 1 end
  lease.revoked = 1
  change_lease(id, lease)
  state.revocations = state.revocations + 1
  local revoked = notices_for(lease.process).revoked
  revoked[#revoked + 1] = id
  return 1
end

-- Every process that waits is told to ask again, as if it came now.
local function remove()
  if not state then return REFUSAL.unknown end
  if state.leases > 0 then return REFUSAL.in_use end
  if state.waiting > 0 then
    for _, process in ipairs(redis.call('HKEYS', PROCESSES)) do notices_for(process).removed = 1 end
    notices_for(caller).removed = 1
  end
  redis.call('UNLINK', STATE)
  unlink_all_but_state()
  state, held, waiting, arrivals, changed_leases, renewals = nil, {}, {}, {}, {}, {}
  processes, touched = { [caller] = me }, { [caller] = true }
  me.digest = 0
  return 1
end

local decide = {
  A = function(operation)
    if repeated then return acquire(operation, false) end
    if not state then return REFUSAL.unknown end
    return decide_newcomer(operation)
  end,
  a = function(operation) return acquire(operation, false) end,
  ['?'] = function(operation) return acquire(operation, true) end,
  c = cancel, r = release, z = discard, n = renew_lease, e = ensure, d = define, s = resize, v = revoke, x = remove,
}

-- Reads at once all leases and waiters that the operations name and that may exist.
local function load_mentioned()
  local leases, waiters = {}, {}
  for index = 1, #operations do
    local operation = operations[index]
    local code, id = operation[1], operation[2]
    local is_acquire = code == 'a' or code == '?' or code == 'A' and repeated
    if is_acquire or code == 'c' then waiters[#waiters + 1] = id end
    if is_acquire or code == 'c' or code == 'r' or code == 'n' or code == 'v' or code == 'z' then
      leases[#leases + 1] = id
    end
  end
  load_leases(leases)
  load_waiters(waiters)
end

local function reply(answers, lapse_in_ms)
  local own = outbox[caller]
  return string.format('[%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%d,%d,[%s],%s]',
    now, fence_base, state and state.limit or -1, state and state.lease_ms or 0, state and state.max_waiters or 0,
    state and state.version or 0, state and me.digest or 0, lapse_in_ms, more, repeated and 1 or 0,
    table.concat(answers, ','), own and encode_notices(own) or '0')
end
