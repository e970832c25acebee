-- Grants and releases. What is granted or released together is written together: at the end, or before something is
-- looked up.

local last_expires_at, last_expiry = 0, ''

-- `head` and `tail` are the packed record around its fence. The fences of one call are consecutive, so that the reply can
-- name them by their distance from `fence_base`.
local function grant(lease, permits, lease_ms, head, tail)
  if granted == 0 then fence_base = math.max(S[S_FENCE], now * 1000 - 1) end
  granted = granted + 1
  local fence, expires_at = fence_base + granted, now + lease_ms
  if last_expires_at ~= expires_at then
    last_expires_at, last_expiry = expires_at, string.format('%.0f', expires_at)
  end
  if S[S_NEXT_LAPSE] == 0 or expires_at < S[S_NEXT_LAPSE] then S[S_NEXT_LAPSE] = expires_at end
  S[S_FENCE], S[S_IN_USE] = fence, S[S_IN_USE] + permits
  S[S_LEASES], S[S_GRANTS] = S[S_LEASES] + 1, S[S_GRANTS] + 1
  local size = #expiries
  expiries[size + 1], expiries[size + 2] = last_expiry, lease
  leases[#leases + 1] = lease
  leases[#leases + 1] = head .. cmsgpack.pack(fence) .. tail
  return granted
end

local function flush()
  if #drops > 0 then
    call('ZREM', EXPIRIES, unpack(drops))
    call('HDEL', LEASES, unpack(drops))
    drops = {}
  end
  if #expiries == 0 then return end
  call('ZADD', EXPIRIES, unpack(expiries))
  expiries = {}
  if #leases == 0 then return end
  call('HSET', LEASES, unpack(leases))
  leases = {}
end
