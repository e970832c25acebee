-- Meets this master: what life of the server this is, and from when on it votes. One that started lately, was promoted
-- or flushed may have forgotten votes: it gives none until no lease can be believed any more that it voted for.
--
-- KEYS: marker, which holds the incarnation and the moment from which on it votes
-- ARGV: "fresh" where a server without a marker is known to have held no leases, else "meet"; or "ask"
--       the incarnation that the caller has met before, or ""
-- Reply: the incarnation, for how long it does not vote in ms, and why
--        to "ask", which changes nothing: 1 where the store was in use here before it was started just now, else 0
local MARKER = KEYS[1]
local HOW, KNOWN = ARGV[1], ARGV[2]

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local marker = redis.call('GET', MARKER)
local met, votes_from = (marker or ''):match('^(%S+) (%d+)$')
votes_from = tonumber(votes_from)

if HOW == 'ask' then
  local just_now = not marker or (votes_from and votes_from <= now and now - votes_from < STARTING_MS)
  return just_now and 0 or 1
end

local info = redis.call('INFO', 'server') .. redis.call('INFO', 'replication')

local function field(name)
  return info:match(name .. ':([^\r\n]*)')
end

-- Each promotion begins a new life: the offset at which the former master's history ends tells them apart.
local promoted = field('second_repl_offset') ~= '-1'
local incarnation = field('run_id') .. (promoted and '+' .. field('second_repl_offset') or '')

local function was_flushed()
  local stats = redis.call('INFO', 'commandstats')
  return stats:find('cmdstat_flushall:', 1, true) or stats:find('cmdstat_flushdb:', 1, true)
end

-- Uptime is told in whole seconds, cut off at either end.
local started = now - math.max(0, tonumber(field('uptime_in_seconds')) - 1) * 1000

local function first_meeting(marked)
  if not marked and HOW == 'fresh' then return now, 'fresh' end
  if promoted then return now + MAX_LEASE_MS, 'a master was promoted' end
  if not marked and was_flushed() then return now + MAX_LEASE_MS, 'a master was flushed' end
  if not marked and KNOWN == incarnation then return now + MAX_LEASE_MS, 'a master has lost its marker' end
  return started + MAX_LEASE_MS, 'a master has started'
end

local why = 'a master has started'
if met == incarnation then
  votes_from = math.min(votes_from, now + MAX_LEASE_MS)
else
  votes_from, why = first_meeting(marker)
end
redis.call('SET', MARKER, incarnation .. ' ' .. string.format('%.0f', votes_from))
return { incarnation, math.max(0, votes_from - now), why }
