-- How a life of the server that may have lost leases is noticed, and what begins then. Shared by apply.lua and
-- inspect.lua.

-- A promoted server that has had no replica for an hour forgets that it was promoted: "id+x" and "id" are one life.
function F.is_same_life(life)
  return life == RUN_ID or (life ~= nil and string.sub(life, 1, #RUN_ID + 1) == RUN_ID .. '+')
end

-- The text of this script may be older than the server's life: a master that was demoted and promoted again still has it.
function F.require_own_life(info)
  local run_id, replid = string.match(info, 'run_id:(%w+)'), string.match(info, 'master_replid2:(%w+)') or '0'
  local life = run_id
  if string.match(replid, '[^0]') then life = run_id .. '+' .. string.sub(replid, 1, 12) end
  if life ~= RUN_ID then error({ err = 'STALE the server has begun another life' }) end
end

-- Since when this life may not know of leases that are believed, in the server's time, and why.
-- `known` says what the caller knows: 2 that there are no leases, 1 that this life has lasted for longer than any.
function F.judge_life(info, marked, server_now, longest_ms, known)
  local promoted = string.find(RUN_ID, '+', 1, true)
  if marked then return server_now, promoted and 'promotion' or 'restart' end
  if known == 2 then return 0, '' end
  if string.find(info, 'cmdstat_flush%a+:calls=') then return server_now, 'flush' end
  if promoted then return known == 1 and server_now - longest_ms or server_now, 'promotion' end
  -- The server rounds both ends of its uptime down.
  local up_s = math.max(0, tonumber(string.match(info, 'uptime_in_seconds:(%d+)')) - 1)
  return server_now - up_s * 1000, 'start'
end

-- How much longer this life recovers, why, the longest lease, and the marker that says so.
-- `served_ago`: how long ago the caller was served by another life. If that was after this one began, there are leases
-- that this one knows nothing of.
function F.recovery_of_life(server_now, longest_ms, known, served_ago)
  local stored = call('GET', MARKER)
  local _, run_id, since, longest, cause
  if stored then
    _, run_id, since, longest, cause = cmsgpack.unpack(stored)
    longest_ms = math.max(longest, longest_ms)
  end
  if run_id ~= RUN_ID then
    local info = call('INFO', 'server', 'replication', 'commandstats')
    F.require_own_life(info)
    if not F.is_same_life(run_id) then since, cause = F.judge_life(info, stored, server_now, longest_ms, known) end
  end
  if served_ago and server_now - served_ago > since then since, cause = server_now, 'return' end
  since = math.min(since, server_now) -- the server's clock was set back
  cause = cause or ''
  local marker = cmsgpack.pack(FORMAT, RUN_ID, since, longest_ms, cause)
  return math.max(0, since + longest_ms - server_now), cause, longest_ms, marker, stored
end
