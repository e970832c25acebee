-- One master's vote on the slots of one lease, all or none of them. redlock runs it as its "extend".
--
-- KEYS: marker, facts, leases, then the slots
-- ARGV: the operation in one letter followed by the lease's record, how long it lasts in ms, the incarnation met
--   t  takes free slots for a new lease
--   k  keeps a lease for longer; restores what this master has lost, or was not asked for
--   n  as k, counts the grant, and takes the lease out of the queue
--   h  keeps a lease that is there, for one who does not know whether it is believed
--   c  gives a lease that is there to another attempt
--   r  as c; a master that recovers restores the lease
-- Reply: the number of keys for a vote in favour, else an error that begins with the reason:
--   UNMET, RECOVERING, HELD (the lease has other slots here), STALE (the vote is older than what is known here),
--   TAKEN (by another lease), REVOKED, OVER (the lease has ended)
--@include quorum/voting

local FIRST_SLOT = 4
local OPERATION, TEXT, DURATION_MS = ARGV[1]:sub(1, 1), ARGV[1]:sub(2), tonumber(ARGV[2])
local record = cjson.decode(TEXT)

local function refuse(reason)
  return redis.error_reply('-' .. reason .. ' this master votes against')
end

local function slot_of(key)
  return key:match('%d+$')
end

local function floor_of(key)
  return number_of('floor:' .. slot_of(key))
end

-- The definition here is newer than the one by which the caller has judged.
local function judged_by_older_definition()
  local revision = number_of('revision')
  if revision ~= record.revision then return revision > record.revision end
  return (redis.call('HGET', FACTS, 'author') or '') > record.author
end

local function write(flags)
  local slots, lapses_at = {}, now
  for i = FIRST_SLOT, #KEYS do
    local slot = slot_of(KEYS[i])
    -- Renewing never shortens: a holder that missed the answer goes by an earlier one.
    local lasts_ms = math.max(DURATION_MS, redis.call('PTTL', KEYS[i]))
    redis.call('SET', KEYS[i], TEXT, 'PX', lasts_ms)
    lapses_at = math.max(lapses_at, now + lasts_ms)
    raise('floor:' .. slot, record.fence)
    slots[#slots + 1] = slot
  end
  enter_lease(record.lease, flags, table.concat(slots, ','), lapses_at)
  redis.call('PEXPIRE', LEASES, IDLE_MS)
  raise('granted', math.floor(record.fence / FENCES_PER_ROUND))
  use_facts()
  return #KEYS
end

local entry = redis.call('HGET', LEASES, record.lease)
local flags, held_slots = '', nil
local held
if entry then
  flags, held_slots = parse_entry(entry)
  held = record_of(record.lease, held_slots)
end

if OPERATION == 't' then
  if recovering then return refuse('RECOVERING') end
  if held then return refuse('HELD') end
  if judged_by_older_definition() then return refuse('STALE') end
  for i = FIRST_SLOT, #KEYS do
    if redis.call('EXISTS', KEYS[i]) == 1 then return refuse('TAKEN') end
    -- A slot goes from one lease to the next with a higher fence, or not at all.
    if record.fence <= floor_of(KEYS[i]) then return refuse('STALE') end
  end
  return write('')
end

if held and flags:find('r', 1, true) then return refuse('REVOKED') end
if not held then flags = '' end

if OPERATION == 'n' then
  redis.call('HINCRBY', FACTS, 'grants', 1)
  redis.call('ZREM', BASE .. 'queue', record.lease)
  redis.call('HDEL', BASE .. 'waiters', record.lease)
  flags = 'c'
end

for i = FIRST_SLOT, #KEYS do
  local stored = redis.call('GET', KEYS[i])
  if stored and cjson.decode(stored).lease ~= record.lease then return refuse('TAKEN') end
  -- Another lease had the slot since, or this one was released.
  if not stored and record.fence < floor_of(KEYS[i]) then return refuse('OVER') end
end

if OPERATION == 'h' and not held then return refuse('OVER') end

if OPERATION == 'c' or OPERATION == 'r' then
  if not held and not (OPERATION == 'r' and recovering) then return refuse('OVER') end
  if held and cjson.decode(held).turn >= record.turn then return refuse('STALE') end
  return write(flags == '' and 'c' or flags)
end

-- A claim elsewhere may have put a later attempt into the record: what is there stays.
if held and cjson.decode(held).turn > record.turn then TEXT = held end
return write(flags == '' and 'c' or flags)
