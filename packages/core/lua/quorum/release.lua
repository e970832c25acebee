-- Frees the slots of one attempt at a lease. redlock runs it as its "release".
--
-- KEYS: marker, facts, leases, then the slots
-- ARGV: the lease's record, the incarnation met
-- Reply: the number of keys where the lease was held by this attempt, else an error that begins with OVER
--@include quorum/voting

local FIRST_SLOT = 4
local record = cjson.decode(ARGV[1])
local found = false

for i = FIRST_SLOT, #KEYS do
  local text = redis.call('GET', KEYS[i])
  local stored = text and cjson.decode(text)
  if stored and stored.nonce == record.nonce then
    redis.call('DEL', KEYS[i])
    found = true
  end
  -- No renewal that is still on its way brings the lease back.
  if not stored or stored.nonce == record.nonce then
    raise('floor:' .. KEYS[i]:match('%d+$'), record.fence + 1)
  end
end

use_facts()
if not found then return redis.error_reply('-OVER no such lease here') end
redis.call('HDEL', LEASES, record.lease)
return #KEYS
