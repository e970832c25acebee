-- The common call: releases, then plain acquires that all fit, while nobody waits and nothing else is due. It is the rest
-- of apply.lua for that case alone, without its functions: making those would take half as long as all that is done here.
-- What it may not decide it leaves alone, and the call goes on as if it were not there.

local state, process = { cmsgpack.unpack(stored[1]) }, { cmsgpack.unpack(stored[2]) }
local at = now + state[S_OFFSET]
local released, wanted = runs[1] and runs[1][1] == 'r' and runs[1], 0
for index = released and 2 or 1, #runs do
  wanted = wanted + (runs[index][1] == 'A' and #runs[index] - 2 or IMPOSSIBLE)
end

if state[S_FORMAT] == FORMAT and state[S_RUN_ID] == RUN_ID and not OUT_OF_MEMORY
  and at >= state[S_NOW] and at - state[S_NOW] < REFRESH_MS
  and at < state[S_FORGET_AT] and at < state[S_REFRESH_AT] and (at < state[S_NEXT_LAPSE] or state[S_NEXT_LAPSE] == 0)
  and request[2] > process[P_BATCH] and (request[7] == 0 or request[7] == process[P_BATCH])
  and not request[9] and request[3] <= state[S_FENCE] and request[4] <= state[S_MAX_LEASE_MS]
  and state[S_WAITING] == 0 and state[S_RECOVER_UNTIL] == 0 and state[S_IN_USE] + wanted <= state[S_LIMIT] then
  local answers, fence_ahead = {}, 0
  if released then
    local records, gone, seen = call('HMGET', LEASES, unpack(released, 2)), {}, { [''] = true }
    for index = 2, #released do
      local lease, record = released[index], records[index - 1]
      if record and not seen[lease] then
        local permits = string.byte(record) -- a small number is packed as itself
        if permits > 127 then permits = cmsgpack.unpack(record) end
        state[S_IN_USE], state[S_LEASES] = state[S_IN_USE] - permits, state[S_LEASES] - 1
        gone[#gone + 1] = lease
        seen[lease] = true -- a lease that is named twice is released once
        answers[index - 1] = 1
      else
        answers[index - 1] = 0
      end
    end
    if #gone > 0 then
      call('ZREM', EXPIRIES, unpack(gone))
      call('HDEL', LEASES, unpack(gone))
    end
  end
  if wanted > 0 then
    local fence_base, granted, expiries, leases = math.max(state[S_FENCE], at * 1000 - 1), 0, {}, {}
    local tail = cmsgpack.pack(caller, request[5], '', '')
    for index = released and 2 or 1, #runs do
      local run = runs[index]
      local lease_ms = run[2] > 0 and run[2] or state[S_LEASE_MS]
      local expires_at, head = at + lease_ms, cmsgpack.pack(1, lease_ms, at, 0)
      local expiry = string.format('%.0f', expires_at)
      for each = 3, #run do
        granted = granted + 1
        expiries[2 * granted - 1], expiries[2 * granted] = expiry, run[each]
        leases[2 * granted - 1], leases[2 * granted] = run[each], head .. cmsgpack.pack(fence_base + granted) .. tail
        answers[#answers + 1] = granted
      end
      if state[S_NEXT_LAPSE] == 0 or expires_at < state[S_NEXT_LAPSE] then state[S_NEXT_LAPSE] = expires_at end
    end
    call('ZADD', EXPIRIES, unpack(expiries))
    call('HSET', LEASES, unpack(leases))
    state[S_FENCE], state[S_GRANTS] = fence_base + granted, state[S_GRANTS] + granted
    state[S_IN_USE], state[S_LEASES] = state[S_IN_USE] + granted, state[S_LEASES] + granted
    fence_ahead = fence_base - at * 1000
  end
  state[S_NOW] = at
  call('HSET', FACTS, '', cmsgpack.pack(unpack(state, 1, S_SIZE)), caller,
    cmsgpack.pack(at, request[2], process[P_DIGEST]))
  return '[' .. at .. ',' .. fence_ahead .. ',' .. state[S_TERMS] .. ',' .. process[P_DIGEST] .. ',0,0,['
    .. table.concat(answers, ',') .. '],0]'
end
