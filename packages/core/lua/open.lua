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

-- The marker tells a later reader since when this life of the server has known of leases.
function F.mark_incarnation()
  local marker = call('GET', MARKER)
  if marker then
    local _, run_id = cmsgpack.unpack(marker)
    if run_id == RUN_ID then return end
  end
  call('SET', MARKER, cmsgpack.pack(FORMAT, RUN_ID, now, request[4]))
end

-- What a call does that finds anything but a living semaphore of this server that was used a moment ago.
function F.open()
  F.check_format(S)
  now = now + S[S_OFFSET]
  if now < S[S_NOW] then
    S[S_OFFSET] = S[S_OFFSET] + S[S_NOW] - now
    now = S[S_NOW]
  end
  if F.has_vanished(S, now) then
    call('UNLINK', FACTS)
    F.unlink_all_but_facts()
    S = nil
    return
  end
  if F.is_forgotten(S, now) then
    F.unlink_all_but_facts()
    F.forget_all_processes()
    S[S_LAPSES] = S[S_LAPSES] + S[S_LEASES]
    S[S_IN_USE], S[S_LEASES], S[S_WAITING], S[S_NEXT_LAPSE], S[S_RECOVER_UNTIL] = 0, 0, 0, 0, 0
    F.prepare_lease_keys()
  end
  if S[S_RUN_ID] ~= RUN_ID then
    S[S_RUN_ID] = RUN_ID
    F.mark_incarnation()
  end
  local fence_seen = request[3]
  if fence_seen > S[S_FENCE] and fence_seen < (now + IMPLAUSIBLE_MS) * 1000 then S[S_FENCE] = fence_seen end
  if request[4] > S[S_MAX_LEASE_MS] then S[S_MAX_LEASE_MS], S[S_REFRESH_AT] = request[4], 0 end
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
