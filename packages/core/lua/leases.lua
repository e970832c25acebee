-- The leases that this call touches, read once and written once.

local held = {} -- lease -> record, or false where there is none
local changed_leases = {}
local renewals = {} -- flat: expiry, lease, ...

local function unpack_lease(packed)
  if not packed then return false end
  local permits, fence, lease_ms, granted_at, process, holder, attempt, fingerprint, revoked = cmsgpack.unpack(packed)
  return { permits = permits, fence = fence, lease_ms = lease_ms, granted_at = granted_at, process = process,
    holder = holder, attempt = attempt, fingerprint = fingerprint, revoked = revoked }
end

local function pack_lease(lease)
  return cmsgpack.pack(lease.permits, lease.fence, lease.lease_ms, lease.granted_at, lease.process, lease.holder,
    lease.attempt, lease.fingerprint, lease.revoked)
end

local function load_leases(ids)
  if #ids == 0 or not state then return end
  local packed = redis.call('HMGET', LEASES, unpack(ids))
  for index = 1, #ids do held[ids[index]] = unpack_lease(packed[index]) end
end

local function change_lease(id, lease)
  held[id] = lease
  changed_leases[#changed_leases + 1] = id
end

-- Admission is decided here and nowhere else.
local function admits(permits)
  return state.in_use + permits <= state.limit
end

-- Fences of one call are consecutive, so that the reply can name them by their distance from `fence_base`.
local function next_fence()
  if granted == 0 then fence_base = math.max(state.fence, now * 1000 - 1, fence_base) end
  granted = granted + 1
  state.fence = fence_base + granted
  return state.fence
end

local function note_lapse(expires_at)
  if state.next_lapse == 0 or expires_at < state.next_lapse then state.next_lapse = expires_at end
end

local function grant(id, lease)
  lease.fence, lease.granted_at, lease.revoked = next_fence(), now, 0
  lease.expires_at = now + lease.lease_ms
  change_lease(id, lease)
  state.in_use = state.in_use + lease.permits
  state.leases = state.leases + 1
  state.grants = state.grants + 1
  note_lapse(lease.expires_at)
  return granted
end

local function drop_lease(id, lease)
  change_lease(id, false)
  state.in_use = state.in_use - lease.permits
  state.leases = state.leases - 1
end

local function expires_at_of(id, lease)
  return lease.expires_at or tonumber(redis.call('ZSCORE', EXPIRIES, id))
end

local function renew(id, lease, lease_ms)
  lease.expires_at = now + lease_ms
  renewals[#renewals + 1] = lease.expires_at
  renewals[#renewals + 1] = id
  note_lapse(lease.expires_at)
end

-- The lease's record does not hold the expiry: a renewal then writes one number and no record.
local function flush_leases()
  local expiries, records, gone, seen = {}, {}, {}, {}
  for index = 1, #changed_leases do
    local id = changed_leases[index]
    local lease = held[id]
    if not seen[id] then
      seen[id] = true
      if lease then
        if lease.expires_at then
          expiries[#expiries + 1] = lease.expires_at
          expiries[#expiries + 1] = id
        end
        records[#records + 1] = id
        records[#records + 1] = pack_lease(lease)
      else
        gone[#gone + 1] = id
      end
    end
  end
  if #renewals > 0 then redis.call('ZADD', EXPIRIES, 'XX', unpack(renewals)) end
  if #gone > 0 then
    redis.call('ZREM', EXPIRIES, unpack(gone))
    redis.call('HDEL', LEASES, unpack(gone))
  end
  if #records == 0 then return end
  redis.call('HSET', LEASES, unpack(records))
  if #expiries > 0 then redis.call('ZADD', EXPIRIES, unpack(expiries)) end
  if state.leases * 2 <= #records then -- the keys may have been made by this call
    redis.call('PEXPIRE', LEASES, time_to_live(state))
    redis.call('PEXPIRE', EXPIRIES, time_to_live(state))
  end
end
