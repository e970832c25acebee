-- The names of semaphores, in their order; those that are gone are dropped on the way.
--
-- KEYS: marker, names, and a key that begins those of semaphores
-- ARGV: the name after which to begin, how many at most, the incarnation met
-- Reply: the names
local MARKER, NAMES, BASE = KEYS[1], KEYS[2], KEYS[3]
local AFTER, MOST = ARGV[1], tonumber(ARGV[2])

local from = AFTER == '' and '-' or '(' .. AFTER
local names = {}
for _, name in ipairs(redis.call('ZRANGEBYLEX', NAMES, from, '+', 'LIMIT', 0, MOST)) do
  if redis.call('EXISTS', BASE .. '{' .. name .. '}:facts') == 1 then
    names[#names + 1] = name
  else
    redis.call('ZREM', NAMES, name)
  end
end
return names
