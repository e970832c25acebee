-- How a call finds the semaphore, and leaves it.

local function unlink_all_but_state()
  redis.call('UNLINK', EXPIRIES, LEASES, QUEUE, WAITERS, PROCESSES, PARKED)
end

local IMPLAUSIBLE_MS = 86400000 -- a fence this far ahead of the clock was never given out

-- The marker tells a later reader since when this life of the server has known of leases.
local function mark_incarnation()
  local marker = redis.call('GET', MARKER)
  if marker then
    local _, run_id = cmsgpack.unpack(marker)
    if run_id == RUN_ID then return end
  end
  redis.call('SET', MARKER, cmsgpack.pack(FORMAT, RUN_ID, now, max_lease_ms))
end

local function open_state()
  local packed = redis.call('GET', STATE)
  now = server_ms()
  if not packed then return end
  state = unpack_state(packed)
  now = now + state.offset
  if now < state.now then
    state.offset = state.offset + state.now - now
    now = state.now
  end
  if has_vanished(state, now) then
    redis.call('UNLINK', STATE)
    unlink_all_but_state()
    state = nil
    return
  end
  if is_forgotten(state, now) then
    unlink_all_but_state()
    state.lapses = state.lapses + state.leases
    state.in_use, state.leases, state.waiting, state.next_lapse = 0, 0, 0, 0
  end
  if state.run_id ~= RUN_ID then
    state.run_id = RUN_ID
    mark_incarnation()
  end
  if fence_seen < (now + IMPLAUSIBLE_MS) * 1000 then state.fence = math.max(state.fence, fence_seen) end
  state.max_lease_ms = math.max(state.max_lease_ms, max_lease_ms)
end

local function create_state(limit, lease_ms, max_waiters, permanent)
  unlink_all_but_state()
  mark_incarnation()
  state = {
    format = FORMAT, run_id = RUN_ID, limit = limit, lease_ms = lease_ms, max_waiters = max_waiters, version = permanent,
    permanent = permanent, in_use = 0, leases = 0, waiting = 0, fence = fence_seen, sequence = 0, offset = 0, now = now,
    next_lapse = 0, grants = 0, lapses = 0, revocations = 0, max_lease_ms = max_lease_ms, refresh_at = 0,
    scan_from = -1, scan_at = 0, forget_cursor = 0, forget_at = now + FORGET_EVERY_MS, recover_until = 0,
  }
end

-- SET drops a time to live, so it is set with each write; the other keys get theirs when they are made, and now and then.
local function write_state()
  state.now = now
  local live_ms = time_to_live(state)
  if now >= state.refresh_at then
    state.refresh_at = now + REFRESH_MS
    for index = 2, 7 do redis.call('PEXPIRE', KEYS[index], live_ms) end
  end
  if state.permanent == 1 then
    redis.call('SET', STATE, pack_state(state))
  else
    redis.call('SET', STATE, pack_state(state), 'PX', live_ms)
  end
end
