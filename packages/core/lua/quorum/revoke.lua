-- Takes a lease away from its holder: it keeps its slots, and cannot be renewed.
--
-- KEYS: marker, facts, leases
-- ARGV: the lease, the incarnation met
-- Reply: 1 where the lease is held, else 0
--@include quorum/voting

local LEASE = ARGV[1]
local entry = redis.call('HGET', LEASES, LEASE)
if not entry then return 0 end
local flags, slots, lapses_at = parse_entry(entry)
if not record_of(LEASE, slots) then return 0 end
if not flags:find('r', 1, true) then
  enter_lease(LEASE, flags .. 'r', slots, lapses_at)
  redis.call('HINCRBY', FACTS, 'revocations', 1)
end
return 1
