-- How a call finds the semaphore, and leaves it.

function F.unlink_all_but_facts()
  call('UNLINK', EXPIRIES, LEASES, QUEUE, WAITERS, PARKED)
end

-- The two keys of the leases never become empty, so that a grant need not set their time to live.
function F.prepare_lease_keys()
  call('ZADD', EXPIRIES, '+inf', '')
  call('HSET', LEASES, '', '')
  S[S_REFRESH_AT] = 0
end

function F.lay_to_rest()
  if S[S_RECOVER_UNTIL] > now then C.recovery = { S[S_RECOVER_UNTIL], S[S_CAUSE] } end
  grave, S = S, nil
end

-- Ends the semaphore. Its fence and clock are remembered for a while: one that is made anew goes on above them, and whoever
-- has seen that fence takes nothing for lost.
function F.bury()
  call('UNLINK', FACTS)
  F.unlink_all_but_facts()
  S[S_LIMIT], S[S_NOW] = REMOVED, now
  call('HSET', FACTS, '', cmsgpack.pack(unpack(S, 1, S_SIZE)))
  call('PEXPIRE', FACTS, IDLE_MS)
  F.lay_to_rest()
end

-- What the marker tells of this life of the server; written where it told less. It may refuse the call, and comes
-- before anything else that is written.
function F.learn_life(longest_ms)
  local left_ms, cause, longest, marker, stored = F.recovery_of_life(server_now, longest_ms, request[8], request[9])
  if marker ~= stored then call('SET', MARKER, marker) end
  return left_ms, cause, longest
end

-- Nothing is granted until then, and claims bring back what is not known.
function F.recover(for_ms, cause)
  if for_ms > 0 and now + for_ms > S[S_RECOVER_UNTIL] then
    S[S_RECOVER_UNTIL], S[S_CAUSE] = now + for_ms, cause
  end
end

-- Waiters keep their places, and every process asks again: nobody can say whether its view of the queue is still right.
function F.set_queue_aside()
  if call('EXISTS', PARKED) == 1 then
    call('ZUNIONSTORE', PARKED, 2, PARKED, QUEUE, 'AGGREGATE', 'MAX')
    call('UNLINK', QUEUE)
  elseif call('EXISTS', QUEUE) == 1 then
    call('RENAME', QUEUE, PARKED)
  end
  S[S_WAITING], S[S_BEGAN_AT] = 0, now
  F.forget_all_processes()
end

-- The clock of a semaphore never runs backward.
function F.set_clock(state)
  now = now + state[S_OFFSET]
  if now >= state[S_NOW] then return end
  state[S_OFFSET] = state[S_OFFSET] + state[S_NOW] - now
  now = state[S_NOW]
end

-- The highest fence that the caller has seen; 0 where it cannot have been given out.
function F.fence_seen()
  return request[3] < (now + IMPLAUSIBLE_MS) * 1000 and request[3] or 0
end

-- States of the format before this one.
function F.upgrade()
  S[S_FORMAT], S[S_CAUSE], S[S_BEGAN_AT] = FORMAT, S[S_CAUSE] or '', S[S_BEGAN_AT] or now
end

-- What a call does that finds anything but a living semaphore of this life of the server that was used a moment ago.
function F.open()
  F.check_format(S)
  F.set_clock(S)
  if S[S_FORMAT] < FORMAT then F.upgrade() end
  if S[S_LIMIT] == REMOVED then return F.lay_to_rest() end
  local longer, left_ms, cause = request[4] > S[S_MAX_LEASE_MS], 0, ''
  if S[S_RUN_ID] ~= RUN_ID or longer or request[9] then
    left_ms, cause = F.learn_life(math.max(request[4], S[S_MAX_LEASE_MS]))
  end
  if F.has_vanished(S, now) then return F.bury() end
  if F.is_forgotten(S, now) then
    F.unlink_all_but_facts()
    F.forget_all_processes()
    S[S_LAPSES] = S[S_LAPSES] + S[S_LEASES]
    S[S_IN_USE], S[S_LEASES], S[S_WAITING], S[S_NEXT_LAPSE] = 0, 0, 0, 0
    F.prepare_lease_keys()
  end
  if longer then S[S_MAX_LEASE_MS], S[S_REFRESH_AT] = request[4], 0 end
  if not F.is_same_life(S[S_RUN_ID]) then F.set_queue_aside() end
  S[S_RUN_ID] = RUN_ID
  F.recover(left_ms, cause)
  if F.fence_seen() > S[S_FENCE] then
    if S[S_RECOVER_UNTIL] <= now then
      F.set_queue_aside()
      F.recover(S[S_MAX_LEASE_MS], 'fence')
    end
    S[S_FENCE] = request[3]
  end
end

-- What becomes of a semaphore that is made by this call: whether somebody may hold leases of a former one.
function F.look_back()
  local left_ms, cause, longest_ms = F.learn_life(request[4])
  C.longest_ms = longest_ms
  if left_ms <= 0 and F.fence_seen() > (grave and grave[S_FENCE] or 0) then left_ms, cause = longest_ms, 'fence' end
  -- Its facts were evicted, and leases stayed behind.
  if left_ms <= 0 and not grave and call('ZCOUNT', EXPIRIES, '(' .. now, '+inf') > 1 then
    left_ms, cause = longest_ms, 'keys'
  end
  if left_ms > 0 and now + left_ms > (C.recovery and C.recovery[1] or 0) then C.recovery = { now + left_ms, cause } end
end

-- Sets the times to live anew. A semaphore that was defined keeps its facts; all else goes when nobody comes any more.
-- The facts are written once more by the common way, which changes no time to live.
function F.refresh()
  S[S_REFRESH_AT] = now + REFRESH_MS
  call('HSET', FACTS, '', cmsgpack.pack(unpack(S, 1, S_SIZE)))
  for _, key in ipairs({ FACTS, EXPIRIES, LEASES, QUEUE, WAITERS, PARKED }) do
    call('PEXPIRE', key, F.time_to_live(S))
  end
  if S[S_PERMANENT] == 1 then call('PERSIST', FACTS) end
end
