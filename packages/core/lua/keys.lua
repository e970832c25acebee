-- The keys of one semaphore, of which the first one is always given: {prefix}:{name}:facts.
--@define FACTS KEYS[1]
--@define EXPIRIES (KEYS[2] or key_base .. 'expiries')
--@define LEASES (KEYS[3] or key_base .. 'leases')
--@define QUEUE (KEYS[4] or key_base .. 'queue')
--@define WAITERS (KEYS[5] or key_base .. 'waiters')
--@define PARKED (KEYS[6] or key_base .. 'parked')
-- One for a whole server; on a Cluster one for each slot.
--@define MARKER (KEYS[7] or string.match(KEYS[1], '^(.*):{') .. ':marker')

local key_base = string.sub(KEYS[1], 1, -6)
