-- How long a semaphore lives. Shared by apply.lua and inspect.lua.

function F.check_format(state)
  if state[S_FORMAT] <= FORMAT then return end
  error({ err = 'INCOMPATIBLE format ' .. state[S_FORMAT] .. ' is newer than ' .. FORMAT })
end

-- How long the keys outlive their last use: longer than any lease, and than a semaphore made in passing.
function F.time_to_live(state)
  return IDLE_MS + 2 * state[S_MAX_LEASE_MS]
end

-- After such a silence every lease has lapsed and every waiter is dead, whether or not their keys have expired yet.
function F.is_forgotten(state, now)
  return now - state[S_NOW] >= F.time_to_live(state) - 2 * REFRESH_MS
end

-- Made in passing, nobody holds or waits, and nobody has come for a while.
function F.has_vanished(state, now)
  if state[S_PERMANENT] == 1 or now - state[S_NOW] < IDLE_MS then return false end
  return F.is_forgotten(state, now) or (state[S_LEASES] == 0 and state[S_WAITING] == 0)
end
