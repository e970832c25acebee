-- How a life of the server that may have lost leases is noticed, and what begins then. Shared by apply.lua and
-- inspect.lua.

-- How many earlier lives a marker remembers.
--@define EARLIER_LIVES 8

-- The text of this script may be older than the server's life: a master that was demoted and promoted again still has it.
function F.require_own_life(info)
  local run_id, replid = string.match(info, 'run_id:(%w+)'), string.match(info, 'master_replid2:(%w+)') or '0'
  local life = run_id
  if string.match(replid, '[^0]') then life = run_id .. '+' .. string.sub(replid, 1, 12) end
  if life ~= RUN_ID then error({ err = 'STALE the server has begun another life' }) end
end

-- Since when this life may not know of leases that are believed, in the server's time, and why; 0: it knows of all.
-- `known` says what the caller knows: 2 that there are no leases, 1 that this life has lasted for longer than any.
function F.judge_life(marked, server_now, longest_ms, known)
  local info = call('INFO', 'server', 'replication', 'commandstats')
  F.require_own_life(info)
  local promoted = string.find(RUN_ID, '+', 1, true)
  if marked then return server_now, promoted and 'promotion' or 'restart' end
  if known == 2 then return 0, '' end
  if string.find(info, 'cmdstat_flush%a+:calls=') then return server_now, 'flush' end
  if promoted and known ~= 1 then return server_now, 'promotion' end
  local up_ms = tonumber(string.match(info, 'uptime_in_seconds:(%d+)')) * 1000
  if up_ms >= longest_ms then return 0, '' end
  return server_now - up_ms, 'start'
end

-- How much longer this life recovers, why, and the marker that says so. `came_from`: the life that the caller was served
-- by before. One that the marker does not know has granted leases that this one knows nothing of, perhaps until now.
function F.recovery_of_life(server_now, longest_ms, known, came_from)
  local stored = call('GET', MARKER)
  local _, run_id, since, longest, cause
  local earlier, is_known = {}, came_from == nil
  if stored then
    local marker = { cmsgpack.unpack(stored) }
    _, run_id, since, longest, cause = unpack(marker, 1, 5)
    longest_ms = math.max(longest, longest_ms)
    earlier = { unpack(marker, 6) }
  end
  if run_id ~= RUN_ID then
    since, cause = F.judge_life(stored, server_now, longest_ms, known)
    if run_id then table.insert(earlier, 1, run_id) end
  end
  for _, life in ipairs(earlier) do is_known = is_known or life == came_from end
  if not is_known then
    table.insert(earlier, 1, came_from)
    if since < server_now then since, cause = server_now, 'return' end
  end
  since = math.min(since, server_now) -- the server's clock was set back
  local marker = cmsgpack.pack(FORMAT, RUN_ID, since, longest_ms, cause, unpack(earlier, 1, math.min(#earlier, EARLIER_LIVES)))
  return math.max(0, since + longest_ms - server_now), cause, marker, stored
end
