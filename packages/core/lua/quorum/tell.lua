-- Tells this master a definition, and what others have counted. The newest definition stays.
--
-- KEYS: marker, facts, leases, names
-- ARGV: the semaphore, the definition as JSON, granted, ticket, grants, lapses, revocations, the incarnation met
-- Reply: "known", where this definition is the newest here now; "older"; "in_use", where it would end held leases
--@include quorum/voting

local NAMES = KEYS[4]
local SEMAPHORE, TEXT = ARGV[1], ARGV[2]
local told = cjson.decode(TEXT)

local function is_held()
  local all = redis.call('HGETALL', LEASES)
  for i = 1, #all, 2 do
    local _, slots = parse_entry(all[i + 1])
    if record_of(all[i], slots) then return true end
  end
  return false
end

local revision, author = number_of('revision'), redis.call('HGET', FACTS, 'author') or ''
local same = told.revision == revision and told.author == author
local newer = told.revision > revision or (told.revision == revision and told.author > author)
if not same and not newer then return 'older' end

if newer then
  if told.removed and is_held() then return 'in_use' end
  if told.life ~= number_of('life') then
    redis.call('HDEL', FACTS, 'grants', 'lapses', 'revocations')
  end
  redis.call('HSET', FACTS, 'definition', TEXT, 'revision', told.revision, 'author', told.author, 'life', told.life,
    'permanent', told.version > 0 and '1' or '0')
  if told.removed then
    redis.call('PEXPIRE', FACTS, TOMBSTONE_MS)
    redis.call('ZREM', NAMES, SEMAPHORE)
    return 'known'
  end
  if told.version > 0 then redis.call('PERSIST', FACTS) end
end

if not told.removed then
  use_facts()
  redis.call('ZADD', NAMES, 0, SEMAPHORE)
end
for i, field in ipairs({ 'granted', 'ticket', 'grants', 'lapses', 'revocations' }) do
  raise(field, tonumber(ARGV[2 + i]))
end
return 'known'
