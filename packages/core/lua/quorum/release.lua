-- Frees the slots of one attempt at a lease. redlock runs it as its "release".
--
-- KEYS: marker, facts, leases, then the slots
-- ARGV: the lease's record, the incarnation met
-- Reply: the number of keys where the lease was held by this attempt, else an error that begins with
--   OVER, or FORGOTTEN where this master may have lost it
--@include quorum/voting

local FIRST_SLOT = 4
local record = cjson.decode(ARGV[1])
local found, ended = false, false

for i = FIRST_SLOT, #KEYS do
  local text = redis.call('GET', KEYS[i])
  local stored = text and cjson.decode(text)
  local floor = 'floor:' .. KEYS[i]:match('%d+$')
  if stored and stored.nonce == record.nonce then
    redis.call('DEL', KEYS[i])
    found = true
  elseif stored or number_of(floor) > record.fence then
    ended = true
  end
  -- No renewal that is still on its way brings the lease back.
  if not stored or stored.nonce == record.nonce then
    raise(floor, record.fence + 1)
  end
end

use_facts()
if not found and not ended and recovering then return redis.error_reply('-FORGOTTEN whatever was here') end
if not found then return redis.error_reply('-OVER no such lease here') end
redis.call('HDEL', LEASES, record.lease)
return #KEYS
