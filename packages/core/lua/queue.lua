-- Waiters and the processes they belong to.

-- A small number is packed as itself.
function F.permits_of(record)
  local first = string.byte(record)
  if first < 128 then return first end
  return (cmsgpack.unpack(record))
end

-- Admission is decided here, and for acquires with nothing but defaults in the common way.
function F.admits(permits)
  return S[S_IN_USE] + permits <= S[S_LIMIT] and S[S_RECOVER_UNTIL] == 0
end

-- The answer to an acquire that does not wait.
function F.not_now()
  return S[S_RECOVER_UNTIL] > 0 and RECOVERING or TIMEOUT
end

function F.answer(answer)
  answered = answered + 1
  answers[answered] = answer
end

function F.release_run(run)
  flush()
  local records = call('HMGET', LEASES, unpack(run, 2))
  local seen = { [''] = true } -- a lease that is named twice is released once
  for index = 2, #run do
    local record = not seen[run[index]] and records[index - 1]
    seen[run[index]] = true
    F.answer(record and 1 or 0)
    if record then
      S[S_IN_USE], S[S_LEASES] = S[S_IN_USE] - F.permits_of(record), S[S_LEASES] - 1
      drops[#drops + 1] = run[index]
    end
  end
  flush()
end

function F.process_of(id)
  local process = C.processes[id]
  if process ~= nil then return process end
  local packed = call('HGET', FACTS, id)
  process = packed and { cmsgpack.unpack(packed) }
  C.processes[id] = process
  return process
end

function F.digest_add(id, sequence)
  local process = F.process_of(id)
  if not process then return end
  process[P_DIGEST] = (process[P_DIGEST] + sequence) % DIGEST_MODULUS
  if id ~= caller then C.changed[id] = true end
end

-- The queue, or a part of it, was lost: no process may take its digest for right. They ask again, at new places.
function F.forget_all_processes()
  call('UNLINK', FACTS)
  C.processes, C.changed = { [caller] = me }, {}
  me[P_DIGEST], S[S_REFRESH_AT] = 0, 0
end

-- Lower places are served first: a higher priority, then a lower sequence number.
function F.place_of(priority, sequence)
  return sequence - priority * PRIORITY_BAND
end

function F.waiter_of(record)
  return record and { cmsgpack.unpack(record) }
end

-- `head` and `tail` are the packed record around its sequence number.
function F.enqueue(id, priority, head, tail)
  local sequence = S[S_SEQUENCE] + 1
  S[S_SEQUENCE], S[S_WAITING] = sequence, S[S_WAITING] + 1
  me[P_DIGEST] = (me[P_DIGEST] + sequence) % DIGEST_MODULUS
  if not C.queue then C.queue, C.waiters = {}, {} end
  local size = #C.queue
  C.queue[size + 1], C.queue[size + 2] = F.place_of(priority, sequence), id
  C.waiters[size + 1], C.waiters[size + 2] = id, head .. cmsgpack.pack(sequence) .. tail
  return '[0,' .. sequence .. ']'
end

-- The packed record of a lease or waiter without labels, after its number; the same for all of a call.
function F.plain_tail()
  if not C.plain_tail then C.plain_tail = cmsgpack.pack(caller, request[5], '', '') end
  return C.plain_tail
end

-- An acquire of a lease that is named for the first time: nothing can be known of it, and nothing is looked up.
-- `lease_ms` 0 is the definition's; `tail` nil has no labels.
function F.admit(id, permits, queue, priority, lease_ms, tail)
  if S[S_LIMIT] > 0 and permits > S[S_LIMIT] then return EXCEEDS_LIMIT end
  if OUT_OF_MEMORY then return NO_MEMORY end
  if queue == 0 and S[S_WAITING] > 0 then F.handoff() end -- whoever does not wait is judged after those who do
  if S[S_WAITING] == 0 and F.admits(permits) then
    local for_ms = lease_ms > 0 and lease_ms or S[S_LEASE_MS]
    return grant(id, permits, for_ms, cmsgpack.pack(permits, for_ms, now, 0), tail or F.plain_tail())
  end
  if queue == 0 then return F.not_now() end
  if S[S_WAITING] >= S[S_MAX_WAITERS] then return QUEUE_FULL end
  return F.enqueue(id, priority, cmsgpack.pack(permits, lease_ms, priority, now), tail or F.plain_tail())
end

function F.flush_arrivals()
  if not C.queue then return end
  call('ZADD', QUEUE, unpack(C.queue))
  call('HSET', WAITERS, unpack(C.waiters))
  if S[S_WAITING] * 2 <= #C.queue then -- the keys may have been made by this call
    call('PEXPIRE', QUEUE, F.time_to_live(S))
    call('PEXPIRE', WAITERS, F.time_to_live(S))
  end
  C.queue, C.waiters = nil, nil
end

-- What is told to processes about waiters and leases they did not ask about: the caller learns it from the reply, the
-- others from their inbox.
function F.notices_for(process)
  C.outbox = C.outbox or {}
  local notices = C.outbox[process]
  if not notices then
    notices = { grants = {}, misfits = {}, revoked = {}, removed = 0 }
    C.outbox[process] = notices
  end
  return notices
end

function F.encode_notices(notices)
  local misfits = #notices.misfits == 0 and '' or '"' .. table.concat(notices.misfits, '","') .. '"'
  local revoked = #notices.revoked == 0 and '' or '"' .. table.concat(notices.revoked, '","') .. '"'
  return '[[' .. table.concat(notices.grants, ',') .. '],[' .. misfits .. '],[' .. revoked .. '],' .. notices.removed .. ']'
end

-- Writes and tells what concerns other processes.
function F.tell()
  for process in pairs(C.changed) do
    local record = C.processes[process]
    if S and record then call('HSET', FACTS, process, cmsgpack.pack(record[1], record[2], record[3])) end
  end
  if C.outbox then F.publish() end
end

function F.own_notices()
  local own = C.outbox and C.outbox[caller]
  return own and F.encode_notices(own) or '0'
end

function F.publish()
  local prefix, name = string.match(FACTS, '^(.*):{(.*)}:facts$')
  for process, notices in pairs(C.outbox) do
    if process ~= caller then
      local channel = INBOX_IN_SLOT and prefix .. ':{' .. name .. '}:inbox:' .. process or prefix .. ':inbox:' .. process
      call(PUBLISH, channel, string.format('["%s","%s",%.0f,%.0f,%.0f,%.0f,%s]', name, RUN_ID, now, fence_base,
        S and S[S_LEASE_MS] or 0, S and S[S_LIMIT] or -1, F.encode_notices(notices)))
    end
  end
end

function F.grant_waiter(id, record, permits, lease_ms, sequence, process, tail_at)
  F.digest_add(process, -sequence)
  S[S_WAITING] = S[S_WAITING] - 1
  local for_ms = lease_ms > 0 and lease_ms or S[S_LEASE_MS]
  local tail = string.sub(record, tail_at + 1)
  local number = grant(id, permits, for_ms, cmsgpack.pack(permits, for_ms, now, 0), tail)
  local grants = F.notices_for(process).grants
  grants[#grants + 1] = '["' .. id .. '",' .. number .. ']'
end

-- What becomes of a waiter before its permits are looked at. True where it leaves the queue: it can never be served, or
-- its process is silent (it is parked and keeps its place) or dead.
function F.leaves_early(id, place, permits, lease_ms, sequence, owner)
  local process = F.process_of(owner)
  if not process then
    call('HDEL', WAITERS, id)
  elseif now - process[P_SEEN_AT] > (lease_ms > 0 and lease_ms or S[S_LEASE_MS]) then
    F.digest_add(owner, -sequence)
    call('ZADD', PARKED, place, id)
    call('PEXPIRE', PARKED, F.time_to_live(S))
  elseif S[S_LIMIT] > 0 and permits > S[S_LIMIT] then
    F.digest_add(owner, -sequence)
    local misfits = F.notices_for(owner).misfits
    misfits[#misfits + 1] = id
    call('HDEL', WAITERS, id)
  else
    return false
  end
  S[S_WAITING] = S[S_WAITING] - 1
  return true
end

-- Serves the waiters of one page of the queue. Returns how many left it, and whether one stays because it does not fit.
function F.serve(page, grants_allowed)
  if #page == 0 then return 0, false end
  local ids, leaving, served, blocked = {}, {}, {}, false
  for index = 1, #page, 2 do ids[#ids + 1] = page[index] end
  local records = call('HMGET', WAITERS, unpack(ids))
  for index = 1, #ids do
    local id, record = ids[index], records[index]
    if not record then
      leaving[#leaving + 1] = id
      S[S_WAITING] = S[S_WAITING] - 1
      F.forget_all_processes()
    else
      local tail_at, permits, lease_ms, _, _, sequence = cmsgpack.unpack_limit(record, 5)
      local _, process = cmsgpack.unpack_one(record, tail_at)
      if F.leaves_early(id, page[2 * index], permits, lease_ms, sequence, process) then
        leaving[#leaving + 1] = id
      elseif grants_allowed then
        if not F.admits(permits) then
          blocked = true
          break
        end
        F.grant_waiter(id, record, permits, lease_ms, sequence, process, tail_at)
        leaving[#leaving + 1] = id
        served[#served + 1] = id
      end
    end
  end
  if #leaving > 0 then call('ZREM', QUEUE, unpack(leaving)) end
  if #served > 0 then call('HDEL', WAITERS, unpack(served)) end
  return #leaving, blocked
end

-- Freed permits go to the first waiters, as long as they fit.
function F.handoff()
  F.flush_arrivals()
  if OUT_OF_MEMORY or S[S_RECOVER_UNTIL] > 0 then return end
  local budget, size = HANDOFF_BOUND, S[S_LIMIT] - S[S_IN_USE]
  while S[S_WAITING] > 0 and S[S_IN_USE] < S[S_LIMIT] do
    if budget <= 0 then
      more = 1
      return
    end
    size = math.min(math.max(size, 1), S[S_WAITING], budget, PAGE_BOUND)
    local left, blocked = F.serve(call('ZRANGE', QUEUE, 0, size - 1, 'WITHSCORES'), true)
    if blocked then return end
    if left == 0 then -- the queue is shorter than its count: its key was lost
      S[S_WAITING] = call('ZCARD', QUEUE)
      F.forget_all_processes()
      return
    end
    budget, size = budget - left, PAGE_BOUND
  end
end

-- When the next lease lapses; 0: none is held.
function F.first_expiry()
  local first = call('ZRANGE', EXPIRIES, 0, 0, 'WITHSCORES')
  return first[1] and first[1] ~= '' and tonumber(first[2]) or 0
end

-- Callers that wait are told when the earliest lease lapses, or the recovery ends; the bound is made exact where it is
-- near.
function F.tend_queue()
  F.flush_arrivals()
  if now >= S[S_SCAN_AT] then
    load(true)
    F.scan()
  end
  F.handoff()
  if me[P_DIGEST] == 0 then return end
  if S[S_RECOVER_UNTIL] > 0 then
    lapse_in_ms = math.max(1, S[S_RECOVER_UNTIL] - now)
    return
  end
  if S[S_NEXT_LAPSE] == 0 then return end
  if S[S_NEXT_LAPSE] - now < S[S_LEASE_MS] / 2 then
    flush()
    S[S_NEXT_LAPSE] = F.first_expiry()
  end
  if S[S_NEXT_LAPSE] > 0 then lapse_in_ms = math.max(1, S[S_NEXT_LAPSE] - now) end
end
