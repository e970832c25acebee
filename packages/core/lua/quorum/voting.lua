-- Whether this master knows enough to vote. Included at the head of every script but meet.lua.
--
-- MARKER, FACTS and LEASES are the keys of every script. The last argument is the incarnation that the connection
-- has met: a connection does not outlive its server, so that what was sent to one life never counts in another.
local MARKER, FACTS, LEASES = KEYS[1], KEYS[2], KEYS[3]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local met, votes_from = (redis.call('GET', MARKER) or ''):match('^(%S+) (%d+)$')
if met ~= ARGV[#ARGV] then
  return redis.error_reply('-UNMET the server has lost its marker, or bears that of another life')
end
-- Never longer than a longest lease from now, wherever the clock was when the marker was written.
local recovers_ms = math.min(tonumber(votes_from) - now, MAX_LEASE_MS)
local recovering = recovers_ms > 0

-- Masters are no cluster, so that keys may be put together here.
local BASE = FACTS:sub(1, -6)
local SLOTS = BASE .. 'slot:'

local function number_of(field)
  return tonumber(redis.call('HGET', FACTS, field) or 0)
end

local function raise(field, value)
  if value > number_of(field) then
    redis.call('HSET', FACTS, field, string.format('%.0f', value))
  end
end

-- A semaphore that was made in passing is forgotten some time after its last use, a defined one never.
local function use_facts()
  if redis.call('HGET', FACTS, 'permanent') ~= '1' then
    redis.call('PEXPIRE', FACTS, IDLE_MS)
  end
end

-- An entry of LEASES: flags (c: counted, r: revoked), the slots with commas between them, and when the lease lapses,
-- all with colons between them. It saves a look at every slot.
local function parse_entry(entry)
  local flags, slots, lapses_at = entry:match('^(%a*):([^:]*):(%d+)$')
  return flags, slots, tonumber(lapses_at)
end

local function enter_lease(lease, flags, slots, lapses_at)
  redis.call('HSET', LEASES, lease, flags .. ':' .. slots .. ':' .. string.format('%.0f', lapses_at))
end

-- The record in the first slot of the lease, while the lease lasts.
local function record_of(lease, slots)
  local text = redis.call('GET', SLOTS .. slots:match('^%d+'))
  local head = '{"lease":"' .. lease .. '"'
  return text and text:sub(1, #head) == head and text
end
