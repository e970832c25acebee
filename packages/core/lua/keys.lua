-- The keys of one semaphore, of which the first one is always given: {prefix}:{name}:facts.
--@define FACTS KEYS[1]
--@define EXPIRIES (KEYS[2] or base .. 'expiries')
--@define LEASES (KEYS[3] or base .. 'leases')
--@define QUEUE (KEYS[4] or base .. 'queue')
--@define WAITERS (KEYS[5] or base .. 'waiters')
--@define PARKED (KEYS[6] or base .. 'parked')

local base = string.sub(KEYS[1], 1, -6)
